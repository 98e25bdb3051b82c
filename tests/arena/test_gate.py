"""The gate's verdicts: what few cases, missing values, clusters, repeats, ranges and several lines make of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from genaiops.arena import GateLine, GateReport, Scorer, Tables, judge, read_suite
from genaiops.arena.reports._reported import asked_for
from genaiops.checks.metrics import OfAll, OfEach
from genaiops.domain import Answer, Case, Judged, MetricCard, Outcome, Sample, Suite, Verdict

Values = Sequence[float | Sequence[float | None] | None]
"""Of each case, or of each of its repeats; None: it was not answered."""


def suite_of(check: str, *, gate: str = 'baseline = "old"', targets: Sequence[str] = ("old", "new")) -> Suite:
    each = "".join(f'[[target]]\nname = "{name}"\nrecorded = true\n' for name in targets)
    return read_suite(f'{each}[[check]]\nmetric = "equals"\n{check}\n[gate]\n{gate}\n', "toml").checked()


def tables(clusters: Sequence[str] = (), **columns: Values) -> Tables:
    """By target, of the check `equals`; 1 passes."""
    number = len(next(iter(columns.values())))
    cases = [
        Case(id=str(at), input="x", expected="y", cluster=clusters[at] if clusters else "") for at in range(number)
    ]
    answers: list[Answer] = []
    judged: list[Judged] = []
    for target, values in columns.items():
        for at, given in enumerate(values):
            for repeat, value in enumerate(given if isinstance(given, Sequence) else (given,)):
                state: Any = "error" if value is None else "answered"
                answers.append(Answer(target=target, case=str(at), repeat=repeat, state=state))
                if value is not None:
                    outcome: Outcome = "pass" if value >= 1 else "fail"
                    verdict = Verdict(outcome=outcome, measure=value)
                    judged.append(
                        Judged(
                            target=target,
                            case=str(at),
                            repeat=repeat,
                            check="equals",
                            metric="equals/1",
                            verdict=verdict,
                        )
                    )
    return Tables(cases, answers, judged)


def line(report: GateReport, kind: str) -> GateLine:
    [found] = [each for each in report.lines if each.kind == kind]
    return found


def outcome(suite: Suite, given: Tables) -> str:
    return judge(suite, given).verdict.outcome


def test_who_breaks_on_the_hard_cases_does_not_win_by_it() -> None:
    """The baseline fails 40 of 1,000 cases; the candidate errors on just those, and answers the others alike."""
    old: Values = [1.0] * 960 + [0.0] * 40
    same, errs = tables(old=old, new=old), tables(old=old, new=[1.0] * 960 + [None] * 40)
    claims = suite_of("improves = true")
    assert outcome(claims, tables(old=old, new=[1.0] * 1000)) == "pass"
    assert outcome(claims, errs) == "inconclusive"
    floor = suite_of("floor = 0.97")
    assert outcome(floor, same) == "fail"
    assert outcome(floor, errs) == "inconclusive"
    found = line(judge(floor, errs), "floor")
    assert found.missing == 40
    assert found.verdict.interval is not None
    assert found.verdict.interval[0] < 0.96 < 0.99 < found.verdict.interval[1]
    assert "40 cases have no value" in found.verdict.reason
    tolerance = suite_of("tolerance = 0.01")
    assert outcome(tolerance, tables(old=old, new=[1.0] * 1000)) == "pass"
    assert outcome(tolerance, errs) == "inconclusive"


def test_a_few_missing_answers_do_not_hide_what_is_clear_without_them() -> None:
    gate = suite_of("floor = 0.9\nmargin = 0.05")
    good = tables(old=[1.0] * 400, new=[1.0] * 398 + [None] * 2)
    assert outcome(gate, good) == "pass"
    bad = tables(old=[1.0] * 400, new=[1.0] * 300 + [0.0] * 98 + [None] * 2)
    assert outcome(gate, bad) == "fail"


def test_what_neither_side_answered_is_left_out_of_a_comparison() -> None:
    values: Values = [1.0] * 200 + [None] * 4
    [found] = judge(suite_of("margin = 0.05"), tables(old=values, new=values)).lines
    assert found.comparison is not None
    assert (found.comparison.n, found.missing, found.verdict.outcome) == (200, 0, "pass")


def test_one_missing_repeat_costs_a_repeat_and_not_the_case() -> None:
    new: Values = [[1.0, 1.0, None]] * 3 + [[1.0, 1.0, 1.0]] * 197
    gate = suite_of("floor = 0.95")
    found = line(judge(gate, tables(old=new, new=new)), "floor")
    assert found.missing == 3
    assert found.verdict.outcome == "pass"


def test_a_broken_baseline_is_told_once() -> None:
    gate = suite_of("margin = 0.5", targets=("old", "new", "newer"))
    report = judge(gate, tables(old=[None] * 20, new=[1.0] * 20, newer=[1.0] * 20))
    assert [each.target for each in report.lines if each.kind == "errors"] == ["old"]
    assert report.verdict.outcome == "inconclusive"


def test_every_case_is_not_passed_by_one_without_a_value() -> None:
    gate = suite_of("", gate="alpha = 0.05", targets=("new",))
    assert outcome(gate, tables(new=[1.0] * 40)) == "pass"
    assert outcome(gate, tables(new=[1.0] * 39 + [None])) == "inconclusive"
    assert outcome(gate, tables(new=[1.0] * 38 + [0.0, None])) == "fail"
    assert outcome(gate, tables(new=[[1.0, 1.0, 1.0], [1.0, 0.0, 1.0]])) == "fail"


def test_without_a_case_that_differs_it_says_how_many_it_needs() -> None:
    values: Values = [1.0] * 10
    for check, kind in (("margin = 0.05", "margin"), ("floor = 0.95", "floor"), ("tolerance = 0.05", "tolerance")):
        gate = suite_of(check)
        found = line(judge(gate, tables(old=values, new=values)), kind)
        assert (found.verdict.outcome, found.more) == ("inconclusive", 49), kind
        assert outcome(gate, tables(old=[1.0] * 58, new=[1.0] * 58)) == "inconclusive"
        assert outcome(gate, tables(old=[1.0] * 59, new=[1.0] * 59)) == "pass"


def test_what_it_says_would_decide_decides() -> None:
    """Ten times as many of the same: the number that was told lies between what is too few and that."""
    gate = suite_of("margin = 0.05")
    old: Values = [1.0, 1.0, 1.0, 1.0, 0.0] * 12
    new: Values = [*old[:50], *[1.0 - float(each) for each in old[50:52] if isinstance(each, float)], *old[52:]]
    found = line(judge(gate, tables(old=old, new=new)), "margin")
    assert found.more is not None
    times = (60 + found.more) // 60 + 1
    assert outcome(gate, tables(old=[*old] * times, new=[*new] * times)) == "pass"


def test_a_share_of_clusters_is_no_share_of_cases() -> None:
    names = [str(at // 20) for at in range(200)]
    for check in ("tolerance = 0.05", "floor = 0.95", "margin = 0.05"):
        gate = suite_of(check)
        assert outcome(gate, tables(old=[1.0] * 200, new=[1.0] * 200)) == "pass"
        assert outcome(gate, tables(names, old=[1.0] * 200, new=[1.0] * 200)) == "inconclusive", check


def test_a_case_that_passes_two_of_three_times() -> None:
    """It is two thirds of a pass for a floor, and a failure for a tolerance."""
    values: Values = [[1.0, 1.0, 0.0]] * 20 + [[1.0, 1.0, 1.0]] * 180
    floor = line(judge(suite_of("threshold = 1.0\nfloor = 0.9"), tables(old=values, new=values)), "floor")
    assert floor.verdict.measure == pytest.approx(1 - 20 / 600)
    assert floor.verdict.outcome == "pass"
    tolerated = line(judge(suite_of("tolerance = 0.08"), tables(old=values, new=values)), "tolerance")
    assert tolerated.verdict.measure == pytest.approx(0.1)
    assert tolerated.verdict.outcome == "inconclusive"


def test_all_lines_of_all_targets_must_hold() -> None:
    gate = suite_of("margin = 0.1", targets=("old", "new", "newer"))
    report = judge(gate, tables(old=[1.0] * 100, new=[1.0] * 100, newer=[0.0] * 100))
    assert [each.verdict.outcome for each in report.lines] == ["pass", "fail"]
    assert report.verdict.outcome == "fail"
    assert report.targets == ("new", "newer")


def test_claims_are_corrected_for_their_number() -> None:
    old: Values = [1.0] * 80 + [0.0] * 20
    new: Values = [1.0] * 85 + [0.0] * 15
    assert outcome(suite_of("improves = true"), tables(old=old, new=new)) == "pass"
    three = suite_of("improves = true", targets=("old", "new", "b", "c"))
    report = judge(three, tables(old=old, new=new, b=old, c=old))
    assert [each.verdict.outcome for each in report.lines] == ["inconclusive"] * 3
    assert "corrected for 3 claims" in report.lines[0].verdict.reason


def test_a_comparison_without_its_baseline_is_not_decided() -> None:
    gate = suite_of("margin = 0.1\nfloor = 0.5", gate='baseline = "prod"')
    report = judge(gate, tables(old=[1.0] * 100, new=[1.0] * 100))
    assert {each.kind: each.verdict.outcome for each in report.lines} == {"margin": "inconclusive", "floor": "pass"}


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("tolerance = 0.0", "none fails"),
        ("floor = 1.0", "a mean of 1"),
        ('metric = "count"\nfloor = 0.0', "a mean of 0"),
        ('metric = "count"\ntolerance = 0.1', "needs a threshold"),
        ('metric = "most"\nimproves = true', "claims are made of single cases"),
        ('metric = "most"\ntolerance = 0.1\nthreshold = 0.5', "no case fails"),
    ],
)
def test_what_could_never_be_shown_is_refused(check: str, says: str, families: None) -> None:
    text = f'[[target]]\nname = "a"\nrecorded = true\n[[check]]\n{check}\n[gate]\nbaseline = "a"\n'
    text = text if "metric" in check else text.replace("[[check]]\n", '[[check]]\nmetric = "equals"\n')
    found = read_suite(text, "toml").faults
    assert [says in fault.message for fault in found] == [True], found


# --- metrics of other ranges, and of all cases together ---


def _number(sample: Sample) -> float:
    return float(sample.output)


def _mean(samples: Sequence[Sample]) -> float:
    return sum(map(_number, samples)) / len(samples)


def _card(name: str, **fields: Any) -> MetricCard:
    return MetricCard(name=name, title=name, version="1", source="test", needs=("output",), **fields)


MAKING = {
    "count": lambda _: OfEach(_card("count", high=None, better="lower"), _number),
    "percent": lambda _: OfEach(_card("percent", high=100.0), _number),
    "most": lambda _: OfAll(_card("most", over="corpus"), _mean),
}


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three metrics of a plugin."""
    from importlib.metadata import EntryPoint

    from genaiops.checks import metrics

    plugins: Mapping[str, EntryPoint] = {
        name: EntryPoint(name, f"{__name__}:MAKING_{name.upper()}", metrics.GROUP) for name in MAKING
    }
    monkeypatch.setattr(metrics, "_plugins", lambda: plugins)


