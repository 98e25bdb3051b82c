"""Rules that ask a classifier before a request goes on, or an answer out. A classifier is a signal with an error rate
of its own: one that is late, away or talks nonsense follows the failure mode of its rule."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule, Verdict
from genaiops.guard._notes import Notes
from genaiops.guard.surfaces import Part
from genaiops.ports.classifiers import Classifiers

BUILT: Final = frozenset({"injection", "toxicity"})
"""Classifiers that the guard server has."""
_FROM_OTHERS: Final = frozenset({"user", "tool_result", "retrieved", "other"})
"""Where attempts to overrule instructions come from: not from the instructions themselves."""
_MOST_TEXTS: Final = 48
_MOST_CHARACTERS: Final = 65_536
"""Asked about at once. Of a request what is behind is not looked at; an answer is asked about in several steps."""

FindClassifiers = Callable[[], Classifiers | None]
"""Who is asked (None: nobody is there)."""


class Asking(NamedTuple):
    """A rule that asks, and its number in the tier."""

    number: int
    rule: GuardRule


def asking(number: int, rule: GuardRule) -> Asking:
    """UsageError for what no classifier can do before a text goes on."""
    where = f"rules.{rule.id}"
    if rule.detector not in BUILT:
        raise UsageError(
            f"The rule {rule.id!r}: the detector {rule.detector!r} is not built yet.", param=f"{where}.detector"
        )
    if rule.action == "redact":
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: {rule.detector!r} judges a text as a whole.",
            remedy="Let it flag, replace, hold or block.",
            param=f"{where}.action",
        )
    return Asking(number, rule)


def _concerned(rule: GuardRule, parts: Sequence[Part]) -> list[Part]:
    origin = frozenset(rule.provenance) or (_FROM_OTHERS if rule.detector == "injection" else None)
    return [
        part
        for part in parts
        if part.text.strip() and (origin is None or part.provenance in origin or part.provenance == "model_output")
    ]


def wanted(rule: GuardRule, parts: Sequence[Part]) -> list[Part]:
    """The texts that the rule is about; the newest, bounded."""
    kept: list[Part] = []
    left = _MOST_CHARACTERS
    for part in _concerned(rule, parts)[-_MOST_TEXTS:]:  # those before were looked at in earlier calls
        if left <= 0:
            break
        kept.append(Part(part.text[:left], part.provenance, part.path, part.tool))
        left -= len(part.text)
    return kept


def reading(rule: GuardRule, found: Mapping[str, Verdict]) -> tuple[float, bool] | str:
    """(score, whether it counts) of what a classifier says for the rule; a text: why it could not say."""
    verdict = found.get(rule.detector)
    if verdict is None or verdict.outcome == "error" or verdict.measure is None:
        return (verdict.reason[:200] if verdict is not None else "") or "no answer"
    over = verdict.measure >= rule.threshold if rule.threshold is not None else verdict.outcome == "fail"
    return verdict.measure, over


def _portions(rule: GuardRule, parts: Sequence[Part]) -> Iterator[list[Part]]:
    """All texts that the rule is about, in portions that can be asked about at once."""
    portion: list[Part] = []
    size = 0
    for part in _concerned(rule, parts):
        for begin in range(0, len(part.text), _MOST_CHARACTERS):
            piece = part.text[begin : begin + _MOST_CHARACTERS]
            if portion and (len(portion) == _MOST_TEXTS or size + len(piece) > _MOST_CHARACTERS):
                yield portion
                portion, size = [], 0
            portion.append(Part(piece, part.provenance, part.path, part.tool))
            size += len(piece)
    if portion:
        yield portion


async def ask(rules: Sequence[Asking], parts: Sequence[Part], find: FindClassifiers | None, notes: Notes) -> None:
    """Ask about a request for every rule, one after the other; what they say is noted."""
    for number, rule in rules:
        texts = wanted(rule, parts)
        if texts:
            await _ask(number, rule, [texts], find, notes)


async def ask_of_answer(
    rules: Sequence[Asking], parts: Sequence[Part], find: FindClassifiers | None, notes: Notes
) -> None:
    """The same of an answer, or of a piece of it: nothing of it goes out that was not looked at."""
    for number, rule in rules:
        portions = list(_portions(rule, parts))
        if portions:
            await _ask(number, rule, portions, find, notes)


async def _ask(
    number: int, rule: GuardRule, portions: Sequence[Sequence[Part]], find: FindClassifiers | None, notes: Notes
) -> None:
    """`timeout_ms` of the rule is for all of them together."""
    classifiers = find() if find is not None else None
    if classifiers is None:
        notes.fail(number, "no guard server")
        return
    began = time.perf_counter()
    found: list[tuple[Part, Mapping[str, Verdict]]] = []
    try:
        async with asyncio.timeout(rule.timeout_ms / 1000):
            for parts in portions:
                verdicts = await classifiers.classify([part.text for part in parts])
                found += zip(parts, verdicts, strict=True)
    except TimeoutError:
        notes.fail(number, "late", duration_us=rule.timeout_ms * 1000)
        return
    took_us = int((time.perf_counter() - began) * 1e6)
    for part, verdict in found:
        said = reading(rule, verdict)
        if isinstance(said, str):
            notes.fail(number, said)
        elif said[1]:
            notes.add(
                number,
                rule.detector,
                provenance=part.provenance,
                place=part.place,
                score=round(said[0], 4),
                duration_us=took_us,
            )
            took_us = 0
