"""`genaiops suite` as a new user has it: the documentation's own example, bad input, a run that goes on."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Ran, Shell
from tests.house.tree import ROOT

FENCE = re.compile(r"^```(toml|python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FUNCTIONS = 'def upper(case):\n    return case["input"].upper()\n'
SUITE = """
[[target]]
name = "upper"
python = "functions:upper"
[[cases]]
file = "cases.jsonl"
[[check]]
metric = "equals"
"""


class Folder:
    """A folder with a suite, its cases and its functions, in which somebody types."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self.path = path
        self._shell = shell
        (path / "functions.py").write_text(FUNCTIONS)
        (path / "suite.toml").write_text(SUITE)
        (path / "cases.jsonl").write_text('{"input": "a", "expected": "A"}\n{"input": "b", "expected": "B"}\n')

    def run(self, *words: str) -> Ran:
        return self._shell.run("suite", *words)


@pytest.fixture
def folder(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield Folder(tmp_path, shell)
    for name in ("functions", "capitals"):  # the next test has others of that name
        sys.modules.pop(name, None)


def test_the_documentation_can_be_followed(folder: Folder) -> None:
    blocks = dict(
        reversed(FENCE.findall((ROOT / "docs" / "suites.md").read_text(encoding="utf-8")))
    )  # the first of each
    (folder.path / "answers.toml").write_text(blocks["toml"])
    (folder.path / "capitals.py").write_text(blocks["python"])
    check, run = (line.split()[2:] for line in blocks["sh"].splitlines())
    checked = folder.run(*check)
    assert (checked.status, checked.err) == (0, "")
    assert "3 cases, 2 targets, 1 check" in checked.out
    ran = folder.run(*run)
    assert ran.status == 4, ran.err
    assert re.search(
        r"^INCONCLUSIVE: The condition is not decided. About \d+ more cases would likely decide", ran.out, re.MULTILINE
    )


def test_pass_and_fail_are_exit_statuses(folder: Folder) -> None:
    passed = folder.run("run", "suite.toml", "--local", "--json")
    assert passed.status == 0, passed.err
    said = msgspec.json.decode(passed.out)
    assert said["report"]["verdict"]["outcome"] == "pass"
    assert said["run"]["done"] == 2
    (folder.path / "cases.jsonl").write_text('{"input": "a", "expected": "A"}\n{"input": "b", "expected": "C"}\n')
    failed = folder.run("run", "suite.toml", "--local")
    assert failed.status == 1
    assert "upper: 1 case failed:" in failed.out
    assert "FAIL: The condition does not hold: equals." in failed.out


def test_a_candidate_that_fails_every_case_is_not_passed_for_being_no_worse(folder: Folder) -> None:
    (folder.path / "functions.py").write_text("def old(case): return 'no'\n\n\ndef new(case): return 'nope'\n")
    rows = (json.dumps({"input": str(number), "expected": "yes"}) for number in range(70))
    (folder.path / "cases.jsonl").write_text("\n".join(rows))
    targets = "".join(f'[[target]]\nname = "{name}"\npython = "functions:{name}"\n' for name in ("old", "new"))
    suite = f'{targets}[[cases]]\nfile = "cases.jsonl"\n[[check]]\nmetric = "equals"\nmargin = 0.1\n'
    (folder.path / "suite.toml").write_text(f'{suite}[gate]\nbaseline = "old"\n')
    said = folder.run("run", "suite.toml", "--local", "--html", "report.html", "--markdown", "report.md")
    assert said.status == 1
    assert "equals, new: 0 of 70 cases pass: with 95% confidence at most 4.19%." in said.out
    assert "more than 5% are good" in said.out
    assert "more than 5% are good" in (folder.path / "report.md").read_text()
    (folder.path / "suite.toml").write_text(f'{suite}[gate]\nbaseline = "old"\nusable = 0\n')
    assert folder.run("run", "suite.toml", "--local").status == 0


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("[[check]]\nmetric = 'f7'\n", "line 2: check[0].metric: There is no metric 'f7'."),
        ("[[check]]\nmetric = 'equals'\noptions = {fold = true}\n", "There is an unknown field `fold`"),
        ("[[target]]\nname = 'a'\n", "line 1: target[0]: A target is one of"),
        ("[[target]]\nname = 'a'\nmodel = 'm'\nurl = 'http://x/'\n", "this says model and url"),
        ("[[check]]\nmetric = 'equals'\nmargin = 0.1\n", "nothing that it could be compared with"),
        ("[gate]\nbaseline = 'b'\n", "line 2: gate.baseline: No target is called 'b'."),
        ("[[case]]\nid = 'x'\n[[case]]\nid = 'x'\n", "line 4: case[1].id: Another case before it"),
        ("[[cases]]\nfile = 'none.jsonl'\n", "There is no file"),
        ("[[cases]]\nfile = 'functions.py'\n", "is none of .jsonl"),
        ("[[cases]]\nfile = 'a'\ndataset = 'b'\n", "this says file and dataset"),
        ("[run]\nspend = 'much'\n", "line 2: run.spend: 'much' is no amount."),
        ("[run\n", "line 1: This is no TOML"),
        ("description = 'empty'\n", "The suite has no cases."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder: Folder, file: str, says: str) -> None:
    (folder.path / "suite.toml").write_text(file)
    said = folder.run("check", "suite.toml")
    assert said.status == 2
    assert says in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("cases.jsonl", '{"input": 1}\n{"input"', "line 2: this is no JSON"),
        ("cases.jsonl", '{"input": "a", "expected": {"a": 1}}', "line 1: expected: Expected"),
        ("cases.csv", "input,expected\na,b,c\n", "line 2: not as many columns"),
        ("cases.yaml", "input: a\n", "is no list"),
        ("cases.json", '[{"input": "a"}, 7]', "item 2: this is no object"),
    ],
)
def test_what_is_wrong_with_a_file_of_cases(folder: Folder, name: str, text: str, says: str) -> None:
    (folder.path / "suite.toml").write_text(SUITE.replace("cases.jsonl", name))
    (folder.path / name).write_text(text)
    said = folder.run("check", "suite.toml")
    assert (said.status, says in said.err) == (2, True), said.err


