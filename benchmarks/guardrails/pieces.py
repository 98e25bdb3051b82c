"""`python -m benchmarks.guardrails pieces`: one bad text within a calm answer, and calm answers alone, judged as a
whole and by the pieces of a stream.

Calm sentences are drawn out of passages (BoolQ); what is bad is a comment or an attack of the corpora, which were seen
in training: what is measured is how much of what the classifier knows is lost among calm words, not how much it knows.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.guardrails.garak import MODELS
from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.checks.classifying import Classifier, packaged
from genaiops.checks.windows import windows
from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from genaiops.guard._windows import pieces_of
from genaiops.guard.surfaces import Part
from training import corpora
from training.packages import Packages
from training.writing import CACHE

_AMONG = (0, 200, 1500)
"""Calm characters around what is bad."""
_ALONE = (400, 1500, 4000)
"""Characters of calm answers."""
Judged = Callable[[str], bool]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=Path, default=MODELS, help=f"a folder of pulled weights [{MODELS}]")
    parser.add_argument("--number", type=int, default=100, help="texts of each kind [100]")
    parser.add_argument("--seed", type=int, default=5)


def measure(given: argparse.Namespace) -> Report:
    packages = Packages(CACHE.expanduser() / "packages")
    encoder = Encoder(locate("minilm-int8", given.models.parent).directory, threads=1)
    calm = [text for text, _ in corpora.harmless(packages, "BoolQ/test", "passage", 250).rows]
    bad = {
        "toxicity": [text for text, label in corpora.comments(packages).rows if label and 20 < len(text) < 100],
        "injection": [text for text, label in corpora.held_out().rows if label and len(text) < 160],
    }
    rows: list[tuple[Cell, ...]] = []
    for name, texts in bad.items():
        chance = random.Random(given.seed)
        chance.shuffle(texts)
        whole, pieces = _judges(Classifier(packaged(name)), encoder)
        for size in _AMONG:
            among = [_among(text, calm, size, chance) for text in texts[: given.number]]
            rows.append((name, f"found among {size} calm characters", *_rates((whole, pieces), among)))
        for size in _ALONE:
            alone = [" ".join(chance.sample(calm, len(calm) // 10))[:size] for _ in range(given.number)]
            rows.append((name, f"false alarms, calm answers of {size} characters", *_rates((whole, pieces), alone)))
    table = Table("classifiers of whole answers", ("classifier", "what", "as a whole", "by pieces"), rows)
    return Report(name="pieces", tables=[table], notes=["The bad texts were seen in training or development."])


def _judges(classifier: Classifier, encoder: Encoder) -> tuple[Judged, Judged]:
    def whole(text: str) -> bool:
        found = windows(text)
        return classifier.score(found, encoder.encode([one.text for one in found]).vectors).flagged

    def pieces(text: str) -> bool:
        return any(whole(piece.text) for piece in pieces_of(Part(text, "model_output", ())))

    return whole, pieces


def _among(text: str, calm: Sequence[str], size: int, chance: random.Random) -> str:
    sides: list[list[str]] = [[], []]
    sentences = [one.strip() + "." for passage in calm for one in passage.split(". ") if 60 < len(one) < 160]
    for side in sides:
        while sum(map(len, side)) < size / 2:
            side.append(chance.choice(sentences))
    return " ".join([*sides[0], text, *sides[1]])


def _rates(judges: Sequence[Judged], texts: Sequence[str]) -> list[Cell]:
    return [rate(sum(map(judge, texts)), len(texts)) for judge in judges]
