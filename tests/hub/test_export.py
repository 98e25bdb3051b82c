"""The present state as a description, and descriptions of what has no plain name."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from genaiops.domain import Actor
from genaiops.hub import Hub, NewKey, NewPrice, export
from tests.hub.test_apply import WHOLE, actions, applied, version

PEM = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def test_keys_of_one_name_are_told_apart_by_their_ids(hub: Hub, ann: Actor) -> None:
    made = [hub.keys.create(NewKey(name="twin", actor_id=ann.id), by="admin")[0] for _ in range(2)]
    exported = export(hub, ("keys",))["keys"]
    assert {key.id for key in made} < exported.keys()
    assert exported[made[0].id]["name"] == "twin"
    done = applied(hub, {"keys": {made[1].id: {"application": "shop"}}})
    assert actions(done) == [("change", "key", made[1].id)]
    assert (hub.keys.get(made[1].id).application, hub.keys.get(made[1].id).name) == ("shop", "twin")
    budget = {"scope": {"kind": "key", "id": made[1].id}, "limit": "5 calls"}
    applied(hub, {"budgets": [budget]})
    assert not applied(hub, {"budgets": [budget]}).plan.changes


def test_prices_of_other_times(hub: Hub) -> None:
    line = {"provider": "openai", "model": "gpt-9", "output": "1"}
    document = {
        "prices": [
            {**line, "input": "1", "valid_from": "always"},
            {**line, "input": "2", "valid_from": "2026-01-01"},
            {**line, "input": "3", "valid_from": "2100-01-01"},
        ]
    }
    assert len(applied(hub, document).plan.changes) == 3
    assert not applied(hub, document).plan.changes  # a former line is not added again because a later one is in force
    in_force = {"prices": [{**line, "input": 2}]}
    assert not applied(hub, in_force).plan.changes
    exported = [price for price in export(hub, ("prices",))["prices"] if price["model"] == "gpt-9"]
    assert [price["input"] for price in exported] == ["2", "3"]


def test_a_password_in_a_proxy_is_neither_shown_nor_lost(hub: Hub) -> None:
    entry = {"provider": "openai", "base_url": "https://a.example/v1", "proxy": "http://me:word@proxy:3128"}
    made = applied(hub, {"targets": {"far": entry}})
    assert not applied(hub, {"targets": {"far": entry}}).plan.changes
    other = applied(hub, {"targets": {"far": {**entry, "proxy": "http://me:words@proxy:3128"}}}, dry_run=True)
    assert other.plan.changes[0].fields[0].after == "http://***@proxy:3128 (another password)"
    assert "word@" not in f"{made.plan.changes[0].fields}"
    exported = export(hub)
    assert exported["targets"]["far"]["proxy"] == "http://***@proxy:3128"
    exported["targets"]["far"]["max_concurrency"] = 3
    applied(hub, exported)
    assert hub.targets.get("far").proxy == "http://me:word@proxy:3128"
    assert hub.targets.get("far").max_concurrency == 3


def test_export_is_short(hub: Hub) -> None:
    applied(hub, WHOLE)
    found = export(hub)
    assert found["targets"]["parrot"] == {"provider": "echo", "settings": {"text": "Hello."}}
    assert found["routes"]["chat"] == {"targets": {"mini": 3, "parrot": 1}, "retry": {"attempts": 2}}
    assert found["keys"]["search-web"] == {
        "actor": "ci",
        "team": "search",
        "environment": "trial",
        "models": ["chat"],
        "addresses": ["10.0.0.0/8"],
        "regions": ["eu"],
        "tags": ["fast", "private"],
        "expires_at": "2100-01-01T00:00:00.000000Z",
    }
    assert set(export(hub, ("teams", "limits"))) == {"teams", "limits"}
    assert found["budgets"][1].keys() == {"scope", "limit", "warn_at"}


def test_what_is_exported_changes_nothing_here_and_makes_the_same_elsewhere(hub: Hub, new_records: Any) -> None:
    applied(hub, {**WHOLE, "issuers": {**WHOLE["issuers"], "idp": {"algorithm": "ES256", "public_key": PEM}}})
    hub.prices.set(NewPrice(provider="openai", model="gpt-8*", input="1", output="2", valid_from_us=5), by="admin")
    found = export(hub)
    before = version(hub)
    assert not applied(hub, found, prune=True).plan.changes
    assert version(hub) == before
    other = Hub(new_records(), providers=("openai", "llamacpp", "echo"))
    applied(other, found)
    assert export(other) == found
