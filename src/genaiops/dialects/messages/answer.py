"""Whole answers: Anthropic's message as a chat completion, and back."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import as_chat, chat_usage, error_message, given, read
from genaiops.dialects.messages.wire import (
    FINISH_OF_STOP,
    Block,
    ChatMessage,
    Completion,
    Message,
    ToolCall,
    as_messages,
    decode_completion,
    decode_message,
    messages_usage,
    stop_of,
)
from genaiops.domain import Usage


def answer_to_chat(body: bytes | Message, *, created: int) -> bytes:
    """A Messages answer (its bytes, or read already) as a chat completion; `created` in seconds since 1970.

    UpstreamError when it is an error, no answer, or has content that chat cannot carry.
    """
    answer = body if isinstance(body, Message) else whole_message(body)
    text: list[str] = []
    thought: list[str] = []
    thinking: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in answer.content or ():
        if block.type == "text":
            text.append(block.text or "")
        elif block.type == "tool_use":
            calls.append(_call_of(block))
        elif block.type in ("thinking", "redacted_thinking"):
            thought.append(block.thinking or "")
            thinking.append(thinking_block(block))
        else:
            raise unknown_block(block)
    said = "".join(text)
    message: dict[str, Any] = {"role": "assistant", "content": said if text or not calls else None, "refusal": None}
    if answer.stop_reason == "refusal" and answer.stop_details is not None:
        message["refusal"] = answer.stop_details.explanation
    if thinking:
        message["reasoning_content"] = "".join(thought)
        message["thinking_blocks"] = thinking
    if calls:
        message["tool_calls"] = calls
    finish = FINISH_OF_STOP.get(answer.stop_reason or "", "stop")
    choice: dict[str, Any] = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    if answer.stop_sequence is not None:
        choice["stop_reason"] = answer.stop_sequence
    out: dict[str, Any] = {
        "id": answer.id or "",
        "object": "chat.completion",
        "created": created,
        "model": answer.model or "",
        "choices": [choice],
    }
    usage = messages_usage(answer.usage).buckets()
    if usage is not None:
        out["usage"] = as_chat(usage)
    return msgspec.json.encode(out)


def whole_message(body: bytes) -> Message:
    """UpstreamError when the body is an error (also under the status 200), or no answer."""
    answer = read(decode_message, body, "its answer")
    if given(answer.error):
        raise UpstreamError(error_message(answer.error)[0], code="upstream_error_in_answer")
    if answer.content is None:
        raise UpstreamError("its answer has no content.", code="upstream_bad_answer")
    return answer


def thinking_block(block: Block) -> dict[str, Any]:
    """The block as it has to come back to Anthropic."""
    if block.type == "redacted_thinking":
        return {"type": block.type, "data": block.data or ""}
    return {"type": block.type, "thinking": block.thinking or "", "signature": block.signature or ""}


def unknown_block(block: Block) -> UpstreamError:
    return UpstreamError(f"its answer has content of the type {block.type!r}, which OpenAI chat cannot carry.")


def _call_of(block: Block) -> dict[str, Any]:
    arguments = bytes(block.input).decode() if given(block.input) else "{}"
    return {"id": block.id or "", "type": "function", "function": {"name": block.name or "", "arguments": arguments}}


def answer_from_chat(body: bytes, model: str, *, usage: Usage | None = None) -> bytes:
    """A chat completion as a Messages answer of the model that the client named.

    `usage` stands in where the answer has none. A tool call whose arguments were cut off by the cap is left out: it
    could not be run. UpstreamError when the body is an error or no answer.
    """
    answer = read(decode_completion, body, "its answer")
    if given(answer.error):
        raise UpstreamError(error_message(answer.error)[0], code="upstream_error_in_answer")
    if not answer.choices or answer.choices[0].message is None:
        raise UpstreamError("its answer has no message.", code="upstream_bad_answer")
    choice = answer.choices[0]
    message = choice.message or ChatMessage()
    content = _thinking_of(message)
    content += [{"type": "text", "text": text} for text in (message.content, message.refusal) if text]
    calls = [_tool_use(call, at, answer) for at, call in enumerate(message.tool_calls or ())]
    if choice.finish_reason == "length" and calls and calls[-1]["input"] is None:
        calls.pop()
    if any(call["input"] is None for call in calls):
        raise UpstreamError(
            "a tool call in its answer has arguments that are no JSON object.", code="upstream_bad_answer"
        )
    stop, sequence = stop_of(choice.finish_reason, tools=bool(calls), met=choice.stop_reason)
    if message.refusal and not message.content:
        stop = "refusal"
    out = {
        "id": message_id(answer.id),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [*content, *calls],
        "stop_reason": stop,
        "stop_sequence": sequence,
        "usage": as_messages(chat_usage(answer.usage) or usage),
    }
    return msgspec.json.encode(out)


def message_id(chat_id: str | None) -> str:
    """An id in the form of Messages, made of the completion's."""
    return "msg_" + (chat_id or "").removeprefix("chatcmpl-").removeprefix("msg_")


def _thinking_of(message: ChatMessage) -> list[dict[str, Any]]:
    """Blocks with their signatures; reasoning of other models as a block whose signature is empty."""
    if message.thinking_blocks:
        return [thinking_block(block) for block in message.thinking_blocks]
    return [{"type": "thinking", "thinking": message.thought, "signature": ""}] if message.thought else []


def call_id(call: ToolCall, at: int, answer_id: str | None) -> str:
    """The call's id; one made of the answer's where the server gave none."""
    return call.id or f"toolu_{answer_id or 'call'}_{at}"


def _tool_use(call: ToolCall, at: int, answer: Completion) -> dict[str, Any]:
    """`input` is None when the arguments are no JSON object."""
    name = call.function.name if call.function is not None else None
    if not name:
        raise UpstreamError("a tool call in its answer has no name.", code="upstream_bad_answer")
    text = (call.function.arguments if call.function is not None else None) or "{}"
    try:
        found: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:
        found = None
    # Kept as it was written, so that numbers and the order of keys are the model's own.
    arguments = Raw(text.encode()) if isinstance(found, dict) else None
    return {"type": "tool_use", "id": call_id(call, at, answer.id), "name": name, "input": arguments}
