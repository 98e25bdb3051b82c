"""The other ends of the wire: a client and an upstream that send exactly the bytes a test says.

Responses are parsed by h11, so that what we write is judged by somebody else's parser.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import h11

from genaiops.http1 import Exchange, Handler, Origin, Server, ServerLimits

PATIENCE = 10.0
"""Seconds until a test that waits for something gives up."""

QUICK = ServerLimits(tick=0.01)

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


def post(body: bytes, *fields: bytes) -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"POST /p?q=1 HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (lines, len(body), body)


@dataclass
class Answer:
    """A response as h11 understood it."""

    status: int
    headers: dict[str, str]
    body: bytes
    interim: list[int]
    http_version: str


class Client:
    """One connection to a server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._rest = b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data: bytes, method: str = "GET") -> Answer:
        await self.send(data)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> Answer:
        """The next response on the connection."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        parser.send(h11.EndOfMessage())
        if self._rest:
            parser.receive_data(self._rest)
        head: h11.Response | None = None
        interim: list[int] = []
        body = b""
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(await asyncio.wait_for(self.reader.read(65_536), PATIENCE))
            elif isinstance(event, h11.InformationalResponse):
                interim.append(event.status_code)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise ConnectionError(f"no response: {event!r}")
        assert head is not None
        self._rest = parser.trailing_data[0]
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        return Answer(head.status_code, headers, body, interim, head.http_version.decode())

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return self._rest + await asyncio.wait_for(self.reader.read(), PATIENCE)

    def half_close(self) -> None:
        self.writer.write_eof()

    def reset(self) -> None:
        """Go away without a word."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Running:
    """A server under test and where it is."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.port = port
        self._clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def one(self, data: bytes, method: str = "GET") -> Answer:
        return await (await self.client()).ask(data, method)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        await self.server.drain(0)


@contextlib.asynccontextmanager
async def serving(handler: Handler, limits: ServerLimits = QUICK, **options: object) -> AsyncGenerator[Running]:
    server = Server(handler, limits=limits, **options)  # type: ignore[arg-type]
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # accepted sockets inherit it, and do not grow
    running = Running(server, sock.getsockname()[1])
    await server.serve(sock)
    try:
        yield running
    finally:
        await running.close()
    assert server.connections == 0
    assert server.in_flight == 0


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


class Upstream:
    """A server that runs a script on each connection: script(reader, writer, number of the connection from 0)."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        self.open = 0
        self.received: list[bytes] = []
        self.changed = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number = self.accepted
        self.accepted += 1
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._script(reader, writer, number)
        finally:
            self.open -= 1
            self.changed.set()
            self._tasks.discard(task)
            writer.transport.abort()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request with a content-length (or none); returns its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        body = await reader.readexactly(length)
        self.received.append(head + body)
        return body

    async def gone(self) -> None:
        """Until every connection has ended."""
        async with asyncio.timeout(PATIENCE):
            while self.open:
                self.changed.clear()
                await self.changed.wait()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@contextlib.asynccontextmanager
async def upstream(script: Script, **options: object) -> AsyncGenerator[tuple[Upstream, Origin]]:
    """An upstream on a free port and its origin."""
    scripted = Upstream(script)
    server = await asyncio.start_server(scripted.handle, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    port = server.sockets[0].getsockname()[1]
    try:
        yield scripted, Origin(host="127.0.0.1", port=port)
    finally:
        server.close()
        await scripted.stop()


async def eventually(condition: Callable[[], object]) -> None:
    """Until a condition of the program under test holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (what is waited for is inside the program, which sets no event)
            await asyncio.sleep(0.002)


async def echo(exchange: Exchange) -> None:
    """Answers with what was asked."""
    body = await exchange.body(10_000_000)
    about = f"{exchange.method} {exchange.path} {exchange.query.decode()} {len(body)}".encode()
    exchange.respond(200, [(b"x-about", about)], bytes(body))


async def stalled_client(port: int) -> socket.socket:
    """A client that sends, and never reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock


class Wire(asyncio.Transport):
    """A transport without a network: bytes are handed to the protocol by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True