def test_a_run_goes_on_only_where_it_fits(folder: Folder) -> None:
    run = msgspec.json.decode(folder.run("run", "suite.toml", "--local", "--json").out)["run"]["id"]
    again = folder.run("run", "suite.toml", "--local", "--resume", run)
    assert again.status == 2
    assert "is done" in again.err
    (folder.path / "suite.toml").write_text(SUITE + "threshold = 0.5\n")
    other = folder.run("run", "suite.toml", "--local", "--resume", run)
    assert "is of another suite" in other.err
    assert "There is no run" in folder.run("run", "suite.toml", "--local", "--resume", "run_0").err


def test_a_target_that_cannot_be_asked_is_told_before_anything_is(folder: Folder) -> None:
    (folder.path / "suite.toml").write_text(SUITE.replace("functions:upper", "functions:lower"))
    said = folder.run("run", "suite.toml", "--local")
    assert said.status == 2
    assert "has no function 'functions:lower'" in said.err


def test_a_plan_says_how_many_cases(folder: Folder) -> None:
    compared = SUITE.replace('metric = "equals"', 'metric = "equals"\nmargin = 0.05')
    compared += '[[target]]\nname = "same"\npython = "functions:upper"\n[gate]\nbaseline = "same"\n'
    (folder.path / "suite.toml").write_text(compared)
    said = folder.run("plan", "suite.toml", "--json")
    assert said.status == 0, said.err
    [plan] = msgspec.json.decode(said.out)["data"]
    assert (plan["check"], plan["known"], plan["have"]) == ("equals", "assumed", 2)
    assert [row["margin"] for row in plan["rows"]] == [0.025, 0.05, 0.1]
    assert plan["rows"][1]["least"] == 59
    run = msgspec.json.decode(folder.run("run", "suite.toml", "--local", "--json").out)["run"]["id"]
    [plan] = msgspec.json.decode(folder.run("plan", "suite.toml", "--from", run, "--json").out)["data"]
    assert (plan["known"], plan["spread"]["deviation"], plan["rows"][1]["cases"]) == ("run", 0.0, 59)
    shown = folder.run("plan", "--margin", "0.03", "--discordant", "0.1", "--power", "0.9").out
    assert re.search(r"^ +0\.03 +1 +\d{3,4} +\d{4} +99 ", shown, re.MULTILINE), shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "There is nothing to plan for."),
        (("suite.toml",), "No check of the suite has a margin."),
        (("suite.toml", "--check", "rouge"), "There are: equals."),
        (("suite.toml", "--check", "equals", "--from", "run_0"), "There is no run"),
        (("--margin", "0.1", "--from", "run_0"), "genaiops suite plan FILE --from RUN"),
        (("--margin", "0.1", "--deviation", "1", "--discordant", "0.1"), "Give one of them."),
        (("--margin", "0"), "x>0"),
        (("none.toml",), "There is no file none.toml."),
    ],
)
def test_what_cannot_be_planned(folder: Folder, words: tuple[str, ...], says: str) -> None:
    said = folder.run("plan", *words)
    assert said.status == 2
    assert says in said.err
    assert "Traceback" not in said.err


