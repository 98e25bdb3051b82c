"""The quick start, the README and the pages of single nouns, as somebody follows them from top to bottom."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.running import Installation, until
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
NOT_HERE = ("make ", "source ", "genaiops demo ", "genaiops trace tail")


def follow(page: str, shell: Shell, installation: Installation, folder: Path) -> dict[str, str]:
    """Runs every block of the page; what each command printed."""
    said: dict[str, str] = {}
    for language, title, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if title:
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "python":
            code = text.replace("http://127.0.0.1:4000", installation.url).replace("YOUR KEY", installation.key)
            variables = {**os.environ, "GENAIOPS_API_KEY": installation.key}
            done = subprocess.run(
                [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
            )
            said["python"] = done.stdout
        elif language == "sh":
            for line in text.splitlines():
                command = line.partition("  #")[0].strip()
                if command and not command.startswith(NOT_HERE):
                    ran = shell.ok(*shlex.split(command)[1:])
                    said[command] = ran.out
    return said


@pytest.fixture
def here(
    connected: Shell,
    installation: Installation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with installation.hub() as hub:
        there = {target.model for target in hub.targets.list()}
        captures = {environment.id: environment.capture for environment in hub.environments.list()}
    if "smollm2" not in there:
        installation.add_echo("smollm2", text="It is on its way.")
    yield tmp_path
    for name, capture in captures.items():
        connected.ok("env", "capture", name, capture)


def test_from_nothing_to_a_release_that_serves_and_is_watched(
    connected: Shell, installation: Installation, here: Path
) -> None:
    said = follow("docs/index.md", connected, installation, here)
    assert said["python"] == "It is on its way.\n"
    assert "You answer customers of Acme" in said["genaiops prompt render support/answer@dev --var company=Acme"]

    def watched() -> bool:
        return "ticket-1" in connected.ok("trace", "list", "--session", "ticket-1", "--json").out

    until(watched, "the trace of the call")
    shown = connected.ok("app", "deployments", "support").out
    assert "dev" in shown
    assert "prod" in shown
    assert "support@" in connected.ok("prompt", "show", "support/answer").out
    found = connected.ok("trace", "list", "--property", "deployment=support@dev", "--json").json()["data"]
    assert [each["application"] for each in found] == ["support"]


PAGES = ("README.md", "docs/arena.md", "docs/environments.md", "docs/keys.md", "docs/traces.md")


@pytest.mark.parametrize("page", PAGES)
def test_pages_can_be_followed(page: str, connected: Shell, installation: Installation, here: Path) -> None:
    assert follow(page, connected, installation, here)
