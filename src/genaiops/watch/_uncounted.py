"""What a budget does not know: calls of its period whose amount nobody can say, so that they count as nothing."""

from collections import defaultdict
from collections.abc import Sequence

from genaiops.domain import Budget
from genaiops.ports.telemetry import Dimension, Rollup, RollupQuery, Telemetry
from genaiops.watch._figures import BudgetState
from genaiops.watch._forecast import DIMENSIONS

_APART = 8


def budget_unknowns(telemetry: Telemetry, states: Sequence[BudgetState], *, now_us: int) -> list[int]:
    """One for each state. Money: calls at no price; energy: attempts at a model, those that failed too. Tokens and
    calls are always known."""
    wanted: defaultdict[tuple[Dimension, int], set[str]] = defaultdict(set)
    for state in states:
        if state.budget.in_nano:
            wanted[_place(state)].add(state.budget.scope.id)
    found: dict[tuple[Dimension, int, str], Rollup] = {}
    for (dimension, since_us), ids in wanted.items():
        # Of many scopes of one kind all are read at once: the work is bounded by the calls that there were.
        wheres: list[dict[Dimension, str]] = [{}] if len(ids) > _APART else [{dimension: each} for each in sorted(ids)]
        for where in wheres:
            query = RollupQuery(since_us=since_us, until_us=now_us + 1, step="all", group_by=(dimension,), where=where)
            found.update({(dimension, since_us, row.group[dimension]): row for row in telemetry.rollup(query)})
    return [_unknown(found.get((*_place(state), state.budget.scope.id)), state.budget) for state in states]


def _place(state: BudgetState) -> tuple[Dimension, int]:
    return DIMENSIONS[state.budget.scope.kind], max(state.window_start_us, state.budget.reset_us)


def _unknown(row: Rollup | None, budget: Budget) -> int:
    if row is None or not budget.in_nano:
        return 0
    return row.cost_unknown if budget.meter == "money" else row.attempts - row.energy.known
