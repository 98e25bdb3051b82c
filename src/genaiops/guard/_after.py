"""Rules that look at a call when it has ended: what classifiers say of its texts. They cost nobody time, and only
note.
"""

import time
from collections.abc import Mapping, Sequence

from genaiops.core.errors import GenaiopsError
from genaiops.domain import Direction, GuardEvent, GuardRule, Verdict
from genaiops.guard import surfaces
from genaiops.guard._asking import reading, wanted
from genaiops.guard._mending import heard
from genaiops.guard._recorded import RecordedCall
from genaiops.guard.surfaces import Part
from genaiops.ports.classifiers import Classifiers


async def judge_later(policy: str, rule: GuardRule, call: RecordedCall, classifiers: Classifiers) -> list[GuardEvent]:
    """What the rule of a policy (`name@digest`) says of a recorded call."""
    found: list[GuardEvent] = []
    for direction in ("in", "out"):
        if rule.direction in (direction, "both"):
            event = await _judge(policy, rule, direction, call, classifiers)
            if event is not None:
                found.append(event)
    return found


async def _judge(
    policy: str, rule: GuardRule, direction: Direction, call: RecordedCall, classifiers: Classifiers
) -> GuardEvent | None:
    try:
        parts = wanted(rule, _parts(call, direction))
    except GenaiopsError as error:
        return _event(policy, rule, direction, error=error.code)
    if not parts:
        return None
    began = time.perf_counter()
    verdicts = await classifiers.classify([part.text for part in parts])
    took_us = int((time.perf_counter() - began) * 1e6)
    return _said(policy, rule, direction, list(zip(parts, verdicts, strict=True)), took_us)


def _said(
    policy: str,
    rule: GuardRule,
    direction: Direction,
    verdicts: Sequence[tuple[Part, Mapping[str, Verdict]]],
    took_us: int,
) -> GuardEvent | None:
    over: list[Part] = []
    score, error = 0.0, None
    for part, found in verdicts:
        said = reading(rule, found)
        if isinstance(said, str):
            error = said
            continue
        score = max(score, said[0])
        if said[1]:
            over.append(part)
    if not over and error is None:
        return None
    return GuardEvent(
        policy,
        rule.id,
        rule.detector,
        direction,
        "flag" if over else "allow",
        {rule.detector: len(over)} if over else {},
        tuple(dict.fromkeys(part.provenance for part in over)),
        tuple(part.place for part in over[:8]),
        score=round(score, 4),
        duration_us=took_us,
        error=error,
    )


def _event(policy: str, rule: GuardRule, direction: Direction, *, error: str) -> GuardEvent:
    return GuardEvent(policy, rule.id, rule.detector, direction, "allow", error=error)


def _parts(call: RecordedCall, direction: Direction) -> Sequence[Part]:
    if direction == "in":
        return surfaces.asked(call.operation, call.dialect, call.request, None).parts
    if call.answer is None:
        return ()
    if call.answer.lstrip()[:1] == b"{":
        return surfaces.answered(call.operation, call.dialect, call.answer, b"application/json").parts
    return heard(call.operation, call.dialect, call.answer)
