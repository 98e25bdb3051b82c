"""Calls, targets and streams for the tests of translating providers, and a server that notes what official clients
send."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from genaiops.domain import Operation, Target
from genaiops.ports.providers import Answer, CallBody, Provider, StreamPiece, StreamReader

if TYPE_CHECKING:
    from openai.types import CreateEmbeddingResponse
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def target(provider: str, model: str, base_url: str, **facts: Any) -> Target:
    return Target(id="t", provider=provider, model="m", upstream_model=model, base_url=base_url, created_us=0, **facts)


def call(body: dict[str, Any], *, operation: Operation = "chat", cap: int | None = None) -> CallBody:
    """The call that the gateway makes of a body. `cap`: injected, where the body has none of its own."""
    body = {"model": "m", **body}
    own = body.get("max_completion_tokens") or body.get("max_tokens")
    wants = bool((body.get("stream_options") or {}).get("include_usage"))
    raw = json.dumps(body).encode()
    return CallBody(
        operation,
        raw,
        "m",
        bool(body.get("stream")),
        wants,
        own or cap,
        own is None and cap is not None,
        "genaiops" in body,
    )


def asked(text: str = "hi", **fields: Any) -> CallBody:
    return call({"messages": [{"role": "user", "content": text}], **fields})


def sent(provider: Provider, given: CallBody, to: Target, credential: str | None = "secret") -> dict[str, Any]:
    return json.loads(provider.prepare(given, to, credential).body)


def answered(provider: Provider, given: CallBody, upstream: dict[str, Any]) -> "tuple[ChatCompletion, Answer]":
    """The answer as OpenAI's own client reads it, strictly."""
    from openai.types.chat import ChatCompletion

    answer = provider.read(given, json.dumps(upstream).encode())
    assert answer.body is not None
    return ChatCompletion.model_validate_json(answer.body, strict=True), answer


def embedded(provider: Provider, given: CallBody, upstream: dict[str, Any]) -> "tuple[CreateEmbeddingResponse, Answer]":
    from openai.types import CreateEmbeddingResponse

    answer = provider.read(given, json.dumps(upstream).encode())
    assert answer.body is not None
    found = CreateEmbeddingResponse.construct(**json.loads(answer.body))  # vectors may be text in base64
    assert found.object == "list"
    return found, answer


def events(*messages: Any, named: bool = False) -> bytes:
    """A stream of events, as upstream sends it. `named`: each has its `type` as the event's name as well."""
    parts: list[bytes] = []
    for message in messages:
        if named:
            parts.append(b"event: %b\n" % message["type"].encode())
        parts.append(b"data: %b\n\n" % (message if isinstance(message, bytes) else json.dumps(message).encode()))
    return b"".join(parts)


def streamed(reader: StreamReader, data: bytes, cuts: list[int] | None = None) -> list[StreamPiece]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    pieces = [reader.feed(data[start:end]) for start, end in pairwise(places)]
    return [piece for piece in pieces if piece is not None]


def chunks(pieces: list[StreamPiece]) -> "list[ChatCompletionChunk]":
    """What the client reads, by OpenAI's own types; `[DONE]` and errors are left out."""
    from openai.types.chat import ChatCompletionChunk

    found: list[ChatCompletionChunk] = []
    for event in b"".join(piece.data for piece in pieces).split(b"\n\n"):
        data = event.removeprefix(b"data: ")
        if data and data != b"[DONE]" and not data.startswith(b'{"error"'):
            found.append(ChatCompletionChunk.model_validate_json(data))
    return found


def without_moment(pieces: list[StreamPiece]) -> list[dict[str, Any]]:
    """The chunks without what differs from stream to stream (minted ids, the time)."""
    return [chunk.model_dump(exclude={"id", "created"}, exclude_unset=True) for chunk in chunks(pieces)]


def joined(found: "list[ChatCompletionChunk]", index: int = 0) -> dict[str, Any]:
    """The message that a client makes of the chunks of one choice."""
    made: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": [], "finish": None}
    for chunk in found:
        for choice in chunk.choices:
            if choice.index != index:
                continue
            delta = choice.delta.model_dump()
            made["content"] += delta.get("content") or ""
            made["reasoning_content"] += delta.get("reasoning_content") or ""
            for one in delta.get("tool_calls") or ():
                if one["index"] == len(made["tool_calls"]):
                    made["tool_calls"].append({"id": one["id"], "name": one["function"]["name"], "arguments": ""})
                    if one.get("extra_content"):
                        made["tool_calls"][-1]["extra_content"] = one["extra_content"]
                made["tool_calls"][one["index"]]["arguments"] += one["function"]["arguments"] or ""
            made["finish"] = choice.finish_reason or made["finish"]
    return made


class Noted:
    """What a server got: (path, headers, body) of each request."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.url = ""


@contextmanager
def noting(answer: dict[str, Any]) -> Generator[Noted]:
    """A server on loopback that notes each request and gives the same answer."""
    noted = Noted(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            noted.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            data = json.dumps(noted.answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        noted.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield noted
        finally:
            server.shutdown()
            thread.join()
