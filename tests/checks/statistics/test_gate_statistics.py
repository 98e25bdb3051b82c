"""Against scipy's and statsmodels' own, and against what the papers print."""

import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.statistics import (
    compare,
    holm,
    in_groups,
    jackknife,
    level,
    lower_mean,
    lower_share,
    mcnemar,
    p_above,
    score_bounds,
    tango,
    upper_mean,
    upper_share,
)
from genaiops.checks.statistics.paired import clustered_error
from genaiops.core.errors import UsageError

shares = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares)
def test_exact_bounds_are_those_of_statsmodels(share: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    times, n = share
    low, high = proportion_confint(times, n, alpha=0.1, method="beta")
    assert lower_share(times, n) == pytest.approx(low, abs=1e-12)
    assert upper_share(times, n) == pytest.approx(high, abs=1e-12)


def test_nothing_of_thirty_may_still_be_a_tenth() -> None:
    assert upper_share(0, 30) == pytest.approx(1 - 0.05 ** (1 / 30))
    assert upper_share(0, 30) == pytest.approx(0.0950, abs=1e-4)


def reference_p(wins: int, losses: int) -> float:
    from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

    found: Any = reference_mcnemar([[1, wins], [losses, 1]])
    return float(found.pvalue)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_that_of_statsmodels(wins: int, losses: int) -> None:
    assert mcnemar(wins, losses) == pytest.approx(reference_p(wins, losses))


def by_search(wins: int, losses: int, n: int, delta: float) -> float:
    """The score of a difference, its nuisance parameter found by maximising the likelihood itself."""
    from scipy import optimize

    def unlikely(q: float) -> float:
        same = n - wins - losses
        return -sum(times * math.log(p) for times, p in ((wins, q + delta), (losses, q), (same, 1 - 2 * q - delta)))

    edges = (max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12)
    found: Any = optimize.minimize_scalar(unlikely, bounds=edges, method="bounded", options={"xatol": 1e-12})
    q = float(found.x)
    return (wins - losses - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))


@pytest.mark.parametrize(("wins", "losses", "n"), [(0, 1, 44), (7, 3, 50), (2, 40, 60), (1, 1, 4), (30, 0, 31)])
def test_tango_is_where_the_score_says(wins: int, losses: int, n: int) -> None:
    from scipy import stats

    z = float(stats.norm.ppf(0.975))
    low, high = tango(wins, losses, n, alpha=0.025)
    assert by_search(wins, losses, n, low) == pytest.approx(z, abs=1e-4)
    assert by_search(wins, losses, n, high) == pytest.approx(-z, abs=1e-4)


@given(st.integers(1, 300))
def test_tango_without_a_difference(n: int) -> None:
    from scipy import stats

    z2 = stats.norm.ppf(0.95) ** 2
    low, high = tango(0, 0, n)
    assert low == pytest.approx(-z2 / (n + z2), abs=1e-6)
    assert high == pytest.approx(-low)


@given(st.integers(2, 60), st.integers(0, 60), st.integers(0, 60))
def test_tango_is_symmetric_and_holds_the_estimate(n: int, wins: int, losses: int) -> None:
    wins, losses = min(wins, n), min(losses, max(n - wins, 0))
    low, high = tango(wins, losses, n)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert tango(losses, wins, n) == pytest.approx((-high, -low), abs=1e-9)


def test_without_clusters_it_is_the_paired_t_test() -> None:
    from scipy import stats

    chance = random.Random(3)
    one = [chance.gauss(0.7, 0.1) for _ in range(40)]
    two = [each - chance.gauss(0.02, 0.05) for each in one]
    reference = stats.ttest_rel(one, two, alternative="greater")
    said = compare(one, two)
    assert said.p_better == pytest.approx(reference.pvalue)
    interval = stats.ttest_rel(one, two).confidence_interval(0.9)
    assert (said.low, said.high) == pytest.approx((interval.low, interval.high))
    assert said.method == "paired t interval"


