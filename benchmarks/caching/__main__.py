"""`python -m benchmarks.caching`: hit rate and false-hit rate of the semantic cache by threshold.

`same.txt` holds pairs of questions that the same answer fits, `near.txt` pairs that look alike and need different
answers. Half of each (by a digest of the pair) chooses the threshold, the other half, held out, says what it is worth.
Rates are given with Wilson intervals of 95 %.
"""

import argparse
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from genaiops.gateway.sameness import marks

HERE = Path(__file__).parent
THRESHOLDS = (0.70, 0.75, 0.80, 0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
MOST_FALSE = 0.01
_Z = 1.96


class Pair(msgspec.Struct, frozen=True):
    """`agree`: the marks of both are equal."""

    first: str
    second: str
    cosine: float
    agree: bool

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(f"{self.first}|{self.second}".encode()).digest()[0] % 2 == 0


class Rate(msgspec.Struct, frozen=True):
    """`low` and `high`: Wilson's interval (E. B. Wilson, 1927)."""

    hits: int
    of: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:6.1%} ({self.low:.1%} to {self.high:.1%}; {self.hits}/{self.of})"


class Line(msgspec.Struct, frozen=True):
    threshold: float
    hit: Rate
    false: Rate


def rate(hits: int, of: int) -> Rate:
    share = hits / of if of else 0.0
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Rate(hits, of, share, max(0.0, centre - half), min(1.0, centre + half))


def read(name: str) -> list[tuple[str, str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(first.strip(), second.strip()) for first, _, second in (line.partition("|") for line in lines if line)]


def judged(pairs: Iterable[tuple[str, str]], encoder: Encoder) -> list[Pair]:
    found: list[Pair] = []
    for first, second in pairs:
        one, two = encoder.encode([first, second]).vectors
        found.append(Pair(first, second, float(one @ two), marks(first) == marks(second)))
    return found


def lines(same: Sequence[Pair], near: Sequence[Pair], accepts: Callable[[Pair], bool]) -> list[Line]:
    return [
        Line(
            threshold,
            rate(sum(accepts(one) and one.cosine >= threshold for one in same), len(same)),
            rate(sum(accepts(one) and one.cosine >= threshold for one in near), len(near)),
        )
        for threshold in THRESHOLDS
    ]


def chosen(found: Sequence[Line]) -> Line | None:
    """The lowest threshold from which on at most 1 % are false hits."""
    best: Line | None = None
    for line in reversed(found):
        if line.false.share > MOST_FALSE:
            break
        best = line
    return best


def strangers(same: Sequence[tuple[str, str]], encoder: Encoder) -> tuple[int, list[Pair]]:
    """Of all pairs of first questions that belong to different pairs: how many, and those of 0.7 and more."""
    texts = [first for first, _ in same]
    vectors = encoder.encode(texts).vectors
    cosines = vectors @ vectors.T
    found: list[Pair] = []
    for one in range(len(texts)):
        for two in range(one):
            if cosines[one, two] >= THRESHOLDS[0]:
                agree = marks(texts[one]) == marks(texts[two])
                found.append(Pair(texts[one], texts[two], float(cosines[one, two]), agree))
    return len(texts) * (len(texts) - 1) // 2, found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.caching", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a data directory with the weights of minilm")
    parser.add_argument("--list", action="store_true", help="name what is wrong at the default threshold")
    given = parser.parse_args()
    encoder = Encoder(locate("minilm", given.home).directory)
    pairs = read("same.txt")
    same, near = judged(pairs, encoder), judged(read("near.txt"), encoder)
    for word, accepts in (("embedding alone", _anything), ("embedding and marks", _agreeing)):
        for held_out in (False, True):
            part = [[one for one in each if one.held_out is held_out] for each in (same, near)]
            found = lines(part[0], part[1], accepts)
            print(f"\n{word}, {'held out' if held_out else 'to choose by'}\nthreshold  hit rate / false-hit rate")
            for line in found:
                print(f"{line.threshold:.2f}  {line.hit}  {line.false}")
            if not held_out:
                best = chosen(found)
                print(f"chosen: {best.threshold if best is not None else 'none'}")
    count, alike = strangers(pairs, encoder)
    both = sum(one.agree for one in alike)
    print(f"\nunrelated questions: of {count} pairs {len(alike)} are at 0.70 or more, {both} of them with equal marks")
    if given.list:
        for one in (*(one for one in near if one.agree), *(one for one in alike if one.agree)):
            print(f"{one.cosine:.3f}  {one.first} | {one.second}")
        print("same, but marked apart:")
        for one in same:
            if not one.agree:
                print(f"{one.cosine:.3f}  {one.first} | {one.second}  {marks(one.first)} {marks(one.second)}")


def _anything(_: Pair) -> bool:
    return True


def _agreeing(pair: Pair) -> bool:
    return pair.agree


if __name__ == "__main__":
    main()
