"""What outcomes go along with: Pearson's correlation, permutation's p, and what is right is not blamed."""

import random

import pytest

from genaiops.checks.metrics import metric
from genaiops.checks.statistics.association import associations
from genaiops.core.errors import UsageError
from genaiops.domain import Sample


def test_the_correlation_is_pearsons_and_p_is_near_its() -> None:
    from scipy.stats import pearsonr

    chance = random.Random(4)
    feature = [chance.gauss(0, 1) for _ in range(60)]
    outcome = [float(each + chance.gauss(0, 2) > 0) for each in feature]
    said = associations(outcome, {"x": feature})
    statistic, p = pearsonr(feature, outcome)
    assert said.each[0].correlation == pytest.approx(statistic)
    assert said.each[0].p == pytest.approx(p, abs=0.02)
    assert said.low <= said.value <= said.high


def test_a_feature_of_what_is_right_is_not_blamed() -> None:
    right = [str(place % 2) for place in range(80)]
    feature = [float(place % 2) + 0.1 * (place // 2 % 2) for place in range(80)]
    outcome = [float(place % 2) for place in range(80)]
    assert associations(outcome, {"x": feature}).each[0].goes_along
    with pytest.raises(UsageError, match="all alike"):
        associations(outcome, {"x": feature}, strata=right)


def test_a_cluster_counts_once() -> None:
    copies = [float(place % 2) for place in range(4) for _ in range(50)]
    with pytest.raises(UsageError, match="independent"):
        associations(copies, {"x": copies}, clusters=[f"c{place // 50}" for place in range(200)])


def test_chance_alone_rarely_goes_along() -> None:
    chance = random.Random(5)
    wrong = 0
    for _ in range(60):
        columns = {name: [chance.random() for _ in range(30)] for name in "abc"}
        said = associations([float(chance.random() < 0.5) for _ in range(30)], columns)
        wrong += any(each.goes_along for each in said.each)
    assert wrong <= 9


def test_a_seeded_cue_is_found_by_name() -> None:
    chance = random.Random(6)
    samples: list[Sample] = []
    for place in range(120):
        phone = chance.random() < 0.5
        text = f"Case {place}{' by phone' if phone else ' in person'}{'!' * chance.randrange(3)}"
        samples.append(Sample(id=str(place), input=text, output="yes" if chance.random() < 0.3 + 0.4 * phone else "no"))
    options = {"positive": "yes", "features": ["word:phone", "exclamation_marks", "characters"]}
    said = metric("spurious_correlation", options).measure(samples)[0]
    assert "word:phone: r +" in said.reason
    assert said.reason.split(";")[0].endswith("(goes along)")
    assert "exclamation_marks" in said.reason
    assert "exclamation_marks: r" in next(part for part in said.reason.split("; ") if not part.endswith("along)"))
    with pytest.raises(UsageError, match="luck"):
        metric("spurious_correlation", {"features": ["luck"]})
