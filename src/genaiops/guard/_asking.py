"""Rules that ask a classifier before a request goes on, or an answer out. A classifier is a signal with an error rate
of its own: one that is late, away or talks nonsense follows the failure mode of its rule."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genaiops.checks.languages import letters
from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule, Verdict
from genaiops.guard._notes import Notes
from genaiops.guard._subjects import (
    Reading,
    check_languages,
    check_options,
    check_topics,
    language_read,
    lists_of,
    said_instead,
    topics_read,
    wrong,
)
from genaiops.guard._windows import pieces_of
from genaiops.guard.surfaces import Part
from genaiops.ports.classifiers import FindClassifiers

LISTED: Final = frozenset({"language", "topics"})
"""Classifiers whose rules bring lists of what is wanted."""
_ORIGINS: Final[Mapping[str, frozenset[str]]] = {
    "injection": frozenset({"user", "tool_result", "retrieved", "other"}),
    "language": frozenset({"user"}),
    "topics": frozenset({"user"}),
}
"""Whose texts a rule is about that does not say: attempts to overrule instructions do not come from the instructions
themselves, and what a call is about is said by who asks."""
ENGINES: Final = frozenset({"kingfisher"})
"""Who finds secrets beside our own patterns."""
NOBODY: Final = "no guard server"
"""Why a rule could not be asked: who answers it does not run."""
_MOST_TEXTS: Final = 48
_MOST_CHARACTERS: Final = 65_536
"""Asked about at once. Of a request what is behind is not looked at; an answer is asked about in several steps."""


class Asking(NamedTuple):
    """A rule that asks, and its number in the tier."""

    number: int
    rule: GuardRule


def asking(number: int, rule: GuardRule) -> Asking:
    """UsageError for what no classifier can do before a text goes on."""
    if rule.action == "redact":
        raise UsageError(
            f"The rule {rule.id!r} cannot redact: {rule.detector!r} judges a text as a whole.",
            remedy="Let it flag, replace, hold or block.",
            param=f"rules.{rule.id}.action",
        )
    return Asking(number, rule)


def names_engine(rule: GuardRule) -> str | None:
    """The engine that a rule about secrets names; None: our own patterns look for them."""
    return rule.options.get("engine") if rule.detector == "secret" else None


def finds_places(rule: GuardRule) -> bool:
    """Whether somebody else is asked for places in the texts: for names, or for secrets by an engine."""
    return rule.detector == "names" or names_engine(rule) is not None


def check_asked(rule: GuardRule) -> None:
    """UsageError for options that its classifier does not have."""
    if rule.detector == "language":
        check_languages(rule)
    elif rule.detector == "topics":
        check_topics(rule)
    elif rule.detector == "names":
        check_options(rule, ())
    elif rule.detector == "secret":
        check_options(rule, ("engine",))
        if names_engine(rule) not in ENGINES:
            known = ", ".join(f'`engine = "{name}"`' for name in sorted(ENGINES))
            raise wrong(rule, "engine", "is no engine that finds secrets", f"Write {known}, or leave it out.")
    else:
        check_options(rule, ("classifier", "labels"))
        if not isinstance(rule.options.get("classifier", ""), str):
            raise wrong(rule, "classifier", "is a name of the settings", 'Write `classifier = "prompt-guard"`.')
        labels = rule.options.get("labels", ["x"])
        if not isinstance(labels, list) or not labels or not all(isinstance(each, str) for each in labels):  # pyright: ignore[reportUnknownVariableType]
            raise wrong(rule, "labels", "is a list of labels", 'Write `labels = ["JAILBREAK"]`.')
        if "labels" in rule.options and "classifier" not in rule.options:
            raise wrong(rule, "labels", "is of a classifier of yours", "Name it with `classifier`, or leave both out.")


def _concerned(rule: GuardRule, parts: Sequence[Part]) -> list[Part]:
    origin = frozenset(rule.provenance) or _ORIGINS.get(rule.detector)
    least = lists_of(rule).shortest if rule.detector in LISTED else 0
    return [
        part
        for part in parts
        if part.text.strip()
        and (origin is None or part.provenance in origin or part.provenance == "model_output")
        and (not least or letters(part.text[:4096]) >= least)
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


def reading(rule: GuardRule, found: Mapping[str, Verdict]) -> Reading | str:
    """What a classifier says for the rule; a text: why it could not say."""
    if rule.detector == "language":
        return language_read(rule, found)
    if rule.detector == "topics":
        return topics_read(rule, found)
    verdict = found.get(rule.detector)
    if verdict is None or verdict.outcome == "error" or verdict.measure is None:
        return said_instead(verdict)
    over = verdict.measure >= rule.threshold if rule.threshold is not None else verdict.outcome == "fail"
    return Reading(verdict.measure, (rule.detector,) if over else ())


def _portions(rule: GuardRule, parts: Sequence[Part], *, whole: bool) -> Iterator[list[Part]]:
    """All texts that the rule is about, in portions that can be asked about at once. `whole`: they are whole texts, of
    which classifiers get the pieces that they would get of a stream."""
    portion: list[Part] = []
    size = 0
    concerned = _concerned(rule, parts)
    if whole and rule.detector not in LISTED:
        concerned = [piece for part in concerned for piece in pieces_of(part) if piece.text.strip()]
    for part in concerned:
        for begin in range(0, len(part.text), _MOST_CHARACTERS):
            piece = part.text[begin : begin + _MOST_CHARACTERS]
            if portion and (len(portion) == _MOST_TEXTS or size + len(piece) > _MOST_CHARACTERS):
                yield portion
                portion, size = [], 0
            portion.append(Part(piece, part.provenance, part.path, part.tool))
            size += len(piece)
    if portion:
        yield portion


async def ask(
    rules: Sequence[Asking], parts: Sequence[Part], find: FindClassifiers | None, notes: Notes, *, scope: str
) -> None:
    """Ask about a request for every rule, one after the other; what they say is noted. `scope`: whose texts they
    are."""
    for asked in rules:
        texts = wanted(asked.rule, parts)
        if texts:
            await _ask(asked, [texts], find, notes, scope)


async def ask_of_answer(
    rules: Sequence[Asking],
    parts: Sequence[Part],
    find: FindClassifiers | None,
    notes: Notes,
    *,
    scope: str,
    whole: bool = True,
) -> None:
    """The same of an answer, or of a piece of it (not `whole`): nothing of it goes out that was not looked at."""
    for asked in rules:
        portions = list(_portions(asked.rule, parts, whole=whole))
        if portions:
            await _ask(asked, portions, find, notes, scope)


async def _ask(
    asked: Asking, portions: Sequence[Sequence[Part]], find: FindClassifiers | None, notes: Notes, scope: str
) -> None:
    """`timeout_ms` of the rule is for all of them together."""
    number, rule = asked
    classifiers = find(rule) if find is not None else None
    if classifiers is None:
        notes.fail(number, NOBODY)
        return
    began = time.perf_counter()
    found: list[tuple[Part, Mapping[str, Verdict]]] = []
    try:
        async with asyncio.timeout(rule.timeout_ms / 1000):
            for parts in portions:
                verdicts = await classifiers.classify([part.text for part in parts], scope=scope)
                found += zip(parts, verdicts, strict=True)
    except TimeoutError:
        notes.fail(number, "late", duration_us=rule.timeout_ms * 1000)
        return
    took_us = int((time.perf_counter() - began) * 1e6)
    for part, verdict in found:
        said = reading(rule, verdict)
        if isinstance(said, str):
            notes.fail(number, said)
            continue
        for kind in said.found:
            notes.add(
                number,
                kind,
                provenance=part.provenance,
                place=part.place,
                score=round(said.score, 4),
                duration_us=took_us,
            )
            took_us = 0
