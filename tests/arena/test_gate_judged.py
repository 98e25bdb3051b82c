"""Margins by judges: corrected by labels of both answers, not decided without them, and as the judge said on demand."""

import json
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from genaiops.app.item_sources import _of_answer
from genaiops.arena import GateReport, Tables, judge, read_labels, read_suite, sample_of
from genaiops.checks.judging import TEMPLATES, answer_key, judge_digest, judge_manifest
from genaiops.domain import (
    Answer,
    Calibration,
    Case,
    Item,
    Judge,
    Judged,
    JudgeRate,
    Outcome,
    Run,
    Sample,
    Suite,
    Verdict,
)
from genaiops.hub._queue_rows import _question
from genaiops.ports.runs import CaseRow

CASES = 300


def a_judge(labels: dict[str, tuple[float, float]], low: float = 0.5) -> Judge:
    """Held against these: output -> what it and people said."""
    judge = Judge(template="closed_qa", model="m", rubric="Good.")
    held = Calibration(
        judge=judge_digest(judge),
        labels="sha256:0",
        at_us=1,
        n=len(labels),
        agreement=JudgeRate(value=0.8, low=low, high=0.9, n=len(labels)),
        pairs=tuple(labels.values()),
        answers=tuple(answer_key("closed_qa", Sample(input="x", output=output)) for output in labels),
    )
    return Judge(template="closed_qa", model="m", rubric="Good.", calibration=held)


def suite_of(judge: Judge, check: str, gate: str = "") -> Suite:
    options = json.dumps(judge_manifest(judge))
    each = "".join(f'[[target]]\nname = "{name}"\nrecorded = true\n' for name in ("old", "new"))
    read = read_suite(
        f'{each}[[check]]\nmetric = "judge"\n{check}\n[gate]\nbaseline = "old"\n{gate}\n', "toml"
    ).checked()
    return replace(read, check=(replace(read.check[0], options={"judge": json.loads(options)}),))


def tables(said: dict[str, Sequence[float | None]], clusters: Sequence[str] = ()) -> Tables:
    """Target -> what the judge says of each case; the output names the target and the case."""
    cases = [Case(id=str(at), input="x", cluster=clusters[at] if clusters else "") for at in range(CASES)]
    answers: list[Answer] = []
    judged: list[Judged] = []
    for target, values in said.items():
        for at, value in enumerate(values):
            state = "answered" if value is not None else "error"
            answers.append(Answer(target=target, case=str(at), state=state, output=f"{target} {at}"))
            if value is not None:
                outcome: Outcome = "pass" if value >= 0.5 else "fail"
                judged.append(
                    Judged(
                        target=target,
                        case=str(at),
                        check="judge",
                        metric="judge/1",
                        verdict=Verdict(outcome=outcome, measure=value),
                    )
                )
    return Tables(cases, answers, judged)


def gated(
    people_lose: int,
    labelled: int,
    check: str = "margin = 0.1",
    gate: str = "",
    missing: int = 0,
    clusters: Sequence[str] = (),
) -> GateReport:
    """The judge passes everything. People fail `people_lose` of the labelled answers of the new one."""
    labels = {f"{name} {at}": (1.0, 1.0) for name in ("old", "new") for at in range(labelled)}
    labels |= {f"new {at}": (1.0, 0.0) for at in range(people_lose)}
    new: list[float | None] = [1.0] * (CASES - missing) + [None] * missing
    return judge(suite_of(a_judge(labels), check, gate), tables({"old": [1.0] * CASES, "new": new}, clusters))


def test_an_error_that_favours_one_side_is_taken_out() -> None:
    [said] = gated(people_lose=30, labelled=100).lines
    assert said.verdict.outcome == "fail"
    assert said.comparison is not None
    assert said.comparison.difference == pytest.approx(-0.3)
    assert (said.comparison.wins, said.comparison.losses) == (0, 0)
    assert "The judge itself says +0" in said.verdict.reason
    assert "PPI++ over 100 labelled cases" in said.comparison.method
    assert gated(people_lose=0, labelled=100).verdict.outcome == "pass"
    assert gated(people_lose=8, labelled=100).verdict.outcome == "inconclusive"


