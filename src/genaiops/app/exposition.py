"""The Prometheus text format 0.0.4: families of samples, written as text.

https://prometheus.io/docs/instrumenting/exposition_formats/: a family has HELP and TYPE once, and its samples stand
together; the names of counters end in `_total`, and units stand in names in full (`_seconds`, `_bytes`, `_ratio`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.core.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MICRO = 1_000_000

Labels = Mapping[str, str]


class Family(msgspec.Struct, frozen=True):
    """Counters or gauges of one name. A family without samples is left out."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: Iterable[tuple[Labels, float]]


def one(name: str, help_text: str, value: float) -> Family:
    """A gauge without labels."""
    return Family(name, "gauge", help_text, [({}, value)])


class Distribution(msgspec.Struct, frozen=True):
    """Histograms of one name: of durations in microseconds, shown in seconds. `bounds` in seconds, rising."""

    name: str
    help: str
    bounds: Sequence[float]
    samples: Iterable[tuple[Labels, Histogram]]


class Sums(msgspec.Struct, frozen=True):
    """A histogram of which only the sums are known: one bucket, which holds all. Samples: (labels, count, sum)."""

    name: str
    help: str
    samples: Iterable[tuple[Labels, int, float]]


def render(families: Iterable[Family | Distribution | Sums]) -> bytes:
    lines: list[str] = []
    for family in families:
        match family:
            case Family():
                samples = [
                    f"{family.name}{_braced(_text(labels))} {_number(value)}" for labels, value in family.samples
                ]
                kind = family.kind
            case Distribution():
                samples = _distribution(family)
                kind = "histogram"
            case Sums():
                samples = [
                    line for labels, count, total in family.samples for line in _sums(family.name, labels, count, total)
                ]
                kind = "histogram"
        if samples:
            lines += [f"# HELP {family.name} {_help(family.help)}", f"# TYPE {family.name} {kind}", *samples]
    return "".join(f"{line}\n" for line in lines).encode()


def _distribution(family: Distribution) -> list[str]:
    bounds = [bound * MICRO for bound in family.bounds]
    lines: list[str] = []
    for labels, histogram in family.samples:
        if not histogram.count:
            continue
        text = _text(labels)
        head = f"{family.name}_bucket{{{text}{',' if text else ''}le="
        counts = histogram.counts_below(bounds)
        lines += [f'{head}"{bound}"}} {count}' for bound, count in zip(family.bounds, counts, strict=True)]
        lines.append(f'{head}"+Inf"}} {histogram.count}')
        lines.append(f"{family.name}_sum{_braced(text)} {histogram.total / MICRO}")
        lines.append(f"{family.name}_count{_braced(text)} {histogram.count}")
    return lines


def _sums(name: str, labels: Labels, count: int, total: float) -> tuple[str, str, str]:
    text = _text(labels)
    return (
        f'{name}_bucket{{{text}{"," if text else ""}le="+Inf"}} {count}',
        f"{name}_sum{_braced(text)} {_number(total)}",
        f"{name}_count{_braced(text)} {count}",
    )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _braced(text: str) -> str:
    return f"{{{text}}}" if text else ""


def _text(labels: Labels) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items() if value)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
