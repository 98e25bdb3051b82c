"""A real installation under test: `genaiops up` as a process of its own, in a home of its own, on a free port."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from genaiops.app.home import Home
from genaiops.app.installation import ProcessState, SupervisorState, read_state
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub

T = TypeVar("T")

DEADLINE = 60.0
"""Generous: the machine that runs this may be busy."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


def until(condition: Callable[[], T | None], what: str) -> T:
    """The first true value of `condition`, asked less and less often: what is waited for needs the processor, too."""
    end, pause = time.monotonic() + DEADLINE, 0.02
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {DEADLINE:.0f} s for {what}"
        time.sleep(pause)
        pause = min(0.25, 1.3 * pause)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 (what is waited for is another process)
            await asyncio.sleep(0.01)


def request(url: str, *, key: str | None = None, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    fields = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    asked = urllib.request.Request(url, data=data, headers={**fields, **(headers or {})})
    try:
        with urllib.request.urlopen(asked, timeout=DEADLINE) as reply:
            return Answer(reply.status, dict(reply.headers), _decode(reply.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), _decode(error.read()))


def _decode(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
    return {**clean, **(extra or {})}


class Installation:
    """`genaiops up`. `start` returns when it says that it is ready."""

    def __init__(self, home: Path, *flags: str, variables: Mapping[str, str] | None = None) -> None:
        self.home = Home(home)
        self.lines: list[dict[str, Any]] = []
        self._flags = flags
        self._variables = variables
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def start(self) -> "Installation":
        command = [sys.executable, "-m", "genaiops", "up", "--json", "--home", str(self.home.path), *self._flags]
        self._process = subprocess.Popen(
            [*command, *([] if "--port" in self._flags else ["--port", "0"])],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(self._variables),
            start_new_session=True,
        )
        self.say_until("ready")
        return self

    def say_until(self, message: str) -> dict[str, Any]:
        """Read what it prints up to a line with that beginning."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(_printed(line))
            if self.lines[-1]["message"].startswith(message):
                return self.lines[-1]
        raise AssertionError(f"it ended before it said {message!r}: {[line['message'] for line in self.lines]}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        with self.process as process:
            out, _ = process.communicate(timeout=DEADLINE)
        self.lines += map(_printed, out.splitlines())
        return process.returncode

    # -- what can be asked of it

    @property
    def state(self) -> SupervisorState:
        return until(lambda: read_state(self.home), "supervisor.json")

    @property
    def url(self) -> str:
        return self.state.url

    @property
    def key(self) -> str:
        return self.home.admin_key.read_text().strip()

    def named(self, name: str) -> ProcessState:
        return next(process for process in self.state.processes if process.name == name)

    def pids(self) -> set[int]:
        return {process.pid for process in self.state.processes if process.pid is not None}

    def wait_ready(self, name: str, *, restarts: int = 0) -> ProcessState:
        def ready() -> ProcessState | None:
            process = self.named(name)
            return process if process.state == "ready" and process.restarts >= restarts else None

        return until(ready, f"{name} to be ready")

    @contextlib.contextmanager
    def hub(self) -> Generator[Hub]:
        """The records, written by another process than the ones under test."""
        with contextlib.closing(open_records(f"sqlite:///{self.home.records}")) as records:
            yield Hub(records)

    def add_echo(self, name: str = "echo", **settings: str) -> None:
        """A target of the echo provider; returns when calls reach it."""
        from genaiops.domain import Target

        target = Target(id=name, provider="echo", model=name, upstream_model=name, settings=settings, created_us=0)
        with self.hub() as hub:
            hub.targets.create(target, by="admin")
        until(lambda: request(f"{self.url}/v1/models/{name}", key=self.key).status == 200, f"the target {name}")

    def status(self) -> dict[str, Any]:
        """What `/api/status` tells."""
        answer = request(f"{self.url}/api/status", key=self.key)
        assert answer.status == 200, answer.body
        return answer.body

    def ask(self, model: str = "echo", content: str = "hello", **fields: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
        return request(f"{self.url}/v1/chat/completions", key=self.key, body=body)


def _printed(line: str) -> dict[str, Any]:
    """A line of the supervisor: JSON with a message, an error with its remedy, or plain text."""
    found: dict[str, Any] = json.loads(line) if line.startswith("{") else {"message": line.rstrip()}
    error = found.get("error")
    return {"message": f"error: {error['message']} {error['remedy']}"} if isinstance(error, dict) else found


def is_alive(pid: int) -> bool:
    """Running, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        return False