MAKING_COUNT, MAKING_PERCENT, MAKING_MOST = MAKING["count"], MAKING["percent"], MAKING["most"]


def judged_by(check: str, **outputs: Sequence[float | None]) -> GateReport:
    """Real scoring of these outputs."""
    each = "".join(f'[[target]]\nname = "{name}"\nrecorded = true\n' for name in outputs)
    suite = read_suite(f'{each}[[check]]\n{check}\n[gate]\nbaseline = "old"\n', "toml").checked()
    cases = [Case(id=str(at), input="x") for at in range(len(outputs["old"]))]
    answers = [
        Answer(target=name, case=str(at), state="error" if value is None else "answered", output=str(value))
        for name, values in outputs.items()
        for at, value in enumerate(values)
    ]
    scorer = Scorer(suite, cases)
    judged = [*scorer.each(answers, at_us=1), *scorer.together(answers, at_us=1)]
    return judge(suite, Tables(cases, answers, judged))


def test_less_is_better(families: None) -> None:
    old = [float(at % 7) for at in range(100)]
    better = [max(0.0, value - 0.5) for value in old]
    [margin] = judged_by('metric = "count"\nmargin = 0.1', old=old, new=better).lines
    assert margin.verdict.outcome == "pass"
    assert margin.comparison is not None
    assert margin.comparison.difference > 0
    assert margin.comparison.candidate == pytest.approx(sum(better) / 100)
    assert margin.comparison.baseline == pytest.approx(sum(old) / 100)
    assert judged_by('metric = "count"\nmargin = 0.1', old=better, new=old).verdict.outcome == "fail"
    level = judged_by('metric = "count"\nfloor = 4.0', old=old, new=better)
    assert level.verdict.outcome == "pass"
    assert [(each.at_most, asked_for(each)) for each in level.lines] == [(True, "at most 4")]
    assert not margin.at_most
    assert judged_by('metric = "count"\nfloor = 2.0', old=old, new=better).verdict.outcome == "fail"


