"""`python -m benchmarks.guardrails.injection --home DIR`: what the injection classifier is worth on texts it never saw,
what a list of words would be worth, and what it costs.

Recall and false alarms have Wilson intervals of 95 %, areas bootstrap ones. `--corpus FILE` adds cases of your own:
JSON lines with `text` and `label` (1: an attack). LLM Guard and Prompt Guard need a model that is downloaded at run
time, so they are not measured here: serve one as an endpoint and compare with `--corpus`.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying import Classifier, Interval, packaged
from genaiops.checks.readings import windows_read
from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from training import corpora, measures
from training.corpora import Corpus
from training.injection import evaluation_corpora, training_corpora
from training.overlap import without_overlap
from training.packages import Packages
from training.writing import CACHE

KEYWORDS = re.compile(
    r"(?i)(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|rule|prompt|guideline|above|previous|everything)"
    r"|system prompt|jailbreak|developer mode|do anything now|\bDAN\b|you are now|pretend (to be|you are)|act as"
    r"|without (any )?(restriction|filter|limit)|reveal your|prior (instruction|direction)s?"
)
"""What people write first: a list of phrases. It stands for rule-based scanners."""

Score = Callable[[str], float]


class Row(Struct, frozen=True):
    """`recall`, `false_alarms`: at the subject's own threshold; None: no such texts. `auc` None for a list of words."""

    corpus: str
    subject: str
    recall: Interval | None
    false_alarms: Interval | None
    auc: Interval | None


class Cost(Struct, frozen=True):
    """Milliseconds of CPU for each KiB of text, one thread: of the whole, and of the encoder alone."""

    whole: float
    encoder: float
    kib: float


class Results(Struct, frozen=True):
    version: str
    threshold: float
    rows: list[Row]
    cost: Cost


class Subject:
    """The classifier as the guard server runs it."""

    def __init__(self, home: Path) -> None:
        self.encoder = Encoder(locate("minilm-int8", home).directory)
        self.classifier = Classifier(packaged("injection"))

    def __call__(self, text: str) -> float:
        pieces = windows_read(text)
        vectors = self.encoder.encode([piece.text for piece in pieces]).vectors
        return self.classifier.score(pieces, vectors).score


def keywords(text: str) -> float:
    return float(KEYWORDS.search(text) is not None)


def measured(corpus: Corpus, name: str, score: Score, threshold: float) -> Row:
    values = np.array([score(text) for text, _ in corpus.rows])
    labels = np.array([label for _, label in corpus.rows])
    graded = len(set(values.tolist())) > 2 and 0 < labels.sum() < len(labels)
    return Row(
        corpus.name,
        name,
        _share(values[labels == 1], threshold),
        _share(values[labels == 0], threshold),
        measures.area(values, labels) if graded else None,
    )


def cost(subject: Subject, texts: Sequence[str]) -> Cost:
    kib = sum(len(text.encode()) for text in texts) / 1024
    began = time.process_time()
    for text in texts:
        subject(text)
    whole = time.process_time() - began
    began = time.process_time()
    for text in texts:
        subject.encoder.encode([piece.text for piece in windows_read(text)])
    encoder = time.process_time() - began
    return Cost(round(1000 * whole / kib, 2), round(1000 * encoder / kib, 2), round(kib, 1))


def told(row: Row) -> str:
    shown = " ".join(
        f"{name} {one.value:.3f} [{one.low:.3f}, {one.high:.3f}] n={one.n:<4}" if one else f"{name} -".ljust(33)
        for name, one in (("recall", row.recall), ("false alarms", row.false_alarms), ("auc", row.auc))
    )
    return f"{row.corpus:24} {row.subject:10} {shown}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.injection", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a data directory with the weights of minilm-int8")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where fetched packages are kept ({CACHE})")
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="JSON lines: text, label")
    parser.add_argument(
        "--own", action="store_true", help="only the held-out sentences and --corpus: nothing is fetched"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.own:
        wanted = [corpora.held_out()]
    else:
        packages = Packages(given.cache.expanduser() / "packages")
        trained_by = training_corpora(packages)
        wanted = [without_overlap(one, trained_by) for one in evaluation_corpora(packages)]
    wanted += [corpora.from_file(path) for path in given.corpus]
    subject = Subject(given.home.expanduser())
    card = subject.classifier.card
    rows: list[Row] = []
    for corpus in wanted:
        rows.append(measured(corpus, "genaiops", subject, card.threshold.value))
        rows.append(measured(corpus, "keywords", keywords, 0.5))
    longest = sorted((text for corpus in wanted for text, _ in corpus.rows), key=len)[-40:]
    results = Results(card.version, card.threshold.value, rows, cost(subject, [text[:2000] for text in longest]))
    if given.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
        return
    print(f"{card.name} {results.version}, threshold {results.threshold}")
    for row in rows:
        print(told(row))
    print(f"CPU: {results.cost.whole} ms/KiB, of which the encoder {results.cost.encoder} ({results.cost.kib} KiB)")


def _share(values: NDArray[np.float64], threshold: float) -> Interval | None:
    return measures.wilson(int((values >= threshold).sum()), len(values)) if len(values) else None


if __name__ == "__main__":
    main()
