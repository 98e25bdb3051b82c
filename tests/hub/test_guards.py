"""Guard policies: their versions, what refers to them, and which of them the gateway gets."""

from typing import Any

import msgspec
import pytest

from genaiops.core.errors import Conflict, ConsentNeeded, NotFound, UsageError
from genaiops.domain import (
    Actor,
    GuardPolicy,
    GuardRule,
    GuardVersion,
    ReleaseManifest,
    Route,
    RouteTarget,
    Snapshot,
    Target,
)
from genaiops.hub import Hub, KeyChange, NewApplication, NewKey, compile_snapshot, key_entries
from genaiops.hub._guards import default_digest
from tests.hub.conftest import Clock


def policy(action: Any = "flag", **other: Any) -> GuardPolicy:
    return GuardPolicy(rules=(GuardRule(id="pii", detector="pii", action=action),), **other)


def snapshot(hub: Hub) -> Snapshot:
    with hub.records.read() as view:
        return compile_snapshot(view, now_us=hub.clock(), keys_file="", keys_offset=0)


def guards(hub: Hub) -> dict[str, GuardVersion]:
    return {f"{one.name}@{one.digest}": one for one in snapshot(hub).guards}


def references(hub: Hub) -> set[str]:
    """What a worker can look up."""
    return {f"{one.name}@{tail}" for one in snapshot(hub).guards for tail in (one.digest, *one.aliases)}


def test_the_default_is_in_force_until_somebody_pushes_one(hub: Hub) -> None:
    (builtin,) = snapshot(hub).guards
    assert (builtin.name, builtin.digest, builtin.aliases) == ("default", default_digest(), ("current",))
    state = hub.guards.get("default")
    assert state.builtin
    assert state.current is not None
    assert state.current.policy == builtin.policy
    pushed = hub.guards.push("default", policy(), by="admin")
    assert guards(hub)[f"default@{pushed.digest}"].aliases == ("current",)
    assert guards(hub)[f"default@{default_digest()}"].aliases == ()
    assert not hub.guards.get("default").builtin
    hub.artifacts.remove_alias("policy/default@current", by="admin")
    assert guards(hub)[f"default@{default_digest()}"].aliases == ("current",)
    again = hub.guards.push("default", builtin.policy, by="admin")
    assert again.digest == default_digest()
    assert [one.aliases for one in snapshot(hub).guards] == [("current",)], "it is there once"


def test_a_snapshot_survives_its_file(hub: Hub) -> None:
    hub.guards.push("strict", policy("block", longest=9), by="admin")
    found = snapshot(hub)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Snapshot) == found


def test_a_version_is_kept_and_the_alias_moves(hub: Hub) -> None:
    one = hub.guards.push("strict", policy("block"), by="admin")
    two = hub.guards.push("strict", policy("redact"), by="admin")
    three = hub.guards.push("strict", policy("hold"), alias=None, by="admin")
    state = hub.guards.get("strict")
    assert {version.id for version in state.versions} == {one.id, two.id, three.id}
    assert state.aliases == {"current": two.id}
    assert {reference for reference in references(hub) if reference.startswith("strict")} == {
        *("strict@current", f"strict@{two.digest}"),
    }
    assert hub.guards.version("strict").digest == two.digest
    assert hub.guards.version(f"strict@{one.digest[:17]}").policy.rules[0].action == "block"
    with pytest.raises(NotFound, match="has no version 'prod'"):
        hub.guards.version("strict@prod")


def test_a_broken_policy_changes_nothing(hub: Hub) -> None:
    hub.guards.push("strict", policy("block"), by="admin")
    with pytest.raises(UsageError) as caught:
        hub.artifacts.register("policy", "strict", {"rules": [{"id": "a", "detector": "pi"}]}, by="admin")
    assert caught.value.param == "rules[0].detector"
    assert hub.guards.version("strict").policy == policy("block")
    for name in ("a/b", "schema", "Strict", "approvals"):
        with pytest.raises(UsageError) as caught:
            hub.guards.push(name, policy(), by="admin")
        assert caught.value.param == "name"


def test_a_protected_alias_waits_for_consent(hub: Hub) -> None:
    hub.actors.create("bob", "person", roles=("admin",), by="admin")
    with pytest.raises(ConsentNeeded):
        hub.guards.push("strict", policy("block"), alias="prod", by="admin")
    state = hub.guards.get("strict")
    assert (len(state.versions), state.aliases) == (1, {})


