"""What the rules have said of a call in one direction, until it becomes the events of its record."""

import time
from typing import Final, NamedTuple

from genaiops.domain import SEVERITY, Direction, GuardAction, GuardEvent, GuardRule
from genaiops.guard._tools import ToolCheck
from genaiops.guard.surfaces import Part
from genaiops.ports.guard import Support

_MOST_PLACES: Final = 8


class Bound(NamedTuple):
    """A rule, and the policy that it stands in (`name@digest`). `tools`: what judges calls of tools by it."""

    policy: str
    rule: GuardRule
    tools: ToolCheck | None = None

    def concerns(self, part: Part) -> bool:
        """Whether the rule looks at text that comes from there."""
        return not self.rule.provenance or part.provenance in self.rule.provenance


_OPEN: Final = frozenset({"injection", "toxicity", "topics", "language", "names", "grounding", "refusal"})
"""Classifiers: what they say is a signal, so that their failure stops nothing."""


def closed(rule: GuardRule) -> bool:
    """Whether a call is refused when the rule's detector cannot say. Names that have to go before a provider sees them
    are no signal: nobody could take them back."""
    if rule.on_error is not None:
        return rule.on_error == "closed"
    return rule.detector not in _OPEN or rule.action == "redact"


class _Note:
    __slots__ = ("duration_us", "error", "kinds", "places", "provenance", "score")

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.places: dict[str, None] = {}
        self.provenance: dict[str, None] = {}
        self.score: float | None = None
        self.error: str | None = None
        self.duration_us = 0


class Notes:
    """By the numbers of the rules in `bounds`. `shadowed`: those that only note."""

    __slots__ = (
        "_bounds",
        "_direction",
        "_follows",
        "_notes",
        "_shadowed",
        "_took",
        "action",
        "again",
        "began_ns",
        "message",
        "rule",
        "spent_ns",
        "support",
    )

    def __init__(self, bounds: tuple[Bound, ...], direction: Direction, shadowed: frozenset[int]) -> None:
        self._bounds = bounds
        self._direction: Direction = direction
        self._shadowed = shadowed
        self._notes: dict[int, _Note] = {}
        self._took: dict[int, int] = {}
        self.action: GuardAction = "allow"
        """The severest that follows so far."""
        self.rule = ""
        self.message = ""
        self._follows = -1
        self.spent_ns = 0
        self.again: dict[int, tuple[str, str]] = {}
        """Rules that want another answer -> what was answered, and what its model is to hear."""
        self.support: Support | None = None

    def enforced(self, number: int) -> bool:
        return number not in self._shadowed

    # size: what is noted has six sides
    def add(
        self,
        number: int,
        kind: str,
        count: int = 1,
        *,
        provenance: str = "",
        place: str = "",
        score: float | None = None,
        error: str | None = None,
        duration_us: int = 0,
    ) -> None:
        note = self._notes.get(number)
        if note is None:
            note = self._notes[number] = _Note()
        if kind:
            note.kinds[kind] = note.kinds.get(kind, 0) + count
        if provenance:
            note.provenance[provenance] = None
        if place and len(note.places) < _MOST_PLACES:
            note.places[place] = None
        if score is not None:
            note.score = score if note.score is None else max(note.score, score)
        note.error = error or note.error
        note.duration_us += duration_us
        if number not in self._shadowed and kind:
            self.follow(number, self._bounds[number].rule.action)

    def fail(self, number: int, error: str, *, duration_us: int = 0) -> None:
        """Its detector could not say: the call is refused, or goes on, as the rule's failure mode has it."""
        self.add(number, "", error=error, duration_us=duration_us)
        if self.enforced(number) and closed(self._bounds[number].rule):
            self.follow(number, "block")
            self.message = self.message or "A check that has to be made could not be made."

    def took(self, number: int, duration_us: int) -> None:
        """Of a rule that has asked: it counts when something is noted of it."""
        self._took[number] = duration_us

    def follow(self, number: int, action: GuardAction) -> None:
        """That action follows from that rule."""
        if SEVERITY[action] > SEVERITY[self.action]:
            rule = self._bounds[number].rule
            self.action, self.rule, self.message = action, rule.id, rule.message
            self._follows = number

    @property
    def follows(self) -> int:
        """The rule whose action is the severest; -1: none has any."""
        return self._follows

    @property
    def policy(self) -> str:
        """The one whose rule has the severest action, `name@digest`."""
        return self._bounds[self._follows].policy if self._follows >= 0 else ""

    @property
    def found(self) -> dict[str, int]:
        """What that rule found: kind -> how often."""
        note = self._notes.get(self._follows)
        return dict(note.kinds) if note is not None else {}

    def events(self) -> list[GuardEvent]:
        """In the order of the rules."""
        spent_us = self.spent_ns // 1000
        found: list[GuardEvent] = []
        for number in sorted(self._notes):
            note, (policy, rule, _) = self._notes[number], self._bounds[number]
            found.append(
                GuardEvent(
                    policy,
                    rule.id,
                    rule.detector,
                    self._direction,
                    rule.action if note.kinds else "allow",
                    note.kinds,
                    tuple(note.provenance),
                    tuple(note.places),
                    number in self._shadowed,
                    note.score,
                    note.duration_us or self._took.get(number) or spent_us,
                    note.error,
                )
            )
        return found

    def begin(self) -> int:
        return time.perf_counter_ns()

    def end(self, began_ns: int) -> None:
        self.spent_ns += time.perf_counter_ns() - began_ns