def test_a_missing_value_without_a_range_counts_as_the_worst_seen(families: None) -> None:
    old = [float(at % 7) for at in range(100)]
    [found] = judged_by('metric = "count"\nfloor = 3.3', old=old, new=[*old[:98], None, None]).lines
    [whole] = judged_by('metric = "count"\nfloor = 3.3', old=old, new=[*old[:98], 6.0, 6.0]).lines
    assert found.verdict.interval is not None
    assert whole.verdict.interval is not None
    assert found.verdict.interval[1] == pytest.approx(whole.verdict.interval[1])


def test_alike_on_a_wide_scale_is_not_alike_on_a_narrow_one(families: None) -> None:
    """50 cases that differ nowhere bound a loss of 6 in 100 of the range, not of 0.06 on a scale to 100."""
    old = [50.0] * 50
    [found] = judged_by('metric = "percent"\nmargin = 1.0', old=old, new=old).lines
    assert found.verdict.outcome == "inconclusive"
    assert found.comparison is not None
    assert found.comparison.low == pytest.approx(-100 * (1 - 0.05 ** (1 / 50)), rel=0.01)


def test_a_figure_of_all_cases_has_an_interval(families: None) -> None:
    old = [float(at % 2) for at in range(400)]
    [found] = judged_by('metric = "most"\nfloor = 0.4', old=old, new=old).lines
    assert found.verdict.outcome == "pass"
    assert found.verdict.interval is not None
    low, high = found.verdict.interval
    assert low < 0.47 < 0.53 < high
    assert judged_by('metric = "most"\nfloor = 0.49', old=old, new=old).verdict.outcome == "inconclusive"
    assert judged_by('metric = "most"\nfloor = 0.4', old=old, new=[*old[1:], None]).verdict.outcome == "inconclusive"
    [alone] = judged_by('metric = "most"\nfloor = 0.4', old=[1.0], new=[1.0]).lines
    assert alone.verdict.outcome == "inconclusive"
    assert "One independent case" in alone.verdict.reason