def test_keys_routes_and_environments_refer_to_policies(hub: Hub, ann: Actor, echo: Target, clock: Clock) -> None:
    old = hub.guards.push("strict", policy("block"), by="admin")
    hub.guards.push("strict", policy("hold"), by="admin")
    oldest = f"strict@{old.digest}"
    with pytest.raises(NotFound, match="no guard policy 'strickt'") as caught:
        hub.keys.create(NewKey(name="k", actor_id=ann.id, guard="strickt"), by="admin")
    assert (caught.value.param, caught.value.remedy) == ("guard", "Did you mean 'strict'?")
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id, guard="policy/strict@current"), by="admin")
    assert key.guard == "strict"
    assert oldest not in references(hub)
    key = hub.keys.change(key.id, KeyChange(guard=oldest), by="admin")
    assert oldest in references(hub)
    with hub.records.read() as view:
        (entry,) = key_entries(view, [key.id], now_us=clock())
    assert entry.guard == oldest
    hub.keys.revoke(key.id, by="admin")
    assert oldest not in references(hub)
    route = Route(id="r", targets=(RouteTarget("echo"),), guard=oldest, created_us=0)
    hub.routes.create(route, by="admin")
    assert oldest in references(hub)
    hub.routes.replace(msgspec.structs.replace(route, guard="default"), by="admin")
    with pytest.raises(NotFound):
        hub.routes.replace(msgspec.structs.replace(route, guard="approvals"), by="admin")
    hub.environments.set_guard("prod", "strict", by="admin")
    with pytest.raises(NotFound):
        hub.environments.set_guard("prod", "strict@prod", by="admin")
    assert [each.guard for each in snapshot(hub).environments if each.id == "prod"] == ["strict"]
    assert [(use.kind, use.name) for use in hub.guards.get("strict").uses] == [("environment", "prod")]
    assert [(use.kind, use.name) for use in hub.guards.get("default").uses] == [("route", "r")]


def test_what_guards_something_is_not_removed(hub: Hub, ann: Actor) -> None:
    version = hub.guards.push("strict", policy("block"), by="admin")
    hub.artifacts.move("policy/strict", "beta", version.id, by="admin")
    hub.tenants.create("retail", admin="rita", by="admin")
    rita = hub.actors.named("rita")
    assert rita is not None
    key, _ = hub.keys.create(
        NewKey(name="k", actor_id=rita.id, environment_id="retail-dev", guard="strict@beta"), by="admin"
    )
    for own in (hub, hub.confined("default")):  # who does not see the key does not end its policy either
        with pytest.raises(Conflict, match="guards the key 'k'"):
            own.artifacts.remove_alias("policy/strict@beta", by="admin")
    hub.artifacts.remove_alias("policy/strict@current", by="admin")
    hub.keys.change(key.id, KeyChange(guard=None), by="admin")
    hub.artifacts.remove_alias("policy/strict@beta", by="admin")
    assert references(hub) == {"default@current", f"default@{default_digest()}"}


def test_a_release_pins_a_version(hub: Hub, echo: Target) -> None:
    hub.applications.create(NewApplication(name="shop"), by="admin")
    old = hub.guards.push("strict", policy("block"), by="admin")
    made = hub.releases.create("shop", ReleaseManifest(model="parrot", pins={"guard": "strict"}), by="admin")
    assert made.manifest.pins == {"guard": old.id}
    hub.guards.push("strict", policy("flag"), by="admin")
    assert f"strict@{old.digest}" not in references(hub)
    hub.applications.acknowledge("shop", "It uses generative AI.", by="admin")
    hub.deployments.deploy("shop", "dev", "latest", by="admin")
    assert f"strict@{old.digest}" in references(hub)
    assert [use.kind for use in hub.guards.get("strict").uses] == ["release"]


def test_a_release_keeps_the_default_as_it_is_now(hub: Hub, echo: Target) -> None:
    hub.applications.create(NewApplication(name="shop"), by="admin")
    manifest = ReleaseManifest(model="parrot", pins={"guard": "policy/default@current"})
    made = hub.releases.create("shop", manifest, by="admin")
    assert made.manifest.pins["guard"] == f"policy/default@{default_digest()}"
    assert hub.releases.verify(made).holds
    assert hub.guards.get("default").builtin, "it is no other than before"


def test_what_differs_is_told_rule_by_rule(hub: Hub) -> None:
    def rule(name: str, **fields: Any) -> GuardRule:
        return msgspec.structs.replace(GuardRule(id=name, detector="pii"), **fields)

    before = GuardPolicy(rules=(rule("a"), rule("b", action="block"), rule("c", threshold=0.5), rule("d")), longest=5)
    after = GuardPolicy(
        rules=(
            rule("c", threshold=0.9),
            rule("a", action="redact"),
            rule("b", action="block", detector="secret"),
            rule("e", kinds=("x",)),
        )
    )
    found = hub.guards.diff(before, after)
    told = [
        (each.change, each.rule, each.weight, [(f.field, f.before, f.after) for f in each.fields]) for each in found
    ]
    assert told[0] == ("changed", "", "other", [("longest", 5, None)])
    assert told[1] == ("changed", "c", "mildly", [("threshold", 0.5, 0.9)])
    assert told[2] == ("changed", "a", "strictly", [("action", "flag", "redact")])
    assert told[3] == ("changed", "b", "other", [("detector", "pii", "secret")])
    assert told[4][:3] == ("added", "e", "strictly")
    assert ("kinds", None, ["x"]) in told[4][3]
    assert told[5][:3] == ("removed", "d", "mildly")
    assert told[6] == ("moved", "", "other", [("rules", ["a", "b", "c"], ["c", "a", "b"])])
    assert hub.guards.diff(before, before) == ()
