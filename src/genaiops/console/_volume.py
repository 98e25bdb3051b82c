"""How many calls there were over time, as a strip of bars above the list of traces. A bar leads to its time."""

from collections.abc import Mapping, Sequence

import msgspec

from genaiops.ports.telemetry import Dimension, RollupQuery, Telemetry, TraceFilter

HIGH = 40
MOST = 60
_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US
_STEPS_US = (_MINUTE_US, 5 * _MINUTE_US, 15 * _MINUTE_US, _HOUR_US, 6 * _HOUR_US, _DAY_US, 7 * _DAY_US, 30 * _DAY_US)

_DIMENSIONS: Mapping[str, Dimension] = {
    "environment_id": "environment_id",
    "tenant_id": "tenant_id",
    "team_id": "team_id",
    "key_id": "key_id",
    "application": "application",
    "model": "request_model",
    "target_id": "target_id",
    "operation": "operation",
    "status": "status",
}
"""Conditions that the rollups know. Others have no strip: one of other traces than the list's would mislead."""


class Bar(msgspec.Struct, frozen=True):
    """`good` and `bad` are heights; `since_us` to `until_us` is what it stands for."""

    x: float
    good: float
    bad: float
    calls: int
    errors: int
    since_us: int
    until_us: int


class Volume(msgspec.Struct, frozen=True):
    """`width` of a bar and all `x` are in percent."""

    bars: Sequence[Bar]
    width: float
    most: int
    calls: int
    errors: int
    since_us: int
    until_us: int


def volume(telemetry: Telemetry, where: TraceFilter, now_us: int) -> Volume | None:
    """Of the last 24 hours where the filter has no beginning. None: the rollups do not know its conditions."""
    given = {name: value for name in where.__struct_fields__ if (value := getattr(where, name)) not in (None, ())}
    if set(given) - {"since_us", "until_us", *_DIMENSIONS}:
        return None
    until = min(where.until_us or now_us, now_us)
    since = where.since_us or until - _DAY_US
    if since >= until:
        return None
    step = next((each for each in _STEPS_US if (until - since) / each <= MOST), _STEPS_US[-1])
    first = since // step * step
    sums: dict[int, tuple[int, int]] = {}
    query = RollupQuery(
        since_us=first,
        until_us=until,
        step="minute" if step < _HOUR_US else "hour" if step < _DAY_US else "day",
        where={dimension: given[name] for name, dimension in _DIMENSIONS.items() if name in given},
    )
    for row in telemetry.rollup(query):
        at = row.start_us // step * step
        calls, errors = sums.get(at, (0, 0))
        sums[at] = (calls + row.calls, errors + row.errors)
    return _drawn(sums, range(first, until, step), step)


def _drawn(sums: Mapping[int, tuple[int, int]], starts: range, step: int) -> Volume:
    most = max((calls for calls, _ in sums.values()), default=0)
    width = 100 / max(1, len(starts))
    bars: list[Bar] = []
    for place, start in enumerate(starts):
        calls, errors = sums.get(start, (0, 0))
        bad = max(1.5, HIGH * errors / most) if errors else 0.0
        good = max(1.5, HIGH * (calls - errors) / most) if calls > errors else 0.0
        bars.append(Bar(place * width, good, bad, calls, errors, start, start + step))
    whole = [sums.get(start, (0, 0)) for start in starts]
    return Volume(
        bars,
        width,
        most,
        sum(calls for calls, _ in whole),
        sum(errors for _, errors in whole),
        starts.start,
        starts[-1] + step,
    )
