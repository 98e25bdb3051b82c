"""Hashes of runs of words: R. Karp and M. Rabin's rolling polynomial, modulo the prime 2^61 - 1, of each word's CRC-32.

Letters of other scripts count as the Latin ones that they look like. The same on every machine and in every process, so
that an index can be kept.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from zlib import crc32

from genaiops.checks.scanning import LOOKALIKES

BITS: Final = 61
_PRIME: Final = (1 << BITS) - 1
_BASE: Final = 0x1B873593CC9E2D51
_LATIN: Final = str.maketrans(
    {
        other: latin
        for lower in (False, True)  # small letters last: where a capital looks like another letter, they decide
        for letter, alike in LOOKALIKES.items()
        if letter.islower() == lower and len(other := letter.casefold()) == 1 and (latin := alike.casefold()).isalnum()
    }
)


class Rolling:
    """One hash for each word from the k-th on: of it and the k - 1 words before it."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.read = 0
        """Words so far."""
        self._out = pow(_BASE, k, _PRIME)
        self._hash = 0
        self._last = [0] * k

    def feed(self, texts: Sequence[str]) -> Iterator[int]:
        values = [crc32((text if text.isascii() else text.translate(_LATIN)).encode()) + 1 for text in texts]
        leaving = self._last + values
        self._last = leaving[-self.k :]
        missing = max(0, self.k - 1 - self.read)
        self.read += len(values)
        rolled, out = self._hash, self._out
        hashes: list[int] = []
        for value, gone in zip(values, leaving, strict=False):
            rolled = (rolled * _BASE + value - gone * out) % _PRIME
            hashes.append(rolled)
        self._hash = rolled
        return iter(hashes[missing:] if missing else hashes)


def winnowed(hashes: Sequence[int], window: int) -> list[int]:
    """The numbers of those that are kept: the smallest of every `window` neighbours, the right one of equals unless the
    one chosen before still serves (the paper's robust winnowing). Of fewer than `window`, one."""
    if not hashes:
        return []
    kept: list[int] = []
    chosen = -1
    for end in range(min(window, len(hashes)), len(hashes) + 1):
        start = max(0, end - window)
        if chosen >= start:
            if hashes[end - 1] < hashes[chosen]:
                chosen = end - 1
                kept.append(chosen)
            continue
        least = min(hashes[start:end])
        chosen = next(number for number in range(end - 1, start - 1, -1) if hashes[number] == least)
        kept.append(chosen)
    return kept
