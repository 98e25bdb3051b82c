"""Sums of guards' verdicts by the hour and by the day: written for new verdicts only, read by merging."""

import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from genaiops.core.errors import UsageError
from genaiops.core.histogram import Histogram
from genaiops.domain import GuardVerdict
from genaiops.engines.telemetry_sqlite._names import NameIds, NameTexts
from genaiops.ports.verdicts import GuardDimension, GuardQuery, GuardSums

_DIMENSIONS: Final[tuple[GuardDimension, ...]] = get_args(GuardDimension)
_HOUR_US = 3_600_000_000
_DAY_MINUTES = 1440
_LAST_HOUR = 1 << 48
_MOST_FINDINGS = 1 << 40
_FIND = f"SELECT id FROM guard_series WHERE {' AND '.join(f'{name} = ?' for name in _DIMENSIONS)}"  # noqa: S608
_ADD = f"INSERT INTO guard_series ({', '.join(_DIMENSIONS)}) VALUES ({', '.join('?' * len(_DIMENSIONS))}) RETURNING id"  # noqa: S608
_UPSERT = (
    "INSERT INTO guard_{step} (start, series, events, findings, errors, duration) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (start, series) DO UPDATE SET events = events + excluded.events,"
    " findings = findings + excluded.findings, errors = errors + excluded.errors,"
    " duration = merge_histograms(duration, excluded.duration)"
)


class _Sums:
    __slots__ = ("duration", "errors", "events", "findings")

    def __init__(self) -> None:
        self.events = self.findings = self.errors = 0
        self.duration = Histogram()

    def add(self, verdict: GuardVerdict) -> None:
        self.events += 1
        self.findings += max(0, min(verdict.count, _MOST_FINDINGS))
        self.errors += verdict.event.error is not None
        self.duration.add(verdict.event.duration_us)


def add(connection: sqlite3.Connection, verdicts: Sequence[GuardVerdict], ids: NameIds) -> None:
    """Verdicts that were not there before, in the open transaction."""
    steps: dict[str, dict[tuple[int, int], _Sums]] = {"hours": {}, "days": {}}
    series: dict[tuple[int, ...], int] = {}
    for verdict in verdicts:
        dimensions = _place(verdict, ids)
        number = series.get(dimensions)
        if number is None:
            found = connection.execute(_FIND, dimensions).fetchone() or connection.execute(_ADD, dimensions).fetchone()
            number = series[dimensions] = int(found[0])
        hour = verdict.start_us // _HOUR_US * 60
        for step, start in (("hours", hour), ("days", hour // _DAY_MINUTES * _DAY_MINUTES)):
            steps[step].setdefault((start, number), _Sums()).add(verdict)
    for step, buckets in steps.items():
        connection.executemany(
            _UPSERT.format(step=step),
            [
                (*bucket, sums.events, sums.findings, sums.errors, sums.duration.pack())
                for bucket, sums in sorted(buckets.items())
            ],
        )


def _place(verdict: GuardVerdict, ids: NameIds) -> tuple[int, ...]:
    event = verdict.event
    texts = (
        verdict.tenant_id,
        verdict.environment_id,
        verdict.policy_name,
        verdict.policy_digest,
        event.rule,
        event.detector,
        event.direction,
        event.action,
        "shadow" if event.shadow else None,
    )
    return tuple(ids[text or None] or 0 for text in texts)


def read(connection: sqlite3.Connection, texts: NameTexts, query: GuardQuery) -> list[GuardSums]:
    """`since_us` is rounded down and `until_us` up to an hour."""
    for name in (*query.group_by, *query.where):
        if name not in _DIMENSIONS:  # names of columns go into the statement as they are
            raise UsageError(
                f"{name!r} is no dimension of guards.", remedy=f"Use one of {', '.join(_DIMENSIONS)}.", param="group_by"
            )
    first = max(-_LAST_HOUR, min(query.since_us // _HOUR_US, _LAST_HOUR)) * 60
    last = max(-_LAST_HOUR, min(-(-query.until_us // _HOUR_US), _LAST_HOUR)) * 60
    wanted = [texts.number(text) if text else 0 for text in query.where.values()]
    if first >= last or None in wanted:
        return []
    bucket = {"hour": "start", "day": _OF_DAY, "all": str(first)}[query.step]
    keys = [*(() if query.step == "all" else (bucket,)), *(f"s.{name}" for name in query.group_by)]
    parts: list[str] = []
    bounds: list[int] = []
    for table, start, end in _ranges(first, last, by_hour=query.step == "hour"):
        parts.append(f"SELECT * FROM guard_{table} WHERE start >= ? AND start < ?")  # noqa: S608
        bounds += [start, end]
    took = "sum_histograms(duration)" if query.durations else "NULL"
    rows = connection.execute(
        f"SELECT {', '.join([bucket, 'sum(events)', 'sum(findings)', 'sum(errors)', took])}"  # noqa: S608
        f"{''.join(f', s.{name}' for name in query.group_by)}"
        f" FROM ({' UNION ALL '.join(parts)}) JOIN guard_series AS s ON s.id = series"
        f" WHERE 1{''.join(f' AND s.{name} = ?' for name in query.where)}"
        f"{' GROUP BY ' + ', '.join(keys) if keys else ''} ORDER BY 1",
        (*bounds, *wanted),
    ).fetchall()
    return [
        GuardSums(
            start_us=row[0] * 60_000_000,
            group={name: texts[number] or "" for name, number in zip(query.group_by, row[5:], strict=True)},
            events=row[1],
            findings=row[2],
            errors=row[3],
            duration=Histogram() if row[4] is None else Histogram.unpack(row[4]),
        )
        for row in rows
        if row[1] is not None  # one row of nothing, where nothing is grouped
    ]


_OF_DAY = "start - ((start % 1440) + 1440) % 1440"


def _ranges(first: int, last: int, *, by_hour: bool) -> list[tuple[str, int, int]]:
    """(table, start, end) parts of [first, last) in minutes that cover it once: whole days are read as such."""
    first_day, last_day = -(-first // _DAY_MINUTES) * _DAY_MINUTES, last // _DAY_MINUTES * _DAY_MINUTES
    if by_hour or first_day >= last_day:
        return [("hours", first, last)]
    parts = [("hours", first, first_day), ("days", first_day, last_day), ("hours", last_day, last)]
    return [part for part in parts if part[1] < part[2]]
