"""Rules about names, and about secrets by an engine: who finds them is asked before a request goes on, and what they
take out goes like any finding."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import SEVERITY, Direction, Finding, GuardRule
from genaiops.guard._asking import NOBODY, check_asked
from genaiops.guard._notes import Bound, Notes
from genaiops.guard._tables import selects
from genaiops.guard.surfaces import NAME_OF, Part
from genaiops.ports.names import FindNames, Names

_BETWEEN: Final = "\n\n"
"""Between texts that are asked about together."""
_SAID: Final = frozenset(
    {
        "system",
        "developer",
        "user",
        "assistant",
        "retrieved",
        "tool_result",
        "tool_arguments",
        "reasoning",
        "model_output",
    }
)
"""Where names stand in what is said. In definitions of tools and in fields that nobody knows a word is easily taken for
one, and taken out it breaks the call: a rule has to name them."""

_SOUGHT: Final = {"names": "names", "secret": "secrets with an engine"}

Named = Mapping[int, Sequence[tuple[int, Finding]]]
"""Part (by index) -> what was found in it, each with the number of its rule."""


class Naming(NamedTuple):
    """A rule about names, and its number in the tier."""

    number: int
    rule: GuardRule


def naming(number: int, rule: GuardRule, direction: Direction) -> Naming:
    """UsageError for what cannot be done before a text goes on."""
    check_asked(rule)
    if direction == "out":
        raise UsageError(
            f"The rule {rule.id!r} cannot look for {_SOUGHT[rule.detector]} before an answer goes out.",
            remedy='Let it look at requests (direction = "in"), or at answers when they have ended (when = "after").',
            param=f"rules.{rule.id}.direction",
        )
    return Naming(number, rule)


async def find_named(rules: Sequence[Naming], parts: Sequence[Part], find: FindNames | None, notes: Notes) -> Named:
    """What the rules find, not noted yet; a rule that could not look is. Who finds gets the texts as they came in."""
    named: dict[int, list[tuple[int, Finding]]] = {}
    for number, rule in rules:
        places = concerned(rule, parts)
        if not places:
            continue
        names = find(rule) if find is not None else None
        if names is None:
            notes.fail(number, NOBODY)
            continue
        began = time.perf_counter()
        try:
            async with asyncio.timeout(rule.timeout_ms / 1000):
                found = await names_in(rule, parts, places, names)
        except TimeoutError:
            notes.fail(number, "late", duration_us=rule.timeout_ms * 1000)
            continue
        except GenaiopsError as error:
            notes.fail(number, error.message[:200])
            continue
        notes.took(number, int((time.perf_counter() - began) * 1e6))
        for place, finding in found:
            named.setdefault(place, []).append((number, finding))
    return named


def named_values(named: Named, parts: Sequence[Part], bounds: Sequence[Bound]) -> dict[str, str]:
    """What rules found that do more than note it, and its kind."""
    return {
        parts[at].text[each.start : each.end]: each.kind
        for at, found in named.items()
        for number, each in found
        if SEVERITY[bounds[number].rule.action] >= SEVERITY["redact"]
    }


def concerned(rule: GuardRule, parts: Sequence[Part]) -> list[int]:
    """The texts (by index) that such a rule is about. A secret is one wherever it stands."""
    if rule.detector == "secret":
        origin = frozenset(rule.provenance)
        return [at for at, part in enumerate(parts) if part.text.strip() and (not origin or part.provenance in origin)]
    origin = frozenset(rule.provenance) or _SAID
    return [
        at
        for at, part in enumerate(parts)
        if part.provenance in origin and part.path[-1:] != (NAME_OF,) and part.text.strip()
    ]


async def names_in(
    rule: GuardRule, parts: Sequence[Part], places: Sequence[int], names: Names
) -> list[tuple[int, Finding]]:
    """Of these parts: (part, what was found in it). All of them are one question. GenaiopsError as `Names.find`."""
    starts: list[int] = []
    at = 0
    for place in places:
        starts.append(at)
        at += len(parts[place].text) + len(_BETWEEN)
    found: list[tuple[int, Finding]] = []
    here = 0
    for each in await names.find(_BETWEEN.join(parts[place].text for place in places)):
        if not selects(rule, each.kind):
            continue
        while here + 1 < len(starts) and starts[here + 1] <= each.start:
            here += 1
        start, end = each.start - starts[here], min(each.end - starts[here], len(parts[places[here]].text))
        if start < end:
            found.append((places[here], Finding(start, end, each.kind, each.family)))
    return found
