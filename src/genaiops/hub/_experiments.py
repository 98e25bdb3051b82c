"""Experiments: written down, begun, ended and decided. What they measure is not kept here."""

from collections.abc import Sequence
from math import isfinite

import msgspec

from genaiops.core.errors import Conflict, ConsentNeeded, UsageError
from genaiops.domain import Application, Deployment, Environment, Experiment, Share
from genaiops.domain.experiments import (
    LIVE_METRICS,
    SCORE_METRIC,
    ExperimentDecision,
    ExperimentMetric,
    ExperimentOutcome,
    ExperimentPlan,
    ExperimentState,
    GuardMetric,
    live_check_of,
)
from genaiops.hub._consenting import Consenting
from genaiops.hub._deployments import Deployments, Why
from genaiops.hub._kinds import NO_KINDS, Kinds
from genaiops.hub._live_metrics import check_live_text, live_plan
from genaiops.hub._releases import resolved
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import (
    as_stored,
    checked_choice,
    checked_name,
    checked_number,
    checked_text,
    every,
    existing,
    no_duplicates,
)
from genaiops.ports.records import Records, Unit, View

LEAST_UNITS = 100
"""Users of each arm: fewer give more false alarms than `alpha` allows (docs/experiments.md)."""
_MOST_UNITS = 100_000_000
_DAY_US = 86_400_000_000


