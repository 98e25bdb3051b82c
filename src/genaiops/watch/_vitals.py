"""What processes use over time, and how long calls take: percentiles from merged histograms."""

from collections.abc import Mapping, Sequence

import msgspec

from genaiops.ports.telemetry import Dimension, RollupQuery, Telemetry
from genaiops.ports.vitals import ProcessReading, Reading

_IDLE = ("idle", "iowait")


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Of one stretch of time and one group, in milliseconds; None without calls, first tokens None without any."""

    start_us: int
    group: Mapping[str, str]
    calls: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None


def latencies(
    telemetry: Telemetry,
    *,
    since_us: int,
    until_us: int,
    by_minute: bool = False,
    group_by: Sequence[Dimension] = (),
    where: Mapping[Dimension, str] | None = None,
) -> list[Latency]:
    """One row a minute and group, or one a group; those with the most calls first within a minute."""
    step = "minute" if by_minute else "all"
    query = RollupQuery(since_us=since_us, until_us=until_us, step=step, group_by=group_by, where=where or {})
    rows = [
        Latency(
            start_us=row.start_us,
            group=row.group,
            calls=row.calls,
            p50_ms=_ms(row.duration.quantile(0.5)),
            p95_ms=_ms(row.duration.quantile(0.95)),
            p99_ms=_ms(row.duration.quantile(0.99)),
            first_token_p50_ms=_ms(row.first_token.quantile(0.5)),
            first_token_p95_ms=_ms(row.first_token.quantile(0.95)),
        )
        for row in telemetry.rollup(query)
    ]
    return sorted(rows, key=lambda row: (row.start_us, -row.calls, sorted(row.group.items())))


def cores_used(former: Reading, later: Reading, name: str) -> float | None:
    """How many cores the process kept busy between two readings; None when it was not there all the time."""
    before, after = former.processes.get(name), later.processes.get(name)
    seconds = (later.at_us - former.at_us) / 1_000_000
    if before is None or after is None or seconds <= 0 or not _same(before, after):
        return None
    return max(0.0, after.cpu_seconds - before.cpu_seconds) / seconds


def machine_busy(former: Reading, later: Reading) -> float | None:
    """The share of all cores' time that went to something, 0 to 1; None when nobody can say."""
    before, after = former.machine.cpu, later.machine.cpu
    spent = {name: after[name] - before[name] for name in after if name in before}
    whole = sum(spent.values())
    if whole <= 0:
        return None
    return min(1.0, max(0.0, 1 - sum(spent.get(name, 0.0) for name in _IDLE) / whole))


def _same(before: ProcessReading, after: ProcessReading) -> bool:
    """Not a later process of that name: the start is told to a hundredth of a second."""
    return abs(before.started - after.started) < 1


def _ms(us: float | None) -> float | None:
    return None if us is None else us / 1000
