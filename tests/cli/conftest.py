"""The command line in this process, against an installation that really runs, with echo targets."""

import contextlib
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.settings import Embedded, Settings
from genaiops.cli import main
from genaiops.domain import Target
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub
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
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """What every file of tests begins with a copy of: a home after its first start, with the target `talker`."""
    home = Home(tmp_path_factory.mktemp("cli") / "home")
    prepare(Settings(home=str(home.path), embedded=Embedded(enabled=False)), {})
    settings = {"text": "It rains in Berlin today."}
    talker = Target(
        id="talker", provider="echo", model="talker", upstream_model="talker", settings=settings, created_us=0
    )
    with contextlib.closing(open_records(f"sqlite:///{home.records}")) as records:
        Hub(records).targets.create(talker, by="admin")
    return home


TOGETHER = {
    "test_caching",
    "test_catalogue",
    "test_dataset_docs",
    "test_experiments",
    "test_fingerprints",
    "test_import",
    "test_notebook",
    "test_prompts",
    "test_routing_options",
    "test_shadows",
    "test_suite_inspect",
    "test_trace_export",
}
"""Files whose tests look for what they made themselves, by its name, and leave policies, prices and limits as they
were. What is not here has an installation of its own."""


@pytest.fixture(scope="session")
def common(prepared: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One for all files of `TOGETHER` that this process has: to start one takes longer than most of their tests."""
    with Installation(copied(prepared, tmp_path_factory), "--only", "gateway") as running:
        yield running.start()


@pytest.fixture(scope="module")
def installation(
    request: pytest.FixtureRequest, prepared: Home, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Of this file alone, unless it is one of `TOGETHER`: tests follow pages that begin with nothing, change policies,
    rewrite records."""
    if request.path.stem in TOGETHER:
        yield request.getfixturevalue("common")
        return
    with Installation(copied(prepared, tmp_path_factory), "--only", "gateway") as running:
        yield running.start()


def copied(prepared: Home, folders: pytest.TempPathFactory) -> Path:
    path = folders.mktemp("cli") / "home"
    shutil.copytree(prepared.path, path)
    return path


@pytest.fixture
def connected(shell: Shell, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose GENAIOPS_HOME is that of the running installation."""
    monkeypatch.setenv("GENAIOPS_HOME", str(installation.home.path))
    return shell