def test_without_labels_of_both_answers_nothing_is_decided() -> None:
    [said] = gated(people_lose=0, labelled=9).lines
    assert said.verdict.outcome == "inconclusive"
    assert said.verdict.reason.startswith("Of 9 of 300 cases people labelled both answers.")
    only_new = {f"new {at}": (1.0, 1.0) for at in range(50)}
    report = judge(suite_of(a_judge(only_new), "margin = 0.1"), tables({"old": [1.0] * CASES, "new": [1.0] * CASES}))
    assert "Of 0 of 300 cases" in report.lines[0].verdict.reason


def test_as_it_said_is_told() -> None:
    [said] = gated(people_lose=30, labelled=100, gate='judges = "as_said"').lines
    assert said.verdict.outcome == "pass"
    assert "not corrected by labels" in said.verdict.reason


def test_what_has_no_value_lies_at_the_worse_end() -> None:
    whole = gated(people_lose=0, labelled=100).lines[0].verdict.interval
    [said] = gated(people_lose=0, labelled=100, missing=6).lines
    assert whole is not None
    assert said.verdict.interval is not None
    assert said.missing == 6
    assert said.verdict.interval[0] == pytest.approx(0.98 * whole[0] - 0.02, abs=1e-3)


def test_claims_of_improvement_rest_on_labels_too() -> None:
    """Every labelled answer of the old one fails by people; the judge sees no difference."""
    labels = {f"new {at}": (1.0, 1.0) for at in range(60)} | {f"old {at}": (1.0, 0.0) for at in range(60)}
    suite = suite_of(a_judge(labels), "improves = true")
    found = judge(suite, tables({"old": [1.0] * CASES, "new": [1.0] * CASES}))
    assert found.verdict.outcome == "pass"
    assert gated(people_lose=0, labelled=60, check="improves = true").verdict.outcome == "inconclusive"


def test_clusters_count_as_clusters() -> None:
    names = [str(at // 30) for at in range(CASES)]
    assert gated(people_lose=0, labelled=100, clusters=names).verdict.outcome == "inconclusive"


def test_a_judge_that_agrees_with_people_no_more_than_chance_decides_nothing() -> None:
    labels = {f"{name} {at}": (1.0, 1.0) for name in ("old", "new") for at in range(100)}
    both: dict[str, Sequence[float | None]] = {"old": [1.0] * CASES, "new": [1.0] * CASES}
    for check in ("floor = 0.5", "margin = 0.1"):
        report = judge(suite_of(a_judge(labels, low=-0.1), check), tables(both))
        assert report.verdict.outcome == "inconclusive"
        assert "more than chance would is not shown" in report.lines[0].verdict.reason


@pytest.mark.parametrize(
    "case",
    [
        Case(id="1", input="Where is it?", expected="Here."),
        Case(id="1", messages=({"role": "user", "content": "Hello"}, {"role": "user", "content": "Where is it?"})),
        Case(id="1", variables={"order": 7, "name": "Ann"}, context=("A passage.",)),
    ],
)
def test_labels_of_a_queue_are_found_among_the_answers_of_the_run(case: Case) -> None:
    """What a queue shows of a case is written as a label that the gate finds again."""
    answer = Answer(target="new", case="1", state="answered", output="It is here.")
    run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
    made = _of_answer(run, CaseRow(1, case, [answer], []), "new", answer)
    item = Item(id="i", queue_id="q", place=1, source=made.source, content="", created_us=1)
    line = {
        "input": _question(item, made.content),
        "output": made.content.answers[0],
        "expected": made.content.expected,
        "context": made.content.context,
        "label": 1,
    }
    [read] = read_labels("\n".join(json.dumps(each) for each in [line] * 10))[:1]
    for template in TEMPLATES:
        assert answer_key(template, read.sample()) == answer_key(template, sample_of(case, answer))
