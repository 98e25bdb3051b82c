"""What Cohere's chat and embed answer, in OpenAI's words.

Source: Cohere's API reference (POST /v2/chat, /v2/embed), its guide to streamed events.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta, Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers._chat_answer import ChunkStream, Said, completion, embeddings, read_upstream, tool_call

_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "length",
}
_FAILED = ("ERROR", "TIMEOUT", "USER_CANCEL")

Count = Annotated[float, Meta(ge=0)]


class _Content(msgspec.Struct, frozen=True):
    text: str | None = None
    thinking: str | None = None


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct, frozen=True):
    id: str | None = None
    function: _Function = _Function()


class _Logprob(msgspec.Struct, frozen=True):
    text: str = ""
    logprobs: list[float] = []


class _Message(msgspec.Struct, frozen=True):
    """Of a whole answer. In a stream the same names hold one thing each: see `_DeltaMessage`."""

    content: list[_Content] | None = None
    tool_calls: list[_Call] | None = None
    tool_plan: str | None = None
    citations: list[Raw] | None = None


class _Billed(msgspec.Struct, frozen=True):
    input_tokens: Count = 0
    output_tokens: Count = 0


class _Usage(msgspec.Struct, frozen=True):
    billed_units: _Billed | None = None
    tokens: _Billed | None = None
    cached_tokens: Count | None = None


class _Answer(msgspec.Struct, frozen=True):
    message: _Message | str | None = None
    id: str | None = None
    finish_reason: str | None = None
    usage: Raw = Raw()
    logprobs: list[_Logprob] | None = None


_answer = msgspec.json.Decoder(_Answer)
_usage = msgspec.json.Decoder(_Usage)


def usage_of(raw: Raw) -> tuple[Usage | None, dict[str, Any]]:
    """Billed units in buckets, and what the answer's usage says besides. Cached tokens are a part of the input."""
    if bytes(memoryview(raw)[:4]) in (b"", b"null"):
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


def _logprobs(found: Sequence[_Logprob] | None) -> dict[str, Any] | None:
    """Cohere groups tokens by the text that they make; a group's probability is the product of its tokens'."""
    if found is None:
        return None
    return {
        "content": [
            {"token": one.text, "logprob": sum(one.logprobs), "bytes": list(one.text.encode()), "top_logprobs": []}
            for one in found
        ],
        "refusal": None,
    }


def read_chat(call: CallBody, body: bytes) -> Answer:
    found = read_upstream(_answer, body, "its answer")
    message = found.message
    if isinstance(message, str):
        raise UpstreamError(message, code="upstream_error_in_answer")
    if message is None:
        raise UpstreamError("its answer has no message.", code="upstream_bad_answer")
    if found.finish_reason in _FAILED:
        raise UpstreamError(f"it gave up with {found.finish_reason}.", code="upstream_generation_failed")
    said = Said(logprobs=_logprobs(found.logprobs))
    for part in message.content or ():
        if part.text:
            said.texts.append(part.text)
        if part.thinking:
            said.thoughts.append(part.thinking)
    for one in message.tool_calls or ():
        said.calls.append(tool_call(one.id, one.function.name or "", one.function.arguments or "{}"))
    if message.tool_plan:
        said.extra["tool_plan"] = message.tool_plan
    if message.citations:
        said.extra["citations"] = message.citations
    said.finish = _FINISH.get(found.finish_reason or "", "tool_calls" if said.calls else "stop")
    usage, extra = usage_of(found.usage)
    return completion([said], usage, answer_id=found.id, model=call.model, usage_extra=extra)


class _DeltaMessage(msgspec.Struct, frozen=True):
    content: _Content | None = None
    tool_calls: _Call | None = None
    tool_plan: str | None = None
    citations: Raw = Raw()


class _Delta(msgspec.Struct, frozen=True):
    message: _DeltaMessage = _DeltaMessage()


class _Ending(msgspec.Struct, frozen=True):
    finish_reason: str | None = None
    error: str | None = None
    usage: Raw = Raw()


class _Event(msgspec.Struct, frozen=True):
    type: str
    id: str | None = None
    index: int | None = None
    delta: Raw = Raw(b"{}")
    message: str | None = None
    logprobs: _Logprob | None = None


_event = msgspec.json.Decoder(_Event)
_delta = msgspec.json.Decoder(_Delta)
_ending = msgspec.json.Decoder(_Ending)
_DELTAS = frozenset(
    {"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "citation-start"}
)


class CohereStream(ChunkStream):
    """`message-start`, then deltas of content, plan, calls and citations, then `message-end` with reason and usage."""

    def __init__(self, call: CallBody) -> None:
        super().__init__(call)
        self._numbers: dict[int, int] = {}

    def event(self, data: bytes) -> None:
        if data == b"[DONE]":  # after `message-end`, where it is sent at all
            return
        found = read_upstream(_event, data, "its stream")
        if found.type == "message-start":
            self.answer_id = found.id
            self.say({})
        elif found.type == "message-end":
            self._end(read_upstream(_ending, found.delta, "the end of its stream"))
        elif found.type in ("error", "stream-error"):
            self.fail(found.message or "it failed in the middle of its answer.")
        elif found.type in _DELTAS:
            self._delta(found, read_upstream(_delta, found.delta, "its stream").message)

    def _delta(self, event: _Event, message: _DeltaMessage) -> None:
        logprobs = _logprobs([event.logprobs]) if event.logprobs is not None else None
        content = message.content
        if content is not None and content.thinking:
            self.say({"reasoning_content": content.thinking})
        if content is not None and content.text:
            self.say({"content": content.text}, logprobs=logprobs)
        if message.tool_plan:
            self.say({"tool_plan": message.tool_plan})
        if message.tool_calls is not None:
            self._call(event, message.tool_calls)
        if bytes(memoryview(message.citations)[:4]) not in (b"", b"null"):
            self.say({"citations": [message.citations]})

    def _call(self, event: _Event, call: _Call) -> None:
        place = event.index or 0
        arguments = call.function.arguments or ""
        if event.type == "tool-call-start":
            number = self._numbers.setdefault(place, len(self._numbers))
            made = tool_call(call.id, call.function.name or "", arguments)
            self.say({"tool_calls": [{"index": number, **made}]})
        elif arguments:
            number = self._numbers.get(place)
            if number is None:
                raise UpstreamError("its stream goes on with a tool call that never began.", code="upstream_bad_answer")
            self.say({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]})

    def _end(self, delta: _Ending) -> None:
        self.usage, self.usage_extra = usage_of(delta.usage)
        reason = delta.finish_reason or ""
        if delta.error or reason in _FAILED:
            self.fail(delta.error or f"it gave up with {reason}.", "upstream_generation_failed")
            return
        self.say({}, finish=_FINISH.get(reason, "tool_calls" if self._numbers else "stop"))
        self.close()


class _Vectors(msgspec.Struct, frozen=True, rename={"floats": "float"}):
    floats: list[list[float]] | None = None


class _Embedded(msgspec.Struct, frozen=True):
    embeddings: _Vectors | None = None
    meta: Raw = Raw()


_embedded = msgspec.json.Decoder(_Embedded)


def read_embeddings(call: CallBody, body: bytes) -> Answer:
    found = read_upstream(_embedded, body, "its answer")
    vectors = found.embeddings.floats if found.embeddings is not None else None
    if not vectors:
        _no_embeddings()
    usage, _ = usage_of(found.meta)
    return embeddings(call, vectors, usage, call.model)


def _no_embeddings() -> NoReturn:
    raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
