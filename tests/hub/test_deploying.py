"""Protected deployments: what waits for consent, what is made then, and who sees it."""

from typing import Any

import pytest

from genaiops.core.errors import Conflict, ConsentNeeded, NotFound
from genaiops.domain import Actor, Approval, Edge, Release, ReleaseManifest, Target
from genaiops.hub import Hub, NewApplication, Why
from tests.hub.conftest import Clock


@pytest.fixture
def releases(hub: Hub, echo: Target, clock: Clock) -> tuple[Release, Release]:
    """Of an application that may serve in prod."""
    hub.applications.create(NewApplication(name="support"), by="admin")
    hub.applications.acknowledge("support", "It uses generative AI.", by="admin")
    made: list[Release] = []
    for seed in (1, 2):
        clock.move(1)
        manifest = ReleaseManifest(model=echo.model, parameters={"seed": seed})
        made.append(hub.releases.create("support", manifest, by="admin"))
    return made[0], made[1]


@pytest.fixture
def bob(hub: Hub) -> Actor:
    return hub.actors.create("bob", "person", roles=("security",), by="admin")


def asked(hub: Hub, verb: str, *words: str, **more: Any) -> Approval:
    with pytest.raises(ConsentNeeded) as caught:
        getattr(hub.deployments, verb)("support", "prod", *words, by="admin", **more)
    return hub.approvals.get(caught.value.approval_id)


def serving(hub: Hub) -> str:
    return hub.deployments.get("support@prod").shares[0].release_id


def test_a_deployment_to_prod_waits(hub: Hub, releases: tuple[Release, Release], bob: Actor) -> None:
    first, second = releases
    assert hub.deployments.deploy("support", "dev", first.digest, by="admin").approval_id is None
    approval = asked(hub, "deploy", first.digest, why=Why(reason="better"))
    with pytest.raises(NotFound):
        hub.deployments.get("support@prod")
    assert asked(hub, "deploy", first.digest) == approval  # the same request waits once
    assert (approval.subject, approval.reason) == ("deployment:support@prod", "better")
    assert approval.change == {"from": None, "to": [{"release_id": first.id, "weight": 100}]}
    hub.approvals.approve(approval.id, by=bob.id)
    made = hub.deployments.get("support@prod")
    assert (made.approval_id, made.deployed_by, made.shares[0].release_id) == (approval.id, "admin", first.id)
    assert hub.deployments.deploy("support", "prod", first.digest, by="admin") == made  # changes nothing, asks nobody
    canary = asked(hub, "deploy", second.digest, share=10)
    assert asked(hub, "deploy", second.digest, share=10) == canary
    hub.approvals.approve(canary.id, by=bob.id)
    assert [share.weight for share in hub.deployments.get("support@prod").shares] == [90, 10]
    back = asked(hub, "roll_back")
    hub.approvals.approve(back.id, by=bob.id)
    rolled = hub.deployments.get("support@prod")
    assert (rolled.shares, [share.weight for share in rolled.former]) == (made.shares, [90, 10])
    down = asked(hub, "take_down")
    assert down.change["to"] is None
    assert serving(hub) == first.id
    hub.approvals.approve(down.id, by=bob.id)
    with pytest.raises(NotFound):
        hub.deployments.get("support@prod")
    assert len(hub.deployments.history("support", "prod")) == 4


def test_what_was_deployed_meanwhile_stays(hub: Hub, releases: tuple[Release, Release], bob: Actor) -> None:
    first, second = releases
    approval = asked(hub, "deploy", first.digest)
    hub.deployments.deploy("support", "prod", second.digest, why=Why(emergency="it burns"), by="admin")
    with pytest.raises(Conflict, match="has changed since"):
        hub.approvals.approve(approval.id, by=bob.id)
    assert serving(hub) == second.id
    assert hub.approvals.get(approval.id).state == "pending"
    hub.applications.withdraw("support", by="admin")
    with pytest.raises(Conflict, match="not acknowledged"):
        hub.deployments.deploy("support", "prod", first.digest, by="admin")


def test_alone_one_deploys_at_once(hub: Hub, releases: tuple[Release, Release]) -> None:
    made = hub.deployments.deploy("support", "prod", "latest", by="admin")
    assert serving(hub) == releases[1].id
    assert made.approval_id is not None
    approval = hub.approvals.get(made.approval_id)
    assert (approval.self_approved, approval.state) == (True, "applied")


def test_a_protected_alias_is_not_removed_alone(hub: Hub, bob: Actor) -> None:
    version = hub.artifacts.register("policy", "guard", {"kind": "guard", "longest": 9}, by="admin")
    hub.artifacts.move("policy/guard", "prod", version.id, emergency="it burns", by="admin")
    with pytest.raises(ConsentNeeded) as caught:
        hub.artifacts.remove_alias("policy/guard@prod", by="admin")
    assert hub.artifacts.resolve("policy/guard@prod").id == version.id
    hub.approvals.approve(caught.value.approval_id, by=bob.id)
    assert hub.artifacts.aliases("policy/guard") == []


def test_another_unit_sees_nothing_of_it(hub: Hub, releases: tuple[Release, Release]) -> None:
    hub.deployments.deploy("support", "dev", "latest", by="admin")
    hub.tenants.create("retail", admin="rita", by="admin")
    own, others = hub.confined("default"), hub.confined("retail")
    assert [each.id for each in own.deployments.list()] == ["support@dev"]
    assert len(own.deployments.history("support", "dev")) == 1
    assert own.lineage.walk(f"release/{releases[1].id}", "down").edges
    assert others.applications.list() == others.releases.list() == others.deployments.list() == []
    with pytest.raises(NotFound):
        others.deployments.history("support", "dev")
    assert others.lineage.walk(f"release/{releases[1].id}", "down").edges == []
    with others.records.read() as view:
        assert view.find(Edge) == []
