"""`python -m benchmarks.guardrails.secrets`: how many secrets are found, and how often something else is taken for one.

Texts are made by rstr from expressions of other projects: gitleaks, betterleaks and veles (as Kingfisher ships them),
and detect-secrets. Those of gitleaks and every other one of the rest, by a hash of its name, were looked at in
development; the figures are of the others, which were not. A held-out rule is covered when its service is one of ours
by name; the others are told as well. Harmless texts are split in the same way, by file.
"""

import argparse
import math
import re
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.gateway.machine import describe
from benchmarks.guardrails.harmless import Harmless, harmless
from benchmarks.guardrails.secret_peers import KINGFISHER, PEERS, Rule, peer, rules
from genaiops.checks.scanning import Scanner
from genaiops.checks.secrets import PATTERNS, SERVICES

_Z: Final = 1.959964
_IDENTIFIERS: Final = re.compile(r"(?:client|access|user-api)-id$|-pub(?:lic|-api)?-?key$|public")
"""Rules for what is no secret: names of clients, public keys."""
_OTHER_NAMES: Final = {"gcp": "google", "togetherai": "together", "langchain": "langsmith", "weights": "wandb"}


class Rate(msgspec.Struct, frozen=True):
    """`low`, `high`: Wilson's interval of 95 % (E. B. Wilson, 1927)."""

    hits: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.hits / self.of:.1%} ({self.low:.1%} to {self.high:.1%}; {self.hits}/{self.of})" if self.of else "-"
        )


class Row(msgspec.Struct, frozen=True):
    """One finder. Rates: of secrets that were found, by set; of harmless texts with an alarm."""

    finder: str
    found: dict[str, Rate]
    alarms: dict[str, Rate]
    ms_per_kb: float


class Result(msgspec.Struct, frozen=True):
    machine: dict[str, str]
    kinds: int
    rows: list[Row]
    missed: dict[str, list[str]]
    """Rules of which not every text was found, with one of them, by set."""
    alarmed: list[str]
    left_out: list[str]
    """Rules from which no text could be made."""


def rate(hits: int, of: int) -> Rate:
    if not of:
        return Rate(0, 0, 0.0, 1.0)
    share = hits / of
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Rate(hits, of, max(0.0, centre - half), min(1.0, centre + half))


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


def measure(given: argparse.Namespace) -> Result:
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
    return Result(
        describe(),
        len({pattern.kind for pattern in PATTERNS}),
        rows,
        {label: [f"{name}: {text!r}" for name, text in each.items()] for label, each in sorted(missed.items())},
        alarmed,
        [f"{rule.origin}.{rule.name}: {rule.why}" for rule in made if not rule.texts],
    )


def as_text(result: Result, *, verbose: bool) -> str:
    lines = [f"{result.kinds} kinds; no texts could be made from {len(result.left_out)} rules"]
    for row in result.rows:
        lines += ["", f"{row.finder}: {row.ms_per_kb:.4f} ms of CPU a KB"]
        lines += [f"  found, {name}: {one}" for name, one in row.found.items()]
        lines += [f"  false alarms in 1 KB, {name}: {one}" for name, one in row.alarms.items()]
    if verbose:
        for label, each in result.missed.items():
            lines += ["", f"not always found ({label}):", *each]
        lines += ["", "alarms:", *result.alarmed]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guardrails.secrets", description=__doc__)
    parser.add_argument("--number", type=int, default=10, help="texts of each rule")
    parser.add_argument("--harmless", type=int, default=300, help="texts of each harmless kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-peers", action="store_false", dest="peers", help="ours alone")
    parser.add_argument("--verbose", action="store_true", help="what was missed, and what was taken for a secret")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    given = parser.parse_args(argv)
    result = measure(given)
    print(as_text(result, verbose=given.verbose))
    if given.json is not None:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
