"""Rollups by minute and by hour: written for new spans only, read by merging."""

import math
import sqlite3
from collections.abc import Sequence
from typing import Final, get_args

from genaiops.core.errors import UsageError
from genaiops.core.histogram import Histogram
from genaiops.domain import MODEL_CALLS, Energy, Span, Standing
from genaiops.engines.telemetry_sqlite._names import NameIds, NameTexts, SeriesIds
from genaiops.engines.telemetry_sqlite._placed import NOTHING, Placed
from genaiops.ports.telemetry import (
    GRAM_UNIT,
    KWH_UNIT,
    LITRE_UNIT,
    CacheSums,
    Dimension,
    EnergySums,
    Rollup,
    RollupQuery,
)

DIMENSIONS: Final[tuple[Dimension, ...]] = (
    "environment_id",
    "team_id",
    "key_id",
    "application",
    "request_model",
    "target_id",
    "operation",
    "status",
    "tenant_id",
)
assert set(DIMENSIONS) == set(get_args(Dimension))

FAILED: Final = frozenset({"error", "aborted"})
"""What counts as an error of a call; a client that went away is none."""

MOST_TOKENS: Final = 1 << 40
MOST_NANO: Final = 1 << 50
"""What one span can add to sums (a million currency units): a provider's absurd figure must not overflow
everybody's.
"""

_MINUTE_US = 60_000_000
_LAST_MINUTE = 1 << 57
_FIGURES = (
    "calls",
    "errors",
    "attempts",
    "input_tokens",
    "cache_read",
    "output_tokens",
    "estimated_calls",
    "cost_nano",
    "cost_unknown",
    "energy_known",
    "co2e_known",
    "kwh_low",
    "kwh_central",
    "kwh_high",
    "co2e_low",
    "co2e_central",
    "co2e_high",
    "cache_hits",
    "cache_misses",
    "saved_tokens",
    "saved_nano",
    "saved_unknown",
    "water_known",
    "water_low",
    "water_central",
    "water_high",
)
_PLAIN = 9
_SAVED = 17
_WATER = 22
"""The figures before `_PLAIN` stand in a Rollup by themselves, those before `_SAVED` in its EnergySums, with those from
`_WATER` on, and the others in its CacheSums."""


class Sums:
    """What new spans add to one bucket of one series."""

    __slots__ = ("duration", "figures", "first_token")

    def __init__(self) -> None:
        self.figures = [0] * len(_FIGURES)
        self.duration: Histogram | None = None
        self.first_token: Histogram | None = None

    def add(self, span: Span, standing: Standing | None = None) -> None:
        """A call of the gateway is its root span; of what others told it is what stands as one."""
        figures = self.figures
        if span.is_root if standing is None else standing.called:
            figures[0] += 1
            figures[1] += span.status in FAILED
            self.duration = self.duration or Histogram()
            self.duration.add(span.duration_us)
            if span.first_token_us is not None:
                self.first_token = self.first_token or Histogram()
                self.first_token.add(span.first_token_us)
        figures[2] += span.kind in MODEL_CALLS if standing is None else standing.called
        if span.owns_usage if standing is None else standing.owns:
            usage, cost = span.usage, span.cost
            if usage is not None:
                figures[3] += min(usage.input_tokens, MOST_TOKENS)
                figures[4] += min(usage.cache_read, MOST_TOKENS)
                figures[5] += min(usage.output_tokens, MOST_TOKENS)
                figures[6] += usage.estimated
            if cost is None or cost.nano is None:
                figures[8] += 1
            else:
                figures[7] += min(cost.nano, MOST_NANO)
        if span.kind == "cache" and standing is None:
            self._add_lookup(span)
        if span.energy is not None and span.kind in MODEL_CALLS:
            self._add_energy(span.energy)

    def _add_lookup(self, span: Span) -> None:
        """A hit has the usage and the cost that it saved."""
        figures, usage, cost = self.figures, span.usage, span.cost
        if usage is None:
            figures[_SAVED + 1] += 1
            return
        figures[_SAVED] += 1
        figures[_SAVED + 2] += min(usage.total_tokens, MOST_TOKENS)
        if cost is None or cost.nano is None:
            figures[_SAVED + 4] += 1
        else:
            figures[_SAVED + 3] += min(cost.nano, MOST_NANO)

    def _add_energy(self, energy: Energy) -> None:
        figures = self.figures
        for known, first, unit, found in (
            (9, 11, KWH_UNIT, energy.kwh),
            (10, 14, GRAM_UNIT, energy.co2e_g),
            (_WATER, _WATER + 1, LITRE_UNIT, energy.water_l),
        ):
            if found is not None:
                figures[known] += 1
                for place, amount in enumerate((found.low, found.central, found.high), first):
                    figures[place] += in_units(amount, unit)

    def merge(self, other: "Sums") -> None:
        self.figures = [mine + its for mine, its in zip(self.figures, other.figures, strict=True)]
        self.duration = _merged(self.duration, other.duration)
        self.first_token = _merged(self.first_token, other.first_token)

    def take_away(self, other: "Sums") -> None:
        """What was added before and counts no longer. Histograms take counts below zero: they are added to others."""
        self.figures = [mine - its for mine, its in zip(self.figures, other.figures, strict=True)]
        self.duration = _merged(self.duration, _negative(other.duration))
        self.first_token = _merged(self.first_token, _negative(other.first_token))

    def packed(self) -> tuple[object, ...]:
        return (*self.figures, _pack(self.duration), _pack(self.first_token))


