"""The totals of all time behind `/metrics`, under labels that cannot grow without bound.

Callers name models, and tenants make teams and applications at will, so each of these labels shows the busiest names
only and calls the rest `other`. A name that was shown once stays shown for the life of the process: a counter that
moved between names would fall, and Prometheus would take that for a restart and count it again.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from genaiops.core.histogram import Histogram
from genaiops.ports.telemetry import Dimension, Rollup, RollupQuery, Telemetry

OTHER: Final = "other"
MOST_NAMES: Final = 50
MOST_SERIES: Final = 250
"""Combinations of environment, model, target, operation and status; what is beyond them keeps the last two."""

CALL: Final[Sequence[Dimension]] = ("environment_id", "request_model", "target_id", "operation", "status")
_NAMED: Final[Sequence[Dimension]] = ("environment_id", "request_model", "target_id", "team_id", "application")
_JOINT: Final[Sequence[Dimension]] = (*CALL, "team_id", "application")
FIGURES: Final = (
    "calls",
    "errors",
    "attempts",
    "input_tokens",
    "cache_read",
    "output_tokens",
    "estimated_calls",
    "cost_nano",
    "cost_unknown",
)
_MINUTE_US = 60_000_000
_RECENT_US = 15 * _MINUTE_US
_FRESH_SECONDS = 600.0
_SHARE = 50

K = TypeVar("K")
Key = tuple[str, ...]


class Total:
    """Sums of many rollups."""

    __slots__ = ("duration", "figures", "first_token")

    def __init__(self) -> None:
        self.figures = [0] * len(FIGURES)
        self.duration = Histogram()
        self.first_token = Histogram()

    def __getitem__(self, name: str) -> int:
        return self.figures[FIGURES.index(name)]

    def add(self, row: Rollup) -> None:
        self.figures = [sum_ + getattr(row, name) for sum_, name in zip(self.figures, FIGURES, strict=True)]
        self.duration.merge(row.duration)
        self.first_token.merge(row.first_token)

    def merge(self, other: "Total") -> None:
        self.figures = [mine + its for mine, its in zip(self.figures, other.figures, strict=True)]
        self.duration.merge(other.duration)
        self.first_token.merge(other.first_token)


class Shown:
    """Which names a label shows: the busiest when it first looked, then newcomers while there is room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[object] = set()

    def admit(self, calls: Mapping[object, int]) -> None:
        room = self._most - len(self._names)
        if room <= 0:
            return
        fresh = sorted((name for name in calls if name not in self._names), key=lambda name: (-calls[name], str(name)))
        self._names.update(fresh[:room])

    def __contains__(self, name: object) -> bool:
        return name in self._names


class Totals(msgspec.Struct, frozen=True):
    """`calls` by the dimensions of CALL, `teams` and `applications` by their names."""

    calls: dict[Key, Total]
    teams: dict[str, Total]
    applications: dict[str, Total]

    @staticmethod
    def empty() -> "Totals":
        return Totals({}, {}, {})


class _Old(msgspec.Struct, frozen=True):
    totals: Totals
    until_us: int


class TotalsReader:
    """What is older than a quarter of an hour is summed once in ten minutes or less often, in the background; the rest
    at each look. A call that began before and ends late, or a trace sent late, is seen by the next such sum."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], int]) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._shown = {name: Shown(MOST_NAMES) for name in _NAMED}
        self._series = Shown(MOST_SERIES)
        self._lock = threading.RLock()
        self._old: _Old | None = None
        self._due = 0.0
        self._reading: threading.Thread | None = None

    def read(self) -> Totals:
        with self._lock:
            if self._old is None:
                self._refresh()
            elif time.monotonic() >= self._due and (self._reading is None or not self._reading.is_alive()):
                self._reading = threading.Thread(target=self._refresh, name="metrics", daemon=True)
                self._reading.start()
            old = self._old
            assert old is not None
            recent = self._fold(self._rows(old.until_us, self._clock() + _MINUTE_US))
        return Totals(
            _merged(old.totals.calls, recent.calls),
            _merged(old.totals.teams, recent.teams),
            _merged(old.totals.applications, recent.applications),
        )

    def _refresh(self) -> None:
        began = time.monotonic()
        until_us = (self._clock() - _RECENT_US) // _MINUTE_US * _MINUTE_US
        rows = self._rows(0, until_us)
        with self._lock:
            self._old = _Old(self._fold(rows), until_us)
        took = time.monotonic() - began
        self._due = time.monotonic() + max(_FRESH_SECONDS, _SHARE * took)

    def _rows(self, since_us: int, until_us: int) -> Sequence[Rollup]:
        query = RollupQuery(since_us=since_us, until_us=until_us, step="all", group_by=tuple(_JOINT))
        return self._telemetry.rollup(query)

    def _fold(self, rows: Sequence[Rollup]) -> Totals:
        for name in _NAMED:
            self._shown[name].admit(_calls((row.group[name], row.calls) for row in rows))
        self._series.admit(_calls((self._key(row), row.calls) for row in rows))
        totals = Totals.empty()
        for row in rows:
            key = self._key(row)
            if key not in self._series:
                key = (*(name and OTHER for name in key[:3]), *key[3:])
            _slot(totals.calls, key).add(row)
            if row.group["team_id"]:
                _slot(totals.teams, self._name(row, "team_id")).add(row)
            if row.group["application"]:
                _slot(totals.applications, self._name(row, "application")).add(row)
        return totals

    def _key(self, row: Rollup) -> Key:
        return (*(self._name(row, name) for name in CALL[:3]), *(row.group[name] for name in CALL[3:]))

    def _name(self, row: Rollup, dimension: Dimension) -> str:
        name = row.group[dimension]
        return name if not name or name in self._shown[dimension] else OTHER


def _slot(totals: dict[K, Total], key: K) -> Total:
    found = totals.get(key)
    if found is None:
        found = totals[key] = Total()
    return found


def _calls(rows: Iterable[tuple[object, int]]) -> dict[object, int]:
    found: dict[object, int] = {}
    for name, calls in rows:
        if name:
            found[name] = found.get(name, 0) + calls
    return found


def _merged(old: Mapping[K, Total], recent: Mapping[K, Total]) -> dict[K, Total]:
    """Totals of `old` without a recent one are shared, never changed."""
    whole = dict(old)
    for key, total in recent.items():
        former = old.get(key)
        if former is not None:
            total.merge(former)
        whole[key] = total
    return whole
