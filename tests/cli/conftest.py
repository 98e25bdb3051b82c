"""The command line in this process, against an installation that really runs, with echo targets."""

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from genaiops.cli import main
from genaiops.sdk import Client
from tests.app.running import Installation


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.status in {0, 1}, self.err
        return json.loads(self.out)

    def column(self, title: str) -> list[str]:
        """The cells of a column of the aligned table."""
        lines = self.out.splitlines()
        titles = re.split(r"\s{2,}", lines[0])
        return [re.split(r"\s{2,}", line)[titles.index(title)] for line in lines[1:]]


class Shell:
    """Runs `genaiops ...` as somebody who typed it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str, typed: str | None = None) -> Ran:
        if typed is not None:
            self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out, err)

    def ok(self, *words: str, typed: str | None = None) -> Ran:
        ran = self.run(*words, typed=typed)
        assert ran.status == 0, f"{words}: {ran.err}"
        return ran


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No installation of the person who runs the tests."""
    for name in ("GENAIOPS_URL", "GENAIOPS_API_KEY", "GENAIOPS_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("home"), "--only", "gateway") as running:
        running.start()
        running.add_echo("talker", text="It rains in Berlin today.")
        yield running


@pytest.fixture
def connected(shell: Shell, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose GENAIOPS_HOME is that of the running installation."""
    monkeypatch.setenv("GENAIOPS_HOME", str(installation.home.path))
    return shell


@pytest.fixture(scope="module")
def left_as_found(installation: Installation) -> Iterator[None]:
    """Afterwards the installation has the targets, routes, keys and limits that it had, for the tests to come."""
    with Client(home=installation.home.path) as client:
        found = client.get("/api/state", {"sections": "targets,routes,keys,budgets,limits"})
        yield
        whole = {"targets": {}, "routes": {}, "keys": {}, "budgets": [], "limits": [], **found}
        client.post("/api/state", {"state": whole, "prune": True})


@pytest.fixture
def alone(installation: Installation) -> None:
    """The administrator is the only person: what is protected changes at once."""
    with installation.hub() as hub:
        for actor in hub.actors.list():
            if actor.kind == "person" and actor.id != "admin":
                hub.actors.disable(actor.id, by="admin")
