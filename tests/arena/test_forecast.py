"""How long an experiment would take: on the safe side of what it does."""

import msgspec
import numpy as np
import pytest

from genaiops.arena import forecast, told_days
from genaiops.checks.statistics import needed_units, smallest_seen, width
from genaiops.domain.experiments import ArmSums, ExperimentMetric, ExperimentPlan, GuardMetric, TrafficSample

PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="latency", better="lower"),
    effect=0.25,
    guards=(GuardMetric(metric="errors", better="lower", margin=0.05),),
    share=50,
    most=4000,
    window_us=86_400_000_000,
)
SEEN = TrafficSample(
    users=1000,
    days=10.0,
    calls=1100,
    nobody=0,
    metrics={"latency": ArmSums(n=1000, y=2000.0, yy=5000.0), "errors": ArmSums(n=1000, y=50.0, yy=50.0)},
)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_so_many_users_show_it_at_least_as_often_as_said(share: float) -> None:
    n = needed_units(0.3, 1.0, share=share, alpha=0.05, tuned=500, power=0.8)
    assert smallest_seen(n, 1.0, share=share, alpha=0.05, tuned=500, power=0.8) <= 0.3
    chance = np.random.default_rng(3)
    first = round(n * share)
    error = np.sqrt(1 / first + 1 / (n - first))
    seen = chance.normal(0.3, error, 4000)
    assert 0.77 < float((seen - width(n, alpha=0.05, tuned=500) * error > 0).mean()) < 0.83


def test_the_slowest_metric_decides_and_days_follow_from_traffic() -> None:
    found = forecast(PLAN, SEEN)
    primary, guard = found.lines
    assert (primary.known, primary.users_seen, primary.mean) == ("traffic", 1000, 2.0)
    assert primary.deviation == pytest.approx(1.0005, abs=0.001)
    assert found.users == max(primary.users or 0, guard.users or 0)
    assert found.per_day == 100
    assert found.days == pytest.approx((found.users or 0) / 100 + 1)
    assert found.most_days == 41
    assert f"{found.users:,} users" in found.says[1]


def test_what_is_not_known_is_said() -> None:
    nothing = forecast(PLAN, TrafficSample(users=0, days=14.0, calls=0, nobody=0))
    assert (nothing.per_day, nothing.days, nothing.users) == (None, None, None)
    assert [line.known for line in nothing.lines] == ["nothing", "range"]
    assert nothing.lines[1].deviation == 0.5
    assert "No user called it" in nothing.says[0]
    assert any("Of latency nothing is known" in text for text in nothing.says)


def test_a_plan_that_ends_too_soon_and_one_without_an_effect() -> None:
    small = forecast(msgspec.structs.replace(PLAN, effect=0.01), SEEN)
    assert any("would likely end without a result" in text for text in small.says)
    open_ended = forecast(msgspec.structs.replace(PLAN, effect=0.0, guards=()), SEEN)
    assert (open_ended.users, open_ended.lines[0].users) == (None, None)
    assert any("show a difference of latency from" in text for text in open_ended.says)


@pytest.mark.parametrize(("days", "told"), [(0.01, "14 minutes"), (0.5, "12 hours"), (12.3, "12 days")])
def test_days_in_words(days: float, told: str) -> None:
    assert told_days(days) == told
