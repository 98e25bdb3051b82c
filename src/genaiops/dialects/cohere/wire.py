"""Answers and events of Cohere's API, and what is read of OpenAI's where it becomes Cohere's.

Source: Cohere's API reference (POST /v2/chat, /v2/embed), its guide to streamed events. Usage counts billed units, what
Cohere charges; the tokens that the model really saw stand beside them.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from genaiops.dialects.chat import given
from genaiops.dialects.messages.wire import ChatChoice, ChatMessage
from genaiops.domain import Usage

FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}
"""Cohere's finish reasons in chat's words."""

GAVE_UP = ("ERROR", "TIMEOUT", "USER_CANCEL")
"""Those of an answer that is none."""

_FINISHED = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "function_call": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
}

Count = Annotated[float, Meta(ge=0)]


# -- Cohere's


class Content(msgspec.Struct, frozen=True):
    text: str | None = None
    thinking: str | None = None


class Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct, frozen=True):
    id: str | None = None
    function: Function = Function()


class Logprob(msgspec.Struct, frozen=True):
    """The tokens that make a text."""

    text: str = ""
    logprobs: list[float] = []


class Message(msgspec.Struct, frozen=True):
    """Of a whole answer. In a stream the same names hold one thing each: see `DeltaMessage`."""

    content: list[Content] | None = None
    tool_calls: list[Call] | None = None
    tool_plan: str | None = None
    citations: list[Raw] | None = None


class Answer(msgspec.Struct, frozen=True):
    """A whole answer of chat. `message` is a text where it is an error. Usage stays raw: a wrong one must not spoil the
    answer."""

    message: Message | str | None = None
    id: str | None = None
    finish_reason: str | None = None
    usage: Raw = Raw()
    logprobs: list[Logprob] | None = None


class DeltaMessage(msgspec.Struct, frozen=True):
    content: Content | None = None
    tool_calls: Call | None = None
    tool_plan: str | None = None
    citations: Raw = Raw()


class Delta(msgspec.Struct, frozen=True):
    message: DeltaMessage = DeltaMessage()


class Ending(msgspec.Struct, frozen=True):
    finish_reason: str | None = None
    error: str | None = None
    usage: Raw = Raw()


class Event(msgspec.Struct, frozen=True):
    type: str
    id: str | None = None
    index: int | None = None
    delta: Raw = Raw(b"{}")
    message: str | None = None
    logprobs: Logprob | None = None


DELTAS = frozenset(
    {"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "citation-start"}
)
"""The events whose `delta` is a Delta."""


class Embedded(msgspec.Struct, frozen=True):
    """An answer of embed: vectors by type (`float`, `int8` ...)."""

    embeddings: Raw = Raw()
    id: str | None = None
    meta: Raw = Raw()


class _Billed(msgspec.Struct, frozen=True):
    input_tokens: Count = 0
    output_tokens: Count = 0


class _Usage(msgspec.Struct, frozen=True):
    billed_units: _Billed | None = None
    tokens: _Billed | None = None
    cached_tokens: Count | None = None


decode_answer = msgspec.json.Decoder(Answer)
decode_event = msgspec.json.Decoder(Event)
decode_delta = msgspec.json.Decoder(Delta)
decode_ending = msgspec.json.Decoder(Ending)
decode_embedded = msgspec.json.Decoder(Embedded)
_usage = msgspec.json.Decoder(_Usage)


def usage_of(raw: Raw) -> tuple[Usage | None, dict[str, Any]]:
    """Billed units in buckets, and what the answer's usage says besides. Cached tokens are a part of the input."""
    if not given(raw):
        return None, {}
    try:
        found = _usage.decode(raw)
    except msgspec.DecodeError:
        return None, {}
    counted = found.billed_units or found.tokens
    if counted is None:
        return None, {}
    asked = int(counted.input_tokens)
    cached = min(int(found.cached_tokens or 0), asked)
    extra: dict[str, Any] = {}
    if found.tokens is not None:
        tokens = found.tokens
        extra["tokens"] = {"input_tokens": int(tokens.input_tokens), "output_tokens": int(tokens.output_tokens)}
    return Usage(asked - cached, cached, 0, int(counted.output_tokens)), extra


# -- OpenAI's


class TokenLogprob(msgspec.Struct, frozen=True):
    token: str = ""
    logprob: float = 0.0


class TokenLogprobs(msgspec.Struct, frozen=True):
    content: list[TokenLogprob] | None = None


class SaidMessage(ChatMessage, frozen=True):
    """`tool_plan` is Cohere's own, from a server that keeps the name."""

    tool_plan: str | None = None


class SaidChoice(ChatChoice, frozen=True):
    message: SaidMessage | None = None
    delta: SaidMessage | None = None
    logprobs: TokenLogprobs | None = None

    def tokens(self) -> list[TokenLogprob]:
        return (self.logprobs.content or []) if self.logprobs is not None else []


class SaidCompletion(msgspec.Struct, frozen=True):
    """A whole answer or one chunk of a stream."""

    choices: list[SaidChoice] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None


decode_completion = msgspec.json.Decoder(SaidCompletion)


# -- what chat said, in Cohere's words


def finish_of(finish: str | None, *, tools: bool, met: Any) -> str:
    """Cohere's finish reason for chat's. `met`: the stop sequence, where the server tells. Some servers finish with
    `stop` after calls."""
    if tools and finish in (None, "stop"):
        return "TOOL_CALL"
    if finish in (None, "stop") and isinstance(met, str):
        return "STOP_SEQUENCE"
    return _FINISHED.get(finish or "stop", "COMPLETE")


def as_usage(usage: Usage) -> dict[str, Any]:
    """`usage` of an answer. Another provider bills what it counted."""
    counted = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"billed_units": counted, "tokens": counted, "cached_tokens": usage.cache_read}


def as_logprob(tokens: list[TokenLogprob]) -> dict[str, Any]:
    """Chat does not say the tokens' ids, which Cohere's clients need as a list."""
    return {
        "text": "".join(one.token for one in tokens),
        "token_ids": [],
        "logprobs": [one.logprob for one in tokens],
    }
