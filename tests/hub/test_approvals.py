"""Protected changes: who has to consent, what waits, what is made and what is not."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.core.errors import Conflict, ConsentNeeded, Forbidden, Unauthenticated, UsageError
from genaiops.domain import Actor, Approval, Verdict
from genaiops.hub import (
    Approvals,
    Consent,
    Consenting,
    Hub,
    NewKey,
    Proposal,
    changed_key_entries,
    key_entries,
)
from genaiops.ports.records import Records
from tests.hub.conftest import START_US, Clock

PROMPT = "prompt/answer"


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


@pytest.fixture
def bob(hub: Hub) -> Actor:
    return hub.actors.create("bob", "person", roles=("admin",), by="admin")


@pytest.fixture
def versions(hub: Hub) -> tuple[str, str]:
    return tuple(hub.artifacts.register("prompt", "answer", said(each), by="admin").id for each in "ab")  # type: ignore[return-value]


def asked(hub: Hub, version_id: str, *, by: str = "admin", **more: Any) -> Approval:
    with pytest.raises(ConsentNeeded) as caught:
        hub.artifacts.move(PROMPT, "prod", version_id, by=by, **more)
    return hub.approvals.get(caught.value.approval_id)


def where(hub: Hub) -> dict[str, str]:
    return {alias.name: alias.version_id for alias in hub.artifacts.aliases(PROMPT)}


def test_a_protected_alias_moves_when_another_person_consents(
    hub: Hub, ann: Actor, bob: Actor, versions: tuple[str, str], clock: Clock
) -> None:
    approval = asked(hub, versions[0], reason="first")
    assert (where(hub), approval.state, approval.reason) == ({}, "pending", "first")
    assert approval.policy.startswith("policy/approvals@sha256:")
    assert hub.artifacts.resolve(approval.policy).manifest["protected_aliases"] == ["*@prod"]
    assert approval.verdicts == {}  # no gate looked, which is no pass
    assert [actor.name for actor in hub.approvals.may_decide(approval)] == ["bob"]
    assert asked(hub, versions[0]) == approval  # asking again is the same request
    with pytest.raises(Forbidden, match="own change"):
        hub.approvals.approve(approval.id, by="admin")
    with pytest.raises(Forbidden, match="lacks the permission 'approve'"):
        hub.approvals.approve(approval.id, by=ann.id)
    clock.move(60)
    applied = hub.approvals.approve(approval.id, comment="looks right", by=bob.id)
    assert (applied.state, applied.decided_by, applied.self_approved) == ("applied", bob.id, False)
    assert where(hub) == {"prod": versions[0]}
    assert hub.artifacts.aliases(PROMPT)[0].moved_by == "admin"
    with hub.records.read() as view:  # the move and the decision are one transaction, by who decided
        last = view.changes(view.version() - 2)
    assert [(each.collection, each.actor_id) for each in last] == [("aliases", bob.id), ("approvals", bob.id)]
    with pytest.raises(Conflict, match="applied already"):
        hub.approvals.approve(approval.id, by=bob.id)


def test_other_aliases_move_at_once(hub: Hub, bob: Actor, versions: tuple[str, str]) -> None:
    hub.artifacts.move(PROMPT, "dev", versions[0], by="admin")
    assert where(hub) == {"dev": versions[0]}
    assert hub.approvals.list() == []


def test_alone_one_consents_to_oneself_and_it_shows(hub: Hub, versions: tuple[str, str]) -> None:
    hub.artifacts.move(PROMPT, "prod", versions[0], by="admin")
    (approval,) = hub.approvals.list()
    assert (approval.state, approval.self_approved, approval.decided_by) == ("applied", True, "admin")
    robot = hub.actors.create("ci", "service_account", roles=("admin",), by="admin")
    waiting = asked(hub, versions[1], by=robot.id)
    with pytest.raises(Forbidden, match="service account"):
        hub.approvals.approve(waiting.id, by=robot.id)
    assert hub.approvals.approve(waiting.id, by="admin").self_approved is False
    assert where(hub) == {"prod": versions[1]}


def test_a_team_never_consents_to_itself(records: Records, clock: Clock) -> None:
    hub = Hub(records, clock=clock, consenting=Consenting(clock, mode="team"))
    version = hub.artifacts.register("prompt", "answer", said("a"), by="admin")
    approval = asked(hub, version.id)
    with pytest.raises(Forbidden, match="own change"):
        hub.approvals.approve(approval.id, by="admin")


def test_what_moved_meanwhile_is_not_overwritten(hub: Hub, bob: Actor, versions: tuple[str, str]) -> None:
    first, second = asked(hub, versions[0]), asked(hub, versions[1])
    hub.approvals.approve(second.id, by=bob.id)
    with pytest.raises(Conflict, match="has moved since"):
        hub.approvals.approve(first.id, by=bob.id)
    assert hub.approvals.get(first.id).state == "pending"
    assert where(hub) == {"prod": versions[1]}


def test_refused_withdrawn_and_run_out(hub: Hub, bob: Actor, versions: tuple[str, str], clock: Clock) -> None:
    refused = asked(hub, versions[0])
    assert hub.approvals.refuse(refused.id, comment="no", by=bob.id).state == "refused"
    withdrawn = asked(hub, versions[0])
    with pytest.raises(Forbidden, match="somebody else"):
        hub.approvals.withdraw(withdrawn.id, by=bob.id)
    hub.approvals.withdraw(withdrawn.id, by="admin")
    old = asked(hub, versions[0])
    clock.move(7 * 86_400)
    with pytest.raises(Conflict, match="without a decision"):
        hub.approvals.approve(old.id, by=bob.id)
    assert hub.approvals.waiting() == []
    assert asked(hub, versions[0]).id != old.id
    assert where(hub) == {}


def test_an_emergency_is_made_first_and_decided_after(
    hub: Hub, ann: Actor, bob: Actor, versions: tuple[str, str], clock: Clock
) -> None:
    hub.actors.set_roles(ann.id, ("operator",), by="admin")
    with pytest.raises(Forbidden, match="role admin"):
        hub.artifacts.move(PROMPT, "prod", versions[0], emergency="it burns", by=ann.id)
    with pytest.raises(UsageError, match="no reason"):
        hub.artifacts.move(PROMPT, "prod", versions[0], emergency=" ", by="admin")
    hub.artifacts.move(PROMPT, "prod", versions[0], emergency="it burns", by="admin")
    assert where(hub) == {"prod": versions[0]}
    (approval,) = hub.approvals.waiting()
    assert (approval.emergency, approval.state, approval.reason) == (True, "pending", "it burns")
    with pytest.raises(Forbidden, match="own change"):
        hub.approvals.approve(approval.id, by="admin")
    clock.move(30 * 86_400)  # it does not run out: it stays to be decided
    decided = hub.approvals.refuse(approval.id, comment="it did not burn", by=bob.id)
    assert decided.applied_us is not None
    assert where(hub) == {"prod": versions[0]}


def test_the_policy_protects_itself(hub: Hub, bob: Actor, versions: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="not well formed"):
        hub.policies.push({"protected": ["*"]}, by="admin")
    nothing = {"protected_aliases": [], "protected_environments": []}
    with pytest.raises(ConsentNeeded) as caught:
        hub.policies.push(nothing, by="admin")
    asked(hub, versions[0])  # the former policy is still in force
    hub.approvals.approve(caught.value.approval_id, by=bob.id)
    version, policy = hub.policies.in_force()
    assert version is not None
    assert policy.protected_aliases == ()
    hub.artifacts.move(PROMPT, "prod", versions[0], by="admin")
    with pytest.raises(ConsentNeeded):
        hub.policies.push({"protected_aliases": ["prompt/*"]}, by="admin")
    assert len(hub.policies.versions()) == 3  # the default one, and those two


class Meter:
    """A gate with a measured answer."""

    name = "quality"

    def __init__(self, least: float) -> None:
        self.least = least

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict:
        measure = 0.9 if subject.startswith("alias:prompt/") and change["from"] is None else 0.2
        outcome = "pass" if measure >= self.least else "fail"
        return Verdict(outcome=outcome, measure=measure, unit="share", n=40, reason=f"{measure} of 40")


def test_gates_are_asked_and_recorded(records: Records, clock: Clock) -> None:
    hub = Hub(records, clock=clock, consenting=Consenting(clock, gates=(Meter(0.5),)))
    first, second = (hub.artifacts.register("prompt", "answer", said(each), by="admin") for each in "ab")
    hub.artifacts.move(PROMPT, "prod", first.id, by="admin")
    assert hub.approvals.list()[0].verdicts["quality"]["outcome"] == "pass"
    with pytest.raises(Conflict, match=r"The gate quality says fail .* 0\.2 of 40"):
        hub.artifacts.move(PROMPT, "prod", second.id, by="admin")
    hub.artifacts.move(PROMPT, "prod", second.id, emergency="worth it", by="admin")
    assert hub.approvals.waiting()[0].verdicts["quality"]["outcome"] == "fail"


def test_a_deployment_to_prod_waits_and_is_made_by_its_applier(
    hub: Hub, bob: Actor, records: Records, clock: Clock
) -> None:
    made: list[Approval] = []

    def deploy(environment: str) -> Consent:
        kind = hub.environments.get(environment).kind
        subject, change = f"deployment:support@{environment}", {"from": None, "to": "support@sha256:1"}
        with records.write("admin") as unit:
            proposal = Proposal(subject=subject, change=change, environment_kind=kind)
            return hub.consents.ask(unit, proposal, by="admin")

    approvals = Approvals(records, clock, hub.consents, {"deployment": lambda _unit, approval: made.append(approval)})
    assert deploy("preprod").given
    consent = deploy("prod")
    assert not consent.given
    with pytest.raises(ConsentNeeded, match="deployment:support@prod is protected"):
        consent.check()
    assert consent.approval_id is not None
    assert approvals.approve(consent.approval_id, by=bob.id).state == "applied"
    assert [approval.subject for approval in made] == ["deployment:support@prod"]


def test_one_person_in_a_business_unit_is_not_alone(hub: Hub) -> None:
    hub.tenants.create("retail", admin="rita", by="admin")
    rita = hub.actors.named("rita")
    assert rita is not None
    own = hub.confined("retail")
    version = own.artifacts.register("prompt", "offer", said("a"), by=rita.id)
    with pytest.raises(ConsentNeeded) as caught:
        own.artifacts.move("prompt/offer", "prod", version.id, by=rita.id)
    assert caught.value.approvers == ("admin",)
    approval = own.approvals.get(caught.value.approval_id)
    assert approval.tenant_id == "retail"
    with pytest.raises(Forbidden, match="own change"):
        own.approvals.approve(approval.id, by=rita.id)
    other = hub.artifacts.register("prompt", "shared", said("a"), by="admin")
    with pytest.raises(Forbidden, match="not of the business unit"):
        own.artifacts.move("prompt/shared", "dev", other.id, by=rita.id)
    hub.approvals.approve(approval.id, by="admin")
    assert own.artifacts.resolve("prompt/offer@prod").id == version.id


def test_keys_of_an_environment_end_with_it(hub: Hub, clock: Clock) -> None:
    hub.create_sandbox("trial", cap="1 USD", by="admin")
    new = NewKey(name="trial", actor_id="admin", environment_id="trial", scopes=("api",))
    key, text = hub.keys.create(new, by="admin")
    end = hub.environments.get("trial").expires_us
    with hub.records.read() as view:
        assert [entry.not_after_us for entry in key_entries(view, [key.id])] == [end]
        version = view.version()
    later = START_US + 40 * 86_400_000_000
    hub.environments.set_expires("trial", later, by="admin")
    with hub.records.read() as view:  # and the workers learn of a later end
        changed = list(changed_key_entries(view, view.changes(version)))
    assert [(entry.key_id, entry.not_after_us) for entry in changed] == [(key.id, later)]
    assert hub.keys.authenticate(text)[0] == key
    clock.move(41 * 86_400)
    with pytest.raises(Unauthenticated, match="environment 'trial' ended"):
        hub.keys.authenticate(text)
