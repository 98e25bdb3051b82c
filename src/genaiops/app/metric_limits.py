"""Budgets and rate limits on `/metrics`: how much is left, and how near each is to refusing calls."""

from collections.abc import Iterable, Iterator, Sequence

from genaiops.app.exposition import Family, Labels, one
from genaiops.core.money import NANO
from genaiops.domain import RateLimit
from genaiops.hub import Hub
from genaiops.ports.counters import Counters
from genaiops.watch import BudgetState, budget_states

MOST = 100
"""Budgets and limits that are shown: those nearest to their ends. Their number is not bounded by anybody."""


def limit_families(hub: Hub, counters: Counters, now_us: int) -> Iterator[Family]:
    states = budget_states(hub.budgets.list(), counters, now_us=now_us)
    yield from _budgets(sorted(states, key=lambda state: -state.share)[:MOST], len(states))
    yield from _limits(hub.rate_limits.list(), counters, now_us)


def _budgets(states: Sequence[BudgetState], there_are: int) -> Iterator[Family]:
    labels = [(_labels(state), state) for state in states]

    def amounts(field: str) -> list[tuple[Labels, float]]:
        return [(each, _amount(state, getattr(state, field))) for each, state in labels]

    yield one("genaiops_budgets", f"Budgets there are; at most {MOST} are shown.", there_are)
    limits = [(each, _amount(state, state.budget.limit)) for each, state in labels]
    yield Family("genaiops_budget_limit", "gauge", "Of one period, in the label unit.", limits)
    yield Family("genaiops_budget_settled", "gauge", "Used in this period, in the label unit.", amounts("settled"))
    yield Family("genaiops_budget_reserved", "gauge", "Held by running calls, in the label unit.", amounts("reserved"))
    yield Family("genaiops_budget_remaining", "gauge", "Left in this period, in the label unit.", amounts("remaining"))
    shares = [(each, state.share) for each, state in labels]
    yield Family("genaiops_budget_used_ratio", "gauge", "Used and held of the limit; 1 is all of it.", shares)
    ends = [(each, state.window_end_us / 1e6) for each, state in labels if state.budget.period != "total"]
    yield Family("genaiops_budget_window_end_timestamp_seconds", "gauge", "When the period ends.", ends)


def _labels(state: BudgetState) -> Labels:
    budget = state.budget
    return {
        "budget_id": budget.id,
        "scope": budget.scope.kind,
        "scope_id": budget.scope.id,
        "period": budget.period,
        "hard": "yes" if budget.hard else "no",
        "unit": budget.unit,
    }


def _amount(state: BudgetState, amount: int) -> float:
    return amount / NANO if state.budget.in_nano else amount


def _limits(limits: Iterable[RateLimit], counters: Counters, now_us: int) -> Iterator[Family]:
    used: list[tuple[Labels, float]] = []
    for limit in limits:
        for meter, most in (
            ("requests", limit.requests_per_minute),
            ("tokens", limit.tokens_per_minute),
            ("concurrency", limit.concurrency),
        ):
            if most is not None:
                reading = counters.read(f"{limit.id}/{meter}", 0, now_us)
                labels = {"limit_id": limit.id, "scope": limit.scope.kind, "scope_id": limit.scope.id, "meter": meter}
                used.append((labels, (reading.settled + reading.reserved) / most))
    used.sort(key=lambda sample: -sample[1])
    meaning = f"Of a rate limit's minute, or of its calls at a time; the {MOST} fullest."
    yield Family("genaiops_rate_limit_used_ratio", "gauge", meaning, used[:MOST])
