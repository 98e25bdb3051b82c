"""What takes the spans: ours, and the peers, each in its default set-up with SQLite. Peers are installed into a folder
of the user's cache by the machine's own package manager."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Self

from benchmarks.gateway.machine import BenchmarkError, tree, until
from benchmarks.gateway.peers import python_environment
from genaiops.app.home import Home
from genaiops.app.installation import read_state
from genaiops.domain import Target
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub

PHOENIX, MLFLOW = "arize-phoenix==20.26.1", "mlflow==3.17.2"
START_SECONDS = 300.0
STOP_SECONDS = 20.0


class Subject:
    """A server in a folder of its own, which it is started on again after it was killed."""

    name = ""
    setup = ""
    path = "/v1/traces"
    ids_sql = "SELECT span_id FROM spans"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.headers: dict[str, str] = {}
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def health(self) -> str:
        return "/"

    def database(self) -> Path:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def prepare(self) -> None:
        """After the first start."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.start()
            self.prepare()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        self.port = free_port()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env={**os.environ, **self.environment()}, start_new_session=True
            )
        until(self._answers, START_SECONDS, f"{self.name} to start; see {self.folder / 'log'}")

    def kill(self) -> None:
        """All its processes at once, as when the machine goes down."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        self.process = None

    def __exit__(self, *_: object) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise BenchmarkError(f"{self.name} ended at its start; see {self.folder / 'log'}")
        try:
            with urllib.request.urlopen(self.url + self.health(), timeout=2):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def pids(self) -> list[int]:
        return [] if self.process is None else tree(self.process.pid)

    def stored(self) -> int:
        """Spans in its database."""
        with self._reading() as connection:
            return int(connection.execute("SELECT count(*) FROM spans").fetchone()[0])

    def ids(self) -> set[str]:
        """The ids of those, in hexadecimal."""
        with self._reading() as connection:
            rows = connection.execute(self.ids_sql).fetchall()
        return {one.hex() if isinstance(one, bytes) else str(one) for (one,) in rows}

    def _reading(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True, timeout=60))


class Ours(Subject):
    name = "genaiops"
    setup = "genaiops up --no-embedded, as it comes"

    def command(self) -> list[str]:
        home = str(self.folder / "home")
        return [sys.executable, "-m", "genaiops", "up", "--home", home, "--port", str(self.port), "--no-embedded"]

    def health(self) -> str:
        return "/healthz"

    def start(self) -> None:
        super().start()
        until(self._ready, START_SECONDS, "genaiops to be ready")
        self.headers = {"authorization": f"Bearer {(self.folder / 'home' / 'admin.key').read_text().strip()}"}

    def _ready(self) -> bool:
        state = read_state(Home(self.folder / "home"))
        return state is not None and all(one.state == "ready" for one in state.processes)

    def prepare(self) -> None:
        with closing(open_records(f"sqlite:///{self.folder / 'home' / 'records.db'}")) as records:
            echo = Target(id="echo", provider="echo", model="echo", upstream_model="echo", created_us=0)
            Hub(records).targets.create(echo, by="admin")
        until(self._serves, START_SECONDS, "the echo model")

    def _serves(self) -> bool:
        asked = urllib.request.Request(f"{self.url}/v1/models/echo", headers=self.headers)
        try:
            with urllib.request.urlopen(asked, timeout=5):
                return True
        except OSError:
            return False

    def database(self) -> Path:
        return self.folder / "home" / "telemetry" / "figures.db"


class Phoenix(Subject):
    name = "phoenix"
    setup = f"{PHOENIX}, phoenix serve"

    def command(self) -> list[str]:
        return [str(python_environment("phoenix", PHOENIX).with_name("phoenix")), "serve"]

    def environment(self) -> dict[str, str]:
        return {
            "PHOENIX_PORT": str(self.port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_WORKING_DIR": str(self.folder / "phoenix"),
        }

    def database(self) -> Path:
        return self.folder / "phoenix" / "phoenix.db"


class MLflow(Subject):
    name = "mlflow"
    setup = f"{MLFLOW}, mlflow server --workers 1"

    def command(self) -> list[str]:
        self.headers = {"x-mlflow-experiment-id": "0"}
        store = f"sqlite:///{self.folder / 'mlflow.db'}"
        program = str(python_environment("mlflow", MLFLOW).with_name("mlflow"))
        return [program, "server", "--port", str(self.port), "--backend-store-uri", store, "--workers", "1"]

    def health(self) -> str:
        return "/health"

    def database(self) -> Path:
        return self.folder / "mlflow.db"


PEERS: Mapping[str, type[Subject]] = {one.name: one for one in (Phoenix, MLflow)}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])
