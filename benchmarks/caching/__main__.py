"""`python -m benchmarks.caching`: hit rate and false-hit rate of the semantic cache by threshold.

`same.txt` holds pairs of questions that the same answer fits, `near.txt` pairs that look alike and need different
answers: by these the marks (`genaiops.gateway.sameness`) were made and the threshold was chosen. `held_same.txt` and
`held_near.txt` were written after both stood, and say what they are worth. Rates have Wilson intervals of 95 %.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from genaiops.gateway.sameness import marks

HERE = Path(__file__).parent
THRESHOLDS = (0.70, 0.75, 0.80, 0.85, 0.88, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
MOST_FALSE = 0.01


class Pair(msgspec.Struct, frozen=True):
    """`agree`: the marks of both are equal."""

    first: str
    second: str
    cosine: float
    agree: bool


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
    return Rate(hits, of, hits / of, *wilson(hits, of))


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
    parser.add_argument("--list", action="store_true", help="name the pairs that marks do not tell apart")
    given = parser.parse_args()
    encoder = Encoder(locate("minilm", given.home).directory)
    sets = {
        name: (judged(read(f"{prefix}same.txt"), encoder), judged(read(f"{prefix}near.txt"), encoder))
        for name, prefix in (("to choose by", ""), ("held out", "held_"))
    }
    for name, (same, near) in sets.items():
        for word, accepts in (("embedding alone", _anything), ("embedding and marks", _agreeing)):
            found = lines(same, near, accepts)
            print(f"\n{word}, {name}\nthreshold  hit rate / false-hit rate")
            for line in found:
                print(f"{line.threshold:.2f}  {line.hit}  {line.false}")
            if name == "to choose by":
                best = chosen(found)
                print(f"at most 1 % false from: {best.threshold if best is not None else 'none'}")
    pairs = [*read("same.txt"), *read("held_same.txt")]
    count, alike = strangers(pairs, encoder)
    both = sum(one.agree for one in alike)
    print(f"\nunrelated questions: of {count} pairs {len(alike)} are at 0.70 or more, {both} of them with equal marks")
    if given.list:
        doubtful = [one for _, near in sets.values() for one in near if one.agree]
        for one in (*doubtful, *(one for one in alike if one.agree)):
            print(f"{one.cosine:.3f}  {one.first} | {one.second}")


def _anything(_: Pair) -> bool:
    return True


def _agreeing(pair: Pair) -> bool:
    return pair.agree


if __name__ == "__main__":
    main()
