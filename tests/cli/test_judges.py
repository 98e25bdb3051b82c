"""`genaiops judge` and suites with judges, as a new user has them."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Shell
from tests.house.tree import ROOT

FENCE = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
JUDGES = """
def by_rule(case):
    text = case["messages"][-1]["content"]
    return "By rule.\\nVerdict: " + ("N" if "fault" in text else "Y")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of the documentation, with a judge that needs no model beside them."""
    polite, suite, *_ = FENCE.findall((ROOT / "docs" / "judges.md").read_text(encoding="utf-8"))
    (tmp_path / "polite.toml").write_text(polite)
    (tmp_path / "answers.toml").write_text(suite)
    (tmp_path / "judges_by_rule.py").write_text(JUDGES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    return tmp_path


def by_rule(folder: Path) -> None:
    text = (folder / "polite.toml").read_text()
    text = re.sub(r"(?m)^(model|constrained|parameters) = .*\n", "", text)
    (folder / "polite.toml").write_text(text + '[[panel]]\npython = "judges_by_rule:by_rule"\n')


def test_the_documentation_can_be_followed(shell: Shell, folder: Path) -> None:
    facts = shell.ok("judge", "check", "polite.toml", "--json").json()
    assert facts["asks"] == "smollm2"
    assert facts["verdicts"] == "Y = 1, N = 0"
    assert shell.ok("suite", "check", "answers.toml").out.startswith("2 cases, 1 target, 1 check")
    by_rule(folder)
    ran = shell.run("suite", "run", "answers.toml", "--local", "--json")
    assert ran.status == 4, ran.err
    done = msgspec.json.decode(ran.out)
    assert "never calibrated" in done["report"]["verdict"]["reason"]
    [lost] = done["lost"]
    assert [row["case"]["output"] for row in lost["rows"]] == ["That is your own fault. Stop asking."]
    assert done["run"]["inputs"]["judge judge"].startswith("sha256:")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ('{judge = "none.toml"}', "There is no file none.toml."),
        ('{judge = "polite"}', "neither a file nor a version of a judge"),
        ('{judge = "../polite.toml"}', "does not lie beside the suite"),
        ('{template = "bias"}', "Neither a model nor a panel is named."),
        ("{}", "The check 'judge' names no judge."),
        ('{judge = "broken.toml"}', "line 2: rubrik: Object contains unknown field"),
    ],
)
def test_what_is_wrong_with_a_judge(shell: Shell, folder: Path, options: str, says: str) -> None:
    (folder / "broken.toml").write_text('model = "m"\nrubrik = "x"\n')
    text = (folder / "answers.toml").read_text().replace('{ judge = "polite.toml" }', options)
    (folder / "answers.toml").write_text(text)
    said = shell.run("suite", "check", "answers.toml")
    assert (said.status, says in said.err) == (2, True), said.err


def test_a_judge_that_nobody_measured_does_not_gate(shell: Shell, folder: Path) -> None:
    by_rule(folder)
    with (folder / "answers.toml").open("a") as file:
        file.write("floor = 0.1\n")
    ran = shell.run("suite", "run", "answers.toml", "--local", "--json")
    [line] = msgspec.json.decode(ran.out)["report"]["lines"]
    assert (ran.status, line["verdict"]["outcome"]) == (4, "inconclusive")
    assert "Never held against the labels of people" in line["verdict"]["reason"]


def test_a_judge_that_cannot_be_asked_decides_nothing_and_says_why(shell: Shell, folder: Path) -> None:
    assert folder
    said = shell.run("suite", "run", "answers.toml", "--local", "--url", "http://127.0.0.1:1", "--key", "k")
    assert said.status == 4, said.err
    assert "judge: 2 verdicts are errors, the first: smollm2 gave no answer" in said.out


def test_the_schema_is_that_of_judges(shell: Shell) -> None:
    schema = msgspec.json.decode(shell.ok("judge", "schema").out)
    assert schema["title"] == "genaiops judge"


def test_two_answers_of_one_run_are_compared(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite of the documentation, with a program in the place of each model."""
    *_, duel, better = FENCE.findall((ROOT / "docs" / "judges.md").read_text(encoding="utf-8"))
    program = """
def answers(case):
    return case["input"]


def prefers(case):
    text = case["messages"][-1]["content"]
    return "Verdict: " + ("1" if "sentence" in text.partition("<second-")[0] else "2")
"""
    (tmp_path / "duelling.py").write_text(program)
    (tmp_path / "duel.toml").write_text(duel.replace('model = "smollm2"', 'python = "duelling:answers"'))
    better = re.sub(r"(?m)^(model|constrained|parameters) = .*\n", "", better)
    (tmp_path / "better.toml").write_text(better + '[[panel]]\npython = "duelling:prefers"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    ran = shell.run("suite", "run", "duel.toml", "--local")
    assert ran.status == 4, ran.err  # the judge was never held against people
    assert "duel: after against before: 2 won, 0 lost, 0 ties; win rate by the judge itself 100.00%" in ran.out
    assert "0 verdicts changed with the order" in ran.out
