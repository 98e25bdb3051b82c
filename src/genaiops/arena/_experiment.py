"""What an experiment says at one look: pure, from its plan and the sums so far."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from genaiops.arena._gate_report import margin_words
from genaiops.checks.statistics import always_valid_p, sequence
from genaiops.domain.experiments import (
    LIVE_METRICS,
    ArmSums,
    Estimate,
    EstimateState,
    ExperimentMetric,
    ExperimentOutcome,
    ExperimentPlan,
    ExperimentTally,
    GuardMetric,
    Look,
    live_check_of,
)

BALANCE_ALPHA: Final = 0.001
"""The chance of ever calling shares off that are as they were set."""
_TUNED: Final = 4
"""Intervals are narrowest at this part of the largest number of users: they are hardly wider behind it, much before."""


def look_at(plan: ExperimentPlan, tally: ExperimentTally, *, at_us: int) -> Look:
    """Intervals hold at all looks together, so it may be looked as often as one likes."""
    primary = _estimate(plan.primary, tally, plan, alpha=plan.alpha, margin=None)
    guards = tuple(
        _estimate(guard, tally, plan, alpha=plan.alpha / len(plan.guards), margin=guard.margin) for guard in plan.guards
    )
    seen = Look(
        at_us=at_us,
        entered=_both(tally.entered),
        counted=_both(tally.counted),
        balance_p=always_valid_p(tally.evidence),
        primary=primary,
        guards=guards,
    )
    outcome, reason = _outcome(plan, seen)
    return msgspec.structs.replace(seen, outcome=outcome, reason=reason)


def unit_of(metric: "ExperimentMetric | GuardMetric | Estimate") -> str:
    """What a metric is counted in."""
    known = LIVE_METRICS.get(metric.metric)
    return metric.unit or (known.unit if known is not None else "score")


def _estimate(
    metric: ExperimentMetric | GuardMetric,
    tally: ExperimentTally,
    plan: ExperimentPlan,
    *,
    alpha: float,
    margin: float | None,
) -> Estimate:
    arms = tally.sums.get(metric.metric, {})
    candidate, baseline = arms.get("candidate", ArmSums()), arms.get("baseline", ArmSums())
    empty = Estimate(
        metric=metric.metric,
        better=metric.better,
        candidate=candidate.mean,
        baseline=baseline.mean,
        n=(candidate.n, baseline.n),
        alpha=alpha,
        margin=margin,
        unit=metric.unit,
        allowed=metric.allowed,
    )
    if min(candidate.n, baseline.n) < plan.least:
        return empty
    known = LIVE_METRICS.get(metric.metric)
    bounds = metric.bounds if known is None else known.bounds
    found = sequence(candidate, baseline, alpha=alpha, tuned=max(2, plan.most // _TUNED), bounds=bounds)
    sign = 1 if metric.better == "higher" else -1
    worst, best = sorted((sign * found.low, sign * found.high))
    return msgspec.structs.replace(
        empty,
        difference=found.difference,
        interval=(found.low, found.high),
        explained=found.explained,
        state=_state(worst, best, margin),
    )


def _state(worst: float, best: float, margin: float | None) -> EstimateState:
    """`worst` to `best`: how much better the candidate may be."""
    if margin is None:
        return "better" if worst > 0 else "worse" if best < 0 else "open"
    return "harm" if best < -margin else "held" if worst > -margin else "open"


def _outcome(plan: ExperimentPlan, seen: Look) -> tuple[ExperimentOutcome | None, str]:
    if seen.balance_p < BALANCE_ALPHA:
        return "imbalance", (
            f"{seen.entered[0]} of {sum(seen.entered)} users came to the candidate, which is not the {plan.share} % "
            f"that the plan sets (p {seen.balance_p:.2g}): something keeps users or calls of one arm from being "
            "counted, so no figure of this experiment can be believed. Look for calls that are lost or retried, for "
            "users who are named differently, and for clients that choose."
        )
    harmed = [guard for guard in seen.guards if guard.state == "harm"]
    if harmed:
        return "harm", " ".join(told(guard) for guard in harmed)
    primary, text = seen.primary, told(seen.primary)
    undecided = [guard.metric for guard in seen.guards if guard.state != "held"]
    if primary.state == "worse":
        return "worse", text
    if primary.state == "better" and not undecided:
        return "better", " ".join([text, *(told(guard) for guard in seen.guards)])
    if primary.interval is not None and plan.effect and _best(primary) < plan.effect:
        return "no_difference", f"{text} That is less than the {plan.effect:.4g} that is worth it."
    if sum(seen.counted) >= plan.most and min(seen.counted) >= plan.least:
        why = f"{sum(seen.counted)} users have come, which is all that the plan waits for. {text}"
        if primary.state == "better":
            why += f" Of {', '.join(undecided)} it cannot be told that they are not worse by more than was allowed."
        return "inconclusive", why
    return None, ""


def _best(estimate: Estimate) -> float:
    assert estimate.interval is not None
    low, high = estimate.interval
    return high if estimate.better == "higher" else -low


def told(estimate: Estimate) -> str:
    """In a sentence."""
    return " ".join(_words(estimate)) + "."


def _words(one: Estimate) -> Iterator[str]:
    yield f"{one.metric}:"
    if one.interval is None or one.difference is None:
        yield f"{one.n[0]} and {one.n[1]} users with a value are too few"
        return
    yield f"{one.difference:+.4g} {unit_of(one)} ({one.interval[0]:+.4g} to {one.interval[1]:+.4g})"
    if live_check_of(one.metric) is not None:
        yield _as_gate(one)
        return
    if one.margin is not None:
        way = {"held": "not worse by more than", "harm": "worse by more than"}.get(one.state, "not decided against")
        yield f"is {way} {one.margin:.4g}"
        return
    yield f"is {'no difference that can be told' if one.state == 'open' else one.state}"


def _as_gate(one: Estimate) -> str:
    words = gate_words(one)
    state = {"open": "not decided", "harm": "worse"}.get(one.state, one.state)
    if not words:
        return f"is {'no difference that can be told' if one.state == 'open' else state}"
    return f"is {state}: {words}"


def gate_words(one: Estimate) -> str:
    """What the gate of a suite says of a check with a margin, of this interval. Empty: it has none, or few users."""
    margin = one.allowed if one.margin is None else one.margin
    if margin is None or one.interval is None or one.difference is None:
        return ""
    low, high = one.interval
    sign = 1 if one.better == "higher" else -1
    by_plan = "" if one.margin in (None, one.allowed) else ", by this plan"
    sure = f"{100 * (1 - one.alpha):.4g}%"
    return margin_words(sign * one.difference, low if sign > 0 else -high, sure, margin) + by_plan


def _both(arms: "dict[str, int]") -> tuple[int, int]:
    return arms.get("candidate", 0), arms.get("baseline", 0)


def thinned(looks: Sequence[Look], most: int = 200) -> Sequence[Look]:
    """At most so many, evenly over the users that were counted, the last always: for a picture."""
    if len(looks) <= most:
        return looks
    last = sum(looks[-1].counted) or 1
    kept: dict[int, Look] = {}
    for one in looks:
        kept[sum(one.counted) * (most - 1) // last] = one
    return list(kept.values())
