"""A gateway on a real socket, with the real counters, spool and Snapshot files, and a client for it."""

import asyncio
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, NamedTuple

from genaiops import providers
from genaiops.domain import (
    Admitted,
    Attempt,
    BreakerPolicy,
    Budget,
    CallRecord,
    KeyEntry,
    Price,
    RateLimit,
    Recalled,
    Refused,
    RetryPolicy,
    Route,
    RouteTarget,
    Scope,
    Settled,
    Snapshot,
    Target,
    TargetTimeouts,
)
from genaiops.engines import counters_mmap, seals_secret, secrets_file, snapshot_files, spool_files, videos_files
from genaiops.engines.cache_memory import MemoryCache
from genaiops.gateway import Gateway, GatewaySettings, HttpTransport, Relay, error_body
from genaiops.guard import WorkerGuards
from genaiops.http1 import Origin, Pool, Server, Timeouts
from genaiops.http1.errors import UpstreamFault
from genaiops.ports.cache import Caches, SharedCache
from genaiops.ports.provenance import ImageMarker
from genaiops.ports.providers import Provider, Transport
from genaiops.ports.spool import Aside
from genaiops.providers.echo import EchoTransport

KEY = "sk-test-0123456789"
QUICK = RetryPolicy(attempts=3, backoff=0.001, backoff_max=0.01, deadline=20.0)
PATIENCE = Timeouts(connect=5, first_byte=20, idle=20, total=30)
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Say hello"}]}


def target(base_url: str | None, **changes: Any) -> Target:
    fields: dict[str, Any] = {
        "id": "t",
        "provider": "openai",
        "model": "m",
        "upstream_model": "real-model",
        "base_url": base_url,
        "operations": ("chat", "text_completion", "embeddings"),
        "timeouts": TargetTimeouts(connect=2, first_token=5, idle=5, total=10),
        "breaker": BreakerPolicy(failures=100, cooldown=60),
        "created_us": 1,
    }
    return Target(**{**fields, **changes})


def route(*targets: str, name: str = "r", retry: RetryPolicy = QUICK, **changes: Any) -> Route:
    """Each of the targets is a name, or a name and a weight as in `a=3`."""
    named = [one.partition("=") for one in targets]
    weighed = tuple(RouteTarget(one, int(weight or 1)) for one, _, weight in named)
    return Route(id=name, targets=weighed, retry=retry, created_us=1, **changes)


def key(text: str = KEY, **changes: Any) -> KeyEntry:
    fields: dict[str, Any] = {
        "digest": hashlib.sha256(text.encode()).digest(),
        "key_id": "key_1",
        "key_name": "tests",
        "actor_id": "act_1",
        "actor_kind": "person",
        "tenant_id": "default",
        "team_id": "search",
        "environment_id": "dev",
        "application": None,
        "models": (),
        "routes": (),
        "addresses": (),
        "scopes": ("calls",),
        "not_after_us": None,
        "budgets": (),
        "rate_limits": (),
    }
    return KeyEntry(**{**fields, **changes})


def budget(meter: Any, limit: int, **changes: Any) -> Budget:
    fields: dict[str, Any] = {
        "id": f"bud_{meter}",
        "scope": Scope("key", "key_1"),
        "meter": meter,
        "limit": limit,
        "created_us": 1,
    }
    return Budget(**{**fields, **changes})


def rate(**limits: int) -> RateLimit:
    return RateLimit(id="rl_1", scope=Scope("key", "key_1"), created_us=1, **limits)


def price(**changes: Any) -> Price:
    fields: dict[str, Any] = {
        "id": "pri_1",
        "version": 1,
        "provider": "openai",
        "model": "real-model",
        "input": 2_000_000_000,
        "output": 8_000_000_000,
        "created_us": 1,
    }
    return Price(**{**fields, **changes})


class WordEstimator:
    """Counts words, so that a test can."""

    name = "words"

    def estimate(self, text: str) -> int:
        return len(text.split())


