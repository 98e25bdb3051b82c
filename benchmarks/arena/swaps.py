"""Golden sets by simulation: how often an unchanged model raises an alarm, and how often one look tells a swapped one.

`python -m benchmarks.arena.swaps`. Each case has its own usual answers, `texts` of them, of which a draw gives one: 1
is a model at temperature 0. A swap gives other odds, or in a `share` of the cases other answers. The reference is five
runs.
"""

import argparse
import random
import time
from collections.abc import Sequence
from typing import Final

from genaiops.checks.statistics import lower_share, upper_share
from genaiops.checks.statistics.swapped import swapped
from genaiops.core.clock import now_us, to_iso

REFERENCE: Final = 5
LEVEL: Final = 0.0001
"""Of one look, with `alarms = 0.01`."""
FEW: Final = 999
DRAWS: Final = 99_999
"""What a look takes."""
USUAL: Final = ((10, 1, 1), (20, 1, 1), (50, 1, 1), (10, 1, 3), (20, 1, 3), (50, 1, 3), (100, 1, 3))
"""Cases, answers now to each, usual answers of each (1: a model at temperature 0)."""
SHARES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Of the cases, which a swap answers as never before."""
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


def p_of(chance: random.Random, cases: int, repeats: int, texts: int, change: tuple[float, float]) -> float:
    """Of one look. As many draws as a look takes are made only where fewer leave open whether it is an alarm: at the p
    of an alarm ten of 999 are as far with a chance below 1e-10."""
    drawn: list[tuple[list[str], list[str]]] = []
    for _ in range(cases):
        said, before, now = a_case(chance, texts, *change)
        drawn.append((chance.choices(said, before, k=REFERENCE * repeats), chance.choices(said, now, k=repeats)))
    seed = chance.randrange(1 << 30)
    p = swapped(drawn, draws=FEW, seed=seed).p
    return p if p > 10 / (FEW + 1) else swapped(drawn, draws=DRAWS, seed=seed).p


def line(size: tuple[int, int, int], change: tuple[float, float], repetitions: int) -> list[float]:
    """p of so many looks. Its seed is its own, so that a line alone gives the same figures."""
    chance = random.Random(f"{size} {change}")
    return [p_of(chance, *size, change) for _ in range(repetitions)]


def share(found: Sequence[float], level: float) -> str:
    """Of looks with p at most `level`, with the exact interval of 95 %."""
    times, n = sum(p <= level for p in found), len(found)
    low, high = lower_share(times, n, alpha=0.025), upper_share(times, n, alpha=0.025)
    return f"{100 * times / n:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena.swaps", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000, help="looks of each line [2000]")
    times: int = parser.parse_args().repetitions
    began = time.process_time()
    print(f"{to_iso(now_us())[:16]}Z, {times} looks a line\n\nUnchanged: looks with p at most\n")
    print(f"| cases | answers now | usual answers | 5 % | 1 % | {LEVEL:.2%} |\n|---|---|---|---|---|---|")
    for size in ((5, 1, 2), (20, 1, 50), *USUAL, (20, 3, 3)):
        found = line(size, (0.0, 0.0), times)
        print(
            f"| {' | '.join(map(str, size))} | {' | '.join(share(found, p) for p in (0.05, 0.01, LEVEL))} |", flush=True
        )
    heads = [*(f"{one:.0%} other" for one in SHARES), "only the odds"]
    print(f"\nSwapped: first looks with an alarm (p at most {LEVEL:.2%})\n")
    print(f"| cases | answers now | usual answers | {' | '.join(heads)} |\n|{'---|' * (3 + len(heads))}")
    for size in USUAL:
        changes = [*((one, 0.0) for one in SHARES), *([(0.0, 1.0)] if size[2] > 1 else [])]
        cells = [share(line(size, change, times), LEVEL) for change in changes]
        print(f"| {' | '.join(map(str, size))} | {' | '.join([*cells, 'none'][: len(heads)])} |", flush=True)
    print(f"\n{time.process_time() - began:.0f} s of CPU")


if __name__ == "__main__":
    main()
