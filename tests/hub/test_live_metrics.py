"""Experiments whose metrics are checks of a suite: which version is meant, and what is refused when it is written."""

from typing import Any

import pytest

from genaiops.app.suite_kind import SUITE
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Actor, Experiment, Release
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan, GuardMetric
from genaiops.hub import About, Hub, NewExperiment, export
from tests.hub.test_apply import applied
from tests.hub.test_deploying import bob, releases

__all__ = ["bob", "releases"]

Both = tuple[Release, Release]
JUDGE = {"kind": "judge", "template": "bias", "model": "big", "threshold": 0.5}
MANIFEST: dict[str, Any] = {
    "kind": "suite",
    "case": [{"input": "Hi", "expected": "Hello"}],
    "target": [{"name": "it", "model": "echo"}],
    "check": [
        {"name": "short", "metric": "word_count", "options": {"most": 9}, "threshold": 1, "margin": 0.1},
        {"name": "refusing", "metric": "refusal"},
        {"name": "right", "metric": "contains"},
        {"name": "fair", "metric": "judge", "options": {"judge": "fair@prod"}},
    ],
    "gate": {"baseline": "it"},
}


@pytest.fixture
def suites(hub: Hub, releases: Both) -> Hub:
    del releases
    known = Hub(hub.records, clock=hub.clock, kinds={"suite": SUITE})
    for kind, name, manifest in (("judge", "fair", JUDGE), ("suite", "polite", MANIFEST)):
        version = known.artifacts.register(kind, name, manifest, by="admin")  # type: ignore[arg-type]
        known.artifacts.move(f"{kind}/{name}", "prod", version.id, by="admin")
    return known


def check(name: str, **more: Any) -> ExperimentMetric:
    return ExperimentMetric(metric=f"check/{name}", better="higher", **more)


def guard(name: str, margin: float = 0.0, **more: Any) -> GuardMetric:
    return GuardMetric(metric=f"check/{name}", better="higher", margin=margin, **more)


def written(hub: Hub, by: str = "admin", **more: Any) -> Experiment:
    fields: dict[str, Any] = {"primary": check("refusing"), "suite": "polite@prod", **more}
    plan = ExperimentPlan(**fields)
    new = NewExperiment(name="live", application="support", environment="dev", candidate="latest", plan=plan)
    return hub.experiments.create(new, by=by)


def test_a_version_is_pinned_with_what_its_checks_are(suites: Hub) -> None:
    made = written(suites, guards=(guard("short"), guard("fair", 0.2, sample=0.05)), spend="5")
    meant = suites.artifacts.resolve("suite/polite@prod").id
    assert made.suite_id == meant
    assert made.judges == {"fair": suites.artifacts.resolve("judge/fair@prod").id}
    assert (made.plan.primary.better, made.plan.primary.bounds) == ("lower", (0.0, 1.0))
    short, fair = made.plan.guards
    assert (short.margin, short.allowed, short.unit) == (0.1, 0.1, "share that passed")
    assert (fair.margin, fair.allowed, fair.sample) == (0.2, None, 0.05)
    later = suites.artifacts.register("suite", "polite", {**MANIFEST, "description": "Anew"}, by="admin")
    suites.artifacts.move("suite/polite", "prod", later.id, by="admin")
    assert suites.experiments.get("live").suite_id == meant


@pytest.mark.parametrize(
    ("more", "param", "told"),
    [
        ({"primary": check("right")}, "metric", "it needs a reference answer"),
        ({"primary": check("rihgt")}, "metric", "no check 'rihgt'"),
        ({"suite": ""}, "suite", "no suite is named"),
        ({"suite": "polite@preprod"}, "id", "no version"),
        ({"primary": ExperimentMetric(metric="errors", better="lower")}, "suite", "Nothing of the suite"),
        ({"guards": (guard("short"), guard("fair", 0.2))}, "sample", "costs money and time"),
        ({"guards": (guard("fair", 0.2, sample=0.1),)}, "spend", "what that may cost"),
        ({"spend": "5"}, "spend", "costs money"),
        ({"spend": "much"}, "spend", "no amount"),
        ({"primary": check("short", sample=1.5)}, "sample", "no share"),
        ({"primary": check("short"), "guards": (guard("refusing"),)}, "margin", "no margin"),
        ({"primary": check("short", bounds=(0.0, 2.0))}, "bounds", "that of its check"),
        ({"before_us": 86_400_000_000}, "before", "is not known"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_written_down(suites: Hub, more: Any, param: str, told: str) -> None:
    with pytest.raises(GenaiopsError, match=told) as error:
        written(suites, **more)
    assert (error.value.param, bool(error.value.remedy)) == (param, True)
    with pytest.raises(NotFound):
        suites.experiments.get("live")


def test_where_no_suite_is_known_it_is_refused(hub: Hub, suites: Hub) -> None:
    with pytest.raises(UsageError, match="nothing that could look at live calls"):
        written(hub)


def test_a_suite_that_is_a_teams_own_is_not_there_for_others(suites: Hub, bob: Actor) -> None:
    suites.teams.create("own", by="admin")
    suites.artifacts.describe("suite/polite", About(visibility="team", team_id="own"), by="admin")
    with pytest.raises(NotFound):
        written(suites, by=bob.id)


def test_a_file_says_no_more_than_it_has_to(suites: Hub) -> None:
    plan = {"suite": "polite@prod", "primary": {"metric": "check/refusing"}, "guards": [{"metric": "check/short"}]}
    one = {"application": "support", "environment": "dev", "candidate": "latest", "plan": plan}
    assert len(applied(suites, {"experiments": {"live": one}}).plan.changes) == 1
    assert suites.experiments.get("live").plan.guards[0].margin == 0.1
    assert applied(suites, {"experiments": {"live": one}}).plan.changes == ()
    assert applied(suites, export(suites, ("experiments",))).plan.changes == ()
