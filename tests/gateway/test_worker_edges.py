"""Health, the way to the control process, and a full disk."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import Admitted, BreakerPolicy, CallRecord, Settled
from genaiops.gateway import ControlRelay, GatewaySettings
from genaiops.http1 import Exchange, Server
from tests.gateway.harness import CHAT, KEY, Home, budget, key, running, target, until
from tests.gateway.upstream import Upstream, answers, fails, stream_events, streams

# -- health


async def test_healthz_and_readyz(home: Home) -> None:
    async with Upstream(fails(500)) as up:
        broken = target(up.url, breaker=BreakerPolicy(failures=1, cooldown=60))
        home.publish(key(), targets=(broken,))
        reasons: list[str | None] = [None]
        async with running(home, ready_probe=lambda: reasons[0]) as worker:
            assert (await worker.get("/healthz", key=None)).json["status"] == "ok"
            assert (await worker.get("/readyz", key=None)).status == 200
            reasons[0] = "The embedded model is still loading."
            got = await worker.get("/readyz", key=None)
            assert (got.status, got.json["reasons"]) == (503, ["The embedded model is still loading."])
            reasons[0] = None
            await worker.post()
            got = await worker.get("/readyz", key=None)
            assert got.status == 503
            assert "failing: t" in got.json["reasons"][0]
            assert (await worker.get("/healthz", key=None)).status == 200
            home.publish(targets=())
            worker.gateway.poll()
            assert (await worker.get("/readyz", key=None)).json["reasons"] == ["No target is enabled."]


# -- the control process


class Control:
    """A control process in miniature, on a unix socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[Exchange] = []
        self.bodies: list[bytes] = []
        self.gate = asyncio.Event()
        self.server = Server(self.handle)

    async def handle(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        self.bodies.append(bytes(await exchange.body(1 << 30)))
        if exchange.path == "/events":
            exchange.start(200, [(b"content-type", b"text/event-stream")])
            exchange.send(b"data: 1\n\n")
            await self.gate.wait()
            exchange.send(b"data: 2\n\n")
            exchange.finish()
        elif exchange.path == "/large":
            exchange.respond(200, [(b"content-type", b"text/plain")], b"x" * 3_000_000)
        else:
            headers = [
                (b"set-cookie", b"a=1"),
                (b"set-cookie", b"b=2"),
                (b"x-app", b"yes"),
                (b"keep-alive", b"timeout=5"),
            ]
            exchange.respond(201, headers, b"done")

    async def start(self) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(self.path))
        await self.server.serve(sock)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    made = Control(tmp_path / "c.sock")
    await made.start()
    yield made
    await made.server.drain(0.1)


async def test_everything_else_goes_to_the_control_process(home: Home, control: Control) -> None:
    home.publish(key())
    relay = ControlRelay(str(control.path), GatewaySettings())
    async with running(home, relay=relay) as worker:
        got = await worker.send(
            "PUT",
            "/api/things?x=%20y",
            b"payload",
            cookie="session=1",
            x_forwarded_for="6.6.6.6",
            forwarded="for=6.6.6.6",
            connection="x-hop",
            x_hop="1",
            x_kept="1",
            origin=f"http://localhost:{worker.port}",
        )
        large = await worker.get("/large")
    assert (got.status, got.body, got.headers["x-app"]) == (201, b"done", "yes")
    assert "keep-alive" not in got.headers
    seen = control.seen[0]
    assert (seen.method, seen.target, control.bodies[0]) == ("PUT", b"/api/things?x=%20y", b"payload")
    assert seen.header(b"cookie") == b"session=1"
    assert [value for name, value in seen.headers if name == b"x-forwarded-for"] == [b"127.0.0.1"]
    assert not {b"forwarded", b"x-hop"} & {name for name, _ in seen.headers}
    assert seen.header(b"x-kept") == b"1"
    assert seen.header(b"host") == f"127.0.0.1:{worker.port}".encode()
    assert len(large.body) == 3_000_000


async def test_events_of_the_control_process_come_as_they_happen(home: Home, control: Control) -> None:
    home.publish(key())
    async with running(home, relay=ControlRelay(str(control.path), GatewaySettings())) as worker:
        worker.on_piece = control.gate.set  # the second event is sent only when the first has arrived
        got = await worker.get("/events")
    assert got.body == b"data: 1\n\ndata: 2\n\n"


async def test_a_client_that_leaves_a_stream_of_events(home: Home, control: Control) -> None:
    home.publish(key())
    async with running(home, relay=ControlRelay(str(control.path), GatewaySettings())) as worker:
        task = asyncio.create_task(worker.get("/events"))
        await until(lambda: len(control.seen) == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        control.gate.set()
        await until(lambda: worker.server.in_flight == 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost"}, 201),
        ({"host": "LOCALHOST:4000"}, 201),
        ({"host": "[::1]:4000"}, 201),
        ({"host": "127.0.0.1"}, 201),
        ({"host": "genai.example.org:8443"}, 201),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example"}, 421),
        ({"host": "localhost", "origin": "http://localhost:4000"}, 201),
        ({"host": "localhost", "origin": "https://genai.example.org"}, 201),
        ({"host": "localhost", "origin": "https://evil.example"}, 403),
        ({"host": "localhost", "origin": "null"}, 403),
        ({"host": "localhost", "origin": "http://localhost@evil.example"}, 403),
    ],
)
async def test_names_and_origins(home: Home, control: Control, headers: dict[str, str], status: int) -> None:
    home.publish(key())
    relay = ControlRelay(str(control.path), GatewaySettings(hosts=("Genai.example.org",)))
    async with running(home, relay=relay) as worker:
        assert (await worker.send("POST", "/api/x", b"", **headers)).status == status
    assert len(control.seen) == (status == 201)


