"""`genaiops suite` as a new user has it: the documentation's own example, bad input, a run that goes on."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

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
    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "functions.py").write_text(FUNCTIONS)
        (path / "suite.toml").write_text(SUITE)
        (path / "cases.jsonl").write_text('{"input": "a", "expected": "A"}\n{"input": "b", "expected": "B"}\n')
        command = shutil.which("genaiops", path=str(Path(sys.executable).parent))
        assert command is not None
        self.command = command

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, "suite", *words],
            cwd=self.path,
            env={"GENAIOPS_HOME": str(self.path / "home"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_documentation_can_be_followed(folder: Folder) -> None:
    blocks = dict(FENCE.findall((ROOT / "docs" / "suites.md").read_text(encoding="utf-8")))
    (folder.path / "answers.toml").write_text(blocks["toml"])
    (folder.path / "capitals.py").write_text(blocks["python"])
    check, run = (line.split()[2:] for line in blocks["sh"].splitlines())
    checked = folder.run(*check)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "3 cases, 2 targets, 1 checks" in checked.stdout
    ran = folder.run(*run)
    assert ran.returncode == 4, ran.stderr
    assert re.search(
        r"^INCONCLUSIVE: 1 of 1 conditions .* About \d+ more cases would likely decide", ran.stdout, re.MULTILINE
    )


def test_pass_and_fail_are_exit_statuses(folder: Folder) -> None:
    passed = folder.run("run", "suite.toml", "--local", "--json")
    assert passed.returncode == 0, passed.stderr
    said = msgspec.json.decode(passed.stdout)
    assert said["report"]["verdict"]["outcome"] == "pass"
    assert said["run"]["done"] == 2
    (folder.path / "cases.jsonl").write_text('{"input": "a", "expected": "A"}\n{"input": "b", "expected": "C"}\n')
    failed = folder.run("run", "suite.toml", "--local")
    assert failed.returncode == 1
    assert "upper: 1 cases failed:" in failed.stdout
    assert "FAIL: 1 of 1 conditions do not hold: equals." in failed.stdout


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
    assert said.returncode == 2
    assert says in said.stderr
    assert "Traceback" not in said.stderr


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
    assert (said.returncode, says in said.stderr) == (2, True), said.stderr


def test_a_run_goes_on_only_where_it_fits(folder: Folder) -> None:
    run = msgspec.json.decode(folder.run("run", "suite.toml", "--local", "--json").stdout)["run"]["id"]
    again = folder.run("run", "suite.toml", "--local", "--resume", run)
    assert again.returncode == 2
    assert "is done" in again.stderr
    (folder.path / "suite.toml").write_text(SUITE + "threshold = 0.5\n")
    other = folder.run("run", "suite.toml", "--local", "--resume", run)
    assert "is of another suite" in other.stderr
    assert "There is no run" in folder.run("run", "suite.toml", "--local", "--resume", "run_0").stderr


def test_a_target_that_cannot_be_asked_is_told_before_anything_is(folder: Folder) -> None:
    (folder.path / "suite.toml").write_text(SUITE.replace("functions:upper", "functions:lower"))
    said = folder.run("run", "suite.toml", "--local")
    assert said.returncode == 2
    assert "has no function 'functions:lower'" in said.stderr


def test_reports_are_written_after_a_run_and_again_later(folder: Folder) -> None:
    files = {"junit": "a.xml", "jsonl": "a.jsonl", "markdown": "a.md", "html": "a.html"}
    options = [word for form, file in files.items() for word in (f"--{form}", file)]
    ran = folder.run("run", "suite.toml", "--local", *options)
    assert ran.returncode == 0, ran.stderr
    run = msgspec.json.decode((folder.path / "a.jsonl").read_bytes().splitlines()[0])["run"]["id"]
    for form, file in files.items():
        again = folder.run("report", run, "--format", form)
        assert again.stdout == (folder.path / file).read_text(), again.stderr
    assert "## PASS: suite" in folder.run("report", run).stdout


def test_a_report_that_cannot_be_written_is_told_before_anything_is_asked(folder: Folder) -> None:
    said = folder.run("run", "suite.toml", "--local", "--html", "none/a.html")
    assert said.returncode == 2
    assert "There can be no report none/a.html: none is no folder." in said.stderr
    assert not (folder.path / "home").exists()
    assert "There are no runs" in folder.run("report", "run_1").stderr


def test_a_suite_that_was_altered_is_not_reported_of(folder: Folder) -> None:
    said = folder.run("run", "suite.toml", "--local", "--json")
    run = msgspec.json.decode(said.stdout)["run"]["id"]
    [kept] = (folder.path / "home" / "suites").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"equals", b"equalS"))
    altered = folder.run("report", run)
    assert (altered.returncode, "is not what it was" in altered.stderr) == (3, True), altered.stderr
    kept.unlink()
    assert "is not kept" in folder.run("report", run).stderr


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
    assert (ran.returncode, "PASS: All 1 conditions hold." in ran.stdout) == (0, True), ran.stderr
    written = folder.run("import", "promptfooconfig.yaml", "-o", "made.yaml")
    assert "made.yaml is written: 1 cases, 1 targets, 1 checks." in written.stdout
    assert "outputPath is left out." in written.stderr
    again = folder.run("run", "made.yaml", "--local")
    assert (again.returncode, again.stderr) == (0, "")
    (folder.path / "promptfooconfig.yaml").write_text(PROMPTFOO.replace("equals", "javascript"))
    refused = folder.run("run", "promptfooconfig.yaml", "--local")
    assert refused.returncode == 2
    assert "line 6: tests[0].assert[0].type: The assertion javascript is code" in refused.stderr
    assert "is no suite that can be imported" in folder.run("import", "suite.toml").stderr
    assert "There is no file none.yaml" in folder.run("import", "none.yaml").stderr


def test_a_report_is_signed_and_verified_without_the_home(folder: Folder) -> None:
    assert folder.run("run", "suite.toml", "--local", "--html", "a.html").returncode == 0
    shutil.rmtree(folder.path / "home")
    said = folder.run("verify", "a.html")
    assert (said.returncode, "is as it was written, of run_" in said.stdout) == (0, True), said.stderr
    page = folder.path / "a.html"
    page.write_bytes(page.read_bytes().replace(b"PASS", b"Pass", 1))
    altered = folder.run("verify", "a.html")
    assert (altered.returncode, "It is not what was signed." in altered.stdout) == (1, True), altered.stderr
