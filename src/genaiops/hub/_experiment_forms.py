"""Experiments as files and requests say them, and how those become plans and back."""

from typing import Any

import msgspec

from genaiops.domain import Experiment
from genaiops.domain.experiments import (
    LIVE_METRICS,
    ExperimentMetric,
    ExperimentPlan,
    GoodWay,
    GuardMetric,
    live_check_of,
)
from genaiops.hub._experiments import NewExperiment

_SECOND_US = 1_000_000


class MetricForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`metric`: errors, blocked, latency, first_token, cost, tokens, score:NAME, or check/NAME of the plan's suite.
    `better`: which way is good (null: higher of scores, as a check says, lower of all others). `bounds`: the range of a
    score. `margin`: of a guard metric (null: that of the suite's gate, of a check that has one). `sample`: of a check,
    the share of calls that it looks at (null: all; one that asks a model has to say)."""

    metric: str
    better: GoodWay | None = None
    bounds: tuple[float, float] | None = None
    margin: float | None = None
    sample: float | None = None


class PlanForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written down before the start. `effect`: the smallest improvement that is worth it. `share`: percent of
    the users that get the candidate. `least`: users of each arm before anything is said; `most`: of both together,
    then it ends. `window_seconds`: how long a user is looked at from the first call on. `before_seconds`: how long
    before the start is looked at for the adjustment (CUPED). `roll_back`: on harm. `promote`: when it is better.
    `suite`: a version in the Hub (`NAME@alias`) whose checks are metrics; `spend`: what models that judge may cost."""

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
    suite: str = ""
    spend: str | None = None


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
        primary=ExperimentMetric(
            metric=primary.metric, better=_better(primary), bounds=primary.bounds, sample=primary.sample
        ),
        effect=asked.effect,
        guards=tuple(
            GuardMetric(
                metric=each.metric,
                better=_better(each),
                margin=each.margin or 0.0,
                bounds=each.bounds,
                sample=each.sample,
            )
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
        suite=asked.suite,
        spend=asked.spend,
    )


def plan_form(plan: ExperimentPlan) -> PlanForm:
    """As it would be asked for."""
    return PlanForm(
        primary=_metric_form(plan.primary),
        guards=tuple(_metric_form(each, each.margin) for each in plan.guards),
        effect=plan.effect,
        alpha=plan.alpha,
        share=plan.share,
        least=plan.least,
        most=plan.most,
        window_seconds=plan.window_us // _SECOND_US,
        before_seconds=plan.before_us // _SECOND_US,
        roll_back=plan.roll_back,
        promote=plan.promote,
        suite=plan.suite,
        spend=plan.spend,
    )


def _metric_form(metric: ExperimentMetric | GuardMetric, margin: float | None = None) -> MetricForm:
    """Of a check, which way is good and its range are its own."""
    known = live_check_of(metric.metric) is not None
    return MetricForm(
        metric=metric.metric,
        better=None if known else metric.better,
        bounds=None if known else metric.bounds,
        margin=margin,
        sample=metric.sample,
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
    """Where `candidate` can mean the release that was written down, it does: `latest` was the newest then. Likewise of
    margins that are those of the suite's gate."""
    if former is None:
        return form
    form = _with_margins(form, former)
    digits = form.candidate.removeprefix(f"{form.application}@").removeprefix("sha256:")
    meant = former.candidate.removeprefix("sha256:")
    same = form.application == former.application and (
        form.candidate == "latest" or (len(digits) >= 6 and meant.startswith(digits))
    )
    return msgspec.structs.replace(form, candidate=former.candidate) if same else form


def _with_margins(form: Any, former: Any) -> ExperimentForm:
    known = {each.metric: each.margin for each in former.plan.guards}
    guards = tuple(
        msgspec.structs.replace(each, margin=known.get(each.metric))
        if not each.margin and live_check_of(each.metric) is not None
        else each
        for each in form.plan.guards
    )
    return msgspec.structs.replace(form, plan=msgspec.structs.replace(form.plan, guards=guards))


def _better(metric: MetricForm) -> GoodWay:
    return metric.better or ("lower" if metric.metric in LIVE_METRICS else "higher")
