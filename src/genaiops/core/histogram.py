"""A mergeable histogram of positive numbers with bounded relative error.

DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
VLDB 2019, section 2): bucket i holds the values in (gamma^(i-1), gamma^i], gamma = (1 + a) / (1 - a). With a = 0.02
every quantile is within 2 % of a value of that rank. Merging adds counts; order never matters.
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

RELATIVE_ERROR = 0.02
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)


class Histogram(msgspec.Struct, array_like=True):
    """`buckets` maps the bucket's index to its count; `zero` counts values <= 0."""

    buckets: dict[int, int] = {}
    zero: int = 0
    count: int = 0
    total: float = 0.0

    def add(self, value: float, times: int = 1) -> None:
        self.count += times
        self.total += value * times
        if value <= 0:
            self.zero += times
            return
        index = math.ceil(math.log(value) / _LOG_GAMMA)
        self.buckets[index] = self.buckets.get(index, 0) + times

    def merge(self, other: "Histogram") -> None:
        self.count += other.count
        self.total += other.total
        self.zero += other.zero
        for index, times in other.buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + times

    def quantile(self, q: float) -> float | None:
        """The value of rank q (0..1), within RELATIVE_ERROR; None when nothing was added."""
        if self.count == 0:
            return None
        rank = q * (self.count - 1)
        seen = self.zero
        if rank < seen:
            return 0.0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if rank < seen:
                return 2 * _GAMMA**index / (_GAMMA + 1)
        return None

    def counts_below(self, bounds: Sequence[float]) -> list[int]:
        """How many values were at most each of rising bounds (for Prometheus; exact to a bucket's width)."""
        found: list[int] = []
        seen, at = self.zero, 0
        indexes = sorted(self.buckets)
        for bound in bounds:
            last = math.floor(math.log(bound) / _LOG_GAMMA + 1e-9) if bound > 0 else -(1 << 62)
            while at < len(indexes) and indexes[at] <= last:
                seen += self.buckets[indexes[at]]
                at += 1
            found.append(seen)
        return found

    def pack(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @staticmethod
    def unpack(data: bytes) -> "Histogram":
        return msgspec.msgpack.decode(data, type=Histogram)

    @staticmethod
    def merged(parts: Iterable["Histogram"]) -> "Histogram":
        whole = Histogram()
        for part in parts:
            whole.merge(part)
        return whole
