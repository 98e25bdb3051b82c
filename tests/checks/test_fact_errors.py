"""How often verdicts are wrong, against what people said."""

import pytest

from genaiops.checks.fact_errors import Decided, fact_errors


def decided(answers: int, *, flagged: bool, wrong: bool, weight: float = 1.0, first: int = 0) -> list[Decided]:
    return [Decided(f"a{first + n}", flagged, wrong, 0.5, weight) for n in range(answers)]


def test_precision_recall_and_false_alarms_with_bounds_over_answers() -> None:
    found = fact_errors(
        [
            *decided(6, flagged=True, wrong=True),
            *decided(2, flagged=True, wrong=False, first=6),
            *decided(1, flagged=False, wrong=True, weight=5.0, first=8),
            *decided(3, flagged=False, wrong=False, weight=5.0, first=9),
        ]
    )
    assert (found.claims, found.answers, found.why) == (12, 12, "")
    assert found.precision.value == 0.75
    assert found.recall.value == pytest.approx(6 / 11), "a claim of the sample stands for five"
    assert found.false_alarms.value == pytest.approx(2 / 17)
    for each in (found.precision, found.recall, found.false_alarms):
        assert each.low is not None
        assert each.high is not None
        assert each.low <= (each.value or 0) <= each.high
    assert found.brier.value == pytest.approx(0.25)


def test_without_supported_claims_nobody_knows_what_is_missed() -> None:
    found = fact_errors(decided(4, flagged=True, wrong=True))
    assert found.recall.value is None
    assert "sample" in found.why
    assert (found.precision.value, found.precision.high) == (1.0, 1.0)
    assert 0 < (found.precision.low or 0) < 1, "four answers are not certain"


def test_nothing_decided_is_no_figure() -> None:
    found = fact_errors([])
    assert (found.claims, found.precision.value, found.recall.value) == (0, None, None)
    assert found.why
