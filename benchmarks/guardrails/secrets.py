"""`python -m benchmarks.guardrails secrets`: how many secrets are found, and how often something else is taken for one.

Texts are made by rstr from expressions of other projects: gitleaks, betterleaks and veles (as Kingfisher ships them),
and detect-secrets. Those of gitleaks and every other one of the rest, by a hash of its name, were looked at in
development; of the others, what was missed was read later as well, so that only `secrets_in_place` holds forms
out. A held-out rule is covered when its service is one of ours
by name; the others are told as well. Harmless texts are split in the same way, by file.
"""

import argparse
import re
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from benchmarks.guardrails.harmless import Harmless, harmless
from benchmarks.guardrails.report import Rate, Report, Table, rate
from benchmarks.guardrails.secret_peers import KINGFISHER, PEERS, Rule, peer, rules
from genaiops.checks.scanning import Scanner
from genaiops.checks.secrets import PATTERNS, SERVICES

_IDENTIFIERS: Final = re.compile(r"(?:client|access|user-api)-id$|-pub(?:lic|-api)?-?key$|public")
"""Rules for what is no secret: names of clients, public keys."""
_OTHER_NAMES: Final = {"gcp": "google", "togetherai": "together", "langchain": "langsmith", "weights": "wandb"}


class Row(msgspec.Struct, frozen=True):
    """One finder. Rates: of secrets that were found, by set; of harmless texts with an alarm."""

    finder: str
    found: dict[str, Rate]
    alarms: dict[str, Rate]
    ms_per_kb: float


def _service(name: str) -> str:
    first = re.split(r"[-_./]", name.rpartition("/")[2])[0].lower()
    return _OTHER_NAMES.get(first, first)


def _set_of(rule: Rule, known: frozenset[str]) -> str:
    if _IDENTIFIERS.search(re.sub(r"\.\d+$", "", rule.name)):
        return "identifiers"
    if rule.origin == "gitleaks" or zlib.crc32(rule.name.encode()) % 2 == 0:
        return "development"
    service = _service(rule.name)
    if any(service.startswith(one) or (len(service) > 3 and one.startswith(service)) for one in known):
        return "held out, covered"
    return "held out, other services"


def _known() -> frozenset[str]:
    """Names of services that the table claims."""
    names = {_service(pattern.kind) for pattern in PATTERNS}
    names |= {one.split("[")[0].split("(")[0] for one in SERVICES.split("|")}
    return frozenset(name for name in names if len(name) > 2 and name not in {"key", "url", "secret", "service"})


def _row(
    finder: str,
    look: Callable[[Sequence[str]], tuple[list[bool], float]],
    secrets: list[tuple[str, str]],
    clean: list[Harmless],
) -> tuple[Row, list[bool]]:
    texts = [text for _, text in secrets] + [one.text for one in clean]
    hits, seconds = look(texts)
    sets = sorted({name for name, _ in secrets})
    found = {
        name: rate(
            sum(hit for (here, _), hit in zip(secrets, hits, strict=False) if here == name),
            sum(here == name for here, _ in secrets),
        )
        for name in sets
    }
    tail = hits[len(secrets) :]
    alarms = {
        title: rate(
            sum(hit for one, hit in zip(clean, tail, strict=True) if one.half == half),
            sum(one.half == half for one in clean),
        )
        for half, title in enumerate(("development", "held out"))
    }
    size = sum(map(len, texts)) / 1024
    return Row(finder, found, alarms, seconds * 1000 / size), hits


def _ours(texts: Sequence[str]) -> tuple[list[bool], float]:
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
    made, known = rules(given.seed, given.number), _known()
    sets = {(rule.origin, rule.name): _set_of(rule, known) for rule in made}
    labelled = [(rule, sets[rule.origin, rule.name], text) for rule in made for text in rule.texts]
    secrets = [(label, text) for _, label, text in labelled]
    clean = harmless(given.seed, given.harmless)
    ours, hits = _row("genaiops", _ours, secrets, clean)
    theirs = {name: _row(name, _theirs(name), secrets, clean) for name in PEERS if given.peers}
    rows = [ours, *(row for row, _ in theirs.values())]
    if KINGFISHER in theirs:
        confirmed = [secret for secret, hit in zip(secrets, theirs[KINGFISHER][1], strict=False) if hit]
        both = [hit for hit, sure in zip(hits, theirs[KINGFISHER][1][: len(secrets)], strict=False) if sure]
        for name in sorted({name for name, _ in confirmed}):
            among = [hit for (here, _), hit in zip(confirmed, both, strict=True) if here == name]
            ours.found[f"{name}, of those that Kingfisher finds"] = rate(sum(among), len(among))
    missed: dict[str, dict[str, str]] = {}
    for (rule, label, text), hit in zip(labelled, hits, strict=False):
        if not hit:
            missed.setdefault(label, {}).setdefault(f"{rule.origin}.{rule.name}", text[:160])
    scanner = Scanner(PATTERNS)
    alarmed = [
        f"{one.half} {one.kind} {one.where}: {each.kind} {one.text[each.start : each.end][:80]!r}"
        for one in clean
        for each in scanner.find(one.text)
    ]
    if given.list:
        for label, each in sorted(missed.items()):
            print(f"not always found ({label}):", *(f"{name}: {text!r}" for name, text in each.items()), sep="\n")
        print("alarms:", *alarmed, sep="\n")
    return Report(name="secrets", tables=_tables(rows), notes=_notes(made))


def _tables(rows: Sequence[Row]) -> list[Table]:
    found = [(row.finder, name, one) for row in rows for name, one in row.found.items()]
    alarms = [(row.finder, name, one) for row in rows for name, one in row.alarms.items()]
    return [
        Table("found", ("finder", "set", "share"), found),
        Table("false alarms in 1 KB", ("finder", "half", "share"), alarms),
        Table("CPU", ("finder", "ms a KB"), [(row.finder, row.ms_per_kb) for row in rows]),
    ]


def _notes(made: Sequence[Rule]) -> list[str]:
    kinds = len({pattern.kind for pattern in PATTERNS})
    return [f"{kinds} kinds; no texts could be made from {sum(not rule.texts for rule in made)} rules."]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", type=int, default=10, help="texts of each rule")
    parser.add_argument("--harmless", type=int, default=300, help="texts of each harmless kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-peers", action="store_false", dest="peers", help="ours alone")
    parser.add_argument("--list", action="store_true", help="what was missed, and what was taken for a secret")