def test_figures_of_all_cases_are_compared_case_by_case(families: None) -> None:
    old = [float(at % 2) for at in range(400)]
    new = [*old[:399], 0.0]
    report = judged_by('metric = "most"\nmargin = 0.02', old=old, new=new)
    assert report.verdict.outcome == "pass"
    assert report.lines[0].verdict.measure == pytest.approx(-1 / 400)
    assert judged_by('metric = "most"\nmargin = 0.02', old=old, new=old[::-1]).verdict.outcome == "inconclusive"


def test_pass_at_k_stands_in_for_the_mean_of_a_case() -> None:
    suite = read_suite(
        """
        [[target]]
        name = "new"
        recorded = true
        [[check]]
        metric = "equals"
        pass_at = 2
        floor = 0.1
        [run]
        repeats = 3
        """,
        "toml",
    ).checked()
    cases = [Case(id=f"{number}", expected="x") for number in range(4)]
    passed = {"0": 3, "1": 1, "2": 0, "3": 1}
    answers = [Answer(target="new", case=case.id, repeat=n, state="answered") for case in cases for n in range(3)]
    judged = [
        Judged(
            target="new",
            case=each.case,
            repeat=each.repeat,
            check="equals",
            metric="equals/1",
            verdict=Verdict(
                outcome="pass" if each.repeat < passed[each.case] else "fail",
                measure=float(each.repeat < passed[each.case]),
            ),
        )
        for each in answers
    ]
    [line] = judge(suite, Tables(cases, answers, judged)).lines
    assert line.verdict.unit == "pass@2"
    assert line.verdict.measure == pytest.approx((1 + 2 / 3 + 0 + 2 / 3) / 4)
    left = judge(suite, Tables(cases, answers[:-1], judged[:-1])).lines[-1]
    assert left.missing == 1
    unknown = Tables(cases, answers[:-1], judged[:-1]).column("new", "equals", list(passed), passes=True, at=2)
    assert unknown.filled(0.0)["3"] == pytest.approx(2 / 3)
    assert unknown.filled(1.0)["3"] == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[0.0] * 2, [0.0] * 500, [2.0] * 30, [0.1] * 30])
