"""Calls to Bedrock, and what it says to them, held against AWS's own description of its service."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from genaiops.domain import Operation, Target
from genaiops.ports.providers import CallBody
from genaiops.providers.bedrock import Bedrock
from tests.providers.aws_shapes import check_answer, check_events, check_request
from tests.providers.eventstreams import event

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = base64.b64encode(b"\x89PNG").decode()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def target(upstream_model: str = CLAUDE, **settings: str) -> Target:
    return Target(
        id="t",
        provider="bedrock",
        model="m",
        upstream_model=upstream_model,
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
        settings=settings,
        created_us=0,
    )


def call(operation: Operation = "chat", *, cap: int | None = None, **body: Any) -> CallBody:
    body = {"model": "m", **body}
    wants = bool(body.get("stream_options", {}).get("include_usage"))
    raw = json.dumps(body).encode()
    return CallBody(operation, raw, "m", bool(body.get("stream")), wants, cap, cap is not None)


def sent(place: Target | None = None, /, **body: Any) -> dict[str, Any]:
    """The body that goes out for a chat completion; AWS's client would send it, too."""
    body.setdefault("messages", [{"role": "user", "content": "Hi"}])
    asked = call(**body)
    place = place or target()
    found = json.loads(Bedrock().prepare(asked, place, None).body)
    operation = "ConverseStream" if asked.stream else "Converse"
    check_request("bedrock-runtime", operation, {"modelId": place.upstream_model, **found})
    return found


def user(*content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(content)}]


USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 70}
USAGE["cacheWriteInputTokens"] = 30
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}}
REDACTED = {"reasoningContent": {"redactedContent": "AAE="}}
USE = {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": 1.5}}}


def answered(*content: Any, stop_reason: str = "end_turn", **more: Any) -> bytes:
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop_reason,
        "usage": USAGE,
        "metrics": {"latencyMs": 5},
        **more,
    }
    check_answer("bedrock-runtime", "Converse", body)
    return json.dumps(body).encode()


def block(index: int, **delta: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}


def stop(index: int) -> tuple[str, Any]:
    return "contentBlockStop", {"contentBlockIndex": index}


START = ("messageStart", {"role": "assistant"})
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})
EVENTS = [
    START,
    block(0, reasoningContent={"text": "H"}),
    block(0, reasoningContent={"text": "m."}),
    block(0, reasoningContent={"signature": "sig=="}),
    stop(0),
    block(1, text="Caf\u00e9"),
    block(1, text="."),
    stop(1),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "c1", "name": "look"}}}),
    block(2, toolUse={"input": '{"a"'}),
    block(2, toolUse={"input": ":1}"}),
    stop(2),
    ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "c2", "name": "look"}}}),
    stop(3),
    ("messageStop", {"stopReason": "tool_use"}),
    METADATA,
]
check_events("bedrock-runtime", "ConverseStream", EVENTS)


def framed(events: list[tuple[str, Any]]) -> bytes:
    return b"".join(event(kind, body) for kind, body in events)
