"""How quick a target is: decayed averages for the choice between targets, percentiles for hedging."""

import math
from collections import deque

_HALF_LIFE = 30.0
"""Seconds after which a measurement counts half as much as one made now."""
_STALE = 120.0
"""Seconds after which what was measured says nothing any more, and the target is tried again."""
_KEPT = 128
_ENOUGH = 20


class Average:
    """A mean whose samples lose weight with their age (seconds), however irregularly they come: sum of w x over sum of
    w, w = 2^(-age / half-life)."""

    __slots__ = ("_at", "_sum", "_weight")

    def __init__(self) -> None:
        self._sum = 0.0
        self._weight = 0.0
        self._at = 0.0

    def add(self, value: float, now: float) -> None:
        decay = math.exp2((self._at - now) / _HALF_LIFE)
        self._sum = self._sum * decay + value
        self._weight = self._weight * decay + 1.0
        self._at = now

    def value(self, now: float) -> float | None:
        """None: never measured, or too long ago."""
        return self._sum / self._weight if self._weight and now - self._at < _STALE else None


class Pace:
    """Times of one target as this worker measured them, in seconds: to the first content of streams, and of whole
    answers. Of failures only that they happened counts: each as if it had taken twice the average."""

    __slots__ = ("_recent", "first", "whole")

    def __init__(self) -> None:
        self.first = Average()
        self.whole = Average()
        self._recent: tuple[deque[float], deque[float]] = (deque(maxlen=_KEPT), deque(maxlen=_KEPT))

    def observe(self, seconds: float, now: float, *, streamed: bool) -> None:
        (self.first if streamed else self.whole).add(seconds, now)
        self._recent[streamed].append(seconds)

    def fail(self, seconds: float, now: float, *, streamed: bool) -> None:
        """A fast failure must not make a target look quick."""
        average = self.first if streamed else self.whole
        average.add(max(seconds, 2 * (average.value(now) or 0.0)), now)

    def seconds(self, now: float, *, streamed: bool) -> float | None:
        return (self.first if streamed else self.whole).value(now)

    def percentile(self, percent: float, *, streamed: bool) -> float | None:
        """Of the last hundred or so (nearest rank); None while there are fewer than twenty."""
        recent = sorted(self._recent[streamed])
        if len(recent) < _ENOUGH:
            return None
        return recent[min(len(recent) - 1, max(0, math.ceil(percent / 100 * len(recent)) - 1))]
