"""KPIs of use cases held against what was measured: three verdicts, directions, slices, and what can never be shown."""

import msgspec
import pytest

from genaiops.arena import check_of, kpi_fault, kpi_judged, measured, reported_kpi
from genaiops.domain import Case, Kpi, KpiFigure, Suite
from tests.arena.test_gate import suite_of, tables

RIGHT = Kpi(name="right-answers", suite="answers", check="equals", target=0.8, baseline=0.6)


def alone(check: str = "") -> Suite:
    return suite_of(check, gate="", targets=("new",))


@pytest.mark.parametrize(
    ("right", "of", "status"),
    [(60, 60, "met"), (50, 60, "inconclusive"), (30, 60, "not_met"), (5, 5, "inconclusive")],
)
def test_the_bound_decides_and_not_the_point(right: int, of: int, status: str) -> None:
    found = kpi_judged(RIGHT, alone(), tables(new=[1.0] * right + [0.0] * (of - right)), "new")
    line = measured("support", RIGHT, found, run="run_1")
    assert (line.status, line.value, line.n, line.run) == (status, right / of, of, "run_1")
    assert line.low is not None
    assert line.high is not None
    assert line.low <= right / of <= line.high
    assert (line.more is not None) == (status == "inconclusive")


def test_answers_that_are_missing_are_not_met() -> None:
    found = kpi_judged(RIGHT, alone(), tables(new=[1.0] * 40 + [None] * 20), "new")
    line = measured("support", RIGHT, found)
    assert (line.status, line.value) == ("inconclusive", None)
    assert "20 of 60 answers are missing" in line.reason


def test_a_slice_is_judged_alone() -> None:
    given = tables(new=[1.0] * 30 + [0.0] * 30)
    given.cases.update(
        {
            str(at): Case(id=str(at), input="x", expected="y", slices=("easy" if at < 30 else "hard",))
            for at in range(60)
        }
    )
    for name, status in (("easy", "pass"), ("hard", "fail"), ("none", "inconclusive")):
        kpi = msgspec.structs.replace(RIGHT, slice=name)
        assert kpi_judged(kpi, alone(), given, "new").verdict.outcome == status


@pytest.mark.parametrize(
    ("kpi", "fault"),
    [
        ({"check": "rougeL"}, "no check 'rougeL'; there are: equals"),
        ({"direction": "at_most"}, "more is better, and the KPI asks for at most"),
        ({"target": 1.0}, "the end of the range"),
        ({"target": 1.5}, "The target 1.5 is out of range: Equals a reference is from 0 to 1."),
        ({"target": -0.1}, "The target -0.1 is out of range"),
        ({"target": 0.9}, ""),
    ],
)
def test_what_a_suite_can_never_show_is_told(kpi: dict[str, object], fault: str) -> None:
    made = msgspec.structs.replace(RIGHT, **kpi)
    assert (fault in kpi_fault(made, alone())) if fault else kpi_fault(made, alone()) == ""
    if fault:
        found = kpi_judged(made, alone(), tables(new=[1.0] * 60), "new")
        assert (found.verdict.outcome, found.verdict.reason) == ("inconclusive", kpi_fault(made, alone()))


def test_the_suite_s_own_condition_does_not_soften_it() -> None:
    """Its check asks for less, tolerates more, and compares."""
    check = check_of(RIGHT, suite_of("floor = 0.1\nmargin = 0.5"))
    assert check is not None
    assert (check.floor, check.margin, check.tolerance) == (0.8, None, None)


def test_a_business_figure_is_unmeasured_until_somebody_says_it() -> None:
    kpi = Kpi(name="handling-time", direction="at_most", target=240, unit="s")
    line = reported_kpi("support", kpi, None)
    assert (line.status, line.gates, line.value) == ("not_measured", False, None)
    assert line.command == "genaiops use-case report support handling-time VALUE"
    for value, status in ((240.0, "met"), (241.0, "not_met")):
        figure = KpiFigure(use_case="support", kpi="handling-time", value=value, at_us=1, by="ann")
        line = reported_kpi("support", kpi, figure)
        assert (line.status, line.low, line.asked) == (status, None, "at most 240 s")
        assert "not measured here" in line.reason
