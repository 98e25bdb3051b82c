"""Answers and stream events of Anthropic's Messages and of OpenAI chat, as they cross the wire: what is read of them,
how usage and the reason to stop translate.

Anthropic: `input_tokens` excludes what the cache read and wrote; `output_tokens` includes thinking. OpenAI:
`prompt_tokens` and `completion_tokens` include all.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from genaiops.dialects.chat import given
from genaiops.domain import Usage

Tokens = Annotated[int, Meta(ge=0)]

FINISH_OF_STOP = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
STOP_OF_FINISH = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


# -- Anthropic's


class _OutputDetails(msgspec.Struct, frozen=True):
    thinking_tokens: Tokens | None = None


class _Written(msgspec.Struct, frozen=True):
    """Writes to the cache by how long they live; those for five minutes are the others."""

    ephemeral_1h_input_tokens: Tokens | None = None


class MessagesUsage(msgspec.Struct, frozen=True):
    input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    output_tokens_details: _OutputDetails | None = None
    cache_creation: _Written | None = None

    def then(self, later: "MessagesUsage") -> "MessagesUsage":
        """Counts in a stream are cumulative: a later one replaces an earlier one."""
        names = self.__struct_fields__
        values = {name: new if (new := getattr(later, name)) is not None else getattr(self, name) for name in names}
        return MessagesUsage(**values)

    def buckets(self) -> Usage | None:
        """Tokens in buckets that exclude each other. None without both input and output."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        details = self.output_tokens_details
        reasoning = min((details.thinking_tokens if details else None) or 0, self.output_tokens)
        wrote, split = self.cache_creation_input_tokens or 0, self.cache_creation
        hour = min((split.ephemeral_1h_input_tokens if split else None) or 0, wrote)
        return Usage(
            self.input_tokens,
            self.cache_read_input_tokens or 0,
            wrote - hour,
            self.output_tokens - reasoning,
            reasoning,
            cache_write_1h=hour,
        )


class Block(msgspec.Struct, frozen=True):
    """A content block of an answer, or the beginning of one in a stream."""

    type: str
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = Raw()
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class _StopDetails(msgspec.Struct, frozen=True):
    explanation: str | None = None


class Message(msgspec.Struct, frozen=True):
    """A whole answer, or the head of a streamed one. Usage stays raw: a wrong one must not spoil the answer."""

    type: str | None = None
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: _StopDetails | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


class Delta(msgspec.Struct, frozen=True):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: _StopDetails | None = None


class Event(msgspec.Struct, frozen=True):
    """One event of a stream."""

    type: str
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


# -- OpenAI's


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, frozen=True):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class ChatMessage(msgspec.Struct, frozen=True):
    """A message of an answer, or a piece of one in a stream. `reasoning` is OpenRouter's name for
    `reasoning_content`."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: list[Block] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None

    @property
    def thought(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class ChatChoice(msgspec.Struct, frozen=True):
    message: ChatMessage | None = None
    delta: ChatMessage | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    """The stop sequence that was met, where the server tells (vLLM does, and this translation)."""


class Completion(msgspec.Struct, frozen=True):
    """A whole answer or one chunk of a stream."""

    choices: list[ChatChoice] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None
    model: str | None = None


decode_event = msgspec.json.Decoder(Event)
decode_message = msgspec.json.Decoder(Message)
decode_completion = msgspec.json.Decoder(Completion)
_messages_usage = msgspec.json.Decoder(MessagesUsage).decode


def messages_usage(raw: Raw) -> MessagesUsage:
    """Anthropic's counts as they stand; all unknown when there are none, or some that cannot be."""
    if not given(raw):
        return MessagesUsage()
    try:
        return _messages_usage(raw)
    except msgspec.DecodeError:
        return MessagesUsage()


def as_messages(usage: Usage | None) -> dict[str, Any]:
    """`usage` of a Messages answer. Its clients need numbers: what nobody counted is 0."""
    usage = usage or Usage()
    return {
        "input_tokens": usage.input_uncached + usage.audio_input + usage.image_input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def stop_of(finish: str | None, *, tools: bool, met: Any) -> tuple[str, str | None]:
    """(stop_reason, stop_sequence) for a chat answer's finish reason. Some servers finish with `stop` after calls."""
    if tools and finish in (None, "stop"):
        return "tool_use", None
    if finish in (None, "stop") and isinstance(met, str):
        return "stop_sequence", met
    return STOP_OF_FINISH.get(finish or "stop", "end_turn"), None
