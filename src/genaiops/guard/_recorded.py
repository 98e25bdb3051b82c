"""Calls as they were recorded: their bodies, and whose words they are in, which a recording does not say."""

from collections.abc import Mapping
from typing import Any, cast, get_args

import msgspec

from genaiops.domain import (
    DIALECT_ATTRIBUTE,
    POLICIES_ATTRIBUTE,
    RELEASE_ATTRIBUTE,
    Content,
    InForce,
    Operation,
    Span,
)
from genaiops.ports.blobs import Blobs
from genaiops.ports.providers import Dialect

_OURS = "genaiops"
_FIRST_EVENTS = 4096


class RecordedCall(msgspec.Struct, frozen=True, kw_only=True):
    """`answer` None: there was none, or nothing of it was kept. `key_id`: whose call it was. `policies`: what
    held for it then; None: an older program recorded it, which did not say. `release`: the digest of the one that
    served it."""

    operation: Operation
    dialect: Dialect
    request: bytes
    answer: bytes | None
    key_id: str = ""
    policies: tuple[InForce, ...] | None = None
    release: str | None = None


def recorded_call(root: Span, content: Content | None, blobs: Blobs) -> RecordedCall | None:
    """None: nothing of the request was kept, or another program recorded it."""
    if content is None or root.dialect != _OURS or root.operation not in get_args(Operation):
        return None
    request = _body(content.input, content.input_blob, blobs)
    if not request:
        return None
    answer = _body(content.output, content.output_blob, blobs) if root.status != "error" else None
    operation = cast("Operation", root.operation)
    told = content.attributes or {}
    said = _told(told, DIALECT_ATTRIBUTE, Dialect)
    held = _told(told, POLICIES_ATTRIBUTE, dict[str, str])
    return RecordedCall(
        operation=operation,
        dialect=said if said is not None else dialect_of(operation, request, answer),
        request=request,
        answer=answer or None,
        policies=None if held is None else tuple(InForce(reference, digest) for reference, digest in held.items()),
        release=_told(told, RELEASE_ATTRIBUTE, str),
        key_id=root.key_id or "",
    )


def _told(attributes: Mapping[str, msgspec.Raw], name: str, kind: Any) -> Any:
    """None where it is not said, or not so."""
    raw = attributes.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError:
        return None


def dialect_of(operation: Operation, request: bytes, answer: bytes | None) -> Dialect:
    """Of what older programs recorded: by what only one of them has; where nothing tells, `openai`."""
    asked = _object(request)
    if operation == "embeddings":
        if "content" in asked or "requests" in asked:
            return "gemini"
        return "cohere" if "texts" in asked or "input_type" in asked else "openai"
    if operation == "rerank":
        return "cohere"
    if operation != "chat":
        return "openai"
    if "contents" in asked:
        return "gemini"
    if "messages" not in asked and ("input" in asked or "previous_response_id" in asked or "prompt" in asked):
        return "responses"
    return _of_answer(answer) or _of_messages(asked)


def _of_answer(answer: bytes | None) -> Dialect | None:
    if not answer:
        return None
    if answer.lstrip()[:1] == b"{":
        said = _object(answer)
        if said.get("type") == "message":
            return "messages"
        if isinstance(said.get("message"), dict) and "finish_reason" in said:
            return "cohere"
        return "openai" if "choices" in said else None
    begun = answer[:_FIRST_EVENTS]
    if b'"message_start"' in begun:
        return "messages"
    if b'"message-start"' in begun:
        return "cohere"
    return "openai" if b'"choices"' in begun else None


def _of_messages(asked: Mapping[str, Any]) -> Dialect:
    if "system" in asked or "anthropic_version" in asked or "stop_sequences" in asked:
        return "messages"
    return "openai"


def _body(inline: bytes | None, blob: str | None, blobs: Blobs) -> bytes | None:
    if blob is None:
        return inline
    return blobs.get(blob) if blobs.exists(blob) else None


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