async def test_the_control_process_is_down(home: Home, tmp_path: Path) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, relay=ControlRelay(str(tmp_path / "none.sock"), GatewaySettings())) as worker:
            page = await worker.get("/", accept="text/html,*/*")
            data = await worker.get("/api/x")
            call = await worker.post()
    assert (page.status, data.status, call.status) == (503, 503, 200)
    assert b"<h1>" in page.body
    assert page.headers["retry-after"] == data.headers["retry-after"] == "3"
    assert data.error["code"] == "control_unavailable"


async def test_without_a_control_process(home: Home) -> None:
    home.publish(key())
    async with running(home) as worker:
        got = await worker.get("/")
    assert (got.status, got.error["code"]) == (503, "no_control")


# -- a full disk


class FullSpool:
    """Refuses what `refuses` says; keeps the rest in memory."""

    def __init__(self, refuses: Any) -> None:
        self.refuses = refuses
        self.records: list[tuple[CallRecord, bytes]] = []

    def append(self, record: CallRecord, body: Any = b"") -> None:
        data = body if isinstance(body, bytes) else b"".join(body)
        if self.refuses(record, data):
            raise StoreError("The disk is full.", remedy="Free some space.", code="spool_full")
        self.records.append((record, data))

    def close(self) -> None:
        pass


async def test_a_full_disk_refuses_calls_under_hard_budgets_and_serves_the_others(home: Home) -> None:
    async with Upstream(answers(), streams(*stream_events("a"))) as up:
        soft = key("soft", key_id="soft", budgets=(budget("tokens", 100, hard=False, id="bud_soft"),))
        home.publish(key(budgets=(budget("tokens", 10_000),)), soft, targets=(target(up.url),))
        async with running(home) as worker:
            worker.spool.close()
            worker.spool = FullSpool(lambda *_: True)
            hard = await worker.post()
            whole, streamed = await worker.post(key="soft"), await worker.stream(key="soft")
            await worker.quiet()
            worker.gateway._gauges._next = 0
            worker.gateway.poll()
            assert home.gauge("untraced") >= 3
            force = worker.gateway._force
            assert force.plan is not None
            soft = force.keys.find(b"soft", force.plan)
            assert soft is not None
            assert soft.lines.windows is not None
            window = soft.lines.windows.holds[0].window_us
            assert home.observer.read("bud_soft", window) == type(home.observer.read("bud_soft", window))(14, 0)
    assert (hard.status, hard.error["code"]) == (503, "spool_full")
    assert hard.headers["retry-after"] == "30"
    assert "Free some space" in hard.error["message"]
    assert (whole.status, streamed.status, streamed.text) == (200, 200, "a")


async def test_a_disk_that_fills_up_during_a_call_keeps_the_figures(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("tokens", 10_000),)), targets=(target(up.url),))
        async with running(home) as worker:
            worker.spool.close()
            worker.spool = spool = FullSpool(lambda record, body: not isinstance(record, Admitted) and len(body) > 0)
            got = await worker.post()
            await worker.quiet()
    assert got.status == 200
    settled = home.settled()
    assert not settled
    record = spool.records[1][0]
    assert isinstance(record, Settled)
    assert record.output_truncated


# -- stopping


async def test_a_worker_that_is_stopped_settles_what_it_cuts_off(home: Home) -> None:
    from tests.gateway.upstream import STREAM_HEAD, chunked, event, stalls

    async with Upstream(stalls(STREAM_HEAD + chunked(event("one two")))) as up:
        home.publish(key(budgets=(budget("tokens", 10_000),)), targets=(target(up.url),))
        async with running(home) as worker:
            task = asyncio.create_task(worker.stream())
            seen = asyncio.Event()
            worker.on_piece = seen.set
            await seen.wait()
            await worker.server.drain(0.1)
            got = await task
            await worker.quiet()
    assert got.cut
    settled = home.settled()[0]
    assert settled.status in ("cancelled", "error")
    assert settled.charged[0].amount == 4


async def test_pipelined_calls_are_answered_in_order(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
            for number in range(5):
                body = json.dumps({**CHAT, "user": f"u{number}"}).encode()
                head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            for _ in range(5):
                head_bytes = await reader.readuntil(b"\r\n\r\n")
                assert head_bytes.startswith(b"HTTP/1.1 200")
                length = int(head_bytes.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
            writer.close()
    assert [one.user_id for one in home.admitted()] == [f"u{number}" for number in range(5)]
