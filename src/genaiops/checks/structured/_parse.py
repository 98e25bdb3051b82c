"""Finds the JSON in an answer."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from genaiops.checks.structured._repair import Mending, NotMendable, Repair
from genaiops.domain import Finding

_FENCE: Final = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_BRACKET: Final = re.compile(r"[\[{]")
_ATTEMPTS: Final = 16
FAMILY: Final = "structure"


class Parsed(msgspec.Struct, frozen=True):
    """`text` is the JSON: the answer with all `repairs` (in order) applied. `truncated`: its end was missing, so that
    items and parts of strings may be lost."""

    value: Any
    text: str
    repairs: tuple[Repair, ...] = ()
    truncated: bool = False

    def findings(self) -> tuple[Finding, ...]:
        """Where it was broken."""
        return tuple(Finding(each.start, each.end, each.kind, FAMILY) for each in self.repairs)


class Broken(msgspec.Struct, frozen=True):
    """No JSON, or such that it would have to be guessed; `at`: the character where it stopped making sense."""

    reason: str
    at: int


def parse(text: str) -> Parsed | Broken:
    """The JSON in an answer: all of it, else the object or array that it begins with, else what stands in a fence, else
    the longest one. A text that is JSON (RFC 8259) is never changed."""
    try:
        return Parsed(_loads(text), text)
    except RecursionError:
        return _too_deep()
    except ValueError:
        pass
    furthest = Broken("There is no JSON object or array in the answer.", 0)
    for places in _places(text):
        best: tuple[int, int, Mending] | None = None
        reach = -1
        for start, stop in places:
            if start < reach:
                continue
            mending = Mending(text, start, stop)
            try:
                reach = mending.read()
            except NotMendable as error:
                if error.at >= furthest.at:
                    furthest = Broken(f"At character {error.at}, {error.expected} is missing.", error.at)
                continue
            if best is None or reach - start > best[1] - best[0]:
                best = (start, reach, mending)
        if best is not None:
            return _parsed(text, *best)
    return furthest


def _places(text: str) -> Iterator[list[tuple[int, int]]]:
    """Where JSON may begin, and beyond what it cannot go: lists, each to be tried when the one before gave nothing."""
    whole = _starts(text, 0, len(text))
    if whole and not text[: whole[0][0]].strip():
        yield whole[:1]
    yield [place for fence in list(_FENCE.finditer(text))[:_ATTEMPTS] for place in _starts(text, *fence.span(1))[:1]]
    yield whole


def _starts(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    found = _BRACKET.finditer(text, start, stop)
    return [(match.start(), stop) for match, _ in zip(found, range(_ATTEMPTS), strict=False)]


def _parsed(text: str, start: int, end: int, mending: Mending) -> Parsed | Broken:
    repairs = list(mending.repairs)
    if text[:start].strip():
        repairs.insert(0, Repair(0, start, "", "around"))
    if text[end:].strip():
        repairs.append(Repair(end, len(text), "", "around"))
    pieces: list[str] = []
    at = 0
    for repair in repairs:
        pieces += (text[at : repair.start], repair.text)
        at = repair.end
    mended = "".join(pieces) + text[at:]
    try:
        return Parsed(_loads(mended), mended, tuple(repairs), mending.truncated)
    except RecursionError:
        return _too_deep()
    except ValueError as error:  # a number of thousands of digits
        return Broken(f"{str(error).partition(';')[0]}.", start)


def _too_deep() -> Broken:
    return Broken("It is nested too deeply.", 0)


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
