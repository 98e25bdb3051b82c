"""`/metrics`: the figures of all workers together in the Prometheus text format 0.0.4."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from genaiops.core.clock import now_us
from genaiops.core.histogram import Histogram
from genaiops.core.money import NANO
from genaiops.ports.counters import Counters
from genaiops.ports.telemetry import Dimension, Rollup, RollupQuery, Telemetry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_GROUP: Sequence[Dimension] = ("environment_id", "request_model", "target_id", "operation", "status")
_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_RECENT_US = 24 * 3_600_000_000
_HOUR_US = 3_600_000_000
_FRESH_SECONDS = 600.0
_MICRO = 1_000_000

Key = tuple[str, ...]
Labels = Mapping[str, str]

_COUNTERS: Sequence[tuple[str, str, str]] = (
    ("genaiops_calls_total", "Calls, refused ones included.", "calls"),
    ("genaiops_attempts_total", "Attempts at providers.", "attempts"),
    ("genaiops_input_tokens_total", "Tokens read by models, cached ones included.", "input_tokens"),
    ("genaiops_cached_input_tokens_total", "Input tokens that the provider read from its cache.", "cache_read"),
    ("genaiops_output_tokens_total", "Tokens written by models, reasoning included.", "output_tokens"),
    ("genaiops_estimated_calls_total", "Calls whose tokens are an estimate.", "estimated_calls"),
    ("genaiops_cost_unknown_total", "Calls that cost something nobody knows: no price fits.", "cost_unknown"),
)


class Metrics:
    """The totals of all time. What is older than a day is summed once in ten minutes, the rest at each scrape."""

    def __init__(self, telemetry: Telemetry, counters: Counters) -> None:
        self._telemetry = telemetry
        self._counters = counters
        self._old: Mapping[Key, Rollup] = {}
        self._old_until_us = 0
        self._old_read_at = float("-inf")

    def text(self, extra: Iterable[tuple[str, Labels, float]] = ()) -> bytes:
        """`extra`: further gauges as (name, labels, value)."""
        rows = self._rows()
        lines: list[str] = []
        for name, meaning, field in _COUNTERS:
            lines += _family(name, "counter", meaning, ((row.group, getattr(row, field)) for row in rows))
        costs = ((row.group, row.cost_nano / NANO) for row in rows)
        lines += _family("genaiops_cost_total", "counter", "Known cost in units of the prices' currency.", costs)
        lines += _histogram("genaiops_call_duration_seconds", "Whole calls.", [(r.group, r.duration) for r in rows])
        lines += _histogram(
            "genaiops_first_token_seconds", "Until the first content.", [(r.group, r.first_token) for r in rows]
        )
        lines += self._gauges()
        for name, labels, value in extra:
            lines += _family(name, "gauge", "", [(labels, value)])
        return ("\n".join(lines) + "\n").encode()

    def _rows(self) -> Sequence[Rollup]:
        now = now_us()
        if time.monotonic() - self._old_read_at > _FRESH_SECONDS:
            self._old_until_us = (now - _RECENT_US) // _HOUR_US * _HOUR_US
            self._old = {_key(row): row for row in self._read(0, self._old_until_us)}
            self._old_read_at = time.monotonic()
        merged = dict(self._old)
        for row in self._read(self._old_until_us, now + _MICRO):
            old = merged.get(_key(row))
            merged[_key(row)] = row if old is None else _sum(old, row)
        return list(merged.values())

    def _read(self, since_us: int, until_us: int) -> Sequence[Rollup]:
        return self._telemetry.rollup(
            RollupQuery(since_us=since_us, until_us=until_us, step="all", group_by=tuple(_GROUP))
        )

    def _gauges(self) -> Iterator[str]:
        """What the workers say of themselves: `breaker/<target>` becomes a label."""
        families: dict[str, list[tuple[Labels, float]]] = {}
        for gauge in self._counters.gauges():
            name, _, target = gauge.name.partition("/")
            labels = {"worker": str(gauge.column), **({"target_id": target} if target else {})}
            families.setdefault(f"genaiops_worker_{name}", []).append((labels, gauge.value))
        for name, samples in families.items():
            yield from _family(name, "gauge", "", samples)


def _key(row: Rollup) -> Key:
    return tuple(row.group.get(name, "") for name in _GROUP)


def _sum(one: Rollup, other: Rollup) -> Rollup:
    figures = {
        name: getattr(one, name) + getattr(other, name)
        for name in (*(field for _, _, field in _COUNTERS), "errors", "cost_nano")
    }
    return Rollup(
        start_us=one.start_us,
        group=one.group,
        duration=Histogram.merged((one.duration, other.duration)),
        first_token=Histogram.merged((one.first_token, other.first_token)),
        **figures,
    )


def _family(name: str, kind: str, meaning: str, samples: Iterable[tuple[Labels, float]]) -> list[str]:
    lines = [f"# HELP {name} {meaning}"] if meaning else []
    lines.append(f"# TYPE {name} {kind}")
    lines += [f"{name}{_labels(labels)} {value}" for labels, value in samples]
    return lines


def _histogram(name: str, meaning: str, samples: Sequence[tuple[Labels, Histogram]]) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} histogram"]
    for labels, histogram in samples:
        if not histogram.count:
            continue
        for bound in _BOUNDS:
            bucket = _labels({**labels, "le": str(bound)})
            lines.append(f"{name}_bucket{bucket} {histogram.count_below(bound * _MICRO)}")
        lines.append(f"{name}_bucket{_labels({**labels, 'le': '+Inf'})} {histogram.count}")
        lines.append(f"{name}_sum{_labels(labels)} {histogram.total / _MICRO}")
        lines.append(f"{name}_count{_labels(labels)} {histogram.count}")
    return lines


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
