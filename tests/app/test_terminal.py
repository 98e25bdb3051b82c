"""The first screen: what it says can be pasted."""

import ast
import os
import sys
from pathlib import Path

import pytest

from genaiops.app.terminal import Terminal


def banner(capsys: pytest.CaptureFixture[str], home: Path, *, key: str | None, model: str | None) -> str:
    Terminal().banner("http://127.0.0.1:4000", home, admin_key=key, model=model, off=())
    return capsys.readouterr().out


@pytest.mark.parametrize("key", ["gok_secret", None])
def test_the_python_lines_can_be_pasted(capsys: pytest.CaptureFixture[str], tmp_path: Path, key: str | None) -> None:
    said = banner(capsys, tmp_path, key=key, model="smollm2")
    start = said.index("from openai")
    program = ast.parse(said[start : said.index("\n\n", start)])
    assert len(program.body) == 4
    curl = said[said.index("curl ") : said.index("\n\n", said.index("curl "))].splitlines()
    assert curl[0].startswith("curl http://127.0.0.1:4000/v1/")
    assert all(line.endswith("\\") for line in curl[:-1])


def test_without_a_model_it_names_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = banner(capsys, tmp_path, key=None, model=None)
    assert "from openai" not in said
    assert "genaiops model add" in said


def test_how_the_command_is_called(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{own}{os.pathsep}{os.environ['PATH']}")
    assert "Commands    genaiops --help\n" in banner(capsys, tmp_path, key=None, model=None)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.chdir(own.parent.parent)
    assert (
        f"Commands    {own.parent.name}/bin/genaiops --help (or once: source {own.parent.name}/bin/activate"
        in banner(capsys, tmp_path, key=None, model=None)
    )
