"""Verdicts of guards as JSON-ready documents, and what the span of a guard tells of them."""

from collections.abc import Sequence
from typing import Any, Final, get_args

from genaiops.core.clock import to_iso
from genaiops.domain import GuardAction, GuardVerdict

SEVERITY: Final[tuple[GuardAction, ...]] = get_args(GuardAction)
"""Actions from the mildest to the severest."""


def verdict_document(verdict: GuardVerdict) -> dict[str, Any]:
    """A verdict in its trace. `kinds`: what was found -> how often."""
    event = verdict.event
    return {
        "id": verdict.id,
        "span_id": verdict.span_id.hex(),
        "policy": verdict.policy_name,
        "digest": verdict.policy_digest,
        "rule": event.rule,
        "detector": event.detector,
        "direction": event.direction,
        "action": event.action,
        "shadow": event.shadow,
        "kinds": event.kinds,
        "count": verdict.count,
        "provenance": list(event.provenance),
        "places": list(event.places),
        "score": event.score,
        "duration_ms": event.duration_us / 1000,
        "error": event.error,
        "mark": verdict.mark,
        "marked_at": None if verdict.marked_us is None else to_iso(verdict.marked_us),
        "marked_by": verdict.marked_by,
    }


def verdict_row_document(verdict: GuardVerdict) -> dict[str, Any]:
    """A line of a list of verdicts."""
    return {
        **verdict_document(verdict),
        "trace_id": verdict.trace_id.hex(),
        "started_at": to_iso(verdict.start_us),
        "environment_id": verdict.environment_id,
        "team_id": verdict.team_id,
        "key_id": verdict.key_id,
        "application": verdict.application,
    }


def guard_attributes(verdicts: Sequence[GuardVerdict], span_id: bytes) -> dict[str, Any]:
    """Of a guard's span: the severest action that followed, the rules that made something of it, those that only
    would have."""
    own = [each for each in verdicts if each.span_id == span_id]
    if not own:
        return {}
    done = [each for each in own if not each.event.shadow]
    action = max((each.event.action for each in done), key=SEVERITY.index, default="allow")
    rules = {
        "genaiops.guard.rules": [each for each in done if each.event.action != "allow"],
        "genaiops.guard.shadow_rules": [each for each in own if each.event.shadow],
    }
    named = {
        name: [f"{each.policy_name}/{each.event.rule}" for each in members]
        for name, members in rules.items()
        if members
    }
    return {"genaiops.guard.action": action, **named}
