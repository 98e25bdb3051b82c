"""The Snapshot, and the log of keys."""

import msgspec
import pytest

from genaiops.domain import Actor, KeyEntry, Route, RouteTarget, Scope, Target
from genaiops.hub import (
    Hub,
    NewApplication,
    NewBudget,
    NewKey,
    NewPrice,
    NewRateLimit,
    changed_key_entries,
    compile_snapshot,
    key_entries,
)
from genaiops.ports.records import Records
from tests.hub.conftest import START_US, Clock


def entries(hub: Hub, clock: Clock, *key_ids: str) -> list[KeyEntry]:
    with hub.records.read() as view:
        return list(key_entries(view, key_ids or None, now_us=clock()))


def test_a_snapshot_has_what_all_workers_need(hub: Hub, ann: Actor, echo: Target, clock: Clock) -> None:
    off = hub.targets.set_enabled("echo", enabled=False, by="admin")
    route = hub.routes.create(Route(id="r", targets=(RouteTarget("echo"),), created_us=0), by="admin")
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id), by="admin")
    shared = [
        hub.budgets.create(NewBudget(scope=scope, limit="5 calls"), by="admin")
        for scope in (Scope("team", "default"), Scope("tenant", "default"), Scope("application", "shop"))
    ]
    hub.budgets.create(NewBudget(scope=Scope("key", key.id), limit="5 calls"), by="admin")
    limit = hub.rate_limits.create(NewRateLimit(scope=Scope("environment", "prod"), concurrency=2), by="admin")
    with hub.records.read() as view:
        snapshot = compile_snapshot(view, now_us=clock(), keys_file="keys-1.log", keys_offset=12)
        assert snapshot.version == view.version()
    assert (snapshot.compiled_us, snapshot.keys_file, snapshot.keys_offset) == (START_US, "keys-1.log", 12)
    assert (snapshot.targets, snapshot.routes, snapshot.rate_limits) == ((off,), (route,), (limit,))
    assert sorted(budget.id for budget in snapshot.budgets) == sorted(budget.id for budget in shared)
    assert [environment.id for environment in snapshot.environments] == ["dev", "preprod", "prod"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=type(snapshot)) == snapshot


def test_prices_in_force_and_to_come(hub: Hub, clock: Clock) -> None:
    def line(price: str, begins: int) -> None:
        new = NewPrice(provider="acme", model="m", input=price, output="0", valid_from_us=begins)
        hub.prices.set(new, by="admin")

    for price, begins in [("1", 0), ("2", 10), ("3", 5), ("4", 10), ("6", 30), ("5", 20)]:
        line(price, begins)

    def inputs(now_us: int) -> list[int]:
        with hub.records.read() as view:
            snapshot = compile_snapshot(view, now_us=now_us, keys_file="", keys_offset=0)
        return [price.input // 10**9 for price in snapshot.prices if price.provider == "acme"]

    assert inputs(0) == [1, 3, 4, 5, 6]
    assert inputs(5) == [3, 4, 5, 6]
    assert inputs(19) == [4, 5, 6]
    assert inputs(1000) == [6]


def test_an_entry_is_its_key(hub: Hub, ann: Actor, echo: Target, clock: Clock) -> None:
    hub.applications.create(NewApplication(name="shop"), by="admin")
    new = NewKey(
        name="k",
        actor_id=ann.id,
        environment_id="prod",
        application="shop",
        models=("parrot", "gpt-*"),
        addresses=("10.0.0.0/8",),
        regions=("eu",),
        tags=("fast",),
        scopes=("calls", "api"),
        expires_us=START_US + 5,
    )
    key, _ = hub.keys.create(new, by="admin")
    budget = hub.budgets.create(NewBudget(scope=Scope("key", key.id), limit="5 calls"), by="admin")
    limit = hub.rate_limits.create(NewRateLimit(scope=Scope("key", key.id), concurrency=2), by="admin")
    (entry,) = entries(hub, clock, key.id)
    assert entry == KeyEntry(
        digest=bytes.fromhex(key.digest),
        key_id=key.id,
        key_name="k",
        actor_id=ann.id,
        actor_kind="person",
        tenant_id="default",
        team_id="default",
        environment_id="prod",
        application="shop",
        models=("parrot", "gpt-*"),
        routes=(),
        addresses=("10.0.0.0/8",),
        scopes=("calls", "api"),
        not_after_us=START_US + 5,
        budgets=(budget,),
        rate_limits=(limit,),
        regions=("eu",),
        tags=("fast",),
    )
    assert entry in entries(hub, clock)
    assert entries(hub, clock, "key_none") == []


def test_a_rotated_key_has_two_entries_until_the_overlap_ends(hub: Hub, ann: Actor, clock: Clock) -> None:
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id, expires_us=START_US + 90_000_000), by="admin")
    rotated, _ = hub.keys.rotate(key.id, overlap_seconds=60, by="admin")
    new, old = entries(hub, clock, key.id)
    assert (new.digest.hex(), new.not_after_us) == (rotated.digest, START_US + 90_000_000)
    assert (old.digest.hex(), old.not_after_us) == (key.digest, START_US + 60_000_000)
    assert {new, old} <= set(entries(hub, clock))
    clock.move(60)
    new, old = entries(hub, clock, key.id)
    assert (old.digest.hex(), old.removed) == (key.digest, True)
    assert [entry.digest for entry in entries(hub, clock) if entry.key_id == key.id] == [new.digest]


@pytest.mark.parametrize("how", ["revoke", "disable"])
def test_keys_that_stop_working_are_removed_with_all_their_secrets(
    hub: Hub, ann: Actor, clock: Clock, how: str
) -> None:
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id), by="admin")
    rotated, _ = hub.keys.rotate(key.id, overlap_seconds=60, by="admin")
    if how == "revoke":
        hub.keys.revoke(key.id, by="admin")
    else:
        hub.actors.disable(ann.id, by="admin")
    found = entries(hub, clock, key.id)
    assert {(entry.digest.hex(), entry.removed) for entry in found} == {(key.digest, True), (rotated.digest, True)}
    assert all(entry.key_id != key.id for entry in entries(hub, clock))


def test_only_touched_keys_are_in_the_changes(hub: Hub, ann: Actor, clock: Clock, records: Records) -> None:
    made = hub.keys.create_many([NewKey(name=f"k{n}", actor_id=ann.id) for n in range(4)], by="admin")
    (a, _), (b, _), (c, _), (_d, _) = made
    budget = hub.budgets.create(NewBudget(scope=Scope("key", c.id), limit="5 calls"), by="admin")
    with records.read() as view:
        since = view.version()
    hub.keys.revoke(a.id, by="admin")
    hub.rate_limits.create(NewRateLimit(scope=Scope("key", b.id), concurrency=1), by="admin")
    hub.budgets.remove(budget.id, by="admin")
    hub.budgets.create(NewBudget(scope=Scope("team", "default"), limit="5 calls"), by="admin")
    hub.teams.create("other", by="admin")
    with records.read() as view:
        changed = {e.key_id: e for e in changed_key_entries(view, view.changes(since), now_us=clock())}
    assert set(changed) == {a.id, b.id, c.id}
    assert changed[a.id].removed
    assert len(changed[b.id].rate_limits) == 1
    assert changed[c.id].budgets == ()