def test_clusters_widen_what_cases_of_one_document_pretend() -> None:
    from scipy import stats

    chance = random.Random(5)
    shift = [chance.gauss(0, 0.3) for _ in range(20)]
    one = [shift[number // 5] + chance.gauss(0, 0.01) for number in range(100)]
    two = [0.0] * 100
    alone = compare(one, two)
    together = compare(one, two, [str(number // 5) for number in range(100)])
    assert together.clusters == 20
    assert together.high - together.low > 2 * (alone.high - alone.low)
    # With clusters of one size it is the t test over their means.
    means = [sum(one[at : at + 5]) / 5 for at in range(0, 100, 5)]
    reference: Any = stats.ttest_1samp(means, 0, alternative="greater")
    assert together.p_better == pytest.approx(reference.pvalue)


def test_few_cases_that_all_fell_out_alike_say_little() -> None:
    same = compare([1.0] * 4, [1.0] * 4, span=1.0)
    assert same.low < -0.3
    graded = compare([0.5] * 4, [0.5] * 4, span=1.0)
    assert graded.low < -0.2
    assert level([0.5] * 4, least=0.0, most=1.0).low < 0.3
    assert level([0.1, 9.0]).low < 0 == level([0.1, 9.0], least=0.0).low
    assert compare([2.0] * 4, [2.0] * 4).low < -0.3
    assert compare([0.5] * 400, [0.5] * 400, span=1.0).low > -0.01


without_range = st.sampled_from([(None, None), (0.0, None), (None, 1e9)])


@given(st.floats(-1e6, 1e6), st.integers(2, 200), without_range, st.booleans())
def test_a_level_without_range_and_spread_is_not_known(
    value: float, n: int, ends: tuple[float | None, float | None], clustered: bool
) -> None:
    """Whatever the value and however many cases: 0.1 has a spread by rounding alone."""
    clusters = [str(at % 2) for at in range(n)] if clustered else ()
    with pytest.raises(UsageError, match="no range"):
        level([value] * n, clusters, least=ends[0], most=ends[1])


def test_clusters_of_the_same_mean_have_no_spread_between_them() -> None:
    with pytest.raises(UsageError, match="All 3 clusters have the mean"):
        level([0.0, 1.0] * 3, ["a", "a", "b", "b", "c", "c"], most=9.0)


def test_right_and_wrong_is_only_what_is_said_to_be() -> None:
    """A metric without a range whose values happen to be 0 and 1 has no exact bounds of shares."""
    values = [0.0] * 9 + [1.0]
    assert level(values, least=0.0, most=1.0).method.startswith("exact")
    assert level(values, least=0.0).method == "t interval"
    assert compare(values, [0.0] * 10).method == "paired t interval"
    with pytest.raises(UsageError, match="All values of both sides are 0"):
        compare([0.0] * 50, [0.0] * 50)


@given(st.floats(0.01, 1e6), st.integers(2, 300), st.floats(0, 1))
def test_differences_without_spread_are_bounded_as_if_none_exceeded_the_largest_value(
    scale: float, n: int, part: float
) -> None:
    """The bounds of Clopper and Pearson for no case of n, times how far one could be off."""
    said = compare([scale] * n, [scale * part] * n)
    one = upper_share(0, n)
    delta = scale - scale * part
    assert said.low == pytest.approx(delta - (delta + scale) * one, rel=0.02, abs=0.02 * scale)
    assert said.high == pytest.approx(delta + (scale - delta) * one, rel=0.02, abs=0.02 * scale)
    assert "largest value seen" in said.method


def test_counts_of_wins_and_losses() -> None:
    from scipy import stats

    said = compare([1, 1, 0, 1, 0], [1, 0, 1, 0, 0], span=1.0)
    assert (said.wins, said.losses, said.ties, said.n) == (2, 1, 2, 5)
    assert said.difference == pytest.approx(0.2)
    assert said.p_better == pytest.approx(stats.binomtest(2, 3, 0.5, alternative="greater").pvalue)


def test_a_level_of_right_and_wrong_is_exact() -> None:
    from statsmodels.stats.proportion import proportion_confint

    said = level([1.0] * 28 + [0.0] * 2, least=0.0, most=1.0)
    low, high = proportion_confint(28, 30, alpha=0.1, method="beta")
    assert (said.low, said.high) == pytest.approx((low, high))


@given(shares)
def test_the_bound_of_a_mean_in_a_range_is_the_exact_one_of_a_share(share: tuple[int, int]) -> None:
    times, n = share
    groups = [[1.0]] * times + [[0.0]] * (n - times)
    off = 0.02 / n
    assert lower_mean(groups, 0.0) == pytest.approx(lower_share(times, n), abs=off)
    assert upper_mean(groups, 1.0) == pytest.approx(upper_share(times, n), abs=off)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_its_p_at_no_difference_is_that_of_the_sign_test(wins: int, losses: int, ties: int) -> None:
    from scipy import stats

    groups = [[1.0]] * wins + [[-1.0]] * losses + [[0.0]] * ties
    exact = float(stats.binom.sf(wins - 1, wins + losses, 0.5))
    assert p_above(groups, -1.0) == pytest.approx(exact, rel=0.05, abs=1e-9)


def test_random_weights_say_the_same() -> None:
    """The bound by its definition: weights drawn, in place of the saddlepoint."""
    chance = np.random.default_rng(4)
    values = chance.beta(2, 5, 25)
    clusters = [list(values[at : at + 1 + at % 4]) for at in range(0, 20, 4)]
    totals, sizes = np.array([sum(each) for each in clusters]), np.array([len(each) for each in clusters])
    weights = chance.exponential(size=(200_000, len(clusters) + 1))
    means = (weights[:, :-1] @ totals) / (weights[:, :-1] @ sizes + weights[:, -1] * math.sqrt((sizes * sizes).mean()))
    assert lower_mean(clusters, 0.0) == pytest.approx(float(np.quantile(means, 0.05)), abs=0.002)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0, 3))
def test_bounds_of_a_mean_in_a_range_hold_it(values: list[float], room: float) -> None:
    groups = [[value] for value in values]
    least, most = min(values) - room, max(values) + room
    mean = sum(values) / len(values)
    low, high = lower_mean(groups, least), upper_mean(groups, most)
    assert least - 1e-9 <= low <= mean + 1e-6
    assert mean - 1e-6 <= high <= most + 1e-9
    shifted = lower_mean([[2 * value + 1] for value in values], 2 * least + 1)
    assert shifted == pytest.approx(2 * low + 1, abs=1e-5)


def test_losses_alone_are_bounded_exactly() -> None:
    assert score_bounds(0, 3, 100)[0] == pytest.approx(-upper_share(3, 100))
    assert score_bounds(3, 0, 100)[1] == pytest.approx(upper_share(3, 100))
    assert score_bounds(4, 3, 100) == tango(4, 3, 100)


def test_one_large_cluster_counts_for_what_it_is() -> None:
    """Leaving it out moves the mean far: the error is larger than the usual one of clusters says."""
    groups = [[1.0] * 50, *([0.0] for _ in range(10))]
    left_out = [0.0, *(50 / 59 for _ in range(10))]
    by_leaving = math.sqrt(10 / 11 * sum((each - 50 / 60) ** 2 for each in left_out))
    assert clustered_error(groups) == pytest.approx(by_leaving)


def test_a_jackknife_of_a_mean_is_its_t_interval() -> None:
    from scipy import stats

    chance = random.Random(8)
    values = [chance.gauss(1, 2) for _ in range(20)]
    whole = sum(values) / 20
    without = [(sum(values) - each) / 19 for each in values]
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert jackknife(whole, without) == pytest.approx((interval.low, interval.high))
    with pytest.raises(UsageError, match="whichever cases"):
        jackknife(1.0, [1.0, 1.0])


def test_groups_keep_clusters_whole() -> None:
    groups = in_groups([str(at // 3) for at in range(100)], seed=1, most=7)
    assert sorted(place for group in groups for place in group) == list(range(100))
    assert len(groups) == 7
    found = [{place // 3 for place in group} for group in groups]
    assert sum(map(len, found)) == len(set().union(*found))


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_that_of_statsmodels(p: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    wanted = list(multipletests(p, 0.05, "holm")[0]) if p else []
    close = any(math.isclose(each, 0.05 / rank, rel_tol=1e-9) for each in p for rank in range(1, 13))
    assert close or holm(p) == wanted


def test_what_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="same cases"):
        compare([1.0], [1.0, 0.0])
    with pytest.raises(UsageError, match="two independent"):
        compare([1.0, 0.0], [1.0, 1.0], ["a", "a"])
    with pytest.raises(UsageError, match="nothing"):
        level([])
    with pytest.raises(UsageError, match="One independent"):
        level([0.5])
