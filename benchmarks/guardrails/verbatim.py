"""`python -m benchmarks.guardrails.verbatim`: what it costs to index documents and to look texts up in them.

The documents are made of 20,000 invented words whose frequencies fall as in language (Zipf's law), by a fixed seed.
Times are those of the process, in CPU; the middle and the 95th percentile of 300 look-ups.
"""

import argparse
import random
import string
from collections.abc import Callable, Iterator, Sequence
from time import process_time

from benchmarks.guardrails.report import Report, Table
from genaiops.checks.verbatim import Index, Overlapping, overlaps
from genaiops.checks.verbatim.merging import merge

WORDS = 1700


def documents(count: int, seed: int = 1) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    vocabulary = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 3) for rank in range(len(vocabulary))]
    return [(f"d{number}", " ".join(chance.choices(vocabulary, weights, k=WORDS))) for number in range(count)]


def took(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    started = process_time()
    work()
    return process_time() - started


def percentiles(work: Callable[[], object], times: int = 300) -> str:
    spent = sorted(took(work) for _ in range(times))
    return f"{spent[times // 2] * 1e3:.3f} ms, p95 {spent[times * 95 // 100] * 1e3:.3f} ms"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", type=int, default=1000, help=f"of {WORDS} words, about 11 KB each")


def measure(given: argparse.Namespace) -> Report:
    rows = [line.rpartition(": ")[::2] for line in lines(given)]
    return Report(name="verbatim", tables=[Table("CPU", ("what", "figure"), rows)], notes=[])


def lines(given: argparse.Namespace) -> Iterator[str]:
    held, other = documents(given.documents), documents(1, seed=2)[0][1]
    size = sum(len(text) for _, text in held)
    made: list[Index] = []
    seconds = took(lambda: made.append(Index.build(held)))
    (index,) = made
    data = index.write()
    yield f"{size / 1e6:.1f} MB in {len(held)} documents: {seconds:.2f} s, {len(data) / 1e6:.1f} MB of index"
    yield f"reading the index: {took(lambda: Index.read(data)):.3f} s; merging two halves of it: {halves(held):.2f} s"
    yield f"1 KB of another text: {percentiles(lambda: overlaps(index, other[:1024]))}"
    yield f"1 KB copied from a document: {percentiles(lambda: overlaps(index, held[0][1][2000:3024]))}"
    accented = other[:1024].replace("e", "é")
    yield f"1 KB with accents: {percentiles(lambda: overlaps(index, accented))}"
    reading = Overlapping(index)
    yield f"a piece of 4 characters: {percentiles(lambda: reading.feed(' abc'))}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.verbatim", description=__doc__)
    options(parser)
    for line in lines(parser.parse_args(argv)):
        print(line)


def halves(held: list[tuple[str, str]]) -> float:
    first, second = Index.build(held[::2]), Index.build(held[1::2])
    return took(lambda: merge(first, second))


if __name__ == "__main__":
    main()