def test_the_example_of_gates_can_be_followed(folder: Folder) -> None:
    page = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    blocks = dict(FENCE.findall(page))
    (folder.path / "squares.toml").write_text(blocks["toml"])
    (folder.path / "squares.py").write_text(blocks["python"])
    made, *commands = (line.split() for line in blocks["sh"].splitlines())
    subprocess.run([sys.executable, *made[1:]], cwd=folder.path, check=True)
    plan, run = (folder.run(*words[2:]) for words in commands)
    assert re.search(r"^ +0\.05 +1 +289 +578 +59", plan.out, re.MULTILINE), plan.out
    assert run.status == 4, run.err
    shown = re.search(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert [line.split() for line in shown[1].splitlines()] == [line.split() for line in run.out.splitlines()[:3]]


def test_reports_are_written_after_a_run_and_again_later(folder: Folder) -> None:
    files = {"junit": "a.xml", "jsonl": "a.jsonl", "markdown": "a.md", "html": "a.html", "pdf": "a.pdf"}
    options = [word for form, file in files.items() for word in (f"--{form}", file)]
    ran = folder.run("run", "suite.toml", "--local", *options)
    assert ran.status == 0, ran.err
    run = msgspec.json.decode((folder.path / "a.jsonl").read_bytes().splitlines()[0])["run"]["id"]
    for form, file in files.items():
        again = folder.run("report", run, "-o", f"again-{file}")
        written = (folder.path / f"again-{file}").read_bytes()
        assert written == (folder.path / file).read_bytes(), (form, again.err)
        assert folder.run("verify", f"again-{file}").status == 0
    assert "## PASS: suite" in folder.run("report", run).out


def test_a_report_that_cannot_be_written_is_told_before_anything_is_asked(folder: Folder) -> None:
    said = folder.run("run", "suite.toml", "--local", "--html", "none/a.html")
    assert said.status == 2
    assert "There can be no report none/a.html: none is no folder." in said.err
    assert not (folder.path / "home").exists()
    assert "There are no runs" in folder.run("report", "run_1").err


def test_a_suite_that_was_altered_is_not_reported_of(folder: Folder) -> None:
    said = folder.run("run", "suite.toml", "--local", "--json")
    run = msgspec.json.decode(said.out)["run"]["id"]
    [kept] = (folder.path / "home" / "suites").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"equals", b"equalS"))
    altered = folder.run("report", run)
    assert (altered.status, "is not what it was" in altered.err) == (3, True), altered.err
    kept.unlink()
    assert "is not kept" in folder.run("report", run).err


PROMPTFOO = """
prompts: ['{{word}}']
providers: [echo]
tests:
  - vars: {word: Hello}
    assert: [{type: equals, value: '{{word}}'}]
outputPath: out.csv
"""


def test_a_configuration_of_promptfoo_runs_as_it_is_and_as_a_suite(folder: Folder) -> None:
    (folder.path / "promptfooconfig.yaml").write_text(PROMPTFOO)
    ran = folder.run("run", "promptfooconfig.yaml", "--local")
    assert (ran.status, "PASS: The condition holds." in ran.out) == (0, True), ran.err
    written = folder.run("import", "promptfooconfig.yaml", "-o", "made.yaml")
    assert "made.yaml is written: 1 case, 1 target, 1 check." in written.out
    assert "outputPath is left out." in written.err
    again = folder.run("run", "made.yaml", "--local")
    assert (again.status, again.err) == (0, "")
    (folder.path / "promptfooconfig.yaml").write_text(PROMPTFOO.replace("equals", "human"))
    refused = folder.run("run", "promptfooconfig.yaml", "--local")
    assert refused.status == 2
    assert "line 6: tests[0].assert[0].type: The assertion human is decided by a person" in refused.err
    code = PROMPTFOO.replace("{type: equals, value: '{{word}}'}", "{type: python, value: len(output) == 5}")
    (folder.path / "promptfooconfig.yaml").write_text(code)
    ran = folder.run("run", "promptfooconfig.yaml", "--local")
    assert (ran.status, "python: len(output) == 5" in ran.out) == (0, True), ran.err
    (folder.path / "promptfooconfig.yaml").write_text(code.replace("== 5", "=="))
    broken = folder.run("run", "promptfooconfig.yaml", "--local")
    assert (broken.status, "cannot be loaded: SyntaxError" in broken.err) == (2, True)
    assert "is no suite that can be imported" in folder.run("import", "suite.toml").err
    assert "There is no file none.yaml" in folder.run("import", "none.yaml").err


def test_a_report_is_signed_and_verified_without_the_home(folder: Folder) -> None:
    assert folder.run("run", "suite.toml", "--local", "--html", "a.html").status == 0
    shutil.rmtree(folder.path / "home")
    said = folder.run("verify", "a.html")
    assert (said.status, "is as it was written, of run_" in said.out) == (0, True), said.err
    page = folder.path / "a.html"
    page.write_bytes(page.read_bytes().replace(b"PASS", b"Pass", 1))
    altered = folder.run("verify", "a.html")
    assert (altered.status, "It is not what was signed." in altered.out) == (1, True), altered.err
