"""Experiments: the list, one with its picture, and what is decided about it; and the form that writes one down."""

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.arena import thinned
from genaiops.checks.statistics import chi_square_p
from genaiops.console import _experiment_form, _experiment_text
from genaiops.console._forms import why_of
from genaiops.console._visit import Visit, Visiting, field, redirect
from genaiops.console.pages.arena import one_of
from genaiops.core.errors import Conflict, GenaiopsError, NotFound, UsageError
from genaiops.domain import EnvironmentKind
from genaiops.domain.experiments import CHECK_METRIC, LIVE_METRICS, SCORE_METRIC, ExperimentDecision, ExperimentState
from genaiops.hub import Hub, Wanted

_DAY_US, _SCORES = 86_400_000_000, 500


@get("/arena/experiments", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    """`state`: only in that state."""
    state = one_of(visit.query.get("state"), get_args(ExperimentState), "state")
    found = [
        each
        for each in visit.services.hub.experiments.in_state(state)
        if visit.environment in (None, each.environment_id)
    ]
    return visit.page(
        "arena_experiments.html",
        title="ARENA",
        nav="arena",
        tab="experiments",
        knows=("state",),
        states=get_args(ExperimentState),
        experiments=[
            (each, None if each.started_us is None else visit.services.experiments.now(each)) for each in found
        ],
        says=_experiment_text.SAYS,
        colours=_experiment_text.COLOURS,
        rows=_experiment_text.metric_rows,
        may=visit.can("deployments"),
    )


@get("/arena/experiments/new", sync_to_thread=True)
def new(visit: Visiting) -> Response[str]:
    """The form."""
    started = {**_experiment_form.DEFAULTS, "environment": visit.environment or "dev"}
    return _form(visit, _experiment_form.Draft(started, {}, None))


@post("/arena/experiments/new", sync_to_thread=True)
def write(visit: Visiting) -> Response[Any]:
    """Say how long it would take, or write it down: then its page shows it, and starts it."""
    draft = _experiment_form.read(visit.form)
    if draft.new is not None:
        visit.require("deployments", draft.new.environment)
        try:
            if visit.form.get("verb") == "write":
                made = visit.services.hub.experiments.create(draft.new, by=visit.actor.id)
                visit.publish()
                visit.say(f"{made.id} is written down. Nothing has changed yet.")
                return redirect(visit.link(f"/arena/experiments/{made.id}"))
        except Conflict as error:
            draft = _experiment_form.refused(draft, error, "name")
        except (UsageError, NotFound) as error:
            draft = _experiment_form.refused(draft, error, "suite" if error.param in ("ref", "id") else "")
    return _form(visit, draft)


def _suites(visit: Visit) -> list[str]:
    """Versions that have a name, as far as this person sees them."""
    artifacts = visit.services.hub.artifacts
    found: list[str] = []
    for suite in artifacts.find(Wanted(kind="suite"), visit.actor):
        found += [alias.id.removeprefix("suite/") for alias in artifacts.aliases(suite.id)]
    return sorted(found)


def _checks(hub: Hub, values: Mapping[str, str]) -> dict[str, str]:
    """Of the suite that is chosen; before one is, of none."""
    named = values.get("suite", "").strip()
    try:
        version = hub.artifacts.resolve(f"suite/{named}") if named else None
    except GenaiopsError:
        version = None
    listed = () if version is None else version.manifest.get("check", ())
    return {CHECK_METRIC + each["name"]: f"a check of {named}" for each in listed}


def _form(visit: Visit, draft: _experiment_form.Draft) -> Response[str]:
    hub, new = visit.services.hub, draft.new
    foreseen = None
    if new is not None:
        try:
            foreseen = visit.services.experiments.forecast(new.application, new.environment, new.plan)
            new = msgspec.structs.replace(new, plan=hub.experiments.live(new.plan))
        except (UsageError, NotFound) as error:
            draft, new = _experiment_form.refused(draft, error, "suite" if error.param in ("ref", "id") else ""), None
    found = {each.id: hub.releases.of(each.id) for each in hub.applications.list()}
    known = visit.services.stores.telemetry.scores(visit.now_us - 14 * _DAY_US, visit.now_us, limit=_SCORES)
    scores = {SCORE_METRIC + each.name: "a score that calls have" for each in known if each.value is not None}
    return visit.page(
        "experiment_new.html",
        title="ARENA",
        nav="arena",
        tab="experiments",
        status=400 if draft.faults else 200,
        values=_Missing(draft.values),
        faults=_Missing(draft.faults),
        candidates={name: releases for name, releases in sorted(found.items()) if releases},
        metrics={**{name: each.says for name, each in LIVE_METRICS.items()}, **scores, **_checks(hub, draft.values)},
        guards=_experiment_form.GUARDS,
        units=tuple(_experiment_form.UNITS),
        suites=_suites(visit),
        forecast=foreseen if new is not None else None,
        plan=[] if new is None else list(_experiment_text.plan_rows(new.plan)),
    )


class _Missing(dict[str, str]):
    """What is not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


@get("/arena/experiments/{experiment_id:str}", sync_to_thread=True)
def one(visit: Visiting, experiment_id: FromPath[str]) -> Response[str]:
    services = visit.services
    experiment = services.hub.experiments.get(experiment_id)
    now = None if experiment.started_us is None else services.experiments.now(experiment)
    chart = _experiment_text.narrowing(experiment, thinned(services.experiments.looks(experiment_id)))
    entered = (0, 0) if now is None else now.entered
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in visit.environments()}
    _, policy = services.hub.policies.in_force()
    kind = kinds.get(experiment.environment_id)
    place = experiment.application_id, experiment.environment_id
    return visit.page(
        "arena_experiment.html",
        forecast=services.experiments.forecast(*place, experiment.plan) if experiment.state == "draft" else None,
        title="ARENA",
        nav="arena",
        tab="experiments",
        experiment=experiment,
        now=now,
        tally=services.experiments.tally(experiment_id),
        metrics=[] if now is None else _experiment_text.metric_rows(now),
        checked=[]
        if now is None
        else _experiment_text.checked_rows(experiment.plan, services.experiments.tally(experiment_id)),
        chart_=chart,
        usual_p=chi_square_p(*entered, experiment.plan.share / 100),
        plan=list(_experiment_text.plan_rows(experiment.plan)),
        says=_experiment_text.SAYS,
        colours=_experiment_text.COLOURS,
        may=visit.can("deployments"),
        protected=kind is not None and policy.protects(f"deployment:{experiment.deployment_id}", kind),
    )


@post("/arena/experiments", sync_to_thread=True)
def act(visit: Visiting) -> Response[Any]:
    """Start, stop, decide or remove one."""
    experiment_id = field(visit.form, "id")
    back = "/arena/experiments"
    try:
        experiment = visit.services.hub.experiments.get(experiment_id)
        back = f"/arena/experiments/{experiment_id}"
        visit.require("deployments", experiment.environment_id)
        verb = field(visit.form, "verb")
        hub, by, comment = visit.services.hub, visit.actor.id, visit.form.get("comment", "").strip()
        if verb == "start":
            visit.services.experiments.start(hub, experiment_id, why=why_of(visit.form), by=by)
            said = f"{experiment_id} runs."
        elif verb == "stop":
            hub.experiments.end(experiment_id, "stopped", comment or "A person stopped it.", by=by)
            said = f"{experiment_id} is stopped. The shares stay until somebody decides."
        elif verb == "remove":
            visit.services.experiments.remove(hub, experiment_id, by=by)
            said, back = f"{experiment_id} is removed.", "/arena/experiments"
        elif verb in get_args(ExperimentDecision):
            hub.experiments.decide(experiment_id, cast("ExperimentDecision", verb), comment=comment, by=by)
            said = f"{experiment_id} is decided: {verb.replace('_', ' ')}."
        else:
            raise UsageError("That is nothing to do.", remedy="Start, stop, decide or remove.", param="verb")
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(back))
    visit.publish()
    visit.say(said)
    return redirect(visit.link(back))


HANDLERS: list[Any] = [show, new, write, one, act]
