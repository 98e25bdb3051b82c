"""What an experiment shows: words, rows of metrics, and the interval as it narrows from look to look."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena import gate_words, unit_of
from genaiops.console._charts import SCHEMA, Chart, Spec
from genaiops.console._format import NONE, moment
from genaiops.domain import Outcome
from genaiops.domain.experiments import (
    CheckedCalls,
    Estimate,
    EstimateState,
    Experiment,
    ExperimentMetric,
    ExperimentOutcome,
    ExperimentPlan,
    ExperimentTally,
    GuardMetric,
    Look,
    live_check_of,
)

SAYS: Final[Mapping[ExperimentOutcome, str]] = {
    "better": "Better",
    "worse": "Worse",
    "no_difference": "Not worth it",
    "inconclusive": "No result",
    "harm": "Harm",
    "imbalance": "Shares are off",
    "moved": "Changed meanwhile",
    "stopped": "Stopped",
}
COLOURS: Final[Mapping[ExperimentOutcome, Outcome]] = {
    "better": "pass",
    "worse": "fail",
    "harm": "fail",
    "imbalance": "error",
    "no_difference": "fail",
    "inconclusive": "inconclusive",
    "moved": "error",
    "stopped": "inconclusive",
}
_STATES: Final[Mapping[EstimateState, tuple[str, Outcome]]] = {
    "waiting": ("too few users", "inconclusive"),
    "open": ("not decided", "inconclusive"),
    "better": ("better", "pass"),
    "worse": ("worse", "fail"),
    "held": ("held", "pass"),
    "harm": ("worse", "fail"),
}
_HOUR_US, _DAY_US = 3_600_000_000, 86_400_000_000


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, as it is read."""

    metric: str
    unit: str
    role: str
    candidate: str
    baseline: str
    users: str
    difference: str
    interval: str
    explained: str
    says: str
    words: str
    outcome: Outcome


def metric_rows(look: Look) -> list[MetricRow]:
    return [_row(look.primary, "to improve"), *(_row(each, f"not worse by {each.margin:g}") for each in look.guards)]


def _row(one: Estimate, role: str) -> MetricRow:
    says, outcome = _STATES[one.state]
    low, high = one.interval or (None, None)
    return MetricRow(
        metric=one.metric,
        unit=unit_of(one),
        role=role,
        candidate=_number(one.candidate),
        baseline=_number(one.baseline),
        users=f"{one.n[0]:,} / {one.n[1]:,}",
        difference=NONE if one.difference is None else f"{one.difference:+.4g}",
        interval=NONE if low is None or high is None else f"{low:+.4g} to {high:+.4g}",
        explained=f"{one.explained:.0%}" if one.explained > 0.005 else NONE,
        says=says,
        words=gate_words(one) if live_check_of(one.metric) is not None else "",
        outcome=outcome,
    )


class CheckedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the calls that a check looked at: of the candidate / of the baseline."""

    metric: str
    sample: str
    scored: str
    not_scored: str
    why: str
    errors: str
    fault: str


_WHY: Final[Mapping[str, str]] = {
    "unkept": "answer not kept",
    "unanswered": "no answer",
    "lacking": "nothing to hold it against",
    "late": "too late",
    "unpaid": "not paid for",
}


def checked_rows(plan: ExperimentPlan, tally: ExperimentTally) -> list[CheckedRow]:
    return [_checked(each, tally) for each in plan.checks]


def _checked(metric: ExperimentMetric | GuardMetric, tally: ExperimentTally) -> CheckedRow:
    arms = tally.checked.get(metric.metric, {})
    both = arms.get("candidate", CheckedCalls()), arms.get("baseline", CheckedCalls())

    def pair(name: str) -> str:
        return " / ".join(f"{getattr(each, name):,}" for each in both)

    why = [f"{words} {pair(name)}" for name, words in _WHY.items() if any(getattr(each, name) for each in both)]
    return CheckedRow(
        metric=metric.metric,
        sample="all" if metric.sample is None else f"{100 * metric.sample:g} %",
        scored=pair("scored"),
        not_scored=pair("not_scored"),
        why=", ".join(why),
        errors=pair("errors"),
        fault=tally.faults.get(metric.metric, ""),
    )


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.4g}"


def plan_rows(plan: ExperimentPlan) -> Iterator[tuple[str, str]]:
    """Name and value of what was written down."""
    primary = plan.primary
    bounds = f", from {primary.bounds[0]:g} to {primary.bounds[1]:g}" if primary.bounds else ""
    yield "To improve", f"{primary.metric}: {primary.better} is better{bounds}"
    yield "Worth it from", f"{plan.effect:g} {unit_of(primary)}" if plan.effect else "any difference"
    for guard in plan.guards:
        yield "Not worse", _guard(guard)
    if plan.suite:
        yield "Checks of the suite", plan.suite
        for each in plan.checks:
            share = "all calls" if each.sample is None else f"{100 * each.sample:g} % of the calls"
            yield f"{each.metric} looks at", share
    if plan.spend is not None:
        yield "Models that judge may cost", plan.spend
    yield "Chance of a wrong claim", f"{plan.alpha:g}, over all looks together"
    yield "Share", f"{plan.share} % of the users get the candidate"
    yield "Users", f"at least {plan.least:,} an arm; it ends after {plan.most:,}"
    yield "A user is looked at for", _span(plan.window_us)
    yield "Known before", f"calls of {_span(plan.before_us)} before the start (CUPED)" if plan.before_us else "nothing"
    yield "On harm", "roll back" if plan.roll_back else "wait for a person"
    yield "When it is better", "ask for its promotion" if plan.promote else "wait for a person"


def _guard(guard: GuardMetric) -> str:
    return f"{guard.metric} by more than {guard.margin:g} {unit_of(guard)}"


def _span(us: int) -> str:
    for size, word in ((_DAY_US, "day"), (_HOUR_US, "hour"), (60_000_000, "minute")):
        if us >= size and us % size == 0:
            return f"{us // size} {word}{'' if us == size else 's'}"
    return f"{us // 1_000_000} seconds"


def narrowing(experiment: Experiment, looks: Sequence[Look]) -> Chart | None:
    """The interval of the primary metric over the users that were counted. None: there is none yet."""
    seen = [each for each in looks if each.primary.interval is not None]
    if not seen:
        return None
    metric = experiment.plan.primary.metric
    values = [
        {
            "users": sum(each.counted),
            "value": each.primary.difference,
            "low": (each.primary.interval or (0, 0))[0],
            "high": (each.primary.interval or (0, 0))[1],
        }
        for each in seen
    ]
    unit, title = unit_of(experiment.plan.primary), f"{metric}: candidate less baseline"
    x: Spec = {"field": "users", "type": "quantitative", "axis": {"title": "users that were counted", "tickCount": 6}}
    x["scale"] = {"zero": False, "nice": False}
    y: Spec = {"type": "quantitative", "axis": {"title": unit, "tickCount": 5, "minExtent": 34}}
    tooltip = [
        {"field": name, "type": "quantitative", "title": word, "format": form}
        for name, word, form in (
            ("users", "users", ","),
            ("value", "difference", "+.4~g"),
            ("low", "at least", "+.4~g"),
            ("high", "at most", "+.4~g"),
        )
    ]
    shape = len(seen) > 1
    band: Spec = {"type": "area" if shape else "rule", "opacity": 0.25 if shape else 1, "color": "token:accent"}
    line: Spec = {"type": "line", "color": "token:accent", "strokeWidth": 1.5, "point": {"size": 14, "filled": True}}
    layers = [
        _layer(values, band, {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": tooltip}),
        _layer(values, line, {"x": x, "y": {**y, "field": "value"}, "tooltip": tooltip}),
        _rule(0.0, "token:text", y),
    ]
    if experiment.plan.effect:
        sign = 1 if experiment.plan.primary.better == "higher" else -1
        layers.append(_rule(sign * experiment.plan.effect, "token:series-3", y))
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 220,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": layers,
        "description": title,
    }
    rows = [
        [
            moment(each.at_us)[:-3],
            f"{sum(each.counted):,}",
            f"{each.primary.difference:+.4g}",
            f"{(each.primary.interval or (0, 0))[0]:+.4g}",
            f"{(each.primary.interval or (0, 0))[1]:+.4g}",
        ]
        for each in seen
    ]
    return Chart(title, spec, ["at (UTC)", "users", f"difference, {unit}", "at least", "at most"], rows)


def _rule(at: float, colour: str, y: Spec) -> Spec:
    mark = {"type": "rule", "strokeDash": [4, 3], "color": colour}
    return _layer([{"at": at}], mark, {"y": {**y, "field": "at"}})


def _layer(values: Sequence[Mapping[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}