def in_units(amount: float, unit: float) -> int:
    """As an integer that sums exactly; what is no figure of one call's counts as the most that one span can add."""
    return min(max(0, round(amount / unit)), MOST_NANO) if math.isfinite(amount) else MOST_NANO


def _merged(mine: Histogram | None, other: Histogram | None) -> Histogram | None:
    if other is None:
        return mine
    whole = mine or Histogram()
    whole.merge(other)
    return whole


def _negative(histogram: Histogram | None) -> Histogram | None:
    if histogram is None:
        return None
    less = {index: -times for index, times in histogram.buckets.items()}
    return Histogram(less, -histogram.zero, -histogram.count, -histogram.total)


def _pack(histogram: Histogram | None) -> bytes | None:
    return None if histogram is None else histogram.pack()


def counts(span: Span, standing: Standing | None) -> bool:
    """Whether any figure of a rollup depends on it (a tool's span leaves none)."""
    if standing is not None:
        return standing.called or standing.owns
    return span.is_root or span.owns_usage or span.kind == "cache" or span.kind in MODEL_CALLS


# --- writing ---


def prepare_writer(connection: sqlite3.Connection) -> None:
    connection.create_function("merge_histograms", 2, _merge_packed, deterministic=True)


def _merge_packed(mine: bytes | None, other: bytes | None) -> bytes | None:
    if mine is None or other is None:
        return mine if other is None else other
    whole = Histogram.unpack(mine)
    whole.merge(Histogram.unpack(other))
    return whole.pack()


def _upsert(step: str) -> str:
    columns = ("start", "series", *_FIGURES, "duration", "first_token")
    added = [f"{name} = {name} + excluded.{name}" for name in _FIGURES]
    merged = [f"{name} = merge_histograms({name}, excluded.{name})" for name in ("duration", "first_token")]
    return (
        f"INSERT INTO rollup_{step} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        f" ON CONFLICT (start, series) DO UPDATE SET {', '.join(added + merged)}"
    )


_UPSERT_MINUTE, _UPSERT_HOUR = _upsert("minute"), _upsert("hour")


def place_of(span: Span, ids: NameIds, series: SeriesIds) -> tuple[int, int]:
    """(minute, series) of the bucket that a span counts in."""
    dimensions = (
        ids[span.environment_id] or 0,
        ids[span.team_id] or 0,
        ids[span.key_id] or 0,
        ids[span.application] or 0,
        ids[span.request_model] or 0,
        ids[span.target_id] or 0,
        ids[span.operation or None] or 0,
        ids[span.status] or 0,
        ids[span.tenant_id] or 0,
    )
    return span.start_us // _MINUTE_US, series[dimensions]


