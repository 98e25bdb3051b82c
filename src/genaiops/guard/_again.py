"""What rules said of an answer whose model was asked for another one, beside what they say of that."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from genaiops.domain import SEVERITY, GuardEvent

ASKED_AGAIN: Final = "asked_again"
"""The kind under which events tell how often a rule had the model asked again."""
_MOST_PLACES: Final = 8


def asked_again(events: Iterable[GuardEvent], rule: str) -> list[GuardEvent]:
    """That rule had another answer asked for."""
    return [replace(event, kinds={**event.kinds, ASKED_AGAIN: 1}) if event.rule == rule else event for event in events]


def passed_over(events: Iterable[GuardEvent], rule: str) -> list[GuardEvent]:
    """Another answer is there: nothing followed from what that rule found in the one before."""
    return [replace(event, action="flag") if event.rule == rule else event for event in events]


def merged(former: Sequence[GuardEvent], now: Sequence[GuardEvent]) -> list[GuardEvent]:
    """One event for each rule, of all answers of a call."""
    if not former:
        return list(now)
    found = {(event.policy, event.rule, event.direction): event for event in former}
    for event in now:
        key = (event.policy, event.rule, event.direction)
        found[key] = _both(found[key], event) if key in found else event
    return list(found.values())


def _both(one: GuardEvent, other: GuardEvent) -> GuardEvent:
    kinds = dict(one.kinds)
    for kind, number in other.kinds.items():
        kinds[kind] = kinds.get(kind, 0) + number
    scores = [score for score in (one.score, other.score) if score is not None]
    return replace(
        other,
        action=one.action if SEVERITY[one.action] > SEVERITY[other.action] else other.action,
        kinds=kinds,
        provenance=tuple(dict.fromkeys((*one.provenance, *other.provenance))),
        places=tuple(dict.fromkeys((*one.places, *other.places)))[:_MOST_PLACES],
        score=max(scores, default=None),
        duration_us=one.duration_us + other.duration_us,
        error=other.error or one.error,
    )
