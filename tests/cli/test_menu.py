"""Every command: its help, its example, its place in the documentation; slips are met with the nearest name."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from genaiops.cli._noun import Noun, Verb
from genaiops.cli.main import NOUNS, root
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

ELSEWHERE = {"up", "doctor"}
"""Commands without an installation to talk to; they have tests of their own."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Words of each command that does something -> the command."""
    context = click.Context(root)
    for name in NOUNS:
        command = root.get_command(context, name)
        assert command is not None, f"{name} is on the menu, and there is no such command"
        if isinstance(command, Verb):
            yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {verb}", each) for verb, each in command.commands.items())
        elif not isinstance(command, Verb):
            yield name, command


ALL = dict(commands())
OURS = {words: command for words, command in ALL.items() if words not in ELSEWHERE}


@pytest.mark.parametrize("words", ALL)
def test_help(shell: Shell, words: str) -> None:
    ran = shell.run(*words.split(), "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: genaiops {words}")
    if words not in ELSEWHERE:
        assert "Example:\n  " in ran.out


@pytest.mark.parametrize("words", OURS)
def test_the_example_can_be_run(words: str) -> None:
    command = OURS[words]
    assert isinstance(command, Verb), f"{words} is made without an example"
    given = command.example_arguments()
    assert given[: len(words.split())] == words.split()
    command.make_context(words, given[len(words.split()) :])  # reads them; a wrong option raises


@pytest.mark.parametrize("words", ALL)
def test_it_is_documented(words: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"| `genaiops {words}` |" in page, f"docs/cli.md has no line for genaiops {words}"


def test_the_documentation_names_nothing_else() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1].removeprefix("genaiops ") for line in page.splitlines() if "| `genaiops " in line}
    assert listed == set(ALL)


SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented() -> Iterator[str]:
    """Each `genaiops ...` of a shell block of the documentation, without what stands before a pipe."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                last = line.rpartition(" | ")[2].strip()
                if last.startswith("genaiops "):
                    yield last


@pytest.mark.parametrize("line", sorted(set(documented())))
def test_a_documented_command_can_be_read(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(re.split(r" [<>&]|\$\(", line)[0], comments=True)[1:]
    # Files that a page speaks of are there.
    monkeypatch.chdir(tmp_path)
    for word in words:
        if Path(word).suffix:
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).touch()
    name = next((n for n in (" ".join(words[:2]), words[0]) if n in ALL), None)
    assert name is not None or words[0].startswith("-") or (words[0] in NOUNS and "--help" in words), line
    if name is not None:
        rest = words[len(name.split()) :]
        if "--help" not in rest:
            ALL[name].make_context(name, rest)


def test_every_option_has_help_or_choices() -> None:
    silent = [
        f"{words} --{option.name}"
        for words, command in OURS.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not isinstance(option.type, click.Choice)
    ]
    assert not silent


@pytest.mark.parametrize("words", OURS)
def test_every_command_has_json(words: str) -> None:
    assert any("--json" in parameter.opts for parameter in OURS[words].params)


def test_the_menu_says_what_the_nouns_say() -> None:
    for name, text in NOUNS.items():
        command = root.get_command(click.Context(root), name)
        if isinstance(command, Noun) and not isinstance(command, Verb):
            assert command.help == text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("kye list", "key"), ("key crate", "create"), ("trace lst", "list"), ("demo trafic", "traffic")],
)
def test_a_slip(shell: Shell, typed: str, meant: str) -> None:
    ran = shell.run(*typed.split())
    assert ran.status == 2
    assert f"Did you mean {meant}?" in ran.err


def test_the_menu_loads_little() -> None:
    code = (
        "import sys; from genaiops.cli.main import root; root(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"rich", "ssl", "asyncio", "msgspec", "sqlalchemy", "litestar", "numpy", "http.client", "genaiops.sdk"}
    assert not heavy & set(done.stdout.split())


def test_a_command_loads_no_server() -> None:
    code = "import sys, genaiops.cli.key, genaiops.cli.trace; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"rich", "asyncio", "sqlalchemy", "litestar", "uvicorn", "numpy", "genaiops.app.supervisor"}
    assert not heavy & set(done.stdout.split())
