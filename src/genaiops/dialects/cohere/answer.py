"""A whole chat completion as an answer of Cohere's chat."""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.cohere.wire import (
    SaidCompletion,
    SaidMessage,
    as_logprob,
    as_usage,
    decode_completion,
    finish_of,
)
from genaiops.dialects.messages.wire import ToolCall
from genaiops.domain import Usage


def answer_from_chat(body: bytes, *, usage: Usage | None = None) -> bytes:
    """`usage` stands in where the answer has none. Text beside calls stays text. UpstreamError when the body is an
    error or no answer."""
    answer = read(decode_completion, body, "its answer")
    if given(answer.error):
        raise UpstreamError(error_message(answer.error)[0], code="upstream_error_in_answer")
    if not answer.choices or answer.choices[0].message is None:
        raise UpstreamError("its answer has no message.", code="upstream_bad_answer")
    choice = answer.choices[0]
    said = choice.message or SaidMessage()
    message: dict[str, Any] = {"role": "assistant"}
    content = [{"type": "thinking", "thinking": said.thought}] if said.thought else []
    content += [{"type": "text", "text": text} for text in (said.content, said.refusal) if text]
    calls = [_call(call, at, answer) for at, call in enumerate(said.tool_calls or ())]
    if content or not calls:
        message["content"] = content
    if calls:
        message["tool_calls"] = calls
    if said.tool_plan:
        message["tool_plan"] = said.tool_plan
    out: dict[str, Any] = {
        "id": answer.id or "",
        "finish_reason": finish_of(choice.finish_reason, tools=bool(calls), met=choice.stop_reason),
        "message": message,
    }
    if choice.logprobs is not None:
        out["logprobs"] = [as_logprob([one]) for one in choice.tokens()]
    counted = chat_usage(answer.usage) or usage
    if counted is not None:
        out["usage"] = as_usage(counted)
    return msgspec.json.encode(out)


def call_id(call: ToolCall, at: int, answer_id: str | None) -> str:
    """The call's id; one made of the answer's where the server gave none."""
    return call.id or f"call_{answer_id or 'answer'}_{at}"


def _call(call: ToolCall, at: int, answer: SaidCompletion) -> dict[str, Any]:
    function = call.function
    if function is None or not function.name:
        raise UpstreamError("a tool call in its answer has no name.", code="upstream_bad_answer")
    return {
        "id": call_id(call, at, answer.id),
        "type": "function",
        "function": {"name": function.name, "arguments": function.arguments or "{}"},
    }
