"""A scripted provider on a real socket: every target has a place of its own in the path, and a script that answers."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import msgspec

Script = Callable[["Exchange"], Awaitable[None]]

SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Seen(msgspec.Struct, frozen=True):
    """A request as the provider got it; `at` in seconds of the monotonic clock."""

    at: float
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """What a script may do. `number` counts the target's requests of this case from 0."""

    def __init__(self, seen: Seen, number: int, writer: asyncio.StreamWriter) -> None:
        self.seen = seen
        self.number = number
        self.keep = True
        self.sent = 0
        self._writer = writer

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self.sent += 1

    async def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    async def events(self, *pieces: bytes, pause: float = 0.0, end: bool = True) -> None:
        """A stream, one chunk a piece; cut without its end when `end` is false."""
        await self.write(SSE_HEAD)
        for piece in pieces:
            await self.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await asyncio.sleep(pause)
        if end:
            await self.write(b"0\r\n\r\n")
        else:
            self.keep = False


class Upstream:
    """Runs in a thread of its own. A target's base address is `url(target)`; what is sent there is in `seen`."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: dict[str, list[Seen]] = {}
        self.broken: dict[str, int] = {}
        """Target -> writes of its script that went through before the gateway hung up."""
        self._scripts: dict[str, Script] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scripted-upstream", daemon=True)
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 24)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def script(self, target: str, script: Script) -> None:
        self._scripts[target] = script

    def reset(self) -> None:
        self.seen = {}
        self.broken = {}

    def url(self, target: str) -> str:
        return f"http://127.0.0.1:{self.port}/{target}"

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        target = ""
        exchange: Exchange | None = None
        try:
            while (seen := await _request(reader)) is not None:
                target = seen.path.split("/")[1]
                script = self._scripts.get(target) if seen.method == "POST" else None
                exchange = Exchange(seen, self._note(target, seen) if script else 0, writer)
                if script is None:
                    await exchange.answer(404, {"error": {"message": f"there is no {seen.path}"}})
                    continue
                await script(exchange)
                if not exchange.keep:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if exchange is not None:
                self.broken[target] = exchange.sent
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    def _note(self, target: str, seen: Seen) -> int:
        seen_there = self.seen.setdefault(target, [])
        seen_there.append(seen)
        return len(seen_there) - 1


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = lines[0].split(" ")
    return Seen(time.monotonic(), method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
