"""Rules that ask a classifier before a request goes on. A classifier is a signal with an error rate of its own: one
that is late, away or talks nonsense follows the failure mode of its rule."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from genaiops.core.errors import UsageError
from genaiops.domain import Direction, GuardRule, Verdict
from genaiops.guard._notes import Notes
from genaiops.guard.surfaces import Part
from genaiops.ports.classifiers import Classifiers

BUILT: Final = frozenset({"injection", "toxicity"})
"""Classifiers that the guard server has."""
_FROM_OTHERS: Final = frozenset({"user", "tool_result", "retrieved", "other"})
"""Where attempts to overrule instructions come from: not from the instructions themselves."""
_MOST_TEXTS: Final = 48
_MOST_CHARACTERS: Final = 65_536
"""Of one call and direction; what is behind is not looked at."""

FindClassifiers = Callable[[], Classifiers | None]
"""Who is asked (None: nobody is there)."""


class Asking(NamedTuple):
    """A rule that asks, and its number in the tier."""

    number: int
    rule: GuardRule


def asking(number: int, rule: GuardRule, direction: Direction) -> Asking:
    """UsageError for what no classifier can do before a text goes on."""
    where = f"rules.{rule.id}"
    if rule.detector not in BUILT:
        raise UsageError(
            f"The rule {rule.id!r}: the detector {rule.detector!r} is not built yet.", param=f"{where}.detector"
        )
    if direction == "out":
        raise UsageError(
            f"The rule {rule.id!r} cannot ask a classifier before an answer goes out.",
            remedy='Let it look at requests (direction = "in"), or at answers when they have ended (when = "after").',
            param=f"{where}.direction",
        )
    if rule.action == "redact":
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: {rule.detector!r} judges a text as a whole.",
            remedy="Let it flag, replace, hold or block.",
            param=f"{where}.action",
        )
    return Asking(number, rule)


def wanted(rule: GuardRule, parts: Sequence[Part]) -> list[Part]:
    """The texts that the rule is about; the newest, bounded."""
    origin = frozenset(rule.provenance) or (_FROM_OTHERS if rule.detector == "injection" else None)
    concerned = [
        part
        for part in parts
        if part.text.strip() and (origin is None or part.provenance in origin or part.provenance == "model_output")
    ]
    kept: list[Part] = []
    left = _MOST_CHARACTERS
    for part in concerned[-_MOST_TEXTS:]:  # those before were looked at in earlier calls
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


async def ask(
    rules: Sequence[Asking], parts: Sequence[Part], find: FindClassifiers | None, notes: Notes, *, scope: str
) -> None:
    """Ask for every rule, one after the other; what they say is noted. `scope`: whose texts they are."""
    for number, rule in rules:
        texts = wanted(rule, parts)
        if texts:
            await _ask(Asking(number, rule), texts, find() if find is not None else None, notes, scope)


async def _ask(
    asking: Asking, parts: Sequence[Part], classifiers: Classifiers | None, notes: Notes, scope: str
) -> None:
    number, rule = asking
    if classifiers is None:
        notes.fail(number, "no guard server")
        return
    began = time.perf_counter()
    try:
        async with asyncio.timeout(rule.timeout_ms / 1000):
            verdicts = await classifiers.classify([part.text for part in parts], scope=scope)
    except TimeoutError:
        notes.fail(number, "late", duration_us=rule.timeout_ms * 1000)
        return
    took_us = int((time.perf_counter() - began) * 1e6)
    for part, found in zip(parts, verdicts, strict=True):
        said = reading(rule, found)
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