class NewExperiment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`candidate`: a digest, at least 6 digits of it, or `latest`."""

    name: str
    application: str
    environment: str
    candidate: str
    hypothesis: str = ""
    plan: ExperimentPlan


class Experiments(Service[Experiment]):
    """The shares of its deployment are changed as anybody changes them: gates are asked, and people where that
    deployment is protected (`ConsentNeeded` says who)."""

    def __init__(self, records: Records, clock: Clock, consents: Consenting, kinds: Kinds = NO_KINDS) -> None:
        super().__init__(records, clock, Experiment, "experiment")
        self._kinds = kinds
        self._deployments = Deployments(records, clock, consents)

    def in_state(self, state: ExperimentState | None = None) -> Sequence[Experiment]:
        """Running ones first, then the newest; None: all."""
        found = self._all(None if state is None else {"state": state})
        return sorted(found, key=lambda each: (each.state != "running", -each.created_us, each.id))

    def create(self, new: NewExperiment, *, by: str) -> Experiment:
        """A draft. UsageError for a plan that cannot be carried out."""
        with self._records.write(by) as unit:
            made = self._draft(unit, new, by)
            unit.add(as_stored(made))
        return made

    def live(self, plan: ExperimentPlan) -> ExperimentPlan:
        """The plan with what the checks of its suite are. UsageError for one that cannot be carried out."""
        check_plan(plan)
        with self._records.read() as view:
            return live_plan(view, self._kinds, plan).plan

    def _draft(self, view: View, new: NewExperiment, by: str) -> Experiment:
        check_plan(new.plan)
        name = checked_name(new.name, word="experiment")
        if "/" in name:
            raise UsageError(
                f"{name!r} cannot be the name of an experiment: it has a /.",
                remedy="Use lower case letters, digits and . _ -",
                param="name",
            )
        application = existing(view, Application, new.application, word="application", param="application")
        existing(view, Environment, new.environment, word="environment", param="environment")
        candidate = resolved(view, new.application, new.candidate)
        live = live_plan(view, self._kinds, new.plan, by=by)
        return Experiment(
            id=name,
            tenant_id=application.tenant_id,
            application_id=new.application,
            environment_id=new.environment,
            candidate=candidate.id,
            hypothesis=checked_text(new.hypothesis, param="hypothesis", longest=1000),
            plan=live.plan,
            suite_id=live.suite_id,
            judges=live.judges,
            created_us=self._clock(),
            created_by=by,
        )

    def rewrite(self, new: NewExperiment, *, by: str) -> Experiment:
        """Another draft in its place. Conflict when it has begun: a plan that is changed then says nothing."""
        with self._records.write(by) as unit:
            there = self._existing(unit, new.name)
            if there.state != "draft":
                raise Conflict(
                    f"The experiment {new.name} is {_STATES[there.state]}, and its plan never changes after its start.",
                    remedy="Write another one, under another name.",
                    code="begun_already",
                )
            made = msgspec.structs.replace(self._draft(unit, new, by), tenant_id=there.tenant_id)
            unit.replace(as_stored(made))
        return made

    def start(self, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment:
        """The candidate gets its share from now on, and the plan is never changed again. Where the deployment is
        protected, ask once more after the consent was given. Conflict when it runs or ran already, when another
        experiment runs there, or not exactly one other release serves."""
        with self._records.read() as view:
            experiment = self._existing(view, experiment_id)
            baseline = self._baseline(view, experiment)
        why = why or Why(reason=f"The experiment {experiment_id} begins.")
        self._deploy(experiment, experiment.plan.share, why, by)
        with self._records.write(by) as unit:
            experiment = self._existing(unit, experiment_id)
            if self._baseline(unit, experiment) != baseline:
                raise Conflict(
                    f"{experiment.deployment_id} has changed meanwhile.", remedy="Look at it, and start again."
                )
            begun = msgspec.structs.replace(
                experiment, state="running", baseline=baseline, started_us=self._clock(), started_by=by
            )
            unit.replace(begun)
        return begun

    def moved(self, experiment: Experiment) -> bool:
        """Whether something else serves than what the experiment set."""
        with self._records.read() as view:
            there = view.get(Deployment, experiment.deployment_id)
        assert experiment.baseline is not None
        return there is None or not _as_planned(there.shares, experiment, experiment.baseline)

    def end(self, experiment_id: str, outcome: ExperimentOutcome, reason: str, *, by: str) -> Experiment:
        """No more is measured. The shares stay as they are until somebody decides. Conflict unless it runs."""
        with self._records.write(by) as unit:
            experiment = self._existing(unit, experiment_id)
            if experiment.state != "running":
                raise Conflict(
                    f"The experiment {experiment_id} is {_STATES[experiment.state]}.",
                    remedy="Only one that runs can be stopped.",
                    code="not_running",
                )
            ended = msgspec.structs.replace(
                experiment, state="ended", outcome=outcome, reason=reason, ended_us=self._clock(), ended_by=by
            )
            unit.replace(ended)
        return ended

    def decide(
        self, experiment_id: str, decision: ExperimentDecision, *, comment: str = "", why: Why | None = None, by: str
    ) -> Experiment:
        """`promoted`: the candidate gets all traffic; `rolled_back`: what served before serves again; `kept`: nothing
        is changed. Conflict while it runs, when it was decided already, and for the promotion of a candidate that was
        not found to be better without a comment that says why."""
        with self._records.read() as view:
            experiment = self._existing(view, experiment_id)
        _check_decides(experiment, decision, comment)
        comment = checked_text(comment, param="comment", longest=1000)
        why = why or Why(reason=(comment or f"The experiment {experiment_id}: {experiment.reason}")[:200])
        try:
            self._carry_out(experiment, decision, why, by)
        except ConsentNeeded as waiting:
            with self._records.write(by) as unit:
                asked = msgspec.structs.replace(self._existing(unit, experiment_id), approval_id=waiting.approval_id)
                unit.replace(msgspec.structs.replace(asked, comment=comment))
            raise
        with self._records.write(by) as unit:
            return self._decided(unit, self._existing(unit, experiment_id), decision, comment, by)

    def settle(self, experiment: Experiment, *, by: str) -> Experiment:
        """What was asked for on its behalf may have been consented to meanwhile."""
        if experiment.state != "ended" or experiment.approval_id is None:
            return experiment
        with self._records.read() as view:
            there = view.get(Deployment, experiment.deployment_id)
        if there is None or there.approval_id != experiment.approval_id:
            return experiment
        promoted = [share.release_id for share in there.shares] == [experiment.candidate]
        with self._records.write(by) as unit:
            found = self._existing(unit, experiment.id)
            if found.state == "decided":
                return found
            return self._decided(unit, found, "promoted" if promoted else "rolled_back", found.comment, by)

    def remove(self, experiment_id: str, *, by: str) -> None:
        """A draft. Conflict for one that has begun: what was found stays."""
        with self._records.write(by) as unit:
            experiment = self._existing(unit, experiment_id)
            if experiment.state != "draft":
                raise Conflict(
                    f"The experiment {experiment_id} is {_STATES[experiment.state]}, and what was found stays.",
                    remedy="Only a draft can be removed.",
                )
            unit.remove(Experiment, experiment_id)

    def _baseline(self, view: View, experiment: Experiment) -> str:
        """The release that serves there beside the candidate."""
        if experiment.state != "draft":
            raise Conflict(
                f"The experiment {experiment.id} is {_STATES[experiment.state]}.",
                remedy="Write another one: what was planned before cannot be begun twice.",
                code="begun_already",
            )
        for other in every(view, Experiment, {"state": "running"}):
            if other.deployment_id == experiment.deployment_id:
                raise Conflict(
                    f"The experiment {other.id} runs on {other.deployment_id} already.",
                    remedy=f"End it first: genaiops experiment stop {other.id}",
                    code="already_running",
                )
        there = view.get(Deployment, experiment.deployment_id)
        others = [
            share.release_id for share in (there.shares if there else ()) if share.release_id != experiment.candidate
        ]
        if there is None or len(others) != 1:
            what = "no other release" if not others else f"{len(others)} other releases"
            raise Conflict(
                f"An experiment compares the candidate with the one release that serves, and on "
                f"{experiment.deployment_id} {what} would.",
                remedy=f"genaiops app deploy {experiment.application_id} --release BASELINE "
                f"--env {experiment.environment_id}",
                code="no_baseline",
            )
        if len(there.shares) == 2 and not _as_planned(there.shares, experiment, others[0]):
            raise Conflict(
                f"The candidate serves on {experiment.deployment_id} already, with another share than "
                f"{experiment.plan.share} %: users who had it before would be counted as if they had come now.",
                remedy=f"Roll back first: genaiops app rollback {experiment.application_id} "
                f"--env {experiment.environment_id}",
                code="serves_already",
            )
        return others[0]

    def _carry_out(self, experiment: Experiment, decision: ExperimentDecision, why: Why, by: str) -> None:
        if decision == "promoted":
            self._deploy(experiment, None, why, by)
        elif decision == "rolled_back":
            with self._records.read() as view:
                there = view.get(Deployment, experiment.deployment_id)
            if there is not None and [share.release_id for share in there.shares] == [experiment.baseline]:
                return
            if self.moved(experiment):
                raise Conflict(
                    f"{experiment.deployment_id} was changed since, so it is not known what to return to.",
                    remedy=f"genaiops app history {experiment.deployment_id} shows what served; deploy that.",
                    code="moved_meanwhile",
                )
            self._deployments.roll_back(experiment.application_id, experiment.environment_id, why=why, by=by)

    def _deploy(self, experiment: Experiment, share: int | None, why: Why, by: str) -> None:
        digest = experiment.candidate.rpartition("@")[2]
        self._deployments.deploy(
            experiment.application_id, experiment.environment_id, digest, share=share, why=why, by=by
        )

    def _decided(
        self, unit: Unit, experiment: Experiment, decision: ExperimentDecision, comment: str, by: str
    ) -> Experiment:
        there = unit.get(Deployment, experiment.deployment_id)
        decided = msgspec.structs.replace(
            experiment,
            state="decided",
            decision=decision,
            comment=comment,
            approval_id=experiment.approval_id if there is None else there.approval_id,
            decided_us=self._clock(),
            decided_by=by,
        )
        unit.replace(decided)
        return decided


_STATES = {"draft": "a draft", "running": "running", "ended": "ended", "decided": "decided already"}


def _check_decides(experiment: Experiment, decision: ExperimentDecision, comment: str) -> None:
    if experiment.state != "ended":
        raise Conflict(
            f"The experiment {experiment.id} is {_STATES[experiment.state]}.",
            remedy=f"Stop it first: genaiops experiment stop {experiment.id}"
            if experiment.state == "running"
            else "Only one that has ended is decided about, once.",
            code="not_ended",
        )
    if decision == "promoted" and experiment.outcome != "better" and len(comment.strip()) < 3:
        raise Conflict(
            f"The experiment {experiment.id} did not find its candidate to be better: {experiment.reason}",
            remedy="Roll back or keep, or say in a comment why it is promoted all the same.",
            code="not_better",
        )


def _as_planned(shares: Sequence[Share], experiment: Experiment, baseline: str) -> bool:
    share = experiment.plan.share
    return {each.release_id: each.weight for each in shares} == {baseline: 100 - share, experiment.candidate: share}


def check_plan(plan: ExperimentPlan) -> None:
    """UsageError that names what cannot be."""
    checked_number(plan.share, param="share", least=1, most=99)
    checked_number(plan.alpha, param="alpha", least=0.0001, most=0.5)
    checked_number(plan.least, param="least", least=LEAST_UNITS, most=_MOST_UNITS)
    checked_number(plan.most, param="most", least=2 * plan.least, most=_MOST_UNITS)
    checked_number(plan.window_us, param="window", least=1_000_000, most=90 * _DAY_US)
    checked_number(plan.before_us, param="before", least=0, most=365 * _DAY_US)
    if not isfinite(plan.effect) or plan.effect < 0:
        raise UsageError(f"The effect is {plan.effect}.", remedy="Use a number from 0.", param="effect")
    smaller = min(plan.share, 100 - plan.share)
    if plan.most * smaller < 100 * plan.least:
        raise UsageError(
            f"Of {plan.most} users {smaller} % are fewer than the {plan.least} that each arm needs.",
            remedy=f"Let it go on to {-(-100 * plan.least // smaller)} users or more, or give a share nearer to 50.",
            param="most",
        )
    if len(plan.guards) > 20:
        raise UsageError(f"There are {len(plan.guards)} guard metrics.", remedy="Use at most 20.", param="guards")
    for metric in plan.metrics:
        _check_metric(metric)
    check_live_text(plan)
    no_duplicates([plan.primary.metric, *(guard.metric for guard in plan.guards)], param="guards")


def _check_metric(metric: ExperimentMetric | GuardMetric) -> None:
    name = metric.metric
    if name.startswith(SCORE_METRIC):
        if not 1 <= len(checked_text(name, param="metric").removeprefix(SCORE_METRIC)) <= 128:
            raise UsageError("The score has no name.", remedy="Write score:NAME.", param="metric")
    elif (check := live_check_of(name)) is not None:
        if not 1 <= len(check) <= 128:
            raise UsageError("The check has no name.", remedy="Write check/NAME.", param="metric")
    else:
        checked_choice(name, [*LIVE_METRICS, "score:NAME", "check/NAME"], word="metric", param="metric")
        if name.endswith("NAME") or metric.better != "lower":
            raise UsageError(f"More of {name} is never better.", remedy="Leave out which way is good.", param="better")
        if metric.bounds is not None:
            raise UsageError(f"The range of {name} is known.", remedy="Leave it out.", param="bounds")
    if metric.bounds is not None and not metric.bounds[0] < metric.bounds[1]:
        raise UsageError(
            f"{metric.bounds[0]:g} to {metric.bounds[1]:g} is no range.",
            remedy="Give the lower end first.",
            param="bounds",
        )
    if isinstance(metric, GuardMetric) and not (isfinite(metric.margin) and metric.margin > 0):
        if live_check_of(name) is not None and metric.margin == 0:
            return  # that of the suite's gate
        raise UsageError(
            f"The margin of {name} is {metric.margin}.",
            remedy="Use a number above 0: that nothing at all is worse can never be shown.",
            param="margin",
        )
