"""Experiments in the records: what is written down, when it may begin, and what is decided about it."""

from typing import Any

import msgspec
import pytest

from genaiops.core.errors import Conflict, ConsentNeeded, NotFound, UsageError
from genaiops.domain import Experiment, Release
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan, GuardMetric
from genaiops.hub import Hub, NewExperiment
from tests.hub.conftest import Clock
from tests.hub.test_deploying import bob, releases

__all__ = ["bob", "releases"]

PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="score:helpful", better="higher"),
    guards=(GuardMetric(metric="errors", better="lower", margin=0.01),),
)
Both = tuple[Release, Release]


def written(hub: Hub, name: str = "shorter", environment: str = "dev", **more: Any) -> Experiment:
    plan = msgspec.structs.replace(PLAN, **more)
    new = NewExperiment(name=name, application="support", environment=environment, candidate="latest", plan=plan)
    return hub.experiments.create(new, by="admin")


def begun(hub: Hub, both: Both, name: str = "shorter") -> Experiment:
    hub.deployments.deploy("support", "dev", both[0].digest, by="admin")
    written(hub, name)
    return hub.experiments.start(name, by="admin")


def shares(hub: Hub, deployment: str = "support@dev") -> dict[str, int]:
    return {each.release_id: each.weight for each in hub.deployments.get(deployment).shares}


def test_from_the_plan_to_the_promotion(hub: Hub, releases: Both) -> None:
    first, second = releases
    experiment = begun(hub, releases)
    assert (experiment.state, experiment.baseline, experiment.candidate) == ("running", first.id, second.id)
    assert shares(hub) == {first.id: 90, second.id: 10}
    with pytest.raises(Conflict, match="is running"):
        hub.experiments.decide("shorter", "promoted", by="admin")
    ended = hub.experiments.end("shorter", "better", "It is.", by="watch")
    assert hub.experiments.in_state("ended") == [ended]
    decided = hub.experiments.decide("shorter", "promoted", by="admin")
    assert (decided.state, decided.decision) == ("decided", "promoted")
    assert shares(hub) == {second.id: 100}
    with pytest.raises(Conflict, match="decided already"):
        hub.experiments.decide("shorter", "rolled_back", by="admin")
    with pytest.raises(Conflict, match="decided already"):
        hub.experiments.start("shorter", by="admin")


def test_back_to_what_served(hub: Hub, releases: Both) -> None:
    begun(hub, releases)
    hub.experiments.end("shorter", "worse", "It is.", by="watch")
    with pytest.raises(Conflict, match="not find its candidate to be better"):
        hub.experiments.decide("shorter", "promoted", by="admin")
    hub.experiments.decide("shorter", "rolled_back", by="admin")
    assert shares(hub) == {releases[0].id: 100}
    written(hub, "again")
    hub.experiments.start("again", by="admin")
    hub.experiments.end("again", "inconclusive", "Too few.", by="watch")
    hub.experiments.decide("again", "promoted", comment="It is cheaper to keep.", by="admin")
    assert shares(hub) == {releases[1].id: 100}


def test_one_at_a_time_against_one_release(hub: Hub, releases: Both) -> None:
    written(hub)
    with pytest.raises(Conflict, match="no other release"):
        hub.experiments.start("shorter", by="admin")
    hub.deployments.deploy("support", "dev", releases[1].digest, by="admin")
    with pytest.raises(Conflict, match="no other release"):
        hub.experiments.start("shorter", by="admin")
    hub.deployments.deploy("support", "dev", releases[0].digest, share=50, by="admin")
    with pytest.raises(Conflict, match="serves on support@dev already"):
        hub.experiments.start("shorter", by="admin")
    begun(hub, releases, "other")
    with pytest.raises(Conflict, match="other runs on support@dev"):
        hub.experiments.start("shorter", by="admin")
    hub.experiments.remove("shorter", by="admin")
    with pytest.raises(NotFound):
        hub.experiments.get("shorter")
    with pytest.raises(Conflict, match="what was found stays"):
        hub.experiments.remove("other", by="admin")


def test_who_changes_the_shares_ends_it(hub: Hub, releases: Both) -> None:
    experiment = begun(hub, releases)
    assert not hub.experiments.moved(experiment)
    hub.deployments.deploy("support", "dev", releases[1].digest, share=40, by="admin")
    assert hub.experiments.moved(experiment)
    hub.experiments.end("shorter", "moved", "Changed.", by="watch")
    with pytest.raises(Conflict, match="what to return to"):
        hub.experiments.decide("shorter", "rolled_back", by="admin")
    assert hub.experiments.decide("shorter", "kept", by="admin").decision == "kept"


def test_where_it_is_protected_it_waits(hub: Hub, releases: Both, bob: Any) -> None:
    def asked(work: Any) -> str:
        with pytest.raises(ConsentNeeded) as caught:
            work()
        return caught.value.approval_id

    first = asked(lambda: hub.deployments.deploy("support", "prod", releases[0].digest, by="admin"))
    hub.approvals.approve(first, by=bob.id)
    written(hub, environment="prod")
    waiting = asked(lambda: hub.experiments.start("shorter", by="admin"))
    assert hub.experiments.get("shorter").state == "draft"
    hub.approvals.approve(waiting, by=bob.id)
    assert hub.experiments.start("shorter", by="admin").state == "running"
    hub.experiments.end("shorter", "better", "It is.", by="watch")
    promotion = asked(lambda: hub.experiments.decide("shorter", "promoted", by="admin"))
    ended = hub.experiments.get("shorter")
    assert (ended.state, ended.approval_id) == ("ended", promotion)
    assert hub.experiments.settle(ended, by="watch") == ended
    hub.approvals.approve(promotion, by=bob.id)
    settled = hub.experiments.settle(ended, by="watch")
    assert (settled.state, settled.decision) == ("decided", "promoted")
    assert hub.experiments.settle(ended, by="watch") == settled


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("share", {"share": 0}),
    ("share", {"share": 100}),
    ("alpha", {"alpha": 0.0}),
    ("least", {"least": 99}),
    ("most", {"most": 150}),
    ("most", {"share": 1, "most": 5000}),
    ("window", {"window_us": 1}),
    ("before", {"before_us": -1}),
    ("effect", {"effect": float("nan")}),
    ("metric", {"primary": ExperimentMetric(metric="erors", better="lower")}),
    ("metric", {"primary": ExperimentMetric(metric="score:", better="lower")}),
    ("better", {"primary": ExperimentMetric(metric="cost", better="higher")}),
    ("bounds", {"primary": ExperimentMetric(metric="cost", better="lower", bounds=(0, 1))}),
    ("bounds", {"primary": ExperimentMetric(metric="score:a", better="lower", bounds=(1, 1))}),
    ("margin", {"guards": (GuardMetric(metric="cost", better="lower", margin=0),)}),
    ("guards", {"guards": (*PLAN.guards, *PLAN.guards)}),
]


@pytest.mark.parametrize(("param", "change"), WRONG)
def test_what_cannot_be_carried_out(hub: Hub, releases: Both, param: str, change: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        written(hub, **change)
    assert caught.value.param == param
    assert hub.experiments.list() == []


def test_names(hub: Hub, releases: Both, clock: Clock) -> None:
    with pytest.raises(UsageError, match="has a /"):
        written(hub, "a/b")
    written(hub)
    with pytest.raises(Conflict):
        written(hub)
    clock.move(1)
    written(hub, "newer")
    assert [each.id for each in hub.experiments.in_state("draft")] == ["newer", "shorter"]
