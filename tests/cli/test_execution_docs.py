"""docs/execution.md as it stands: its suites run, and say what they say there."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.house.tree import ROOT

TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def suites() -> list[str]:
    return TOML.findall((ROOT / "docs" / "execution.md").read_text(encoding="utf-8"))


def test_the_documentation_s_suites_pass(
    suites: list[str], tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    said: list[str] = []
    for number, text in enumerate(suites):
        file = tmp_path / f"suite-{number}.toml"
        file.write_text(text)
        ran = shell.run("suite", "run", str(file), "--local", "--markdown", str(tmp_path / "report.md"))
        assert ran.status == 0, ran
        said.append(ran.out)
        assert "seccomp" in (tmp_path / "report.md").read_text()
    assert "at least 0.2" in said[0]
    assert "1 of 1 cases passed" in said[1] or "PASS" in said[1]


@pytest.mark.parametrize("task", ["code", "sql"])
def test_a_suite_to_begin_with_runs(task: str, tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    file = str(tmp_path / "mine.toml")
    assert shell.run("suite", "new", file, "--task", task).status == 0
    assert shell.run("suite", "run", file, "--local").status == 0


def test_what_cannot_be_meant_by_pass_at_is_told(suites: list[str], tmp_path: Path, shell: Shell) -> None:
    file = tmp_path / "suite.toml"
    file.write_text(suites[0].replace("repeats = 3", "repeats = 2"))
    ran = shell.run("suite", "check", str(file))
    assert ran.status == 2
    assert "pass@3 takes as many repeats" in ran.err
