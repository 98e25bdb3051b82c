"""What genaiops is compared with, each in a set-up that favours it: no database, no logging, one process or thread.

Peers are installed into a folder of the user's cache, by the machine's own package managers and in environments of
their own. One that is not there and cannot be installed is reported as such.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from benchmarks.gateway.load import CHAT, Request
from benchmarks.gateway.machine import GATEWAY_CORE, BenchmarkError, tree, until
from benchmarks.gateway.traffic import Shape

START_SECONDS = 120.0
INSTALL_SECONDS = 900.0
KEY = "sk-benchmark"
MODEL = "gpt-4o-mini"

LITELLM = "litellm[proxy]==1.106.2"
FASTEST = ("uvloop", "httptools")
"""What makes uvicorn as fast as it can be."""

TENSORZERO = "tensorzero==2026.6.0"
PORTKEY = "@portkey-ai/gateway@1.15.2"

_NGINX = """\
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
daemon off;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 512k;
    client_max_body_size 16m;
    keepalive_requests 100000000;
    upstream mock {{ server 127.0.0.1:{upstream}; keepalive 4096; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header connection "";
            proxy_buffering off;
        }}
    }}
}}
"""

_TENSORZERO_CONFIG = """\
[gateway]
observability.enabled = false
auth.enabled = false
"""

_TENSORZERO_MODEL = """
[models.{name}]
routing = ["mock"]
[models.{name}.providers.mock]
type = "openai"
model_name = "{model}"
api_base = "{base_url}/"
"""

_TENSORZERO_SERVER = """\
import sys, time
from tensorzero.tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
open(sys.argv[2] + ".new", "w").write(gateway.base_url)
__import__("os").replace(sys.argv[2] + ".new", sys.argv[2])
time.sleep(86400)
"""


class Peer:
    """A process (tree) on the gateway's core. `folder` is its own, for configuration and logs."""

    def __init__(self, folder: Path, upstream_port: int, shapes: Sequence[Shape]) -> None:
        self.name = ""
        self.version = ""
        self.setup = ""
        self.streams = 2_000
        self.rate = 200
        self.port = 0
        self.folder = folder
        self.upstreams = {shape.name: f"http://127.0.0.1:{upstream_port}{shape.prefix}/v1" for shape in shapes}
        self.upstream_port = upstream_port
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    def pids(self) -> list[int]:
        assert self._process is not None
        return tree(self._process.pid)

    def all_pids(self) -> list[int]:
        return self.pids()

    def note(self, calls: int) -> None:
        """Nothing is left to do when a call has been answered."""

    def settled(self) -> None:
        """It always is."""

    def request(self, shape: Shape) -> Request:
        headers = (f"authorization: Bearer {KEY}",)
        return Request(port=self.port, path=CHAT, body=shape.body(shape.name), headers=headers)

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        for pid in reversed(self.pids()):
            os.kill(pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def run(self, command: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Start it, and wait until it accepts connections (`port` may become known only meanwhile)."""
        with (self.folder / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(GATEWAY_CORE), *command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(variables or {})},
                cwd=self.folder,
            )
        until(self._accepts, START_SECONDS, f"{self.name} to accept connections")

    def _accepts(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            said = (self.folder / "output.log").read_text(errors="replace")[-2000:]
            raise BenchmarkError(f"{self.name} ended with {self._process.returncode}: {said}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Nginx(Peer):
    """A plain reverse proxy: no key, no limits, no records. The floor."""

    def start(self) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise BenchmarkError("nginx is not installed (apt-get install nginx).")
        said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
        self.name, self.version = "nginx", said.strip().rpartition("/")[2]
        self.setup = "proxy_pass with keep-alive, one worker; no key, no limits, no records"
        self.port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, upstream=self.upstream_port, port=self.port))
        self.run([program, "-p", str(self.folder), "-c", str(config)])

    def request(self, shape: Shape) -> Request:
        return Request(port=self.port, path=shape.path, body=shape.body(MODEL))


class LiteLLM(Peer):
    """Its proxy with a master key; no database, no callbacks."""

    def start(self) -> None:
        python = python_environment("litellm", LITELLM, *FASTEST)
        self.name, self.version = "LiteLLM", LITELLM.partition("==")[2]
        self.setup = "proxy with one worker and a master key; no database, no callbacks, no budgets"
        self.streams, self.rate = 20, 20  # more are beyond one core
        self.port = free_port()
        models = [
            {
                "model_name": name,
                "litellm_params": {"model": f"openai/{MODEL}", "api_base": base_url, "api_key": "sk-upstream"},
            }
            for name, base_url in self.upstreams.items()
        ]
        settings = {
            "model_list": models,
            "litellm_settings": {"telemetry": False, "num_retries": 0, "request_timeout": 600},
            "general_settings": {"master_key": KEY, "disable_spend_logs": True},
        }
        config = self.folder / "config.yaml"
        config.write_bytes(msgspec.json.encode(settings))  # JSON is YAML
        variables = {"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
        self.run([*command, "--port", str(self.port), "--num_workers", "1"], variables)


class TensorZero(Peer):
    """The gateway embedded in its Python package (the same Rust core as its server)."""

    def start(self) -> None:
        python = python_environment("tensorzero", TENSORZERO, *FASTEST)
        self.name, self.version = "TensorZero", TENSORZERO.partition("==")[2]
        self.setup = "the embedded HTTP gateway; observability and authentication off"
        config = self.folder / "tensorzero.toml"
        models = [
            _TENSORZERO_MODEL.format(name=name, model=MODEL, base_url=url) for name, url in self.upstreams.items()
        ]
        config.write_text(_TENSORZERO_CONFIG + "".join(models))
        server, address = self.folder / "serve.py", self.folder / "address"
        server.write_text(_TENSORZERO_SERVER)
        self._address = address
        self.run([str(python), str(server), str(config), str(address)], {"OPENAI_API_KEY": "sk-upstream"})

    def _accepts(self) -> bool:
        if self._address.exists():
            self.port = int(self._address.read_text().rpartition(":")[2].split("/")[0])
        return bool(super()._accepts() and self.port)

    def request(self, shape: Shape) -> Request:
        body = shape.body(f"tensorzero::model_name::{shape.name}")
        return Request(port=self.port, path=f"/openai{CHAT}", body=body)


class Portkey(Peer):
    """Its open-source gateway on node."""

    def start(self) -> None:
        program = node_package("portkey", PORTKEY) / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        self.name, self.version = "Portkey", PORTKEY.rpartition("@")[2]
        self.setup = "the open-source gateway on node; no key, no limits, no records"
        self.streams = 0  # it answers 500 to every streamed request here
        self.port = free_port()
        variables = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "localhost,127.0.0.1"}
        self.run(["node", str(program), f"--port={self.port}", "--headless"], variables)

    def request(self, shape: Shape) -> Request:
        base_url = self.upstreams[shape.name]
        headers = (
            "x-portkey-provider: openai",
            f"x-portkey-custom-host: {base_url}",
            f"authorization: Bearer {KEY}",
        )
        return Request(port=self.port, path=CHAT, body=shape.body(MODEL), headers=headers)


PEERS: Mapping[str, Callable[[Path, int, Sequence[Shape]], Peer]] = {
    "nginx": Nginx,
    "litellm": LiteLLM,
    "tensorzero": TensorZero,
    "portkey": Portkey,
}


class Direct:
    """The mock upstream itself: what the load client and the mock alone cost."""

    name = "direct"
    version = ""
    setup = "the load client straight at the mock upstream"
    streams = 0
    rate = 200

    def __init__(self, upstream_port: int) -> None:
        self._port = upstream_port

    def pids(self) -> list[int]:
        return []

    def all_pids(self) -> list[int]:
        return []

    def note(self, calls: int) -> None:
        """Nothing is left to do."""

    def settled(self) -> None:
        """It always is."""

    def request(self, shape: Shape) -> Request:
        return Request(port=self._port, path=shape.path, body=shape.body(MODEL))


# -- installing


_LONGEST_NAME = 200
"""Of a file, less than file systems allow."""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genaiops-bench" / "peers"


def python_environment(name: str, *requirements: str) -> Path:
    """The interpreter of an environment with these requirements alone."""
    folder = cache() / name
    python = folder / "bin" / "python"
    listed = " ".join(requirements)
    if len(listed) > _LONGEST_NAME:
        listed = hashlib.sha256(listed.encode()).hexdigest()
    done = folder / f"installed {listed}"
    if not done.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _install([sys.executable, "-m", "uv", "venv", "--allow-existing", "--python", sys.executable, str(folder)])
        _install([sys.executable, "-m", "uv", "pip", "install", "--python", str(python), *requirements])
        done.touch()
    return python


def locked_environment(name: str, lock: Path) -> Path:
    """The interpreter of an environment with what a file of pinned requirements with hashes lists, and nothing else."""
    folder = cache() / name
    python = folder / "bin" / "python"
    done = folder / f"installed {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    if not done.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _install([sys.executable, "-m", "uv", "venv", "--clear", "--python", sys.executable, str(folder)])
        pip = [sys.executable, "-m", "uv", "pip", "install", "--python", str(python), "--no-deps", "--require-hashes"]
        _install([*pip, "--requirement", str(lock)])
        done.touch()
    return python


def node_package(name: str, package: str) -> Path:
    """The folder node_modules of a project with that package alone."""
    folder = cache() / name
    done = folder / f"installed {package.replace('/', ' ')}"
    if not done.exists():
        if shutil.which("npm") is None:
            raise BenchmarkError(f"npm is needed to install {package}.")
        folder.mkdir(parents=True, exist_ok=True)
        _install(["npm", "install", "--prefix", str(folder), "--no-fund", "--no-audit", "--ignore-scripts", package])
        done.touch()
    return folder / "node_modules"


def _install(command: Sequence[str]) -> None:
    print(f"installing: {' '.join(command)}", file=sys.stderr)
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed after {time.monotonic() - began:.0f} s: {done.stderr[-500:]}")


def free_port() -> int:
    """A port that was free a moment ago, for programs that cannot take port 0."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
