"""Rows of usage as columns over time, one list a group."""

from collections.abc import Callable, Sequence

from genaiops.ports.telemetry import Dimension
from genaiops.watch import UsageRow


def by_group(
    rows: Sequence[UsageRow], dimension: Dimension, starts_us: Sequence[int], amount: Callable[[UsageRow], float]
) -> list[tuple[str, list[float]]]:
    """(group, an amount for each start), the greatest sum first. Groups without any are left out; "" is `none`."""
    place = {start: index for index, start in enumerate(starts_us)}
    found: dict[str, list[float]] = {}
    for row in rows:
        index = place.get(row.start_us)
        if index is not None:
            values = found.setdefault(row.group[dimension] or "none", [0.0] * len(starts_us))
            values[index] += amount(row)
    groups = [(name, values) for name, values in found.items() if any(values)]
    return sorted(groups, key=lambda group: (-sum(group[1]), group[0]))
