"""Classification from the command line: the documentation's own example, and what its figures are."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.conftest import Shell
from tests.house.tree import ROOT

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMES = {"toml": "mails.toml", "json": "mails.jsonl", "python": "mails.py"}


def genaiops(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = shutil.which("genaiops", path=str(Path(sys.executable).parent))
    assert command is not None
    return subprocess.run(
        [command, *words],
        cwd=folder,
        env={"GENAIOPS_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def example(tmp_path: Path) -> Path:
    for language, text in FENCE.findall((ROOT / "docs" / "task-metrics.md").read_text(encoding="utf-8")):
        if language in NAMES:
            (tmp_path / NAMES[language]).write_text(text)
    return tmp_path


@pytest.fixture
def loans(tmp_path: Path) -> Path:
    found = FENCE.findall((ROOT / "docs" / "fairness.md").read_text(encoding="utf-8"))
    blocks = dict(reversed(found))  # the first of each language
    (tmp_path / "loans.toml").write_text(blocks["toml"])
    (tmp_path / "loans.py").write_text(blocks["python"])
    first, _ = blocks["sh"].splitlines()
    subprocess.run([sys.executable, *first.split()[1:]], cwd=tmp_path, check=True)
    return tmp_path


def test_what_is_unfair_fails(loans: Path) -> None:
    said = genaiops(loans, "suite", "run", "loans.toml", "--local", "--json")
    assert said.returncode == 1, said.stderr
    found = lines(said)
    chance = found["equal_opportunity_difference"]["verdict"]
    assert chance["outcome"] == "fail"
    assert chance["interval"][0] > 0.1
    assert found["disparate_impact"]["verdict"]["outcome"] == "inconclusive"


def test_what_is_fair_does_not_fail(loans: Path) -> None:
    program = loans / "loans.py"
    program.write_text(program.read_text().replace("income -= 10", "income -= 0"))
    said = genaiops(loans, "suite", "run", "loans.toml", "--local", "--json")
    chance = lines(said)["equal_opportunity_difference"]["verdict"]
    assert (chance["measure"], chance["outcome"]) == (0.0, "pass")


def lines(said: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {each["check"]: each for each in msgspec.json.decode(said.stdout)["report"]["lines"]}


def test_the_documentation_can_be_followed(example: Path) -> None:
    said = genaiops(example, "suite", "run", "mails.toml", "--local", "--json")
    assert said.returncode == 4, said.stderr
    f1 = lines(said)["f1"]["verdict"]
    assert (f1["outcome"], f1["measure"], f1["n"]) == ("pass", pytest.approx(0.8), 10)
    assert f1["interval"][0] < 0.8 < f1["interval"][1]
    area = lines(said)["auc_roc"]["verdict"]
    assert (area["outcome"], area["measure"]) == ("inconclusive", pytest.approx(0.84))


def test_one_answer_that_cannot_be_read_is_told(example: Path) -> None:
    program = example / "mails.py"
    program.write_text(program.read_text().replace('"ham", "prob', '"eggs", "prob'))
    said = genaiops(example, "suite", "run", "mails.toml", "--local", "--json")
    assert said.returncode == 4
    f1 = lines(said)["f1"]["verdict"]
    assert f1["outcome"] == "inconclusive"
    assert "The answer names no class: 'eggs'" in f1["reason"]


def test_a_positive_class_that_is_none_is_told_with_its_line(example: Path) -> None:
    suite = example / "mails.toml"
    suite.write_text(suite.read_text().replace('positive = "spam"', 'positive = "eggs"', 1))
    said = genaiops(example, "suite", "check", "mails.toml")
    assert said.returncode == 2
    assert "'eggs' of the metric 'f1' is none of its labels" in said.stderr
    assert "line 16" in said.stderr


def test_a_suite_to_begin_with_runs_as_it_stands(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = shell.ok("suite", "new", "mine.toml", "--task", "classification")
    assert made.err == ""
    assert "2 checks, 2 cases. Next: genaiops suite run mine.toml --local" in made.out
    shell.ok("suite", "run", "mine.toml", "--local")
    again = shell.run("suite", "new", "mine.toml", "--task", "agent")
    assert again.status != 0
    assert "There is a file mine.toml already." in again.err
    assert 'task = "classification"' in (tmp_path / "mine.toml").read_text()
    assert "would be written as TOML" in shell.run("suite", "new", "a.yaml", "--task", "code").err
    assert "cannot be written" in shell.run("suite", "new", "none/a.toml", "--task", "code").err
    none = shell.run("suite", "new", "b.toml", "--task", "classify").err
    assert "There is no task 'classify'." in none
    assert "classification" in none
    assert not (tmp_path / "b.toml").exists()


def test_the_gate_says_which_groups_are_apart(loans: Path) -> None:
    """Measured, checked, and told by the metric itself."""
    said = genaiops(loans, "suite", "run", "loans.toml", "--local", "--json")
    reason = lines(said)["equal_opportunity_difference"]["verdict"]["reason"]
    assert "asked for: at most 0.1" in reason
    assert "north against south; true positive" in reason
