"""docs/sweeps.md as it stands: its sweep runs, shows where more examples stop paying, and is signed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.cli.conftest import Shell
from tests.house.tree import ROOT

BLOCK = re.compile(r"^```(toml|python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Of the page's first block of commands, in a folder with its files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    blocks = BLOCK.findall((ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8"))
    (tmp_path / "boxes.toml").write_text(next(text for kind, text in blocks if kind == "toml"))
    (tmp_path / "boxes.py").write_text(next(text for kind, text in blocks if kind == "python"))
    subprocess.run([sys.executable, "boxes.py"], cwd=tmp_path, check=True)
    lines = next(text for kind, text in blocks if kind == "sh").splitlines()
    return [line.split()[1:] for line in lines if line.startswith("genaiops ")]


def test_the_page(commands: list[list[str]], tmp_path: Path, shell: Shell) -> None:
    [sweep] = commands
    ran = shell.run(*sweep)
    assert ran.status == 0, ran
    assert "With 1 passage: beyond 1 example, more (up to 4) are not shown to be better" in ran.out
    report = (tmp_path / "sweep.html").read_text()
    assert report.count("<svg") == 2
    assert shell.run("suite", "verify", "sweep.html").status == 0
    run = re.findall(r"Kept as (run_\w+)", ran.out)[0]
    assert shell.run("suite", "sweep", "--of", run, "--local", "-o", "sweep.pdf").status == 0
    said = " ".join(page.extract_text() for page in PdfReader("sweep.pdf").pages)
    assert "beyond 1 example, more (up to 4) are not shown to be better" in said.replace("\n", " ")
    assert shell.run("suite", "verify", "sweep.pdf").status == 0
    again = shell.run("suite", "sweep", "--of", run, "--local", "--json")
    found = json.loads(again.out)
    assert [cell["tokens"]["asked"] for cell in found["cells"]][:4] == [12.0, 21.0, 30.0, 48.0]
    assert found["best"] == "1-shots/1-passages"


def test_bad_input(commands: list[list[str]], shell: Shell) -> None:
    assert commands
    for more, said in (
        (("--shots", "0,x"), "no numbers"),
        (("--shots", "0,30", "--examples", "solved.jsonl"), "20 examples"),
        (("--examples", "questions.jsonl"), "among the examples"),
        (("--examples", "nobody.jsonl"), "no file"),
        (("--context", "1", "--context-tokens", "1"), "passages or in tokens"),
        (("--examples", "solved.jsonl", "-o", "x.txt"), "not HTML, Markdown or PDF"),
    ):
        ran = shell.run("suite", "sweep", "boxes.toml", "--local", *more)
        assert ran.status == 2, ran
        assert said in ran.err
