"""Traces as examples: what went in, what came out, and what is known of it, as rows of a dataset."""

from typing import Any, Final

import msgspec

from genaiops.core.clock import to_iso
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Trace
from genaiops.watch._documents import conversation, root_of
from genaiops.watch._spans import PROMPT_MESSAGES, PROMPT_VARIABLES
from genaiops.watch._turns import Turn

_PROMPTED: Final = frozenset({PROMPT_MESSAGES, PROMPT_VARIABLES})


def trace_example(trace: Trace, blobs: Blobs) -> dict[str, Any] | None:
    """`input` (messages), `output` (text), `metadata`, `trace_id`; of a call with a prompt `prompt_messages` and
    `variables`. None where nothing of the content was kept. Who the end user was is left out."""
    turns = conversation(trace, blobs)
    asked = [turn for turn in turns if turn.direction == "input"]
    said = [turn for turn in turns if turn.direction == "output"]
    if not asked:
        return None
    root = root_of(trace)
    known: dict[str, Any] = {
        "model": root.request_model,
        "operation": root.operation,
        "status": root.status,
        "started_at": to_iso(root.start_us),
        "environment_id": root.environment_id,
        "application": root.application,
        "session_id": root.session_id,
        "scores": {score.name: score.value if score.label is None else score.label for score in trace.scores},
    }
    example: dict[str, Any] = {
        "trace_id": trace.trace_id.hex(),
        "input": [_message(turn) for turn in asked],
        "output": "\n".join(turn.text for turn in said if turn.text),
        "metadata": {name: value for name, value in known.items() if value not in (None, "", {})},
        **_prompted(trace, len(asked)),
    }
    calls = [call for turn in said for call in _calls(turn)]
    return {**example, "tool_calls": calls} if calls else example


def _prompted(trace: Trace, asked: int) -> dict[str, Any]:
    """How many of the messages that were asked a prompt brought, and what went into it: with another version of the
    prompt, what remains is what a client would say again."""
    for content in trace.contents.values():
        facts = {
            name: msgspec.json.decode(raw) for name, raw in (content.attributes or {}).items() if name in _PROMPTED
        }
        count = facts.get(PROMPT_MESSAGES)
        if isinstance(count, int) and 0 < count <= asked:
            variables = facts.get(PROMPT_VARIABLES)
            return {"prompt_messages": count, **({"variables": variables} if variables else {})}
    return {}


def _message(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    calls = _calls(turn)
    return {**message, "tool_calls": calls} if calls else message


def _calls(turn: Turn) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": call.arguments} for call in turn.tool_calls]
