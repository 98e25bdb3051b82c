"""Spend that is far above what it was at the same time of former days.

Two stretches are looked at, where anything was spent in them: the last whole hour (or the present one, as soon as it is
above by itself, and where there is no other) and the last 24 whole hours. Each is held against the same stretch of the
14 days before, by the score of `checks.anomaly`; its scale is never so small that less than LEAST_NANO more would
count. A stretch that began before the first call of that time says nothing, and with fewer than 7 that do the answer is
unknown. So it is when calls had no known price, unless what is known is too much by itself. Weekends stand among the
days: what is usual is what more than half of them had.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from genaiops.checks.anomaly import UNUSUAL, usual_scale
from genaiops.core.money import NANO
from genaiops.ports.telemetry import Dimension, Rollup, RollupQuery, Telemetry
from genaiops.watch._figures import HOUR_US

SPENDERS: Final[Mapping[str, Dimension]] = {
    "key": "key_id",
    "team": "team_id",
    "application": "application",
    "model": "request_model",
}
DAYS: Final = 14
LEAST_DAYS: Final = 7
LEAST_NANO: Final = NANO // 10
"""A tenth of the currency's unit more than usual is never worth a word."""
MOST: Final = 100
"""Of each kind, the dearest of the last day are looked at."""

_APART: Final = 8


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What `id` (of the kind `by`) spent in a stretch of time, in nano-units. `usual_nano`: the median of the `days`
    former ones; above `limit_nano` it is unusual; `score` as in `checks.anomaly`; None without enough of them.
    `unknown_calls` of it cost something that nobody knows."""

    by: str
    id: str
    window: Literal["hour", "day"]
    since_us: int
    until_us: int
    spent_nano: int
    unknown_calls: int
    days: int
    usual_nano: int | None = None
    limit_nano: int | None = None
    score: float | None = None
    state: Literal["above", "usual", "unknown"] = "unknown"


def spend_anomalies(telemetry: Telemetry, by: Sequence[str] = tuple(SPENDERS), *, now_us: int) -> list[Spend]:
    """Of everybody who spent something in the last day: first what is above, by score, then what is not known."""
    found: list[Spend] = []
    for kind in by:
        for name, rows in _histories(telemetry, SPENDERS[kind], now_us).items():
            found += _Hours(rows).judged(kind, name, now_us)
    rank = {"above": 0, "unknown": 1, "usual": 2}
    return sorted(found, key=lambda one: (rank[one.state], -(one.score or 0.0), -one.spent_nano, one.by, one.id))


def _histories(telemetry: Telemetry, dimension: Dimension, now_us: int) -> dict[str, list[Rollup]]:
    """The hours of those who spent something lately. Of many all are read at once, as for budgets' forecasts."""
    present = now_us // HOUR_US
    lately = telemetry.rollup(_query(dimension, present - 24, now_us, "all"))
    spent = [row for row in lately if row.group[dimension] and (row.cost_nano or row.cost_unknown)]
    spent.sort(key=lambda row: (-row.cost_nano, -row.cost_unknown, row.group[dimension]))
    found: dict[str, list[Rollup]] = {row.group[dimension]: [] for row in spent[:MOST]}
    wheres: list[dict[Dimension, str]] = [{}] if len(found) > _APART else [{dimension: name} for name in found]
    for where in wheres:
        for row in telemetry.rollup(_query(dimension, present - 24 * (DAYS + 1), now_us, "hour", where)):
            if row.group[dimension] in found:
                found[row.group[dimension]].append(row)
    return found


def _query(
    dimension: Dimension,
    hour: int,
    now_us: int,
    step: Literal["hour", "all"],
    where: Mapping[Dimension, str] | None = None,
) -> RollupQuery:
    return RollupQuery(
        since_us=hour * HOUR_US, until_us=now_us + 1, step=step, group_by=(dimension,), where=where or {}
    )


class _Hours:
    """One spender's amounts by hour since the epoch."""

    def __init__(self, rows: Sequence[Rollup]) -> None:
        self._nano = {row.start_us // HOUR_US: row.cost_nano for row in rows}
        self._unknown = {row.start_us // HOUR_US: row.cost_unknown for row in rows}
        self._first = min(self._nano, default=0)

    def judged(self, by: str, name: str, now_us: int) -> list[Spend]:
        present = now_us // HOUR_US
        so_far, hour = self._judge(by, name, present, 1), self._judge(by, name, present - 1, 1)
        if so_far.state == "above" or not _anything(hour):
            hour = msgspec.structs.replace(so_far, until_us=now_us)
        return [one for one in (hour, self._judge(by, name, present - 24, 24)) if _anything(one)]

    def _judge(self, by: str, name: str, start: int, length: int) -> Spend:
        spent = _sum(self._nano, start, length)
        unknown = _sum(self._unknown, start, length)
        former = [start - 24 * back for back in range(1, DAYS + 1) if start - 24 * back >= self._first]
        bare = Spend(
            by=by,
            id=name,
            window="hour" if length == 1 else "day",
            since_us=start * HOUR_US,
            until_us=(start + length) * HOUR_US,
            spent_nano=spent,
            unknown_calls=unknown,
            days=len(former),
        )
        if len(former) < LEAST_DAYS:
            return bare
        middle, scale = usual_scale([_sum(self._nano, each, length) for each in former], LEAST_NANO / UNUSUAL)
        score = (spent - middle) / scale
        known = "unknown" if unknown else "usual"
        return msgspec.structs.replace(
            bare,
            usual_nano=round(middle),
            limit_nano=round(middle + UNUSUAL * scale),
            score=score,
            state="above" if score > UNUSUAL else known,
        )


def _anything(spend: Spend) -> bool:
    return bool(spend.spent_nano or spend.unknown_calls)


def _sum(amounts: Mapping[int, int], start: int, length: int) -> int:
    return sum(amounts.get(hour, 0) for hour in range(start, start + length))