def test_a_floor_without_range_and_spread_is_not_decided(values: list[float], families: None) -> None:
    """However many cases are alike: figures show no bounds of that either."""
    [found] = judged_by('metric = "count"\nfloor = 3.0', old=values, new=values).lines
    assert found.verdict.outcome == "inconclusive"
    assert (found.verdict.measure, found.verdict.interval) == (pytest.approx(values[0]), None)
    assert f"All {len(values)} values are {values[0]:g}, and the metric has no range" in found.verdict.reason
    assert "59 cases that all pass show 95 %" in found.verdict.reason
    assert judged_by('metric = "count"\nthreshold = 3.0\nfloor = 0.9', old=values, new=values).lines[
        0
    ].verdict.outcome == ("inconclusive" if len(values) < 29 else "pass")


def test_a_margin_between_zeros_without_a_range_is_not_decided(families: None) -> None:
    [found] = judged_by('metric = "count"\nmargin = 3.0', old=[0.0] * 200, new=[0.0] * 200).lines
    assert found.verdict.outcome == "inconclusive"
    assert "All values of both sides are 0" in found.verdict.reason
    [alike] = judged_by('metric = "count"\nmargin = 0.1', old=[2.0] * 200, new=[2.0] * 200).lines
    assert alike.verdict.outcome == "pass"
    assert alike.comparison is not None
    assert alike.comparison.low == pytest.approx(-2 * (1 - 0.05 ** (1 / 200)), rel=0.01)
    assert "as if none exceeded the largest value seen, 2" in alike.comparison.method


def test_grades_at_the_worst_of_their_range_are_of_no_use(families: None) -> None:
    worst, some = [0.0] * 100, [0.0] * 90 + [1.0] * 10
    assert (
        judged_by('metric = "token_f1"\nexpected = "x"\nmargin = 0.1', old=worst, new=worst).verdict.outcome == "fail"
    )
    found = judged_by('metric = "percent"\nmargin = 40.0', old=some, new=some)
    assert [each.kind for each in found.lines] == ["margin"]
    assert found.verdict.outcome == "pass"


def test_a_figure_of_all_cases_at_its_worst_is_of_no_use(families: None) -> None:
    """The jackknife of figures that are all 0 has no spread, so it is not decided already."""
    values = [0.0] * 100
    found = judged_by('metric = "most"\nmargin = 0.1', old=values, new=values)
    assert found.verdict.outcome == "inconclusive"
