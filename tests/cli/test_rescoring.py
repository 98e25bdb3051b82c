"""`genaiops suite rescore`: new metrics over old answers, with nobody asked but judges."""

from contextlib import closing
from pathlib import Path

import pytest

from genaiops.app.evaluations import Evaluations
from genaiops.app.home import Home
from genaiops.engines.runs_sql import open_runs
from tests.cli.conftest import Shell

SUITE = """
[[target]]
name = "bot"
python = "rescored_bot:answer"
[[case]]
input = "a"
expected = "A"
context = ["The letter is alpha."]
[[case]]
input = "b"
expected = "B"
context = ["The letter is blpha."]
[[check]]
metric = "equals"
"""
BOT = """
from pathlib import Path


def answer(case):
    with Path("asked").open("a") as file:
        file.write("x")
    return f"The letter is {case['input']}lpha. It is the 7th."


def judge(case):
    with Path("judged").open("a") as file:
        file.write("x")
    return "Verdict: Y"


def silent(case):
    raise ValueError("no judge today")


def sometimes(case):
    if "alpha" in str(case):
        raise ValueError("no judge today")
    return "Verdict: Y"
"""
JUDGE = 'template = "closed_qa"\nrubric = "It names a letter."\n[[panel]]\npython = "rescored_bot:judge"\n'


@pytest.fixture
def run(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run that is done."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    for name, text in (("suite.toml", SUITE), ("rescored_bot.py", BOT), ("polite.toml", JUDGE)):
        (tmp_path / name).write_text(text)
    ran = shell.run("suite", "run", "suite.toml", "--local", "--json")
    assert ran.status == 1, ran.err
    return ran.json()["run"]["id"]


def test_a_run_is_measured_anew_and_nothing_is_generated(shell: Shell, run: str, tmp_path: Path) -> None:
    said = shell.run("suite", "rescore", run, "--check", "groundedness", "--judge", "polite.toml", "--json")
    assert said.status == 0, said.err
    done = said.json()
    figures = {each["check"]: each for each in done["figures"]}
    assert (figures["groundedness"]["mean"], figures["groundedness"]["passed"]) == (0.5, 0)
    assert (figures["judge-polite"]["mean"], figures["judge-polite"]["n"]) == (1.0, 2)
    assert done["run"]["inputs"]["judge judge-polite"].startswith("sha256:")
    assert done["run"]["verdict"]["outcome"] == "fail"  # that of its own suite
    assert (tmp_path / "asked").read_text() == "xx"
    assert (tmp_path / "judged").read_text() == "xx"


def test_what_was_added_stands_beside_what_was_asked(shell: Shell, run: str, tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    with closing(open_runs(f"sqlite:///{home.runs}")) as store:
        seen = Evaluations(store, home)

        def shown() -> list[tuple[str, bool, float | None]]:
            return [(each.check, each.added, each.mean) for each in seen.figures(store.get(run))]

        assert shown() == [("equals", False, 0.0)]
        assert shell.run("suite", "rescore", run, "--check", "groundedness").status == 0
        assert shell.run("suite", "rescore", run, "--judge", "polite.toml").status == 0
        assert shown() == [("equals", False, 0.0), ("groundedness", True, 0.5), ("judge-polite", True, 1.0)]
        assert seen.figures(store.get(run))[2].low is not None
        (tmp_path / "checks.toml").write_text('[[check]]\nmetric = "groundedness"\nthreshold = 0.4\n')
        assert shell.run("suite", "rescore", run, "--checks", "checks.toml", "--replace").status == 0
        assert [each.passed for each in seen.figures(store.get(run)) if each.check == "groundedness"] == [2]


@pytest.mark.parametrize(("judge", "status"), [("silent", 3), ("sometimes", 0)])
def test_a_judge_without_verdicts(shell: Shell, run: str, tmp_path: Path, judge: str, status: int) -> None:
    (tmp_path / "polite.toml").write_text(JUDGE.replace("rescored_bot:judge", f"rescored_bot:{judge}"))
    said = shell.run("suite", "rescore", run, "--judge", "polite.toml")
    assert said.status == status, said.err
    assert ("judge-polite gave no verdict: 2 of 2 are errors." in said.err) == (status == 3)
    assert f"judge-polite: {'2 verdicts are errors, the first' if status else '1 verdict is an error'}: " in said.out


def test_a_file_of_checks_brings_its_gate(shell: Shell, run: str, tmp_path: Path) -> None:
    (tmp_path / "checks.toml").write_text('[[check]]\nmetric = "groundedness"\nthreshold = 0.4\n')
    passed = shell.run("suite", "rescore", run, "--checks", "checks.toml")
    assert passed.status == 0, passed.err
    assert "groundedness" in passed.out
    (tmp_path / "checks.toml").write_text('[[check]]\nmetric = "groundedness"\nthreshold = 0.6\n')
    assert shell.run("suite", "rescore", run, "--checks", "checks.toml", "--replace").status == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "No check is named."),
        (("--check", "equals"), "has verdicts of a check that is called 'equals'"),
        (("--check", "equal"), "There is no metric 'equal'"),
        (("--judge", "none.toml"), "There is no file none.toml"),
        (("--check", "equals", "--checks", "suite.toml"), "Write them all into the file."),
    ],
)
def test_what_is_wrong(shell: Shell, run: str, words: tuple[str, ...], says: str) -> None:
    said = shell.run("suite", "rescore", run, *words)
    assert (said.status, says in said.err) == (2, True), said.err


def test_a_run_that_is_none(shell: Shell, run: str) -> None:
    assert run
    said = shell.run("suite", "rescore", "run_0", "--check", "equals")
    assert said.status == 2
    assert "There is no run" in said.err
