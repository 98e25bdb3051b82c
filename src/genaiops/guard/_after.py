"""Rules that look at a call when it has ended: what classifiers say of its texts, and names in them. They cost nobody
time, and only note.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from genaiops.core.errors import GenaiopsError
from genaiops.domain import Direction, GuardEvent, GuardRule
from genaiops.guard import surfaces
from genaiops.guard._asking import NOBODY, finds_places, reading, wanted
from genaiops.guard._mending import heard
from genaiops.guard._naming import concerned, names_in
from genaiops.guard._recorded import RecordedCall
from genaiops.guard.surfaces import Part
from genaiops.ports.classifiers import FindClassifiers
from genaiops.ports.names import FindNames


async def judge_later(
    policy: str, rule: GuardRule, call: RecordedCall, classifiers: FindClassifiers, names: FindNames | None = None
) -> list[GuardEvent]:
    """What the rule of a policy (`name@digest`) says of a recorded call."""
    found: list[GuardEvent] = []
    for direction in ("in", "out"):
        if rule.direction in (direction, "both"):
            look = _Look(policy, rule, direction)
            try:
                parts = _parts(call, direction)
            except GenaiopsError as error:
                event = look.failed(error.code)
            else:
                event = await (
                    look.names(parts, names) if finds_places(rule) else look.ask(parts, classifiers, call.key_id)
                )
            if event is not None:
                found.append(event)
    return found


class _Look:
    """Of one rule at one direction. None: it says nothing."""

    def __init__(self, policy: str, rule: GuardRule, direction: Direction) -> None:
        self._policy = policy
        self._rule = rule
        self._direction: Direction = direction
        self._began = time.perf_counter()

    async def ask(self, every: Sequence[Part], find: FindClassifiers, scope: str) -> GuardEvent | None:
        """`scope`: whose texts they are."""
        rule = self._rule
        parts = wanted(rule, every)
        if not parts:
            return None
        classifiers = find(rule)
        if classifiers is None:
            return self.failed(NOBODY)
        over: list[Part] = []
        kinds: Counter[str] = Counter()
        score, error = 0.0, None
        verdicts = await classifiers.classify([part.text for part in parts], scope=scope)
        for part, found in zip(parts, verdicts, strict=True):
            said = reading(rule, found)
            if isinstance(said, str):
                error = said
                continue
            score = max(score, said.score)
            kinds.update(said.found)
            over += [part] if said.found else []
        return self._event(over, kinds, round(score, 4), error) if over or error is not None else None

    async def names(self, parts: Sequence[Part], find: FindNames | None) -> GuardEvent | None:
        places = concerned(self._rule, parts)
        if not places:
            return None
        names = find(self._rule) if find is not None else None
        if names is None:
            return self.failed(NOBODY)
        try:
            found = await names_in(self._rule, parts, places, names)
        except GenaiopsError as error:
            return self.failed(error.message[:200])
        kinds = Counter(each.kind for _, each in found)
        return self._event([parts[at] for at, _ in found], kinds) if found else None

    def failed(self, error: str) -> GuardEvent:
        return GuardEvent(self._policy, self._rule.id, self._rule.detector, self._direction, "allow", error=error)

    def _event(
        self, over: Sequence[Part], kinds: Mapping[str, int], score: float | None = None, error: str | None = None
    ) -> GuardEvent:
        return GuardEvent(
            self._policy,
            self._rule.id,
            self._rule.detector,
            self._direction,
            "flag" if over else "allow",
            dict(kinds),
            tuple(dict.fromkeys(part.provenance for part in over)),
            tuple(dict.fromkeys(part.place for part in over))[:8],
            score=score,
            duration_us=int((time.perf_counter() - self._began) * 1e6),
            error=error,
        )


def _parts(call: RecordedCall, direction: Direction) -> Sequence[Part]:
    if direction == "in":
        return surfaces.asked(call.operation, call.dialect, call.request, None).parts
    if call.answer is None:
        return ()
    if call.answer.lstrip()[:1] == b"{":
        return surfaces.answered(call.operation, call.dialect, call.answer, b"application/json").parts
    return heard(call.operation, call.dialect, call.answer)
