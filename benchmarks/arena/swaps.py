"""Golden sets by simulation: how often an unchanged model raises an alarm, and how soon a swapped one does.

`python -m benchmarks.arena.swaps`. Each case has its own usual answers, `texts` of them, of which a draw gives one: 1
is a model at temperature 0. A swap gives other odds, or in a `share` of the cases other answers. The reference is five
runs.
"""

import argparse
import random
import time
from collections.abc import Sequence
from typing import Final

from genaiops.checks.statistics.swapped import swapped
from genaiops.core.clock import now_us, to_iso

REFERENCE: Final = 5
LEVEL: Final = 0.0001
"""Of one look, with `alarms = 0.01`."""
_WORDS: Final = [f"word{number}" for number in range(20)]

Case = tuple[Sequence[str], Sequence[float], Sequence[float]]
"""Its texts, and the weights of each before and now."""


def a_case(chance: random.Random, texts: int, share: float, shift: float) -> Case:
    """`share`: the chance that what is said now was never said before; `shift`: how far the odds move, 0 to 1."""
    said = [" ".join(chance.choices(_WORDS, k=12)) for _ in range(2 * texts)]
    odds = [chance.random() for _ in range(texts)]
    other = [chance.random() for _ in range(texts)]
    nothing = [0.0] * texts
    if chance.random() < share:
        return said, [*odds, *nothing], [*nothing, *other]
    moved = [(1 - shift) * one + shift * two for one, two in zip(odds, other, strict=True)]
    return said, [*odds, *nothing], [*moved, *nothing]


def p_of(chance: random.Random, cases: int, repeats: int, texts: int, change: tuple[float, float], draws: int) -> float:
    drawn: list[tuple[list[str], list[str]]] = []
    for _ in range(cases):
        said, before, now = a_case(chance, texts, *change)
        drawn.append((chance.choices(said, before, k=REFERENCE * repeats), chance.choices(said, now, k=repeats)))
    return swapped(drawn, draws=draws, seed=chance.randrange(1 << 30)).p


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena.swaps", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000, help="of each line of false alarms [1000]")
    given = parser.parse_args()
    chance = random.Random(1)
    began = time.process_time()
    print(f"{to_iso(now_us())[:16]}Z\n\nUnchanged: share of looks with p at most 5 % and 1 %\n")
    print("| cases | repeats | texts | 5 % | 1 % |\n|---|---|---|---|---|")
    for cases, repeats, texts in ((5, 1, 2), (20, 1, 1), (20, 1, 3), (20, 3, 3), (20, 1, 50), (50, 3, 10)):
        found = [p_of(chance, cases, repeats, texts, (0.0, 0.0), 999) for _ in range(given.repetitions)]
        five, one = (sum(p <= level for p in found) / len(found) for level in (0.05, 0.01))
        print(f"| {cases} | {repeats} | {texts} | {five:.1%} | {one:.1%} |", flush=True)
    times = max(20, given.repetitions // 10)
    print(f"\nSwapped: share of {times} first looks with an alarm, at the level of one look, {LEVEL:g}\n")
    print("| cases | repeats | texts | what is other | alarms |\n|---|---|---|---|---|")
    changes = {
        "every answer": (1.0, 0.0),
        "answers of half the cases": (0.5, 0.0),
        "answers of a tenth of the cases": (0.1, 0.0),
        "only the odds of the same answers": (0.0, 1.0),
    }
    for cases, repeats, texts in ((10, 1, 1), (10, 3, 3), (50, 1, 1), (50, 3, 3)):
        for what, change in changes.items():
            if texts == 1 and change[1]:
                continue
            found = [p_of(chance, cases, repeats, texts, change, 99_999) for _ in range(times)]
            print(
                f"| {cases} | {repeats} | {texts} | {what} | {sum(p <= LEVEL for p in found) / times:.0%} |", flush=True
            )
    print(f"\n{time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    main()
