"""Not worse is not good: what a margin alone lets through."""

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from genaiops.arena import judge
from genaiops.checks.statistics import upper_share
from tests.arena.test_gate import line, outcome, suite_of, tables


@pytest.mark.parametrize(("cases", "verdict"), [(40, "inconclusive"), (100, "fail")])
def test_not_worse_than_what_never_passes_is_not_good(cases: int, verdict: str) -> None:
    given = tables(old=[0.0] * cases, new=[0.0] * cases)
    report = judge(suite_of("margin = 0.1"), given)
    assert [each.verdict.outcome for each in report.lines] == ["pass", verdict]
    said = line(report, "usable").verdict
    assert said.interval == (0, pytest.approx(1 - 0.05 ** (1 / cases)))
    assert said.reason.startswith(f"0 of {cases} cases pass: with 95% confidence at most")
    assert "usable = 0 in [gate]" in said.reason
    assert report.verdict.outcome == verdict
    assert said.reason in report.verdict.reason
    assert line(report, "usable").more == (19 if cases == 40 else None)
    assert outcome(suite_of("margin = 0.1", gate='baseline = "old"\nusable = 0'), given) == "pass"
    assert outcome(suite_of("margin = 0.1\nfloor = 0.01"), given) != "pass"
    [both] = [each for each in judge(suite_of("margin = 0.1\nfloor = 0.01"), given).lines if each.kind == "floor"]
    assert both.verdict.outcome in ("fail", "inconclusive")


def test_one_case_that_passes_is_enough_until_it_is_shown_that_few_do() -> None:
    for cases, wanted in ((60, "pass"), (93, "fail")):
        given = tables(old=[1.0] + [0.0] * (cases - 1), new=[1.0] + [0.0] * (cases - 1))
        assert outcome(suite_of("margin = 0.1"), given) == wanted
    assert outcome(suite_of("margin = 0.1", gate='baseline = "old"\nusable = 0.01'), given) == "pass"


@drawn(st.integers(30, 120), st.integers(0, 30), st.floats(0, 1))
def test_a_pass_by_a_margin_alone_leaves_room_for_what_has_to_be_usable(n: int, right: int, least: float) -> None:
    right = min(right, n)
    values = [1.0] * right + [0.0] * (n - right)
    report = judge(
        suite_of("margin = 0.15", gate=f'baseline = "old"\nusable = {least}'), tables(old=values, new=values)
    )
    wanted = not least or (right > 0 and upper_share(right, n) >= least)
    assert (report.verdict.outcome == "pass") == wanted
