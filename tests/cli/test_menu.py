"""Every command: its help, its example, its place in the documentation; slips are met with the nearest name."""

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Generator, Iterator
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


def test_help(shell: Shell) -> None:
    for words in ALL:
        ran = shell.run(*words.split(), "--help")
        assert ran.status == 0, words
        assert ran.out.startswith(f"Usage: genaiops {words}"), words
        assert words in ELSEWHERE or "Example:\n  " in ran.out, words


def test_the_examples_can_be_run() -> None:
    for words, command in OURS.items():
        assert isinstance(command, Verb), f"{words} is made without an example"
        given = command.example_arguments()
        assert given[: len(words.split())] == words.split()
        with told(words):
            command.make_context(words, given[len(words.split()) :])  # reads them; a wrong option raises


@contextlib.contextmanager
def told(line: str) -> Generator[None]:
    """A command that cannot be read fails with its words."""
    try:
        yield
    except click.ClickException as error:
        pytest.fail(f"{line}: {error.format_message()}")


def test_the_documentation_names_each_and_nothing_else() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1].removeprefix("genaiops ") for line in page.splitlines() if "| `genaiops " in line}
    assert listed == set(ALL)
    unlisted = [words for words in ALL if f"| `genaiops {words}` |" not in page]
    assert not unlisted, f"docs/cli.md has no line for {unlisted}"


SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def documented() -> Iterator[str]:
    """Each `genaiops ...` of a shell block of the documentation, without what stands before a pipe."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                last = line.rpartition(" | ")[2].strip()
                if last.startswith("genaiops "):
                    yield last


def test_documented_commands_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in sorted(set(documented())):
        words = shlex.split(re.split(r" [<>&]|\$\(", line)[0], comments=True)[1:]
        # Files that a page speaks of are there, and those of the other pages are not.
        mentioned = [tmp_path / word for word in words if Path(word).suffix]
        for path in mentioned:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in ALL), None)
        assert name is not None or words[0].startswith("-") or (words[0] in NOUNS and "--help" in words), line
        if name is not None:
            rest = words[len(name.split()) :]
            if "--help" not in rest:
                with told(line):
                    ALL[name].make_context(name, rest)
        for path in mentioned:
            path.unlink(missing_ok=True)


def test_every_option_has_help_or_choices() -> None:
    silent = [
        f"{words} --{option.name}"
        for words, command in OURS.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not isinstance(option.type, click.Choice)
    ]
    assert not silent


def test_every_command_has_json() -> None:
    without = [
        words for words, command in OURS.items() if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert not without


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


def test_what_is_not_built_is_said(shell: Shell) -> None:
    line = "Blueprints, ready-made applications, are not built yet."
    assert line in shell.run("--help").out
    for words in (("blueprint",), ("blueprints", "list")):
        said = shell.run(*words)
        assert (said.status, line in said.err) == (2, True), said.err
