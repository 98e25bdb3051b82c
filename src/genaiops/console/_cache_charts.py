"""Charts of caches: hits over time beside the time before, and how alike the questions of semantic hits were."""

import math
from collections.abc import Sequence

import msgspec

from genaiops.console._charts import SCHEMA, Chart, Series, Spec, bars, lines
from genaiops.watch import UsageRow, hit_rate

__all__ = ["Chart", "Span", "alike", "over_time"]

BINS = 100
"""A cosine is drawn to a hundredth."""


class Span(msgspec.Struct, frozen=True):
    """A stretch of time in microseconds, and the step that it is drawn in."""

    since_us: int
    until_us: int
    step_us: int

    @property
    def starts_us(self) -> Sequence[int]:
        return range(self.since_us, self.until_us, self.step_us)

    @property
    def before(self) -> "Span":
        """The same time before, as many whole steps."""
        length = len(self.starts_us) * self.step_us
        return Span(self.since_us - length, self.until_us - length, self.step_us)


def over_time(span: Span, now: Sequence[UsageRow], before: Sequence[UsageRow]) -> Sequence[Chart]:
    """`before` are the rows of `span.before`; they are drawn over the present ones."""
    rows, former = _by_step(span, now), _by_step(span.before, before)
    each = "an hour" if span.step_us < 86_400_000_000 else "a day"
    return [
        lines(
            f"Hit rate, {each}",
            span.starts_us,
            [
                Series("now", "token:accent", [_percent(row) for row in rows]),
                Series("the time before", "token:accent-soft", [_percent(row) for row in former]),
            ],
            (),
            unit="% of look-ups",
        ),
        bars(
            f"Looked up, {each}",
            span.starts_us,
            [
                Series("hits", "token:accent", [row.cache.hits if row else 0 for row in rows]),
                Series("misses", "token:muted", [row.cache.misses if row else 0 for row in rows]),
            ],
            (),
            unit="calls",
        ),
    ]


def _by_step(span: Span, rows: Sequence[UsageRow]) -> list[UsageRow | None]:
    found = {row.start_us: row for row in rows}
    return [found.get(start) for start in span.starts_us]


def _percent(row: UsageRow | None) -> float | None:
    rate = None if row is None else hit_rate(row.cache)
    return None if rate is None else 100 * rate


def alike(cosines: Sequence[float], threshold: float) -> Chart:
    """How many hits at each cosine, and where the threshold is."""
    counts: dict[int, int] = {}
    for cosine in cosines:
        place = math.floor(cosine * BINS + 1e-9)
        counts[place] = counts.get(place, 0) + 1
    rows = [(place / BINS, count) for place, count in sorted(counts.items())]
    x: Spec = {"type": "quantitative", "scale": {"domain": [min(threshold, rows[0][0]) - 0.01, 1.01]}}
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 110,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": [
            {
                "data": {"values": [{"from": at, "to": at + 1 / BINS, "hits": count} for at, count in rows]},
                "mark": {"type": "rect", "color": "token:accent", "tooltip": True},
                "encoding": {
                    "x": {**x, "field": "from", "axis": {"title": "cosine", "tickCount": 8}},
                    "x2": {"field": "to"},
                    "y2": {"datum": 0},
                    "y": {
                        "field": "hits",
                        "type": "quantitative",
                        "axis": {"title": "hits", "tickCount": 4, "minExtent": 34},
                    },
                    "tooltip": [{"field": "from", "title": "cosine from"}, {"field": "hits"}],
                },
            },
            {
                "data": {"values": [{"threshold": threshold}]},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "token:danger"},
                "encoding": {"x": {**x, "field": "threshold"}, "tooltip": [{"field": "threshold"}]},
            },
        ],
        "description": "How alike the questions of semantic hits were",
    }
    table = [[f"{at:.2f}", str(count)] for at, count in rows]
    return Chart("How alike the questions of semantic hits were", spec, ["cosine from", "hits"], table)
