"""Whole answers: a chat completion as Google's GenerateContentResponse."""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.gemini.wire import (
    ChatMessage,
    Choice,
    as_gemini,
    call_part,
    decode_completion,
    finish_of,
    logprobs_of,
    picture_part,
    signature_of,
)
from genaiops.domain import Usage


def answer_from_chat(body: bytes, model: str, *, thoughts: bool, usage: Usage | None = None) -> bytes:
    """A chat completion as an answer of Google's; `model` is the name that the client used.

    `thoughts`: the client asked to see them. `usage` stands in where the answer has none. A function call whose
    arguments were cut off by the cap is left out: it could not be run. UpstreamError when the body is an error or no
    answer.
    """
    answer = read(decode_completion, body, "its answer")
    if given(answer.error):
        raise UpstreamError(error_message(answer.error)[0], code="upstream_error_in_answer")
    if not answer.choices or any(choice.message is None for choice in answer.choices):
        raise UpstreamError("its answer has no message.", code="upstream_bad_answer")
    made: dict[str, Any] = {"candidates": [_candidate(choice, thoughts=thoughts) for choice in answer.choices]}
    known = chat_usage(answer.usage) or usage
    if known is not None:
        made["usageMetadata"] = as_gemini(known)
    made["modelVersion"] = answer.model or model
    made["responseId"] = answer.id or ""
    return msgspec.json.encode(made)


def _candidate(choice: Choice, *, thoughts: bool) -> dict[str, Any]:
    message = choice.message or ChatMessage()
    parts: list[dict[str, Any]] = []
    if thoughts and message.thought:
        parts.append({"text": message.thought, "thought": True})
    parts += [{"text": text} for text in (message.content, message.refusal) if text]
    parts += [part for picture in message.images or () if (part := picture_part(picture)) is not None]
    signature = signature_of(message.extra_content)
    if signature:
        _sign(parts, signature)
    calls = [
        call_part(call, call.function.arguments if call.function is not None else None)
        for call in message.tool_calls or ()
    ]
    if choice.finish_reason == "length" and calls and calls[-1] is None:
        calls.pop()
    for part in calls:
        if part is None:
            raise UpstreamError(
                "a tool call in its answer has arguments that are no JSON object.", code="upstream_bad_answer"
            )
        parts.append(part)
    refused = bool(message.refusal) and not message.content
    return {
        "content": {"role": "model", "parts": parts},
        "finishReason": finish_of(choice.finish_reason, refused=refused),
        "index": choice.index,
        **logprobs_of(choice.logprobs),
    }


def _sign(parts: list[dict[str, Any]], signature: str) -> None:
    """The signature of a whole message stands on its text."""
    signed = next((part for part in reversed(parts) if "text" in part and "thought" not in part), None)
    if signed is None:
        parts.append({"text": "", "thoughtSignature": signature})
    else:
        signed["thoughtSignature"] = signature