class Got(NamedTuple):
    """A response as the client got it; `cut`: it did not end properly."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool = False

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The stream's messages; `[DONE]` as that text."""
        lines = [line[6:] for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def text(self) -> str:
        return "".join(
            choice["delta"].get("content", "")
            for one in self.events
            if isinstance(one, dict)
            for choice in one.get("choices", ())
        )


class Home:
    """A data directory with a Snapshot, keys and counters: what the control process keeps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = snapshot_files.open_writer(path / "snapshots")
        self.reader = snapshot_files.open_reader(path / "snapshots")
        self.secrets = secrets_file.open_secrets(path)
        self.seals = seals_secret.open_seals(self.secrets)
        # An installation's size would be thirty megabytes for each test.
        self.observer = counters_mmap.open_counters(path / "counters.mmap", column=None, slots=1 << 10)
        self.version = 0
        self.guards: Callable[[], WorkerGuards] = WorkerGuards

    def publish(self, *keys: KeyEntry, restart: bool = False, **parts: Any) -> Snapshot:
        self.version += 1
        known = self.reader.latest()
        if restart or known is None:
            file, offset = self.writer.restart_keys(keys)
        elif keys:
            file, offset = self.writer.append_keys(keys)
        else:
            file, offset = known.keys_file, known.keys_offset
        snapshot = Snapshot(version=self.version, compiled_us=1, keys_file=file, keys_offset=offset, **parts)
        self.writer.publish(snapshot)
        self.observer.set_version(self.version)
        return snapshot

    def frames(self) -> list[tuple[CallRecord, bytes]]:
        """The records with their bodies, the two of a recalled call apart."""
        found: list[tuple[CallRecord, bytes]] = []
        reader = spool_files.open_reader(self.path / "spool")
        for frame in (frame for life in reader.lives() for frame in reader.frames(life, 0, 0)):
            record, body = frame.record, frame.body
            if isinstance(record, Recalled):
                at = record.input_bytes
                found += (record.admitted, body[:at]), (record.settled, body[at:])
            else:
                found.append((record, body))
        return found

    def records(self) -> list[CallRecord]:
        return [record for record, _ in self.frames()]

    def bodies(self) -> list[bytes]:
        return [body for _, body in self.frames()]

    def settled(self) -> list[Settled]:
        return [one for one in self.records() if isinstance(one, Settled)]

    def admitted(self) -> list[Admitted]:
        return [one for one in self.records() if isinstance(one, Admitted)]

    def refused(self) -> list[Refused]:
        return [one for one in self.records() if isinstance(one, Refused)]

    def attempts(self) -> list[Attempt]:
        return [attempt for one in self.settled() for attempt in one.attempts]

    def gauge(self, name: str) -> int:
        return sum(one.value for one in self.observer.gauges() if one.name == name)

    def close(self) -> None:
        self.writer.close()
        self.observer.close()


class Worker:
    """One gateway serving on a port of its own."""

    def __init__(
        self,
        home: Home,
        *,
        column: int,
        settings: GatewaySettings,
        relay: Relay | None,
        shared: SharedCache | None = None,
        marker: ImageMarker | None = None,
    ) -> None:
        self.home = home
        self.transports: list[HttpTransport] = []
        self.counters = counters_mmap.open_counters(home.path / "counters.mmap", column=column)
        self.spool: Any = spool_files.open_writer(home.path / "spool", column=column, life_us=time.time_ns() // 1000)
        self.gateway = Gateway(
            snapshots=home.reader,
            counters=self.counters,
            spool=_Through(self),
            providers=self._provider,
            transports=self._transport,
            secrets=home.secrets,
            seals=home.seals,
            estimator=WordEstimator(),
            relay=relay,
            settings=settings,
            caches=Caches(MemoryCache(), shared),
            videos=videos_files.open_videos(home.path),
            guards=home.guards(),
            marker=marker,
        )
        self.server = Server(self.gateway.handle, error_body=error_body)
        self.port = 0
        self.pool = Pool(Origin())
        self.on_piece: Callable[[], None] = lambda: None
        """Called for each piece of a body that the client gets."""

    def _provider(self, name: str) -> Provider:
        return providers.load(name)

    def _transport(self, one: Target) -> Transport:
        if one.provider == "echo":
            return EchoTransport()
        transport = HttpTransport(one)
        self.transports.append(transport)
        return transport

    async def start(self) -> None:
        await self.gateway.start()
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        await self.server.serve(sock)
        self.pool = Pool(Origin(port=self.port))

    async def stop(self) -> None:
        await self.pool.aclose()
        await self.server.drain(0.2)
        await self.gateway.aclose()
        with contextlib.suppress(Exception):
            self.spool.close()
        self.counters.close()

    # -- as a client

    async def post(
        self, path: str = "/v1/chat/completions", body: Any = None, *, key: str | None = KEY, **headers: str
    ) -> Got:
        data = body if isinstance(body, bytes) else json.dumps(CHAT if body is None else body).encode()
        return await self.send("POST", path, data, key=key, **headers)

    async def stream(self, body: Any = None, **headers: str) -> Got:
        return await self.post(body={**CHAT, "stream": True} if body is None else body, **headers)

    async def get(self, path: str, *, key: str | None = KEY, **headers: str) -> Got:
        return await self.send("GET", path, b"", key=key, **headers)

    async def send(self, method: str, path: str, data: bytes, *, key: str | None = KEY, **headers: str) -> Got:
        fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if key is not None:
            fields.append((b"authorization", b"Bearer " + key.encode()))
        reply = await self.pool.request(method.encode(), path.encode(), fields, data, timeouts=PATIENCE)
        pieces: list[bytes] = []
        cut = False
        try:
            while (piece := await reply.chunk()) is not None:
                pieces.append(piece)
                self.on_piece()
        except UpstreamFault:
            cut = True
        finally:
            reply.release()
        names = {name.decode(): value.decode() for name, value in reply.headers}
        return Got(reply.status, names, b"".join(pieces), cut)

    # -- what must hold when nothing is going on

    async def quiet(self) -> None:
        """Wait until no handler runs, then assert that nothing leaked: no reservation, no busy connection."""
        await until(lambda: self.server.in_flight == 0)
        assert not self.gateway._streams._live
        assert self.gateway._books.tally.in_flight == 0
        assert all(one.in_flight == 0 for one in self.gateway._fleet)
        assert [transport.busy for transport in self.transports] == [0] * len(self.transports)
        assert self.reserved() == 0

    def reserved(self) -> int:
        """Everything that any call holds anywhere."""
        total = 0
        for record in self.home.admitted():
            for charge in record.reserved:
                total += self.home.observer.read(charge.budget_id, charge.window_us).reserved
        total += self.home.observer.read("rl_1/concurrency", 0).reserved
        return total

    def used(self, name: str) -> int:
        """What is settled on a budget (in the window of the last admitted call)."""
        for record in reversed(self.home.admitted()):
            for charge in record.reserved:
                if charge.budget_id == name:
                    return self.home.observer.read(name, charge.window_us).settled
        return 0


class _Through:
    """Lets a test put another spool in the worker's place."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def append(self, record: CallRecord, body: Any = b"") -> None:
        self._worker.spool.append(record, body)

    def set_aside(self, body: bytes | bytearray) -> Aside:
        return self._worker.spool.set_aside(body)

    def close(self) -> None:
        self._worker.spool.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Step the loop until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def running(
    home: Home,
    *,
    column: int = 0,
    relay: Relay | None = None,
    shared: SharedCache | None = None,
    marker: ImageMarker | None = None,
    **settings: Any,
) -> AsyncGenerator[Worker]:
    options = GatewaySettings(**settings)
    worker = Worker(home, column=column, settings=options, relay=relay, shared=shared, marker=marker)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
