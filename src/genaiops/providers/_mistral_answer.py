"""What Mistral's chat answers, in OpenAI's words.

Source: Mistral's API reference (POST /v1/chat/completions), its guides to reasoning and prompt caching.
"""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers._chat_answer import ChunkStream, Said, completion, read_upstream, tool_call
from genaiops.providers.openai import error_message

_FINISH = {"model_length": "length"}
_encode = msgspec.json.Encoder().encode


class _Text(msgspec.Struct, frozen=True):
    text: str = ""


class _Chunk(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str | None = None
    thinking: list[_Text] | str | None = None
    signature: str | None = None


class _Function(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: str | dict[str, Any] = ""


class _Call(msgspec.Struct, frozen=True):
    function: _Function = _Function()
    id: str | None = None
    index: int | None = None


class _Message(msgspec.Struct, frozen=True):
    content: str | list[Raw] | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Answer(msgspec.Struct, frozen=True):
    choices: list[_Choice] | None = None
    id: str | None = None
    model: str | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    object: str | None = None
    message: Raw = Raw()


class _Cached(msgspec.Struct, frozen=True):
    num_cached_tokens: int | None = None


_answer = msgspec.json.Decoder(_Answer)
_chunk = msgspec.json.Decoder(_Chunk)
_cached = msgspec.json.Decoder(_Cached)


def mistral_usage(raw: Raw) -> Usage | None:
    """OpenAI's form; cached tokens stand in `prompt_tokens_details`, or alone as `num_cached_tokens`."""
    usage = chat_usage(raw)
    if usage is None or usage.cache_read:
        return usage
    try:
        cached = _cached.decode(raw).num_cached_tokens or 0
    except msgspec.DecodeError:
        return usage
    read = max(0, min(cached, usage.input_uncached))
    return msgspec.structs.replace(usage, input_uncached=usage.input_uncached - read, cache_read=read)


class _Content(msgspec.Struct):
    """Content taken apart. `signature`: of a thinking chunk; `other`: there are chunks that OpenAI has no word for."""

    text: str = ""
    thought: str = ""
    signature: str | None = None
    other: bool = False


def _apart(content: str | list[Raw] | None) -> _Content:
    if not isinstance(content, list):
        return _Content(content or "")
    found = _Content()
    for raw in content:
        chunk = read_upstream(_chunk, raw, "a chunk of its content")
        if chunk.type == "text":
            found.text += chunk.text or ""
        elif chunk.type == "thinking":
            thinking = chunk.thinking
            found.thought += thinking if isinstance(thinking, str) else "".join(one.text for one in thinking or ())
            found.signature = chunk.signature or found.signature
        else:
            found.other = True
    return found


def _extra(content: _Content, raw: str | list[Raw] | None) -> dict[str, Any]:
    own: dict[str, Any] = {}
    if content.signature:
        own["signature"] = content.signature
    if content.other:
        own["content"] = raw
    return {"extra_content": {"mistral": own}} if own else {}


def _failure(found: _Answer) -> str | None:
    """An error in an answer or an event whose status is 200."""
    for raw in (found.error, found.message if found.object == "error" else Raw()):
        if bytes(memoryview(raw)[:4]) not in (b"", b"null"):
            return error_message(raw)
    return None


def read_chat(call: CallBody, body: bytes) -> Answer:
    found = read_upstream(_answer, body, "its answer")
    failure = _failure(found)
    if failure is not None:
        raise UpstreamError(failure, code="upstream_error_in_answer")
    if not found.choices:
        raise UpstreamError("its answer has no choices.", code="upstream_bad_answer")
    choices = [_said(choice) for choice in found.choices]
    return completion(choices, mistral_usage(found.usage), answer_id=found.id, model=found.model or call.model)


def _said(choice: _Choice) -> Said:
    if choice.finish_reason == "error":
        raise UpstreamError("it gave up in the middle of its answer.", code="upstream_generation_failed")
    message = choice.message or _Message()
    content = _apart(message.content)
    said = Said(extra=_extra(content, message.content), logprobs=choice.logprobs)
    if content.text:
        said.texts.append(content.text)
    if content.thought:
        said.thoughts.append(content.thought)
    said.calls = [_called(one) for one in message.tool_calls or ()]
    reason = choice.finish_reason or "stop"
    said.finish = _FINISH.get(reason, reason)
    return said


def _called(call: _Call, *, nothing: str = "{}") -> dict[str, Any]:
    """`nothing` stands for arguments that are not there (in a stream they may come later)."""
    own = None if call.id in (None, "null") else call.id
    return tool_call(own, call.function.name, call.function.arguments or nothing)


class MistralStream(ChunkStream):
    """OpenAI's chunks with Mistral's content. A tool call comes whole, or is gone on with under its index."""

    def __init__(self, call: CallBody) -> None:
        super().__init__(call)
        self._begun: dict[tuple[int, int], int] = {}

    def event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.close()
            return
        found = read_upstream(_answer, data, "its stream")
        failure = _failure(found)
        if failure is not None:
            self.fail(failure)
            return
        self.answer_id = self.answer_id or found.id
        self.model = self.model or found.model
        self.usage = mistral_usage(found.usage) or self.usage
        for choice in found.choices or ():
            if choice.finish_reason == "error":
                self.fail("it gave up in the middle of its answer.", "upstream_generation_failed")
                return
            self._choice(choice)

    def _choice(self, choice: _Choice) -> None:
        message = choice.delta or _Message()
        content = _apart(message.content)
        delta: dict[str, Any] = _extra(content, message.content)
        if content.thought:
            delta["reasoning_content"] = content.thought
        if content.text:
            delta["content"] = content.text
        calls = [self._call(choice.index, number, call) for number, call in enumerate(message.tool_calls or ())]
        if calls:
            delta["tool_calls"] = calls
        reason = choice.finish_reason
        finish = _FINISH.get(reason, reason) if reason else None
        self.say(delta, index=choice.index, finish=finish, logprobs=choice.logprobs)

    def _call(self, index: int, place: int, call: _Call) -> dict[str, Any]:
        """Chunks after the first of a call have its index, and no name."""
        number = call.index if call.index is not None else place
        begun = self._begun.get((index, number))
        if begun is not None and not call.function.name:
            arguments = call.function.arguments
            text = arguments if isinstance(arguments, str) else _encode(arguments).decode()
            return {"index": begun, "function": {"arguments": text}}
        shown = len([key for key in self._begun if key[0] == index])
        self._begun[index, number] = shown
        return {"index": shown, **_called(call, nothing="")}
