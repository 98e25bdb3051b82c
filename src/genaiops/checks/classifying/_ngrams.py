"""Characters and words of a text as a sparse vector of hashed n-grams, the same on every machine.

Feature hashing after Weinberger et al. (2009), weighted by TF-IDF; the hash is a polynomial over code points, mixed as
in SplitMix64 (Steele, Lea and Flood, 2014), so that no table of words has to be shipped.
"""

import re
import unicodedata
import zlib
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

BITS: Final = 17
"""Buckets of characters, and as many of words: 2 to this power."""
BUCKETS: Final = 1 << BITS
CHARACTERS: Final = (3, 4, 5)
WORDS: Final = (1, 2, 3)

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef]"
)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w+|[^\w\s]")
_PRIME: Final = np.uint64(0x100000001B3)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SALT: Final = np.uint64(0x9E3779B97F4A7C15)


class Counts(Struct, frozen=True):
    """Which buckets (ascending, 0 to 2 * BUCKETS - 1; words behind characters) occur, and how often."""

    buckets: NDArray[np.int64]
    counts: NDArray[np.int64]


def plain(text: str) -> str:
    """What a reader sees of a text: compatible forms made one (NFKC), no invisible characters, one kind of space."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return _SPACE.sub(" ", folded).strip()


def count(text: str) -> Counts:
    """The n-grams of `plain(text)`: of 3 to 5 characters, and of 1 to 3 words."""
    seen = plain(text)
    letters = np.frombuffer(f" {seen} ".encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    sums = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(seen)]
    words = np.array(sums, dtype=np.uint64)
    parts = [_hashed(letters, length) for length in CHARACTERS]
    parts += [_hashed(words, length) + BUCKETS for length in WORDS]
    buckets, counts = np.unique(np.concatenate(parts), return_counts=True)
    return Counts(buckets, counts)


def weigh(counted: Counts, idf: NDArray[np.float32]) -> NDArray[np.float64]:
    """The weight of each bucket: (1 + ln count) * idf, characters and words each of unit length."""
    values = (1.0 + np.log(counted.counts)) * idf[counted.buckets]
    border = int(np.searchsorted(counted.buckets, BUCKETS))
    for part in (values[:border], values[border:]):
        length = float(np.sqrt(part @ part))
        if length:
            part /= length
    return values


def _hashed(units: NDArray[np.uint64], length: int) -> NDArray[np.int64]:
    """The buckets of all runs of `length` units."""
    if len(units) < length:
        return np.empty(0, dtype=np.int64)
    runs = len(units) - length + 1
    value = np.full(runs, _SALT ^ np.uint64(length), dtype=np.uint64)
    for place in range(length):
        value = (value ^ units[place : place + runs]) * _PRIME
        value ^= value >> np.uint64(29)
    for shift, factor in ((30, _MIX[0]), (27, _MIX[1])):
        value = (value ^ (value >> np.uint64(shift))) * factor
    return ((value ^ (value >> np.uint64(31))) >> np.uint64(64 - BITS)).astype(np.int64)
