"""How long an experiment would take, from its plan and from the traffic there is. Pure.

The widths are those of the intervals that decide (`checks.statistics.sequential`) at a look that is chosen beforehand,
so that what is said is on the safe side: the experiment looks all the time and may end before.
"""

from collections.abc import Iterator, Sequence
from math import ceil, sqrt
from typing import Final, Literal

import msgspec

from genaiops.arena._experiment import unit_of
from genaiops.checks.statistics import needed_units, smallest_seen
from genaiops.domain.experiments import (
    LIVE_METRICS,
    ArmSums,
    ExperimentMetric,
    ExperimentPlan,
    GuardMetric,
    TrafficSample,
)

POWER: Final = 0.8
TUNED: Final = 4
_DAY_US: Final = 86_400_000_000
Known = Literal["traffic", "range", "nothing"]


class ForecastLine(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. `difference`: what it is to show (the effect that is worth it, a guard's margin; None: none was
    said). `deviation` of users, as `known`: from `users_seen` of them, at most by the metric's range, or not at all.
    `users`: of both arms, that show it with the chance `POWER`. `seen`: the smallest difference that all users of the
    plan show so."""

    metric: str
    unit: str
    difference: float | None
    users_seen: int
    mean: float | None
    deviation: float | None
    known: Known
    users: int | None
    days: float | None
    seen: float | None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """`per_day`: users who come (None: nobody did, so that no days can be told). `days` to an answer about all metrics,
    `most_days` until the plan ends at the latest. `says`: in sentences."""

    per_day: float | None
    users_seen: int
    days_seen: float
    nobody: int
    lines: Sequence[ForecastLine]
    users: int | None
    days: float | None
    most_days: float | None
    says: Sequence[str]


def forecast(plan: ExperimentPlan, sample: TrafficSample) -> Forecast:
    """What is not known of the traffic is None, and `says` what is missing."""
    per_day = sample.per_day or None
    lines = [
        _line(plan, sample, plan.primary, plan.alpha, plan.effect or None),
        *(_line(plan, sample, each, plan.alpha / len(plan.guards), each.margin) for each in plan.guards),
    ]
    asked = [line.users for line in lines if line.difference is not None]
    users = max((each for each in asked if each is not None), default=None) if None not in asked else None
    made = Forecast(
        per_day=per_day,
        users_seen=sample.users,
        days_seen=sample.days,
        nobody=sample.nobody,
        lines=lines,
        users=users,
        days=_days(plan, users, per_day),
        most_days=_days(plan, plan.most, per_day),
        says=(),
    )
    return msgspec.structs.replace(made, says=tuple(_sentences(plan, made)))


def _line(
    plan: ExperimentPlan,
    sample: TrafficSample,
    metric: ExperimentMetric | GuardMetric,
    alpha: float,
    difference: float | None,
) -> ForecastLine:
    sums = sample.metrics.get(metric.metric, ArmSums())
    live = LIVE_METRICS.get(metric.metric)
    deviation, known = _deviation(sums, metric.bounds if live is None else live.bounds)
    share, tuned = plan.share / 100, max(2, plan.most // TUNED)
    users, seen = None, None
    if deviation is not None:
        seen = smallest_seen(plan.most, deviation, share=share, alpha=alpha, tuned=tuned, power=POWER)
        if difference:
            found = needed_units(difference, deviation, share=share, alpha=alpha, tuned=tuned, power=POWER)
            users = max(found, ceil(plan.least / min(share, 1 - share)))
    return ForecastLine(
        metric=metric.metric,
        unit=unit_of(metric),
        difference=difference,
        users_seen=sums.n,
        mean=sums.mean,
        deviation=deviation,
        known=known,
        users=users,
        days=_days(plan, users, sample.per_day or None),
        seen=seen,
    )


def _deviation(sums: ArmSums, bounds: tuple[float, float] | None) -> tuple[float | None, Known]:
    """As the intervals take it: with a known range one unit at either end is added."""
    if sums.n >= 2 and sums.mean is not None:
        if bounds is None:
            spread = sums.spread()
            return (sqrt(spread / (sums.n - 1)), "traffic") if spread else (None, "nothing")
        ends = (sums.mean - bounds[0]) ** 2 + (bounds[1] - sums.mean) ** 2
        return sqrt((sums.spread() + ends) / (sums.n + 1)), "traffic"
    return (None, "nothing") if bounds is None else ((bounds[1] - bounds[0]) / 2, "range")


def _days(plan: ExperimentPlan, users: int | None, per_day: float | None) -> float | None:
    return None if users is None or not per_day else users / per_day + plan.window_us / _DAY_US


def _sentences(plan: ExperimentPlan, made: Forecast) -> Iterator[str]:
    if made.per_day is None:
        yield f"No user called it in the last {told_days(made.days_seen)}, so it cannot be told how long it takes."
    else:
        yield (
            f"{made.users_seen:,} users came in {told_days(made.days_seen)}, {_rate(made.per_day)} a day. With "
            f"{plan.share} % of them the candidate gets {_rate(made.per_day * plan.share / 100)} a day."
        )
    if made.days is not None and made.users is not None:
        yield f"An answer takes about {told_days(made.days)} or less: {made.users:,} users."
        if made.users > plan.most:
            yield f"That is more than the {plan.most:,} after which it ends: it would likely end without a result."
    elif made.users is not None:
        yield f"An answer takes about {made.users:,} users or less."
    if made.most_days is not None:
        yield f"It ends after {plan.most:,} users, in {told_days(made.most_days)}."
    for each in plan.checks:
        if each.sample is not None and each.sample < 1:
            yield (
                f"{each.metric} looks at {100 * each.sample:.3g} % of the calls: users without such a call have no "
                "value of it, so that it takes more users than is said here."
            )
    for line in made.lines:
        if line.known == "nothing":
            yield f"Of {line.metric} nothing is known: no user has a value, or all have the same."
        elif line.known == "range":
            yield f"Of {line.metric} no user has a value yet; its range says how much they can vary at most."
        if line.difference is None and line.seen is not None:
            yield f"All {plan.most:,} users show a difference of {line.metric} from {line.seen:.3g} {line.unit}."
    if made.nobody > made.users_seen:
        yield f"{made.nobody:,} calls came without a user and without a session; they count for nothing."


def _rate(users: float) -> str:
    return f"{users:,.0f}" if users >= 100 else f"{users:.3g}"


def told_days(days: float) -> str:
    """In the unit that suits: `3 hours`, `12 days`."""
    if days < 2 / 24:
        return f"{max(1, round(days * 1440))} minutes"
    return f"{round(days * 24)} hours" if days < 3 else f"{days:,.0f} days"