def correct_cost(connection: sqlite3.Connection, place: tuple[int, int], nano: int, unknown: int) -> None:
    """Change the cost of the buckets, by minute and by hour, that a span counts in; in the open transaction."""
    minute, number = place
    for table, start in (("minute", minute), ("hour", minute // 60 * 60)):
        connection.execute(
            f"UPDATE rollup_{table} SET cost_nano = cost_nano + ?, cost_unknown = cost_unknown + ?"  # noqa: S608
            " WHERE start = ? AND series = ?",
            (nano, unknown, start, number),
        )


def add_spans(
    connection: sqlite3.Connection, spans: Sequence[Span], ids: NameIds, series: SeriesIds, placed: Placed = NOTHING
) -> None:
    """Add spans that were not there before to both rollups, and what changed of others, in the open transaction."""
    minutes: dict[tuple[int, int], Sums] = {}
    for span in spans:
        standing = placed.standing.get((span.trace_id, span.span_id))
        if not counts(span, standing):
            continue
        bucket = place_of(span, ids, series)
        sums = minutes.get(bucket)
        if sums is None:
            sums = minutes[bucket] = Sums()
        sums.add(span, standing)
    for change in placed.changes:
        former = Sums()
        former.add(change.span, change.before)
        sums = minutes.setdefault(place_of(change.span, ids, series), Sums())
        sums.take_away(former)
        sums.add(change.span, change.now)
    hours: dict[tuple[int, int], Sums] = {}
    for (minute, number), sums in minutes.items():
        bucket = (minute // 60 * 60, number)
        hour = hours.get(bucket)
        if hour is None:
            hour = hours[bucket] = Sums()
        hour.merge(sums)
    for statement, buckets in ((_UPSERT_MINUTE, minutes), (_UPSERT_HOUR, hours)):
        connection.executemany(statement, [(*bucket, *buckets[bucket].packed()) for bucket in sorted(buckets)])


# --- reading ---


class _HistogramSum:
    """SQL aggregate over packed histograms."""

    def __init__(self) -> None:
        parts: list[bytes | None] = []
        self._parts = parts
        self.step = parts.append  # called for every row, so without a frame of its own

    def finalize(self) -> bytes | None:
        whole = Histogram.merged(Histogram.unpack(part) for part in self._parts if part is not None)
        return whole.pack() if whole.count else None


def prepare_reader(connection: sqlite3.Connection) -> None:
    connection.create_aggregate("sum_histograms", 1, _HistogramSum)  # pyright: ignore[reportArgumentType] (the stub knows only integers)


_STEP_MINUTES = {"minute": 1, "hour": 60, "day": 1440}


def read(connection: sqlite3.Connection, texts: NameTexts, query: RollupQuery) -> list[Rollup]:
    """Sums over the whole minutes that the range touches: `since_us` is rounded down and `until_us` up to a minute.

    Whole hours come from the rollup by hour, what is left at both ends from the rollup by minute.
    """
    groups = [_dimension(name) for name in query.group_by]
    matching = [f"{_dimension(name)} = ?" for name in query.where]
    first = max(-_LAST_MINUTE, min(query.since_us // _MINUTE_US, _LAST_MINUTE))
    last = max(-_LAST_MINUTE, min(-(-query.until_us // _MINUTE_US), _LAST_MINUTE))
    wanted = [texts.number(text) if text else 0 for text in query.where.values()]
    if first >= last or None in wanted:
        return []
    chosen = f" AND series IN (SELECT id FROM series WHERE {' AND '.join(matching)})" if matching else ""  # noqa: S608
    parts: list[str] = []
    parameters: list[int | None] = []
    for table, start, end in _ranges(first, last, by_minute=query.step == "minute"):
        parts.append(f"SELECT * FROM rollup_{table} WHERE start >= ? AND start < ?{chosen}")  # noqa: S608
        parameters += [start, end, *wanted]
    keys = [f"series.{name}" for name in groups]
    if query.step == "all":
        bucket = str(first)
    else:
        bucket = f"start - start % {_STEP_MINUTES[query.step]}"
        keys.insert(0, bucket)
    rows = connection.execute(
        f"SELECT {', '.join([bucket, *(f'sum({name})' for name in _FIGURES)])},"  # noqa: S608
        f" sum_histograms(duration), sum_histograms(first_token){''.join(f', series.{name}' for name in groups)}"
        f" FROM ({' UNION ALL '.join(parts)}) AS parts{' JOIN series ON series.id = parts.series' if groups else ''}"
        f"{' GROUP BY ' + ', '.join(keys) if keys else ''} ORDER BY 1",
        parameters,
    ).fetchall()
    width = 1 + len(_FIGURES)
    return [
        Rollup(
            row[0] * _MINUTE_US,
            {name: texts[number] or "" for name, number in zip(groups, row[width + 2 :], strict=True)},
            *row[1 : 1 + _PLAIN],
            duration=_unpack(row[width]),
            first_token=_unpack(row[width + 1]),
            energy=EnergySums(*row[1 + _PLAIN : 1 + _SAVED], *row[1 + _WATER : width]),
            cache=CacheSums(*row[1 + _SAVED : 1 + _WATER]),
        )
        for row in rows
        if row[1] is not None  # one row of nothing, where nothing is grouped
    ]


def _unpack(packed: bytes | None) -> Histogram:
    return Histogram() if packed is None else Histogram.unpack(packed)


def _dimension(name: str) -> str:
    # Names of columns go into the statement as they are, so they must be ours whatever the caller's types said.
    if name not in DIMENSIONS:
        raise UsageError(
            f"{name!r} is not a dimension of rollups.", remedy=f"Use one of {', '.join(DIMENSIONS)}.", param="group_by"
        )
    return name


def _ranges(first: int, last: int, *, by_minute: bool) -> list[tuple[str, int, int]]:
    """(table, start, end) parts of [first, last) in minutes that cover it once."""
    first_hour, last_hour = -(-first // 60) * 60, last // 60 * 60
    if by_minute or first_hour >= last_hour:
        return [("minute", first, last)]
    parts = [("minute", first, first_hour), ("hour", first_hour, last_hour), ("minute", last_hour, last)]
    return [part for part in parts if part[1] < part[2]]
