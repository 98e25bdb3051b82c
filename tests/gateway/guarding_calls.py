"""Policies and calls for the tests of guarding."""

from typing import Any

from genaiops.domain import GuardPolicy, GuardRule, GuardVersion
from tests.gateway.harness import CHAT, Worker
from tests.gateway.upstream import stream_events

TICKET = "T-123456"


def rule(**changes: Any) -> GuardRule:
    fields: dict[str, Any] = {
        "id": "tickets",
        "detector": "words",
        "action": "redact",
        "options": {"patterns": {"ticket": r"\bT-\d{6}\b"}},
    }
    return GuardRule(**{**fields, **changes})


def policy(*rules: GuardRule, name: str = "default", **changes: Any) -> GuardVersion:
    made = GuardPolicy(rules=rules, **changes)
    return GuardVersion(name=name, digest=f"sha256:{name}", aliases=("current",), policy=made)


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {**CHAT, "messages": [{"role": "user", "content": text}], **more}


def in_force(worker: Worker) -> bool:
    """Whether it has what was published last: policies are made ready beside the loop."""
    worker.gateway.poll()
    return list(worker.home.observer.acknowledged().values()) == [worker.home.version]


def fragments(text: str, size: int) -> list[bytes]:
    return stream_events(*(text[at : at + size] for at in range(0, len(text), size)))
