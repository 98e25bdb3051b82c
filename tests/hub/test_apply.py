"""Desired state: what is said becomes so, once, wholly or not at all."""

import copy
from typing import Any

import pytest

from genaiops.core.errors import Conflict, Forbidden, NotFound, UsageError
from genaiops.domain import Actor, Scope, Target
from genaiops.hub import (
    Applied,
    Change,
    Hub,
    NewBudget,
    NewKey,
    Wish,
    apply_state,
    export,
    read_state,
)

WHOLE: dict[str, Any] = {
    "environments": {"trial": {"kind": "sandbox", "capture": "preview"}},
    "teams": {"search": {"title": "Search"}},
    "actors": {"ci": {"kind": "service_account", "roles": ["developer"], "team": "search"}},
    "targets": {
        "mini": {
            "provider": "openai",
            "upstream_model": "gpt-4.1-mini",
            "base_url": "https://api.example.com/v1/",
            "credentials": ["OPENAI_API_KEY"],
            "timeouts": {"total": 30},
            "environments": ["trial"],
        },
        "parrot": {"provider": "echo", "settings": {"text": "Hello."}},
    },
    "routes": {"chat": {"targets": {"mini": 3, "parrot": 1}, "retry": {"attempts": 2}}},
    "issuers": {"shop": {"algorithm": "HS256", "secret": "SHOP_SECRET"}},
    "keys": {
        "search-web": {
            "actor": "ci",
            "environment": "trial",
            "models": ["chat"],
            "addresses": ["10.0.0.0/8"],
            "regions": ["eu"],
            "tags": ["fast", "private"],
            "expires_at": "2100-01-01",
        }
    },
    "prices": [{"provider": "openai", "model": "gpt-9", "input": 0.4, "output": "1.60"}],
    "budgets": [
        {"scope": {"kind": "team", "id": "search"}, "limit": "25 USD", "warn_at": [1.0, 0.5]},
        {"scope": {"kind": "key", "id": "search-web"}, "limit": "1M tokens", "period": "day", "hard": False},
    ],
    "limits": [{"scope": {"kind": "key", "id": "search-web"}, "requests_per_minute": 60}],
}


def applied(hub: Hub, document: Any, **more: Any) -> Applied:
    by = more.pop("by", "admin")
    permit = more.pop("permit", lambda _hub, _changes: None)
    return apply_state(hub, Wish(state=read_state(document), **more), by=by, permit=permit)


def actions(done: Applied) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in done.plan.changes]


def version(hub: Hub) -> int:
    with hub.records.read() as view:
        return view.version()


def test_everything_is_made_as_the_services_would_make_it(hub: Hub) -> None:
    done = applied(hub, WHOLE)
    assert done.done
    assert {action for action, _, _ in actions(done)} == {"add"}
    assert len(actions(done)) == 12
    target = hub.targets.get("mini")
    assert (target.model, target.base_url, target.timeouts.total) == ("mini", "https://api.example.com/v1", 30.0)
    assert [(each.target_id, each.weight) for each in hub.routes.get("chat").targets] == [("mini", 3), ("parrot", 1)]
    (made,) = done.keys
    key, actor = hub.keys.authenticate(made.secret, address="10.1.1.1")
    assert (key.name, actor.name, key.team_id, key.models) == ("search-web", "ci", "search", ("chat",))
    (budget,) = hub.budgets.on(Scope("key", key.id))
    assert (budget.meter, budget.limit, budget.hard) == ("tokens", 1_000_000, False)
    assert hub.rate_limits.on(Scope("key", key.id))[0].requests_per_minute == 60
    assert next(p for p in hub.prices.list() if p.model == "gpt-9").input == 400_000_000
    assert hub.environments.get("trial").capture == "preview"


def test_a_second_time_there_is_nothing_to_do(hub: Hub) -> None:
    applied(hub, WHOLE)
    before = version(hub)
    again = applied(hub, WHOLE)
    assert (again.plan.changes, again.plan.unchanged, again.keys) == ((), 12, ())
    assert version(hub) == before


def test_a_change_says_what_was_and_what_will_be(hub: Hub) -> None:
    applied(hub, WHOLE)
    document = copy.deepcopy(WHOLE)
    document["targets"]["mini"]["max_concurrency"] = 8
    document["keys"]["search-web"]["models"] = []
    document["budgets"][0] |= {"limit": "30 USD", "hard": False, "warn_at": [0.9]}
    document["prices"][0]["output"] = "2"
    document["actors"]["ci"]["disabled"] = True
    done = applied(hub, document)
    found = {
        (change.kind, each.field): (each.before, each.after) for change in done.plan.changes for each in change.fields
    }
    assert found == {
        ("target", "max_concurrency"): (None, 8),
        ("key", "models"): (["chat"], []),
        ("budget", "limit"): ("25 USD", "30 USD"),
        ("budget", "hard"): (True, False),
        ("budget", "warn_at"): ([0.5, 1.0], [0.9]),
        ("price", "output"): ("1.6", "2"),
        ("actor", "disabled"): (False, True),
    }
    assert hub.targets.get("mini").max_concurrency == 8
    assert [p.version for p in hub.prices.list() if p.model == "gpt-9"] == [1, 2]
    assert hub.budgets.on(Scope("team", "search"))[0].warn_at == (0.9,)
    assert not applied(hub, document).plan.changes


