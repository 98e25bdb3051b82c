"""What is held for a person: how it goes on once released, and how reviewers see it.

A reviewer reads the texts with everything that patterns found in them taken out, also where the rule that holds them
takes nothing out: a secret that must not reach the client must not reach whoever decides about it either.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from genaiops.domain import SEVERITY, HeldPart
from genaiops.guard._inspect import apart, edited
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard.surfaces import Part
from genaiops.ports.guard import Ruling


def held(
    notes: Notes, tier: Tier, body: bytes, parts: Iterable[Part], found: Mapping[str, str] = MappingProxyType({})
) -> Ruling:
    """`parts`: the texts as they are after what other rules took out. `found`: what others found in them that is to be
    hidden, and its kind."""
    shown = tuple(HeldPart(part.provenance, part.place, _masked(part.text, tier, found)) for part in parts if part.text)
    return Ruling(notes.action, body, None, notes.rule, notes.message, notes.policy, notes.found, shown)


def _masked(text: str, tier: Tier, found: Mapping[str, str]) -> str:
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(value, f"[{found[value]}]")
    if tier.scanner is None:
        return text
    return edited(
        text,
        apart(
            (each.start, each.end, f"[{each.kind}]")
            for each in tier.scanner.find(text, tier.wanted)
            if any(
                SEVERITY[tier.bounds[number].rule.action] >= SEVERITY["redact"]
                for number in tier.rules.get((each.family, each.kind), ())
            )
        ),
    )
