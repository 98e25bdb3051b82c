"""How many keys are found where keys stand in life, and of those that nothing tells what they are.

Tokens are drawn by the forms that other projects wrote down of the services' documentation (`secret_tokens`), and put
under the name of the service into settings, programs, commands and sentences (`secret_places`). The forms of gitleaks,
betterleaks, veles and detect-secrets were seen in development; those of CredSweeper were not. A form of no beginning
that is always the same can be told by its name only: such a token among other words is no secret that a scanner could
know, and is counted apart.
"""

import argparse
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from benchmarks.guardrails.report import Cell, Report, Table, rate
from benchmarks.guardrails.secret_peers import KINGFISHER, PEERS, forms, peer
from benchmarks.guardrails.secret_places import PLACES, Around, bare, words
from benchmarks.guardrails.secret_tokens import Form, Tokens
from genaiops.checks.scanning import Scanner
from genaiops.checks.secrets import PATTERNS

_HELD_OUT: Final = "credsweeper"
UNKNOWABLE: Final = "without a name or a form"
_FORMED: Final = 3
"""Characters that all tokens of a form begin with, from which on they are told by it."""
_NO_SECRETS: Final = re.compile(
    r"(?i)\b(?:client|access|user-api|app)[- _]?id\b|\bpub(?:lic)?\b|\buuid\b|\bdomain\b|bucket"
)
"""Rules for what is no secret: names of clients, public keys, addresses."""


class Case(msgspec.Struct, frozen=True):
    held_out: bool
    place: str
    name: str
    text: str
    token: str


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", type=int, default=2, help="texts of each form in each place [2]")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--no-peers", action="store_false", dest="peers", help="ours alone")
    parser.add_argument("--list", action="store_true", help="show what was missed of the forms seen in development")


def cases(known: Sequence[Form], seed: int, number: int) -> tuple[list[Case], list[str]]:
    """And the names of the forms from which no token can be made."""
    found: list[Case] = []
    left: list[str] = []
    for form in known:
        if _NO_SECRETS.search(form.name):
            continue
        try:
            tokens = Tokens(form)
        except ValueError as error:
            left.append(f"{form.origin} {form.name}: {error}")
            continue
        chance = random.Random(f"{seed} {form.origin} {form.name}")
        around = Around(chance)
        formed = len(tokens.prefix) >= _FORMED
        for _ in range(number):
            for place, ways in PLACES.items():
                token = tokens.draw(chance)
                text = chance.choice(ways)(words(form.name), token, around)
                found.append(Case(form.origin == _HELD_OUT, place, form.name, text, token))
            token = tokens.draw(chance)
            place = "without a name, with a form" if formed else UNKNOWABLE
            found.append(Case(form.origin == _HELD_OUT, place, form.name, bare(token, around), token))
    return found, left


def ours(texts: Sequence[str]) -> tuple[list[bool], float]:
    scanner = Scanner(PATTERNS)
    for text in texts[:200]:
        scanner.find(text)
    began = time.process_time()
    found = [bool(scanner.find(text)) for text in texts]
    return found, time.process_time() - began


def _theirs(name: str) -> Callable[[Sequence[str]], tuple[list[bool], float]]:
    def look(texts: Sequence[str]) -> tuple[list[bool], float]:
        answer = peer(name, texts)
        return answer.found, answer.seconds

    return look


def measure(given: argparse.Namespace) -> Report:
    made, left = cases(forms(), given.seed, given.number)
    return judged(made, left, given)


def judged(made: Sequence[Case], left: Sequence[str], given: argparse.Namespace) -> Report:
    finders = {"genaiops": ours, **({name: _theirs(name) for name in PEERS} if given.peers else {})}
    texts = [case.text for case in made]
    rows: list[tuple[Cell, ...]] = []
    by: dict[str, list[bool]] = {}
    for finder, look in finders.items():
        hits, seconds = look(texts)
        by[finder] = hits
        rows += _rows(finder, made, hits)
        rows.append((finder, "CPU, ms a KB", seconds * 1e3 / (sum(map(len, texts)) / 1024), None))
        if given.list and finder == "genaiops":
            for case, hit in zip(made, hits, strict=True):
                if not hit and not case.held_out:
                    print(f"missed, {case.place}, {case.name}: {case.token[:90]}  {case.text[:300]!r}")
    if KINGFISHER in by:
        either = [one or other for one, other in zip(by["genaiops"], by[KINGFISHER], strict=True)]
        rows += _rows(f"genaiops, with {KINGFISHER} in a second rule", made, either)
    return Report(
        name="secrets in place",
        tables=[Table("keys found", ("finder", "place", "forms seen in development", "forms held out"), rows)],
        notes=[
            f"{len({(case.name, case.held_out) for case in made})} forms; {len(left)} are of no token.",
            "Found: anything at all in the text. The last place is left out of 'all': no scanner could know.",
        ],
    )


def _rows(finder: str, made: Sequence[Case], hits: Sequence[bool]) -> list[tuple[Cell, ...]]:
    def share(held_out: bool, wanted: Callable[[str], bool]) -> Cell:
        counted = [
            hit for case, hit in zip(made, hits, strict=True) if case.held_out == held_out and wanted(case.place)
        ]
        return rate(sum(counted), len(counted))

    rows: list[tuple[Cell, ...]] = [
        (finder, f"all but {UNKNOWABLE}", *(share(half, UNKNOWABLE.__ne__) for half in (False, True)))
    ]
    places = dict.fromkeys(case.place for case in made)
    return [*rows, *((finder, place, *(share(half, place.__eq__) for half in (False, True))) for place in places)]