def test_what_is_not_said_has_its_default(hub: Hub) -> None:
    applied(hub, WHOLE)
    document = {"targets": {"mini": {"provider": "openai", "base_url": "https://api.example.com/v1"}}}
    applied(hub, document)
    target = hub.targets.get("mini")
    assert (target.upstream_model, target.credentials, target.timeouts.total) == ("mini", (), 600.0)


def test_a_dry_run_checks_everything_and_keeps_nothing(hub: Hub) -> None:
    before = version(hub)
    looked = applied(hub, WHOLE, dry_run=True)
    assert (looked.done, looked.keys, version(hub)) == (False, (), before)
    assert len(looked.plan.changes) == 12
    document = copy.deepcopy(WHOLE)
    document["budgets"][0]["scope"]["id"] = "serch"
    with pytest.raises(NotFound) as caught:
        applied(hub, document, dry_run=True)
    assert caught.value.param == "budgets[0].scope"
    assert caught.value.remedy == "Did you mean 'search'?"


@pytest.mark.parametrize(
    ("section", "name", "field", "value", "place"),
    [
        ("targets", "mini", "base_url", "ftp://x", "targets.mini.base_url"),
        ("targets", "mini", "provider", "opneai", "targets.mini.provider"),
        ("targets", "mini", "proxy", "http://***@proxy:3128", "targets.mini.proxy"),
        ("routes", "chat", "targets", {"nobody": 1}, "routes.chat.targets"),
        ("keys", "search-web", "models", ["gtp"], "keys.search-web.models"),
        ("keys", "search-web", "actor", "cj", "keys.search-web.actor"),
        ("keys", "search-web", "expires_at", "soon", "keys.search-web.expires_at"),
        ("actors", "ci", "roles", ["king"], "actors.ci.roles[0]"),
        ("environments", "trial", "kind", "test", "environments.trial.kind"),
        ("targets", "mini", "timeouts", {"totl": 3}, "targets.mini.timeouts.totl"),
        ("limits", 0, "requests_per_minute", 0, "limits[0].requests_per_minute"),
        ("budgets", 1, "limit", "a lot", "budgets[1].limit"),
        ("prices", 0, "input", "cheap", "prices[0].input"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_nothing_is_half_done(
    hub: Hub, section: str, name: str | int, field: str, value: Any, place: str
) -> None:
    before = version(hub)
    document = copy.deepcopy(WHOLE)
    document[section][name][field] = value
    with pytest.raises(UsageError) as caught:
        applied(hub, document)
    assert caught.value.param == place
    assert caught.value.remedy
    assert version(hub) == before


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "no mapping"),
        ({"target": {}}, "Did you mean 'targets'?"),
        ({"targets": []}, "targets is no mapping"),
        ({"keys": None}, "{} for none"),
        ({"budgets": {}}, "budgets is no list"),
        ({"teams": {3: {}}}, "Put it in quotes"),
        ({"teams": {"a": {"titel": "A"}}}, "Did you mean 'title'?"),
        ({"targets": {"a": {}}}, "provider"),
        ({"targets": {"a": {"provider": 3}}}, "provider: Expected `str`, got `int`"),
        ({"teams": {"A b": {}}}, "cannot be the name"),
        ({"keys": {"key_01": {}}}, "There is no key"),
    ],
)
def test_a_description_that_is_none(hub: Hub, document: Any, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        applied(hub, document)
    assert said in str(caught.value)
    assert caught.value.param


def test_what_cannot_be_changed_is_refused_with_both_values(hub: Hub) -> None:
    applied(hub, WHOLE)
    for section, name, field, value in (
        ("environments", "trial", "kind", "dev"),
        ("actors", "ci", "kind", "person"),
        ("keys", "search-web", "environment", "dev"),
        ("keys", "search-web", "actor", "admin"),
    ):
        document = copy.deepcopy(WHOLE)
        document[section][name][field] = value
        with pytest.raises(UsageError, match="cannot become"):
            applied(hub, document)


def test_prune_removes_what_the_sections_that_are_there_do_not_name(hub: Hub) -> None:
    applied(hub, WHOLE)
    smaller = {
        "keys": {"admin": {"actor": "admin", "team": "default", "scopes": ["calls", "api"]}},
        "targets": {"parrot": WHOLE["targets"]["parrot"]},
        "routes": {},
        "budgets": [],
        "limits": [],
        "prices": [],
    }
    looked = applied(hub, smaller, dry_run=True)
    assert not looked.plan.changes
    assert ("route", "chat") in looked.plan.surplus
    key = next(key for key in hub.keys.list() if key.name == "search-web")
    done = applied(hub, smaller, prune=True)
    assert actions(done) == [
        ("remove", "limit", "key search-web"),
        ("remove", "budget", "key search-web (tokens a day, UTC)"),
        ("remove", "budget", "team search (USD a month, UTC)"),
        ("remove", "key", "search-web"),
        ("remove", "route", "chat"),
        ("remove", "target", "mini"),
    ]
    assert hub.keys.get(key.id).revoked_us is not None
    assert [target.id for target in hub.targets.list()] == ["parrot"]
    assert hub.teams.get("search")  # no word of teams
    assert any(price.model == "gpt-9" for price in hub.prices.list())
    assert not applied(hub, smaller, prune=True).plan.changes


def test_who_asks_is_not_pruned(hub: Hub) -> None:
    (admins,) = [key.id for key in hub.keys.list()]
    spared = frozenset({("keys", admins), ("actors", "admin")})
    done = applied(hub, {"keys": {}, "actors": {}}, prune=True, spared=spared)
    assert not done.plan.changes
    with pytest.raises(Conflict, match="last administrator"):
        applied(hub, {"actors": {}}, prune=True)


def test_what_is_in_use_is_not_removed(hub: Hub) -> None:
    applied(hub, WHOLE)
    with pytest.raises(Conflict, match="named by the routes chat") as caught:
        applied(hub, {"targets": {"parrot": WHOLE["targets"]["parrot"]}}, prune=True)
    assert caught.value.param == "targets.mini"
    assert hub.targets.get("mini")


def test_the_model_servers_of_the_installation_are_its_own(hub: Hub) -> None:
    url = "http://127.0.0.1:9/v1"
    hub.targets.create(
        Target(
            id="smollm2",
            provider="llamacpp",
            model="smollm2",
            upstream_model="smollm2",
            base_url=url,
            settings={"embedded_url": url},
            created_us=0,
        ),
        by="admin",
    )
    assert "targets" not in export(hub)
    assert not applied(hub, {"targets": {}}, prune=True).plan.changes


def test_a_plan_that_is_no_longer_the_one_that_was_shown(hub: Hub) -> None:
    shown = applied(hub, WHOLE, dry_run=True).plan.digest
    hub.environments.set_capture("dev", "off", by="admin")  # nothing that matters here
    hub.teams.create("search", by="admin")
    before = version(hub)
    with pytest.raises(Conflict) as caught:
        applied(hub, WHOLE, expected=shown)
    assert caught.value.code == "plan_changed"
    assert version(hub) == before
    hub.teams.remove("search", by="admin")
    assert applied(hub, WHOLE, expected=shown).done


def test_who_may_not_undoes_it(hub: Hub) -> None:
    before = version(hub)

    def permit(inner: Hub, changes: Any) -> None:
        found: list[Change] = list(changes)
        assert inner.teams.get("search")
        raise Forbidden(f"{len(found)} changes too many.")

    with pytest.raises(Forbidden, match="12 changes"):
        applied(hub, WHOLE, permit=permit)
    assert version(hub) == before


def test_one_administrator_gives_way_to_another_in_one_file(hub: Hub) -> None:
    hub.actors.create("zoe", "person", by="admin")
    document = {
        "actors": {"admin": {"kind": "person", "team": "default"}, "zoe": {"kind": "person", "roles": ["admin"]}}
    }
    applied(hub, document)
    assert [actor.name for actor in hub.actors.list() if "admin" in actor.roles] == ["zoe"]


def test_a_key_by_its_id_where_its_name_would_do(hub: Hub, ann: Actor) -> None:
    key, _ = hub.keys.create(NewKey(name="one", actor_id=ann.id, team_id="default"), by="admin")
    assert not applied(hub, {"keys": {key.id: {}}}).plan.changes
    budget = {"scope": {"kind": "key", "id": key.id}, "limit": "5 calls"}
    assert applied(hub, {"budgets": [budget]}).plan.changes[0].name == "key one (calls a month, UTC)"


def test_a_key_without_a_team_although_its_actor_has_one(hub: Hub, ann: Actor) -> None:
    document = {"keys": {"alone": {"actor": "ann", "team": None}, "with": {"actor": "ann"}}}
    applied(hub, document)
    assert {key.name: key.team_id for key in hub.keys.list()} == {"admin": "default", "alone": None, "with": "default"}
    assert not applied(hub, document).plan.changes


def test_budgets_that_are_alike_are_paired(hub: Hub) -> None:
    scope = Scope("tenant", "default")
    for limit in ("10 USD", "20 USD"):
        hub.budgets.create(NewBudget(scope=scope, limit=limit, hard=limit == "20 USD"), by="admin")
    entry: dict[str, Any] = {"scope": {"kind": "tenant", "id": "default"}}
    same = [{**entry, "limit": "20 USD"}, {**entry, "limit": "10 USD", "hard": False}]
    assert applied(hub, {"budgets": same}).plan.unchanged == 2
    assert actions(applied(hub, {"budgets": [*same, {**entry, "limit": "30 USD"}]}))[0][0] == "add"
    assert len(hub.budgets.on(scope)) == 3
    done = applied(hub, {"budgets": [{**entry, "limit": "30 USD"}]}, prune=True)
    assert [action for action, _, _ in actions(done)] == ["remove", "remove"]
    assert [budget.limit for budget in hub.budgets.on(scope)] == [30_000_000_000]
