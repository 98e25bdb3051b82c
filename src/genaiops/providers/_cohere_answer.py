"""What Cohere's chat and embed answer, in OpenAI's words.

Source: Cohere's API reference (POST /v2/chat, /v2/embed), its guide to streamed events.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import given
from genaiops.dialects.cohere.wire import (
    DELTAS,
    FINISH,
    GAVE_UP,
    Call,
    DeltaMessage,
    Ending,
    Event,
    Logprob,
    decode_answer,
    decode_delta,
    decode_ending,
    decode_event,
    usage_of,
)
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers._chat_answer import ChunkStream, Said, completion, embeddings, read_upstream, tool_call


def _logprobs(found: Sequence[Logprob] | None) -> dict[str, Any] | None:
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
    found = read_upstream(decode_answer, body, "its answer")
    message = found.message
    if isinstance(message, str):
        raise UpstreamError(message, code="upstream_error_in_answer")
    if message is None:
        raise UpstreamError("its answer has no message.", code="upstream_bad_answer")
    if found.finish_reason in GAVE_UP:
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
    said.finish = FINISH.get(found.finish_reason or "", "tool_calls" if said.calls else "stop")
    usage, extra = usage_of(found.usage)
    return completion([said], usage, answer_id=found.id, model=call.model, usage_extra=extra)


class CohereStream(ChunkStream):
    """`message-start`, then deltas of content, plan, calls and citations, then `message-end` with reason and usage."""

    def __init__(self, call: CallBody) -> None:
        super().__init__(call)
        self._numbers: dict[int, int] = {}

    def event(self, data: bytes) -> None:
        if data == b"[DONE]":  # after `message-end`, where it is sent at all
            return
        found = read_upstream(decode_event, data, "its stream")
        if found.type == "message-start":
            self.answer_id = found.id
            self.say({})
        elif found.type == "message-end":
            self._end(read_upstream(decode_ending, found.delta, "the end of its stream"))
        elif found.type in ("error", "stream-error"):
            self.fail(found.message or "it failed in the middle of its answer.")
        elif found.type in DELTAS:
            self._delta(found, read_upstream(decode_delta, found.delta, "its stream").message)

    def _delta(self, event: Event, message: DeltaMessage) -> None:
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
        if given(message.citations):
            self.say({"citations": [message.citations]})

    def _call(self, event: Event, call: Call) -> None:
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

    def _end(self, delta: Ending) -> None:
        self.usage, self.usage_extra = usage_of(delta.usage)
        reason = delta.finish_reason or ""
        if delta.error or reason in GAVE_UP:
            self.fail(delta.error or f"it gave up with {reason}.", "upstream_generation_failed")
            return
        self.say({}, finish=FINISH.get(reason, "tool_calls" if self._numbers else "stop"))
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
