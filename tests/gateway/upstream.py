"""A scripted upstream on a real socket: for each request, in order, a script says what it does to the connection."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self


class Seen(NamedTuple):
    """A request as the upstream got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """What a script may do."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        self.reader = reader
        self.writer = writer
        self.gate = gate

    async def write(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    async def closed(self) -> None:
        """Until the gateway closes the connection."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Script = Callable[[Seen, Wire], Awaitable[bool | None]]
"""Returns True when the connection may carry another request."""


class Upstream:
    """`scripts` are used up one a request; the last one stays."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.seen: list[Seen] = []
        self.connections = 0
        self.port = 0
        self.gate = asyncio.Event()
        """Opened by a test when the client has something; `gated` scripts wait for it."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            again: bool | None = True
            while again:
                seen = await _request(reader)
                if seen is None:
                    break
                self.seen.append(seen)
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                again = await script(seen, Wire(reader, writer, self.gate))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(lines[0].split(" ")[1], headers, body)


# -- scripts


def completion(text: str = "Hello there", *, usage: tuple[int, int] | None = (5, 2)) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "real-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }
    if usage is not None:
        answer["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return answer


def response(status: int, body: Any, headers: dict[str, str] | None = None, kind: str = "application/json") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def answers(
    body: Any = None, *, status: int = 200, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> Script:
    data = response(status, completion() if body is None else body, headers, kind)

    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(data)
        return True

    return script


def fails(status: int, message: str = "no", headers: dict[str, str] | None = None) -> Script:
    return answers({"error": {"message": message, "type": "t", "code": "c"}}, status=status, headers=headers)


def event(text: str | None = None, *, finish: str | None = None, usage: tuple[int, int] | None = None) -> bytes:
    if usage is not None:
        message: dict[str, Any] = {"choices": [], "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}
    else:
        delta = {"content": text} if text is not None else {}
        message = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: " + json.dumps({"id": "chatcmpl-1", **message}).encode() + b"\n\n"


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"the GPU caught fire","type":"server_error"}}\n\n'
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream_events(*texts: str, usage: tuple[int, int] | None = (5, 2)) -> list[bytes]:
    events = [ROLE, *(event(text) for text in texts), event(finish="stop")]
    if usage is not None:
        events.append(event(usage=usage))
    return [*events, DONE]


def streams(*pieces: bytes, end: bool = True) -> Script:
    """A stream of these pieces, one chunk each; not ended properly when `end` is false (the connection closes)."""

    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(STREAM_HEAD)
        for piece in pieces:
            await wire.write(chunked(piece))
        if end:
            await wire.write(b"0\r\n\r\n")
        return end

    return script


def raw(data: bytes) -> Script:
    """These bytes, then the connection closes."""

    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(data)
        return False

    return script


def stalls(data: bytes = b"") -> Script:
    """These bytes, then nothing until the gateway gives up."""

    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(data)
        await wire.closed()
        return False

    return script


def gated(first: bytes, then: Script) -> Script:
    """A stream whose first piece has reached the client before it goes on."""

    async def script(seen: Seen, wire: Wire) -> bool | None:
        await wire.write(STREAM_HEAD + chunked(first))
        await wire.gate.wait()
        return await then(seen, wire)

    return script
