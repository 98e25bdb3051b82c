"""Verdicts of guards on some of the made-up calls."""

from typing import Any

import msgspec

from genaiops.domain import WHOLE_POLICY, GuardEvent, guard_spans, verdicts_of
from genaiops.ports.telemetry import Batch

FIRST = 20
"""Of the calls before it no guard said anything."""


def event(rule: str, **facts: Any) -> GuardEvent:
    known: dict[str, Any] = {
        "policy": "default@sha256:8f14e45fceea167a5a36dedd4bea2543",
        "detector": "pii",
        "direction": "in",
        "action": "flag",
        "places": ("messages[1].content",),
        "provenance": ("user",),
        "duration_us": 180,
    }
    return GuardEvent(rule=rule, **{**known, **facts})


def said_of(number: int) -> list[GuardEvent]:
    """What guards say of the call of that number."""
    events: list[GuardEvent] = []
    if number % 3 == 0:
        kinds = {"email": 1 + number % 2, **({"phone": 1} if number % 5 == 0 else {})}
        events.append(event("mail", kinds=kinds, duration_us=120 + number))
    if number % 7 == 0:
        events.append(event("secrets", detector="secret", action="redact", kinds={"aws_access_key_id": 1}))
    if number % 19 == 0:
        events.append(
            event(
                "leaks",
                detector="secret",
                direction="out",
                action="block",
                kinds={"private_key": 1},
                places=("output",),
            )
        )
    if number % 11 == 0:
        events.append(
            event(
                "injection",
                policy="strict@sha256:45c48cce2e2d7fbdea1afc51c7c6ad26",
                detector="injection",
                action="block",
                shadow=True,
                score=0.5 + number % 40 / 100,
                places=(),
                duration_us=14_000 + 9 * number,
            )
        )
    if number % 53 == 0:
        events.append(event("topics", detector="topics", action="allow", places=(), error="later than 250 ms"))
    return events


def guarded(number: int, batch: Batch) -> Batch:
    """The call of that number with what guards said of it. The default policy looks at all of them."""
    if number < FIRST:
        return batch
    call = batch.spans[0]
    looks = [
        event(WHOLE_POLICY, detector="", action="allow", direction=way, places=(), duration_us=400 + number)
        for way in ("in", "out")
    ]
    events = [*looks, *said_of(number)]
    return msgspec.structs.replace(
        batch, spans=[*batch.spans, *guard_spans(call, events)], verdicts=verdicts_of(call, events)
    )
