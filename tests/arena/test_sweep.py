"""Sweeps of examples and context: never the case itself, the same cases in every cell, what is unknown is told."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app.counting import Estimated
from genaiops.arena import (
    Sweep,
    SweepAsked,
    Tables,
    asked,
    cases_of,
    is_sweep,
    parts_of,
    read_suite,
    suite_manifest,
    sweep_suite,
    swept,
)
from genaiops.arena.reports import SWEEP_FORMATS, findings
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Judged, Shot, Suite, SuiteTarget, Verdict

ASKED = SweepAsked(shots=(0, 1, 2), context=(0, 1), file="solved.jsonl")


def a_suite(more: str = "") -> Suite:
    text = f"""
    case = [{{input = "where is box 1", expected = "hall", context = ["first", "second"]}}]
    target = [{{name = "small", model = "m", system = "Be brief."}}]
    check = [{{name = "right", metric = "equals"}}]
    {more}
    """
    return read_suite(text, "toml").checked()


@pytest.fixture
def solved(tmp_path: Path) -> Path:
    rows = [{"input": f"where is box {n}", "expected": f"room {n}"} for n in range(2, 8)]
    (tmp_path / "solved.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def drawn(solved: Path, **changed: Any) -> Case:
    found = sweep_suite(a_suite(), msgspec.structs.replace(ASKED, **changed))
    return cases_of(found, folder=solved, near=_near)[0]


def _near(texts: Sequence[str]) -> Sequence[Sequence[float]]:
    """Nearest are those whose number is large."""
    return [[1.0, float(text.split()[-1])] for text in texts]


def test_a_cell_for_each_number(solved: Path) -> None:
    found = sweep_suite(a_suite(), ASKED)
    assert [each.name for each in found.target][:2] == ["0-shots/0-passages", "1-shots/0-passages"]
    assert len(found.target) == 6
    assert is_sweep(found)
    case = cases_of(found, folder=solved)[0]
    bodies = [asked(target, case)["messages"] for target in found.target]
    assert bodies[0] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "where is box 1"}]
    assert bodies[5] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "where is box 2"},
        {"role": "assistant", "content": "room 2"},
        {"role": "user", "content": "where is box 3"},
        {"role": "assistant", "content": "room 3"},
        {"role": "user", "content": "first\n\nwhere is box 1"},
    ]
    parts = parts_of(found.target[5], case)
    assert (parts.system, parts.context, len(parts.shots)) == (("Be brief.",), ("first",), 4)


def test_the_suite_is_read_back(solved: Path) -> None:
    found = sweep_suite(a_suite(), ASKED)
    again = read_suite(json.dumps(suite_manifest(found)), "json").checked()
    assert again == found
    assert cases_of(again, folder=solved) == cases_of(found, folder=solved)


def test_ways_to_pick(solved: Path) -> None:
    assert [each.output for each in drawn(solved).shots] == ["room 2", "room 3"]
    assert [each.output for each in drawn(solved, pick="similar").shots] == ["room 7", "room 6"]
    assert drawn(solved, pick="random") == drawn(solved, pick="random")


def test_a_case_among_its_examples(solved: Path) -> None:
    with (solved / "solved.jsonl").open("a") as file:
        file.write('{"input": "Where is  BOX 1", "expected": "hall"}\n')
    with pytest.raises(UsageError, match="1 of 1 cases are among the examples") as caught:
        drawn(solved, pick="similar")
    assert caught.value.code == "case_among_examples"
    assert "hall" not in [each.output for each in drawn(solved, own="left_out", shots=(0, 6)).shots]
    with pytest.raises(UsageError, match=r"There are 6 examples for the case .* and 7 are wanted"):
        drawn(solved, own="left_out", shots=(0, 7))


def test_a_cluster_is_kept_apart(solved: Path) -> None:
    rows = [{"input": f"q {n}", "expected": "a", "cluster": f"user {n}"} for n in range(4)]
    (solved / "solved.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = sweep_suite(a_suite(), msgspec.structs.replace(ASKED, own="left_out"))
    case = msgspec.structs.replace(suite.case[0], cluster="user 0")
    found = cases_of(msgspec.structs.replace(suite, case=(case,)), folder=solved)[0]
    assert [each.input for each in found.shots] == ["q 1", "q 2"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"shots": (0,), "context": ()}, "One cell"),
        ({"shots": tuple(range(26)), "context": (0, 1)}, "52 cells"),
        ({"file": ""}, "nothing that examples"),
        ({"target": "nobody"}, "no target 'nobody'"),
        ({"dataset": "x"}, "a file or from a dataset"),
    ],
)
def test_what_cannot_be_swept(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sweep_suite(a_suite(), msgspec.structs.replace(ASKED, **changed))


def test_examples_that_are_not_there() -> None:
    suite = msgspec.structs.replace(a_suite(), target=(SuiteTarget(name="x", model="m", shots=2),))
    with pytest.raises(UsageError, match="x takes 2 examples"):
        cases_of(suite, folder=None)


def test_a_template_holds_for_examples() -> None:
    case = Case(input="a", shots=(Shot(input="b", output="c"),), context=("p",))
    target = SuiteTarget(name="x", model="m", template="Say {{input}}!", shots=1, context_tokens=0)
    assert [each["content"] for each in asked(target, case)["messages"]] == ["Say b!", "c", "Say a!"]
    layered = msgspec.structs.replace(
        target, template=({"role": "system", "content": "S"}, {"role": "user", "content": "> {{input}}"})
    )
    assert [each["content"] for each in asked(layered, case)["messages"]] == ["S", "> b", "c", "> a"]


def result(right: dict[str, int], *, cases: int = 100, failed: dict[str, int] | None = None) -> Sweep:
    """`right`: cell -> of the first so many cases the answer is right; `failed`: the last so many are not answered."""
    names = list(right)
    suite = a_suite()
    cells = tuple(
        SuiteTarget(name=name, model="m", shots=int(name.split("-")[0]), passages=int(name.split("/")[1]))
        for name in names
    )
    suite = msgspec.structs.replace(suite, target=cells)
    rows = [
        Case(id=str(n), input=f"q {n}", expected="y", shots=(Shot(input="i", output="o"),) * 4) for n in range(cases)
    ]
    answers: list[Answer] = []
    judged: list[Judged] = []
    for name in names:
        for place, case in enumerate(rows):
            if place >= cases - (failed or {}).get(name, 0):
                error = "400: the request exceeds the context of 2048 tokens"
                answers.append(Answer(target=name, case=case.id, state="error", error=error))
                continue
            tokens = 20 + 10 * int(name.split("-")[0])
            answers.append(
                Answer(target=name, case=case.id, state="answered", input_tokens=tokens, output_tokens=2, seconds=0.1)
            )
            value = place < right[name]
            verdict = Verdict(outcome="pass" if value else "fail", measure=float(value))
            judged.append(Judged(target=name, case=case.id, check="right", metric="equals/1", verdict=verdict))
    return swept(suite, Tables(rows, answers, judged), "", Estimated(), run="run_1", subject="suite/s@0", name="s")


def test_where_more_examples_stop_paying() -> None:
    found = result({"0-shots/0": 30, "1-shots/0": 80, "2-shots/0": 82})
    [enough] = found.enough
    assert (enough.shots, enough.tried) == (1, 2)
    assert enough.most is not None
    assert enough.most > 0.02
    steps = {(step.along, step.cell, step.to): step.word for step in found.steps}
    assert steps["shots", "0-shots/0", "1-shots/0"] == "better"
    assert steps["shots", "1-shots/0", "2-shots/0"] == "not separable"
    assert found.best == "2-shots/0"
    assert [cell.standing for cell in found.cells] == ["front", "front", "front"]
    assert found.across == "tokens"
    assert found.each == pytest.approx(0.05 / 12)


def test_parts_and_what_is_reported() -> None:
    found = result({"0-shots/0": 30, "2-shots/0": 80})
    tokens = found.cells[1].tokens
    assert (tokens.asked, tokens.answer, tokens.system) == (40.0, 2.0, 0.0)
    assert tokens.shots == 4.0
    assert tokens.rest == pytest.approx(40 - tokens.shots - tokens.question)
    assert not found.exact


def test_dearer_and_no_better_is_dominated() -> None:
    found = result({"0-shots/0": 90, "4-shots/0": 20})
    assert [(cell.standing, cell.by) for cell in found.cells] == [("front", ()), ("dominated", ("0-shots/0",))]


def test_a_cell_beyond_the_window_is_told_and_is_not_zero() -> None:
    found = result({"0-shots/0": 60, "4-shots/0": 60}, failed={"4-shots/0": 40})
    cell = found.cells[1]
    assert cell.standing is None
    assert cell.why.startswith("40 of 100 answers are missing. 400: the request exceeds")
    assert found.best == "0-shots/0"
    assert not found.steps
    assert any("is not comparable" in each for each in findings(found))
    for form in SWEEP_FORMATS.values():
        assert "not comparable" in form(found)


def test_a_run_that_is_no_sweep_is_refused() -> None:
    suite = a_suite()
    tables = Tables(suite.case, (), ())
    with pytest.raises(UsageError, match="no sweep"):
        swept(suite, tables, "", Estimated(), run="run_1", subject="suite/s@0", name="s")
