"""Personal data by its form: how much is found, how much of what is found is true.

Patterns were made while looking at sentences of seeds below 100; figures to quote are of seeds from 1000 on.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from benchmarks.guardrails import pii_numbers
from benchmarks.guardrails.pii_peers import PACKAGES, Sentence, presidio, sentences
from benchmarks.guardrails.report import Cell, Report, Table, rate
from genaiops.checks.pii import PATTERNS
from genaiops.checks.scanning import Scanner

KINDS: Final = {
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip_address",
    "US_SSN": "us_ssn",
    "PHONE_NUMBER": "phone",
    "DOMAIN_NAME": "url",
    "URL": "url",
}
"""Names of presidio-evaluator and of Presidio, and ours."""
SAME: Final = 0.9
"""Two places are the same when what they share is this part of what they cover."""
FIRST_TO_QUOTE: Final = 1000

_TEMPLATES: Final = (
    "The templates of presidio-evaluator are the same for all seeds; only what is filled in differs. It labels values "
    "that no country gives out (telephone numbers of random digits): these are found by words about them."
)

Place = tuple[int, int, str]


class Counted(NamedTuple):
    found: Counter[str]
    missed: Counter[str]
    wrong: Counter[str]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", default="1000,1001,1002", help="comma separated [1000,1001,1002]")
    parser.add_argument("--sentences", type=int, default=1500, help="for each seed [1500]")
    parser.add_argument("--values", type=int, default=200, help="numbers for each seed and kind of each country [200]")
    parser.add_argument("--no-presidio", action="store_true", help="without Presidio, which takes a minute a seed")
    parser.add_argument("--list", action="store_true", help="show what was missed and what was wrong")


def measure(given: argparse.Namespace) -> Report:
    seeds = [int(seed) for seed in given.seeds.split(",")]
    scanner = Scanner(PATTERNS)
    made = [one for seed in seeds for one in sentences(seed, given.sentences)]
    gold = [_expected(one) for one in made]
    ours = [[(each.start, each.end, each.kind) for each in scanner.find(one.text)] for one in made]
    began = time.process_time()
    for one in made:
        scanner.find(one.text)
    seconds = time.process_time() - began
    subjects = {"genaiops": (ours, seconds)}
    if not given.no_presidio:
        theirs = presidio([one.text for one in made])
        found = [[(start, end, KINDS.get(kind, kind)) for start, end, kind in some] for some in theirs.found]
        subjects["Presidio"] = (found, theirs.seconds)
    counted = {name: count(gold, found) for name, (found, _) in subjects.items()}
    if given.list:
        _list(made, gold, ours)
    characters = sum(len(one.text) for one in made)
    speed = [(name, seconds * 1e3 / (characters / 1024)) for name, (_, seconds) in subjects.items()]
    tables = [
        Table(f"{len(made)} sentences of presidio-evaluator, seeds {given.seeds}", _HEAD, _lines(counted)),
        Table("processor's time in these sentences", ("", "ms a KB"), list(speed)),
        *pii_numbers.measure(scanner, seeds, given.values, show=given.list),
    ]
    return Report(name="pii", tables=tables, notes=[*_notes(seeds), *pii_numbers.NOTES])


_HEAD: Final = ("", "kind", "recall", "precision")


def count(
    gold: Sequence[Sequence[Place]], found: Sequence[Sequence[Place]], kinds: Mapping[str, str] = KINDS
) -> Counted:
    """By kind. A finding is right when it lies where one of its kind is expected; other kinds are passed over."""
    counted = Counted(Counter(), Counter(), Counter())
    for expected, some in zip(gold, found, strict=True):
        right: set[Place] = set()
        for place in expected:
            hits = [each for each in some if each[2] == place[2] and shared(each, place) >= SAME]
            right.update(hits)
            (counted.found if hits else counted.missed)[place[2]] += 1
        counted.wrong.update(each[2] for each in some if each not in right and each[2] in kinds.values())
    return counted


def shared(one: Place, other: Place) -> float:
    """Intersection over union."""
    both = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / (one[1] - one[0] + other[1] - other[0] - both)


def _expected(one: Sentence) -> list[Place]:
    return [(start, end, KINDS[kind]) for start, end, kind in one.spans if kind in KINDS]


def _lines(counted: Mapping[str, Counted]) -> list[tuple[Cell, ...]]:
    lines: list[tuple[Cell, ...]] = []
    for name, one in counted.items():
        for kind in (*dict.fromkeys(KINDS.values()), "all"):
            found, missed, wrong = (_of(each, kind) for each in one)
            lines.append((name, kind, rate(found, found + missed), rate(found, found + wrong)))
    return lines


def _of(counter: Counter[str], kind: str) -> int:
    return counter.total() if kind == "all" else counter[kind]


def _notes(seeds: Iterable[int]) -> list[str]:
    notes = [f"Peers: {', '.join(PACKAGES)}. The same place: intersection over union of at least {SAME}."]
    if min(seeds) < FIRST_TO_QUOTE:
        notes.append("Seeds below 1000 may have been looked at while patterns were made: not to be quoted.")
    return [*notes, _TEMPLATES]


def _list(made: Sequence[Sentence], gold: Sequence[Sequence[Place]], ours: Sequence[Sequence[Place]]) -> None:
    for one, expected, found in zip(made, gold, ours, strict=True):
        for place in expected:
            if not any(each[2] == place[2] and shared(each, place) >= SAME for each in found):
                print(f"missed {place[2]}: {one.text[max(0, place[0] - 40) : place[1] + 20]!r}")
        for place in found:
            if place[2] in KINDS.values() and not any(
                each[2] == place[2] and shared(each, place) >= SAME for each in expected
            ):
                print(f"wrong {place[2]}: {one.text[max(0, place[0] - 40) : place[1] + 20]!r}")
