"""An installation whose keys differ in the policy that guards them, as its documentation has it set up."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import msgspec

from benchmarks.gateway.machine import BenchmarkError, until
from benchmarks.installation import begin, end
from genaiops.app.home import Home
from genaiops.app.installation import read_state
from genaiops.sdk import Client

UNGUARDED: Final = "unguarded"
_SECONDS: Final = 90.0
_PAGE: Final = Path(__file__).parents[2] / "docs" / "attacks.md"
_WEIGHTS: Final = ("smollm2", "minilm", "minilm-int8")
_SECRET: Final = "BENCHMARK_UPSTREAM_KEY"


class RuleFigures(msgspec.Struct, frozen=True):
    """What a rule did: `blocked`, `redacted` and `errors` count verdicts."""

    rule: str
    blocked: int
    redacted: int
    errors: int


class GuardedGateway:
    """`genaiops up` with its embedded models, from `with` on; `keys`: policy -> key."""

    def __init__(self, folder: Path, models: Path, policies: Mapping[str, str | None]) -> None:
        """`models`: a folder of pulled weights. `policies`: name -> TOML, None for one that is there from the start."""
        self._home = Home(folder / "genaiops")
        self._models = models
        self._policies = policies
        self._process: subprocess.Popen[str] | None = None
        self.keys: dict[str, str] = {}
        self.url = ""

    def __enter__(self) -> Self:
        for name in _WEIGHTS:
            if not (self._models / name).is_dir():
                raise BenchmarkError(
                    f"{self._models} has no weights of {name}: `make weights`, or name another folder."
                )
        self._home.path.mkdir(parents=True)
        shutil.copytree(self._models.resolve(), self._home.path / "models", copy_function=os.symlink)
        self._process = begin(self._home, variables={_SECRET: "sk-upstream"})
        try:
            until(self._classifies, _SECONDS, "the guard server")
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        end(self._process)

    def add_model(self, name: str, base_url: str) -> None:
        """A model of an OpenAI-compatible server; returns when calls reach it."""
        described = {"provider": "openai", "model": name, "upstream_model": name, "base_url": base_url}
        self.client.post("/api/targets", {"id": name, **described, "credentials": [_SECRET]})
        for key in self.keys.values():
            until(lambda key=key: self._serves(key, name), _SECONDS, f"the model {name}")

    def figures(self, policy: str, blocked: int) -> list[RuleFigures]:
        """What the rules of a policy did, as soon as at least so many blocks are told. BenchmarkError when they never
        are: then something else refused calls."""
        found: list[RuleFigures] = []

        def told() -> bool:
            rows = self.client.get("/api/guards/figures", {"policy": policy})["rules"]
            found[:] = msgspec.convert(rows, list[RuleFigures])
            return sum(each.blocked for each in found) >= blocked

        until(told, _SECONDS, f"the figures of {blocked} blocked calls of {policy}")
        return found

    @property
    def client(self) -> Client:
        return Client(self.url, self._home.admin_key.read_text(encoding="utf-8").strip(), timeout=60)

    def guard_seconds(self) -> float:
        """CPU that the process of the classifiers has used."""
        state = read_state(self._home)
        guard = next(each for each in state.processes if each.name == "guard") if state else None
        if guard is None or guard.pid is None:
            raise BenchmarkError(f"The guard server does not run; its log is in {self._home.logs}.")
        fields = Path(f"/proc/{guard.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _classifies(self) -> bool:
        state = read_state(self._home)
        if state is None:
            raise BenchmarkError(f"genaiops has ended; its logs are in {self._home.logs}.")
        self.url = state.url
        return any(each.name == "guard" and each.state == "ready" for each in state.processes)

    def _fill(self) -> None:
        for name, text in self._policies.items():
            if text is not None:
                self.client.put(f"/api/guards/{name}", {"text": text, "form": "toml"})
            self.keys[name] = self.client.post("/api/keys", {"name": name, "guard": name})["secret"]

    def _serves(self, key: str, model: str) -> bool:
        from genaiops.core.errors import GenaiopsError

        try:
            Client(self.url, key).get(f"/v1/models/{model}")
        except GenaiopsError:
            time.sleep(0.02)
            return False
        return True


def documented(title: str) -> str:
    """A policy of the documentation, by the title of its block."""
    found = re.search(
        rf'^```toml title="{re.escape(title)}"\n(.*?)^```', _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise BenchmarkError(f"{_PAGE.name} has no policy {title}.")
    return found[1]
