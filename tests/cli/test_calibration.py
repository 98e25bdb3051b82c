"""`genaiops judge calibrate`: figures that can be counted by hand, and a gate that rests on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell

JUDGES = """
def by_rule(case):
    answer = case["messages"][-1]["content"].rpartition("<answer-")[2].split("\\n")[1]
    if "?" in answer:
        return "I cannot say."
    return "Verdict: " + ("N" if "bad" in answer else "Y")


def by_place(case):
    offered = case["messages"][0]["content"].partition("Verdicts:\\n")[2]
    return "Verdict: " + offered[0]
"""
JUDGE = 'template = "closed_qa"\nrubric = "Good."\n[[panel]]\npython = "calibrated_judges:by_rule"\n'
SUITE = """
[[target]]
name = "recorded"
recorded = true
[[cases]]
file = "cases.jsonl"
[[check]]
metric = "judge"
options = { judge = "good.calibrated.json" }
"""


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def labels() -> list[dict[str, Any]]:
    """40 that people pass, of which the judge fails 4; 20 that people fail, of which it passes 5."""
    rows = [{"output": f"fine {n}" if n >= 4 else f"bad {n}", "label": 1} for n in range(40)]
    return rows + [{"output": f"bad {n}" if n >= 5 else f"wrong {n}", "label": [0, 0]} for n in range(20)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    (tmp_path / "calibrated_judges.py").write_text(JUDGES)
    (tmp_path / "good.toml").write_text(JUDGE)
    (tmp_path / "labels.jsonl").write_text(lines([*labels(), {"output": "what?", "label": 1}]))
    (tmp_path / "cases.jsonl").write_text(lines([{"id": f"c{n}", "output": f"fine answer {n}"} for n in range(200)]))
    return tmp_path


def test_the_figures_can_be_counted_and_the_gate_rests_on_them(shell: Shell, folder: Path) -> None:
    found = json.loads(shell.ok("judge", "calibrate", "good.toml", "labels.jsonl", "--json").out)
    assert (found["n"], found["unread"]) == (60, 1)
    assert (found["accused"]["value"], found["accused"]["n"]) == (pytest.approx(4 / 40), 40)
    assert (found["missed"]["value"], found["missed"]["n"]) == (pytest.approx(5 / 20), 20)
    assert found["swapped"]["value"] == 1.0
    # By hand, of 120 ratings: 77 ones (40 + 36 + 5 less the 4), and each disagreement counts twice.
    ones, n = 40 + 36 + 5, 120
    expected = 2 * ones * (n - ones) / (n - 1)
    assert found["agreement"]["value"] == pytest.approx(1 - 2 * 9 / expected)
    (folder / "suite.toml").write_text(SUITE + "floor = 0.5\nthreshold = 0.5\n")
    said = shell.run("suite", "run", "suite.toml", "--local", "--json")
    [line] = json.loads(said.out)["report"]["lines"]
    # The judge passes all 200; of the 60, which count as further cases, it passed 41, and people 40.
    assert line["verdict"]["outcome"] == "pass"
    method, _, rest = line["level"]["method"].partition(", the judge's weight ")
    assert method == "PPI++ over 60 labelled answers"
    weight = float(rest.split()[0])
    assert line["level"]["mean"] == pytest.approx(40 / 60 + weight * (241 / 260 - 41 / 60), abs=1e-3)
    assert 0.5 < line["level"]["low"] < line["level"]["mean"] - 0.08
    [figure] = json.loads(said.out)["figures"]
    assert figure["mean"] == 1
    assert figure["people"]["labels"] == 60
    assert "BY PEOPLE" in shell.run("suite", "run", "suite.toml", "--local").out
    (folder / "suite.toml").write_text(SUITE + f"floor = {line['level']['mean']:.2f}\nthreshold = 0.5\n")
    assert shell.run("suite", "run", "suite.toml", "--local").status == 4  # 200 of 200, and yet no pass


def test_a_judge_that_goes_by_place_is_seen(shell: Shell, folder: Path) -> None:
    (folder / "good.toml").write_text(JUDGE.replace("by_rule", "by_place"))
    found = json.loads(shell.ok("judge", "calibrate", "good.toml", "labels.jsonl", "--json").out)
    assert found["swapped"]["value"] == 0.0


def test_a_calibration_does_not_go_along_with_a_change(shell: Shell, folder: Path) -> None:
    shell.ok("judge", "calibrate", "good.toml", "labels.jsonl")
    assert "60 labels of people" in shell.ok("judge", "check", "good.calibrated.json").out
    text = (folder / "good.calibrated.json").read_text().replace('"Good."', '"Better."')
    (folder / "good.calibrated.json").write_text(text)
    said = shell.run("judge", "check", "good.calibrated.json")
    assert (said.status, "measured of another judge" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"output": "a", "label": 1}\n', "Nothing can be said from 1 label"),
        ('{"output": "a"}\n', "line 1: "),
        ('\n{"output": "a", "label": 2}\n', "line 2: label: it is not from 0 to 1"),
        ("no\n", "line 1: this is no JSON"),
        ('{"output": "what?", "label": 1}\n' * 12, "The judge gave 0 verdicts on 12 answers"),
    ],
)
def test_labels_that_are_none(shell: Shell, folder: Path, text: str, says: str) -> None:
    (folder / "labels.jsonl").write_text(text)
    said = shell.run("judge", "calibrate", "good.toml", "labels.jsonl")
    assert (said.status, says in said.err) == (2, True), said.err
    assert not (folder / "good.calibrated.json").exists()


def test_answers_to_one_request_are_drawn_together(shell: Shell, folder: Path) -> None:
    """The same labels, each four times: they say no more than once, and the bounds know it by what was asked."""
    found: dict[str, Any] = {}
    for name, times in (("once", 1), ("four", 4)):
        rows = [{**row, "input": f"request {at}"} for at, row in enumerate(labels()) for _ in range(times)]
        (folder / f"{name}.jsonl").write_text(lines(rows))
        found[name] = json.loads(shell.ok("judge", "calibrate", "good.toml", f"{name}.jsonl", "--json").out)
    once, four = found["once"], found["four"]
    assert (once["n"], once["groups"], four["n"], four["groups"]) == (60, 60, 240, 60)
    for figure in ("agreement", "accused", "missed", "length"):
        wide, same = (each[figure]["high"] - each[figure]["low"] for each in (once, four))
        assert same == pytest.approx(wide, rel=0.35), figure
    assert four["decides"] is True


def test_a_judge_that_likes_marks_of_form_is_seen(shell: Shell, folder: Path) -> None:
    """It passes what has the word, and people what has no list."""
    rows = [{"output": f"- **fine** {n}\n- more", "label": 0} for n in range(20)]
    rows += [{"output": f"bad {n}", "label": 1} for n in range(20)]
    (folder / "labels.jsonl").write_text(lines(rows))
    found = json.loads(shell.ok("judge", "calibrate", "good.toml", "labels.jsonl", "--json").out)
    assert found["style"]["value"] == pytest.approx(1.0)
    assert found["agreement"]["value"] < 0
    assert found["decides"] is False
    assert "decides nothing" in shell.ok("judge", "check", "good.calibrated.json").out
