"""`/api/experiments`: releases compared on live traffic."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing, time_or_none
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.arena import Forecast, thinned, told, unit_of
from genaiops.core.clock import to_iso
from genaiops.core.money import from_nano
from genaiops.domain import EnvironmentKind, Experiment
from genaiops.domain.experiments import (
    CheckedCalls,
    Estimate,
    EstimateState,
    ExperimentDecision,
    ExperimentMetric,
    ExperimentOutcome,
    ExperimentPlan,
    ExperimentState,
    ExperimentTally,
    GoodWay,
    GuardMetric,
    Look,
)
from genaiops.hub import Hub, NewExperiment, PlanForm, Why, plan_form, plan_of, require

_LOOKS = 200


class ExperimentQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Annotated[ExperimentState | None, msgspec.Meta(description="only in this state")] = None
    application: Annotated[str | None, msgspec.Meta(description="only of this application")] = None


class ExperimentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`candidate`: a release's digest, at least 6 digits of it, or `latest`."""

    name: str
    application: str
    environment: str
    candidate: str
    hypothesis: str = ""
    plan: PlanForm


class ForecastRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of which deployment, and what would be written down."""

    application: str
    environment: str
    plan: PlanForm


class StartRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reason`: for who has to consent; `emergency`: why an administrator cannot wait for that."""

    reason: str = ""
    emergency: str | None = None


class StopRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: str = ""


class DecideRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`promoted`: the candidate gets all traffic; `rolled_back`: what served before serves again; `kept`: nothing
    changes. `comment`: why, needed for a candidate that was not found to be better."""

    decision: ExperimentDecision
    comment: str = ""
    emergency: str | None = None


class EstimateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: `difference` is candidate less baseline, `interval` holds at all looks together at 1 - `alpha` (null:
    too few users). `users`: with a value, candidate and baseline. `explained`: share of the variance that was known
    before the start. `allowed`: the margin of the suite's gate, of a check that has one. `says`: in a sentence."""

    metric: str
    unit: str
    better: GoodWay
    candidate: float | None
    baseline: float | None
    users: tuple[int, int]
    difference: float | None
    interval: tuple[float, float] | None
    explained: float
    alpha: float
    margin: float | None
    allowed: float | None
    state: EstimateState
    says: str


class CheckedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the calls that a check looked at, candidate and baseline: how many were `scored`; `errors`, where
    the check could not say, for which `fault` is the last reason; and those that were not scored: nothing of the answer
    is kept (`unkept`), there is none (`unanswered`), it has not what the check needs (`lacking`), it came too late
    (`late`), nobody pays any more (`unpaid`)."""

    metric: str
    sample: float
    scored: tuple[int, int]
    errors: tuple[int, int]
    not_scored: tuple[int, int]
    unkept: tuple[int, int]
    unanswered: tuple[int, int]
    lacking: tuple[int, int]
    late: tuple[int, int]
    unpaid: tuple[int, int]
    fault: str


class LookDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What was known at a time. `entered`: users who came, `counted` those whose time is over; candidate and baseline.
    `balance_p`: of the shares being what was set, valid at all looks; below 0.001 nothing can be believed."""

    at: str
    entered: tuple[int, int]
    counted: tuple[int, int]
    balance_p: float
    primary: EstimateDocument
    guards: Sequence[EstimateDocument]
    outcome: ExperimentOutcome | None
    reason: str


class ExperimentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`now`: as it stands (null: it has not begun). `crossed`: users whom both arms served. `nobody`: calls without a
    user and without a session, which count for nothing. `unpriced`: attempts that cost something nobody knows.
    `suite_id`: the version of the plan's suite; `judges`: check -> version of its judge; `checks`: what became of the
    calls that checks looked at; `spent`: what models that judge have cost (null: nobody is asked)."""

    id: str
    tenant_id: str
    application_id: str
    environment_id: str
    candidate: str
    baseline: str | None
    hypothesis: str
    plan: PlanForm
    suite_id: str | None
    judges: dict[str, str]
    state: ExperimentState
    outcome: ExperimentOutcome | None
    reason: str
    decision: ExperimentDecision | None
    comment: str
    approval_id: str | None
    created_at: str
    created_by: str
    started_at: str | None
    started_by: str
    ended_at: str | None
    ended_by: str
    decided_at: str | None
    decided_by: str
    now: LookDocument | None
    crossed: int
    nobody: int
    unpriced: int
    checks: Sequence[CheckedDocument]
    spent: str | None


class ExperimentsController(Controller):
    path = "/experiments"
    tags = ("Experiments",)

    @get(
        summary="List experiments",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: ExperimentQuery},
        operation_class=described(ExperimentQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[ExperimentDocument]:
        """Running ones first, then the newest."""
        query = read_query(request, ExperimentQuery)
        found = services.hub.experiments.in_state(query.state)
        return Listing(
            [_document(services, each) for each in found if query.application in (None, each.application_id)]
        )

    @post(summary="Write an experiment down", guards=[needs("deployments")], status_code=201)
    async def create(
        self, data: JSONBody[ExperimentRequest], services: Serving, caller: Calling
    ) -> Response[ExperimentDocument]:
        """A draft: nothing changes for anybody until it is started."""

        def work() -> ExperimentDocument:
            _check_may(services.hub, caller, data.environment)
            new = NewExperiment(
                name=data.name,
                application=data.application,
                environment=data.environment,
                candidate=data.candidate,
                hypothesis=data.hypothesis,
                plan=plan_of(data.plan),
            )
            return _document(services, services.hub.experiments.create(new, by=caller.actor.id))

        return await write(services, work, status=201)

    @post("/forecast", summary="How long one would take", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def forecast(self, data: JSONBody[ForecastRequest], services: Serving) -> Forecast:
        """By its plan and the calls of the last two weeks of that deployment. Changes nothing."""
        services.hub.applications.get(data.application)
        services.hub.environments.get(data.environment)
        return services.experiments.forecast(data.application, data.environment, plan_of(data.plan))

    @get("/{experiment_id:str}", summary="One experiment", guards=[needs("read")], sync_to_thread=True)
    def one(self, experiment_id: FromPath[str], services: Serving) -> ExperimentDocument:
        """With what it says now."""
        return _document(services, services.hub.experiments.get(experiment_id))

    @get("/{experiment_id:str}/looks", summary="Its looks", guards=[needs("read")], sync_to_thread=True)
    def looks(self, experiment_id: FromPath[str], services: Serving) -> Listing[LookDocument]:
        """The first first, at most 200 of them, evenly over the users."""
        services.hub.experiments.get(experiment_id)
        return Listing([look_document(each) for each in thinned(services.experiments.looks(experiment_id), _LOOKS)])

    @post("/{experiment_id:str}/start", summary="Start", guards=[needs("deployments")], status_code=200)
    async def start(
        self,
        experiment_id: FromPath[str],
        services: Serving,
        caller: Calling,
        data: JSONBody[StartRequest | None] = None,
    ) -> Response[ExperimentDocument]:
        """The candidate gets its share, and the plan never changes any more. Where deployments are protected it waits
        for consent: 202 with the header `x-genaiops-approval`; start it again when that was given."""

        def work() -> ExperimentDocument:
            _check(services, caller, experiment_id)
            given = data or StartRequest()
            why = Why(reason=given.reason or f"The experiment {experiment_id} begins.", emergency=given.emergency)
            begun = services.experiments.start(services.hub, experiment_id, why=why, by=caller.actor.id)
            return _document(services, begun)

        return await write(services, work)

    @post("/{experiment_id:str}/stop", summary="Stop", guards=[needs("deployments")], status_code=200)
    async def stop(
        self,
        experiment_id: FromPath[str],
        services: Serving,
        caller: Calling,
        data: JSONBody[StopRequest | None] = None,
    ) -> Response[ExperimentDocument]:
        """No more is measured. The shares stay as they are until it is decided."""

        def work() -> ExperimentDocument:
            _check(services, caller, experiment_id)
            reason = (data.reason if data else "").strip() or "A person stopped it."
            return _document(
                services, services.hub.experiments.end(experiment_id, "stopped", reason, by=caller.actor.id)
            )

        return await write(services, work)

    @post("/{experiment_id:str}/decide", summary="Decide", guards=[needs("deployments")], status_code=200)
    async def decide(
        self, experiment_id: FromPath[str], data: JSONBody[DecideRequest], services: Serving, caller: Calling
    ) -> Response[ExperimentDocument]:
        """Promote the candidate, roll it back, or keep both. A change of the deployment like any other: gates are
        asked, and it waits for consent where it is protected (202)."""

        def work() -> ExperimentDocument:
            experiment = _check(services, caller, experiment_id)
            reason = (data.comment or f"The experiment {experiment_id}: {experiment.reason}")[:200]
            decided = services.hub.experiments.decide(
                experiment_id,
                data.decision,
                comment=data.comment,
                why=Why(reason=reason, emergency=data.emergency),
                by=caller.actor.id,
            )
            return _document(services, decided)

        return await write(services, work)

    @delete("/{experiment_id:str}", summary="Remove a draft", guards=[needs("deployments")], status_code=200)
    async def remove(self, experiment_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """One that has begun stays."""

        def work() -> None:
            _check(services, caller, experiment_id)
            services.experiments.remove(services.hub, experiment_id, by=caller.actor.id)

        return await write(services, work)


def look_document(look: Look) -> LookDocument:
    return LookDocument(
        at=to_iso(look.at_us),
        entered=look.entered,
        counted=look.counted,
        balance_p=look.balance_p,
        primary=_estimate(look.primary),
        guards=[_estimate(each) for each in look.guards],
        outcome=look.outcome,
        reason=look.reason,
    )


def _estimate(one: Estimate) -> EstimateDocument:
    fields: dict[str, Any] = msgspec.structs.asdict(one)
    fields["unit"] = unit_of(one)
    return EstimateDocument(users=fields.pop("n"), says=told(one), **fields)


def checked_documents(plan: ExperimentPlan, tally: ExperimentTally) -> list[CheckedDocument]:
    """Of each check of the plan, also before it has looked at anything."""
    return [_checked(each, tally) for each in plan.checks]


def _checked(metric: ExperimentMetric | GuardMetric, tally: ExperimentTally) -> CheckedDocument:
    arms = tally.checked.get(metric.metric, {})
    both = arms.get("candidate", CheckedCalls()), arms.get("baseline", CheckedCalls())
    names = (*CheckedCalls.__struct_fields__, "not_scored")
    figures: dict[str, Any] = {name: (getattr(both[0], name), getattr(both[1], name)) for name in names}
    return CheckedDocument(
        metric=metric.metric,
        sample=1.0 if metric.sample is None else metric.sample,
        fault=tally.faults.get(metric.metric, ""),
        **figures,
    )


def _document(services: Services, one: Experiment) -> ExperimentDocument:
    tally = services.experiments.tally(one.id)
    fields: dict[str, Any] = msgspec.structs.asdict(one)
    for name in ("created", "started", "ended", "decided"):
        fields[f"{name}_at"] = time_or_none(fields.pop(f"{name}_us"))
    fields["plan"] = plan_form(one.plan)
    return ExperimentDocument(
        now=None if one.started_us is None else look_document(services.experiments.now(one)),
        crossed=tally.crossed,
        nobody=tally.nobody,
        unpriced=tally.unpriced,
        checks=checked_documents(one.plan, tally),
        spent=None if one.plan.spend is None else from_nano(tally.spent_nano),
        **fields,
    )


def _check(services: Services, caller: Caller, experiment_id: str) -> Experiment:
    experiment = services.hub.experiments.get(experiment_id)
    _check_may(services.hub, caller, experiment.environment_id)
    return experiment


def _check_may(hub: Hub, caller: Caller, environment_id: str) -> None:
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in hub.environments.list()}
    require(caller.actor, "deployments", kinds.get(environment_id))
