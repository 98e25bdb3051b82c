"""Margins by judges: corrected by labels of both answers, not decided without them, and as the judge said on demand."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.app.item_sources import _of_answer
from genaiops.arena import (
    GateLine,
    GateReport,
    People,
    Ran,
    Reads,
    Side,
    Tables,
    beside,
    board,
    figures,
    judge,
    pack,
    read_labels,
    read_suite,
    sample_of,
    unpack,
)
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


def levelled(labels: dict[str, tuple[float, float]], said: Sequence[float | None], check: str, **more: Any) -> GateLine:
    """What the gate says of one target alone, which the judge judged so."""
    given = tables({"old": [1.0] * CASES, "new": said}, more.get("clusters", ()))
    report = judge(suite_of(a_judge(labels), check), given)
    return next(line for line in report.lines if line.target == "new")


def test_a_floor_rests_on_labels_of_these_cases_over_clusters() -> None:
    """The judge passes everything. Clusters widen, and what people fail is taken out."""
    labels = {f"new {at}": (1.0, float(at % 5 > 0)) for at in range(100)}
    said = [1.0] * CASES
    alone = levelled(labels, said, "floor = 0.6")
    names = [str(at // 10) for at in range(CASES)]
    over = levelled(labels, said, "floor = 0.6", clusters=names)
    assert alone.level is not None
    assert over.level is not None
    assert alone.verdict.outcome == "pass"
    assert alone.verdict.measure == pytest.approx(0.8)
    assert "PPI++ over 100 labelled cases" in alone.verdict.reason
    assert "The judge itself says 1;" in alone.verdict.reason
    assert (over.level.clusters, over.verdict.measure) == (30, pytest.approx(0.8))
    assert over.level.high - over.level.low > alone.level.high - alone.level.low
    assert "over 30 clusters" in over.verdict.reason
    assert levelled(labels, said, "floor = 0.95", clusters=names).verdict.outcome == "fail"


def test_labels_of_other_answers_count_as_further_cases() -> None:
    labels = {f"elsewhere {at}": (1.0, 1.0) for at in range(60)}
    line = levelled(labels, [1.0] * CASES, "floor = 0.9")
    assert line.verdict.outcome == "pass"
    assert "60 labelled answers" in line.verdict.reason
    assert line.verdict.n == CASES
    few = {f"elsewhere {at}": (1.0, 1.0) for at in range(9)}
    assert levelled(few, [1.0] * CASES, "floor = 0.5").verdict.outcome == "inconclusive"


def test_thirty_labels_that_agree_do_not_show_that_all_do() -> None:
    """Student's t would say that the share is 1: no label differs."""
    labels = {f"new {at}": (1.0, 1.0) for at in range(30)}
    line = levelled(labels, [1.0] * CASES, "floor = 0.95")
    assert line.verdict.outcome == "inconclusive"
    assert line.verdict.interval is not None
    assert line.verdict.interval[0] < 0.92


def test_answers_to_one_request_are_one_observation() -> None:
    labels = {f"elsewhere {at}": (1.0, 1.0) for at in range(60)}
    held = a_judge(labels)
    assert held.calibration is not None
    together = replace(
        held, calibration=replace(held.calibration, groups=6, requests=tuple(at // 10 for at in range(60)))
    )
    lost = replace(held, calibration=replace(held.calibration, groups=6))
    given = tables({"old": [1.0] * CASES, "new": [1.0] * CASES})
    lines = [judge(suite_of(each, "floor = 0.9"), given).lines[-1] for each in (held, together, lost)]
    assert [line.verdict.outcome for line in lines] == ["pass", "inconclusive", "inconclusive"]
    assert "Calibrate it again" in lines[2].verdict.reason


def test_what_has_no_value_lies_at_the_worse_end_of_a_floor_too() -> None:
    labels = {f"new {at}": (1.0, 1.0) for at in range(100)}
    whole = levelled(labels, [1.0] * CASES, "floor = 0.5").verdict.interval
    line = levelled(labels, [1.0] * (CASES - 6) + [None] * 6, "floor = 0.5")
    assert whole is not None
    assert line.verdict.interval is not None
    assert line.verdict.interval[0] == pytest.approx(0.98 * whole[0], abs=2e-3)
    assert line.missing == 6


def test_a_tolerance_is_of_what_people_would_fail() -> None:
    labels = {f"new {at}": (1.0, float(at % 4 > 0)) for at in range(100)}
    line = levelled(labels, [1.0] * CASES, "threshold = 0.5\ntolerance = 0.1")
    assert line.verdict.outcome == "fail"
    assert line.verdict.measure == pytest.approx(0.25)
    assert line.verdict.reason.startswith("0 of 300 cases failed by the judge itself; PPI++")


def test_figures_and_boards_show_what_people_would_say_beside_the_judge() -> None:
    labels = {f"new {at}": (1.0, float(at % 5 > 0)) for at in range(100)}
    given = tables({"old": [1.0] * CASES, "new": [1.0] * CASES})
    suite = suite_of(a_judge(labels), "floor = 0.6")
    old, new = figures(suite, given)
    [gated] = [line for line in judge(suite, given).lines if line.target == "new"]
    assert (new.mean, new.people) == (1.0, new.people)
    assert new.people is not None
    assert new.people.mean == pytest.approx(0.8)
    assert (new.people.low, new.people.high) == pytest.approx(gated.verdict.interval)
    assert new.people.labels == 100
    assert old.people is not None  # labels of the other one's answers count as further cases
    run = Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1)
    found = board("x", [Ran(run=run, suite=suite)], "", Reads(cases=lambda _: "", tables=lambda _: given))
    [entry] = [each for each in found.entries if each.target == "new"]
    assert entry.quality is not None
    assert entry.quality.mean == 1
    assert entry.quality.people is not None
    assert entry.quality.people.mean == pytest.approx(0.8)


def test_a_judge_that_nobody_held_against_people_is_said_to_be_none() -> None:
    suite = suite_of(Judge(template="closed_qa", model="m", rubric="Good."), "floor = 0.6")
    given = tables({"old": [1.0] * CASES, "new": [1.0] * CASES})
    for figure in figures(suite, given):
        assert figure.people == People(why="not calibrated")
    [check] = beside(suite, Side(given, "old"), Side(given, "new")).checks
    assert (check.people, check.why_not) == (None, "not calibrated")
    chance = suite_of(a_judge({f"new {at}": (1.0, 1.0) for at in range(50)}, low=-0.1), "floor = 0.6")
    assert "not shown to agree" in beside(chance, Side(given, "old"), Side(given, "new")).checks[0].why_not


def test_two_runs_are_told_apart_by_what_people_would_say() -> None:
    """The judge sees no difference; people fail every other answer of the later one."""
    labels = {f"old {at}": (1.0, 1.0) for at in range(100)}
    labels |= {f"new {at}": (1.0, float(at % 2)) for at in range(100)}
    suite = suite_of(a_judge(labels), "margin = 0.1")
    before, after = tables({"old": [1.0] * CASES}), tables({"new": [1.0] * CASES})
    found = beside(suite, Side(before, "old"), Side(after, "new"))
    [check] = found.checks
    assert check.comparison is not None
    assert check.comparison.difference == 0
    assert check.people is not None
    assert check.people.difference == pytest.approx(-0.5)
    assert found.words() == {"judge": "worse"}
    packed = beside(
        suite, Side(unpack(pack(before)), "old", lambda: before), Side(unpack(pack(after)), "new", lambda: after)
    )
    assert packed.checks[0].people == check.people
