"""Experiments as files and requests say them, and how those become plans and back."""

from typing import Any

import msgspec

from genaiops.domain import Experiment
from genaiops.domain.experiments import SCORE_METRIC, ExperimentMetric, ExperimentPlan, GoodWay, GuardMetric
from genaiops.hub._experiments import NewExperiment

_SECOND_US = 1_000_000


class MetricForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`metric`: errors, blocked, latency, first_token, cost, tokens, or score:NAME. `better`: which way is good (null:
    higher of scores, lower of all others). `bounds`: the range of a score. `margin`: of a guard metric."""

    metric: str
    better: GoodWay | None = None
    bounds: tuple[float, float] | None = None
    margin: float | None = None


class PlanForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written down before the start. `effect`: the smallest improvement that is worth it. `share`: percent of
    the users that get the candidate. `least`: users of each arm before anything is said; `most`: of both together,
    then it ends. `window_seconds`: how long a user is looked at from the first call on. `before_seconds`: how long
    before the start is looked at for the adjustment (CUPED). `roll_back`: on harm. `promote`: when it is better."""

    primary: MetricForm
    guards: tuple[MetricForm, ...] = ()
    effect: float = 0.0
    alpha: float = 0.05
    share: int = 10
    least: int = 100
    most: int = 10_000
    window_seconds: int = 3600
    before_seconds: int = 0
    roll_back: bool = False
    promote: bool = False


class ExperimentForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`candidate`: a release's digest, at least 6 digits of it, or `latest`: the newest when it was written down."""

    application: str
    environment: str
    candidate: str
    hypothesis: str = ""
    plan: PlanForm


def plan_of(asked: PlanForm) -> ExperimentPlan:
    """What is not said has its default."""
    primary = asked.primary
    return ExperimentPlan(
        primary=ExperimentMetric(metric=primary.metric, better=_better(primary), bounds=primary.bounds),
        effect=asked.effect,
        guards=tuple(
            GuardMetric(metric=each.metric, better=_better(each), margin=each.margin or 0.0, bounds=each.bounds)
            for each in asked.guards
        ),
        alpha=asked.alpha,
        share=asked.share,
        least=asked.least,
        most=asked.most,
        window_us=asked.window_seconds * _SECOND_US,
        before_us=asked.before_seconds * _SECOND_US,
        roll_back=asked.roll_back,
        promote=asked.promote,
    )


def plan_form(plan: ExperimentPlan) -> PlanForm:
    """As it would be asked for."""
    primary = plan.primary
    return PlanForm(
        primary=MetricForm(metric=primary.metric, better=primary.better, bounds=primary.bounds),
        guards=tuple(
            MetricForm(metric=each.metric, better=each.better, bounds=each.bounds, margin=each.margin)
            for each in plan.guards
        ),
        effect=plan.effect,
        alpha=plan.alpha,
        share=plan.share,
        least=plan.least,
        most=plan.most,
        window_seconds=plan.window_us // _SECOND_US,
        before_seconds=plan.before_us // _SECOND_US,
        roll_back=plan.roll_back,
        promote=plan.promote,
    )


def new_experiment(name: str, form: Any) -> NewExperiment:
    fields: dict[str, Any] = {**msgspec.structs.asdict(form), "plan": plan_of(form.plan)}
    return NewExperiment(name=name, **fields)


def form_of(experiment: Experiment) -> ExperimentForm:
    """As a file would say it."""
    return ExperimentForm(
        application=experiment.application_id,
        environment=experiment.environment_id,
        candidate=experiment.candidate.rpartition("@")[2],
        hypothesis=experiment.hypothesis,
        plan=plan_form(experiment.plan),
    )


def normal_form(form: Any, _: str = "") -> ExperimentForm:
    """The same with whatever is not said of which way is good."""
    return msgspec.structs.replace(form, plan=plan_form(plan_of(form.plan)))


def with_candidate(form: Any, former: Any) -> ExperimentForm:
    """Where `candidate` can mean the release that was written down, it does: `latest` was the newest then."""
    if former is None:
        return form
    digits = form.candidate.removeprefix(f"{form.application}@").removeprefix("sha256:")
    meant = former.candidate.removeprefix("sha256:")
    same = form.application == former.application and (
        form.candidate == "latest" or (len(digits) >= 6 and meant.startswith(digits))
    )
    return msgspec.structs.replace(form, candidate=former.candidate) if same else form


def _better(metric: MetricForm) -> GoodWay:
    return metric.better or ("higher" if metric.metric.startswith(SCORE_METRIC) else "lower")
