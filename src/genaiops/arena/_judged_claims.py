"""What a judge `groundedness` said of each claim, read from the evidence of its verdict."""

import re
from typing import Final

import msgspec

from genaiops.checks.metrics import metric
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Judged, Suite
from genaiops.ports.runs import CaseRow

_CLAIM: Final = re.compile(r"(?:P(\d+)|unsupported): (.+)", re.DOTALL)
UNKNOWN: Final = "What this judge is worth is not known."


class JudgedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim in the judge's words. `source`: which passage states it, from 1; None: none does. `start` and `end`:
    where it stands in the answer, if it stands there so."""

    text: str
    supported: bool
    source: str | None = None
    start: int | None = None
    end: int | None = None


class JudgedClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge of one check said of an answer. `about`: how far it can be believed. `error`: why it could not."""

    check: str
    claims: tuple[JudgedClaim, ...]
    about: str
    error: str = ""


def judged_claims(row: CaseRow, target: str, repeat: int, suite: Suite | None) -> tuple[JudgedClaims, ...]:
    """Of an answer. `suite` None: it is not kept, and nobody knows what its judges are worth."""
    answer = next((a.output for a in row.answers if a.target == target and a.repeat == repeat), "")
    found: list[JudgedClaims] = []
    for each in row.judged:
        if (each.target, each.repeat) == (target, repeat) and _of_judge(each):
            claims = tuple(_read(line, answer) for line in each.verdict.evidence)
            error = each.verdict.reason if each.verdict.outcome == "error" else ""
            found.append(JudgedClaims(check=each.check, claims=claims, about=_worth(suite, each.check), error=error))
    return tuple(found)


def _of_judge(judged: Judged) -> bool:
    evidence = judged.verdict.evidence
    return judged.metric.startswith("judge") and bool(evidence) and all(map(_CLAIM.fullmatch, evidence))


def _read(line: str, answer: str) -> JudgedClaim:
    match = _CLAIM.fullmatch(line)
    assert match is not None
    text = match[2]
    at = answer.find(text)
    return JudgedClaim(
        text=text,
        supported=match[1] is not None,
        source=match[1],
        start=at if at >= 0 else None,
        end=at + len(text) if at >= 0 else None,
    )


def _worth(suite: Suite | None, check: str) -> str:
    for each in suite.check if suite is not None else ():
        if each.name == check or (not each.name and each.metric == check):
            try:
                return metric(each.metric, each.options).card.about
            except GenaiopsError:  # a judge that is not here any more
                return UNKNOWN
    return UNKNOWN
