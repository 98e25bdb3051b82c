"""The two C programs, the mock upstream and the load client: compiled when they are used, pinned to the load's core."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from benchmarks.gateway.machine import LOAD_CORE, BenchmarkError

_SOURCES = Path(__file__).parent

CHAT = "/v1/chat/completions"


class Percentiles(msgspec.Struct, frozen=True):
    """Microseconds; -1 when there was no sample."""

    p50: float
    p90: float
    p99: float
    p999: float


class Load(msgspec.Struct, frozen=True):
    """What the load client prints. `measured` requests began after the warm-up and succeeded; `events` are those of
    streams; `digests` how often each body came."""

    seconds: float
    begun: int
    completed: int
    measured: int
    measured_per_s: float
    bad_status: int
    failed: int
    unfinished: int
    events: int
    tainted: int
    stalls: int
    latency: Percentiles
    first_byte: Percentiles
    digests: Mapping[str, int]
    other_digests: int

    @property
    def lost(self) -> int:
        return self.bad_status + self.failed + self.unfinished


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, and where: the load client sends the same request again and again."""

    port: int
    path: str
    body: bytes
    headers: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How it is sent. `rate` 0: a closed loop. `limit` 0: none. Seconds."""

    connections: int
    seconds: float
    rate: float = 0
    warmup: float = 0
    ramp: float = 0
    limit: int = 0
    digest: bool = False


class Tools:
    """The compiled programs, in a folder of their own until `close`. BenchmarkError without a C compiler."""

    def __init__(self) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            raise BenchmarkError("A C compiler is needed for the mock upstream and the load client: install gcc.")
        self._folder = tempfile.TemporaryDirectory(prefix="genaiops-bench-")
        self.path = Path(self._folder.name)
        for name in ("mock", "load"):
            command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(self.path / name), str(_SOURCES / f"{name}.c")]
            subprocess.run(command, check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def load(self, request: Request, plan: Plan) -> Load:
        """Send, and wait for the end."""
        return self.begin(request, plan).result()

    def begin(self, request: Request, plan: Plan) -> "RunningLoad":
        """Start sending. One at a time."""
        body = self.path / "body.json"
        body.write_bytes(request.body)
        command = [*_pinned(self.path / "load"), "--port", str(request.port), "--path", request.path]
        command += ["--body", str(body), "--connections", str(plan.connections), "--seconds", str(plan.seconds)]
        command += ["--rate", str(plan.rate), "--warmup", str(plan.warmup), "--ramp", str(plan.ramp)]
        command += ["--limit", str(plan.limit), *(["--digest"] if plan.digest else [])]
        command += [part for header in request.headers for part in ("--header", header)]
        return RunningLoad(command, plan.seconds + 120)


class RunningLoad:
    """A load client at work."""

    def __init__(self, command: list[str], deadline: float) -> None:
        self._deadline = deadline
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self) -> Load:
        """When it has ended."""
        try:
            out, said = self._process.communicate(timeout=self._deadline)
        finally:
            self._process.kill()
        if self._process.returncode:
            raise BenchmarkError(f"The load client ended with {self._process.returncode}: {said.decode()}")
        return msgspec.json.decode(out, type=Load)


class Mock:
    """The upstream; ends by itself after `seconds`."""

    def __init__(self, tools: Tools, seconds: float) -> None:
        self._process = subprocess.Popen(
            [*_pinned(tools.path / "mock"), str(seconds)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _pinned(program: Path) -> list[str]:
    return ["taskset", "-c", str(LOAD_CORE), str(program)]
