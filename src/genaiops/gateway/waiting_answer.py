"""What a client gets instead of an answer that waits for a person, or was withheld: an answer of its dialect that says
so."""

from typing import Any, Final

import msgspec

from genaiops.domain import Direction, Usage
from genaiops.gateway.cache_answer import usage_object
from genaiops.gateway.call import Call
from genaiops.ports.providers import Answer, StreamPiece

HELD: Final = "/v1/held/"
_encode = msgspec.json.Encoder().encode


def text_of(held_id: str, direction: Direction, message: str) -> str:
    """What a person reads."""
    said = f"{message} " if message else ""
    if direction == "in":
        return (
            f"{said}This request waits for review as {held_id}. When it is released (GET {HELD}{held_id} with the same "
            "key tells), send it again, unchanged."
        )
    return f"{said}This answer waits for review as {held_id}. Ask for it with GET {HELD}{held_id} and the same key."


def waiting_answer(call: Call, held_id: str, text: str, usage: Usage) -> bytes:
    """Of a call that is no stream, or of one that is: the whole of it."""
    if call.operation not in ("chat", "text_completion"):
        return _encode({"object": "held", "message": text, **_extension(held_id)})
    if call.streamed:
        return _stream(call, held_id, text, usage, _extension(held_id))
    if call.speech.dialect == "openai":
        return _encode({**_whole(call, held_id, text, usage), **_extension(held_id)})
    return call.speech.answer(_encode(_whole(call, held_id, text, usage)), call.raw, call.model, usage)


def message_instead(call: Call, text: str, usage: Usage) -> bytes:
    """The stream of a call for text, which says this in the place of an answer that was withheld."""
    return _stream(call, call.request_id, text, usage, {})


def _stream(call: Call, answer_id: str, text: str, usage: Usage, extension: dict[str, Any]) -> bytes:
    events = _chunks(call, answer_id, text, usage)
    if call.speech.dialect == "openai":
        events[0].update(extension)
        return _events(events)
    piece = call.speech.reader(_Made(usage), call.raw, call.model).feed(_events(events))
    return piece.data if piece is not None else b""


def _extension(held_id: str) -> dict[str, Any]:
    return {"genaiops": {"held": {"id": held_id, "status": "pending", "poll": HELD + held_id}}}


def _whole(call: Call, answer_id: str, text: str, usage: Usage) -> dict[str, Any]:
    head: dict[str, Any] = {"id": answer_id, "created": call.start_us // 1_000_000, "model": call.model}
    if call.operation == "text_completion":
        choice: dict[str, Any] = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
        return {**head, "object": "text_completion", "choices": [choice], "usage": usage_object(usage)}
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage_object(usage)}


def _chunks(call: Call, answer_id: str, text: str, usage: Usage) -> list[dict[str, Any]]:
    whole = _whole(call, answer_id, text, usage)
    head = {name: whole[name] for name in ("id", "created", "model")}
    if call.operation == "text_completion":
        return [{**head, "object": "text_completion", "choices": whole["choices"]}]
    head["object"] = "chat.completion.chunk"
    first = {"index": 0, "delta": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": None}
    last = {"index": 0, "delta": dict[str, Any](), "logprobs": None, "finish_reason": "stop"}
    chunks = [{**head, "choices": [first]}, {**head, "choices": [last]}]
    options = call.body.stream_options if call.body is not None else None
    if call.speech.dialect != "openai" or (options and options.include_usage):
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    return chunks


def _events(chunks: list[dict[str, Any]]) -> bytes:
    return b"".join(b"data: %b\n\n" % _encode(chunk) for chunk in chunks) + b"data: [DONE]\n\n"


class _Made:
    """A chat stream that was made here (see ports.providers.StreamReader): it comes as one piece."""

    truncated = False

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def feed(self, chunk: bytes) -> StreamPiece:
        return StreamPiece(chunk, content=True, done=True)

    def end(self) -> None:
        return None

    def finish(self) -> Answer:
        return Answer(self._usage, finish_reason="stop")

    def keep(self) -> bytes:
        return b""
