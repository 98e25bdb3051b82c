"""Actors, teams and environments."""

import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Actor, Scope
from genaiops.hub import Hub, NewBudget, NewKey, key_entries
from tests.hub.conftest import START_US, Clock


def test_an_actor_is_made_and_found(hub: Hub) -> None:
    made = hub.actors.create("ci", "service_account", roles=("developer",), by="admin")
    assert made.id.startswith("act_")
    assert made.created_us == START_US
    assert hub.actors.get(made.id) == made
    assert hub.actors.named("ci") == made
    assert hub.actors.named("cd") is None
    assert made in hub.actors.list()
    with hub.records.read() as view:
        assert view.changes(view.version() - 1)[0].actor_id == "admin"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Ann Lee"}, "'Ann Lee' cannot be the name of a actor"),
        ({"name": ""}, "cannot be the name"),
        ({"kind": "robot"}, "'robot' is no kind of actor"),
        ({"kind": "persn"}, "Did you mean 'person'?"),
        ({"roles": ("oprator",)}, "Did you mean 'operator'?"),
        ({"roles": "admin"}, "Give a list"),
        ({"roles": ("viewer", "viewer")}, "names 'viewer' twice"),
        ({"team_id": "defualt"}, "Did you mean 'default'?"),
        ({"tenant_id": "other"}, "There are: default."),
    ],
)
def test_what_an_actor_cannot_be(hub: Hub, fields: dict[str, object], said: str) -> None:
    arguments = {"name": "ann", "kind": "person", **fields}
    with pytest.raises(UsageError) as caught:
        hub.actors.create(**arguments, by="admin")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert hub.actors.count() == 1


def test_names_of_actors_are_unique(hub: Hub, ann: Actor) -> None:
    with pytest.raises(Conflict, match="an actor called 'ann' already"):
        hub.actors.create("ann", "service_account", by="admin")


def test_the_last_administrator_stays(hub: Hub, ann: Actor) -> None:
    with pytest.raises(Conflict, match="last administrator"):
        hub.actors.disable("admin", by="admin")
    with pytest.raises(Conflict, match="last administrator"):
        hub.actors.set_roles("admin", ("operator",), by="admin")
    robot = hub.actors.create("robot", "service_account", roles=("admin",), by="admin")
    with pytest.raises(Conflict):  # a service account is no person who could help
        hub.actors.disable("admin", by=robot.id)
    assert hub.actors.get("admin").disabled_us is None
    hub.actors.set_roles(ann.id, ("admin",), by="admin")
    assert hub.actors.disable("admin", by=ann.id).disabled_us == START_US
    with pytest.raises(Conflict):
        hub.actors.disable(ann.id, by=ann.id)


def test_disabling_twice_keeps_the_first_time(hub: Hub, ann: Actor, clock: Clock) -> None:
    hub.actors.disable(ann.id, by="admin")
    clock.move(60)
    assert hub.actors.disable(ann.id, by="admin").disabled_us == START_US
    assert hub.actors.enable(ann.id, by="admin").disabled_us is None
    with pytest.raises(NotFound, match="no actor 'act_none'"):
        hub.actors.enable("act_none", by="admin")


def test_teams(hub: Hub, ann: Actor) -> None:
    search = hub.teams.create("search", title="Search & Ads", by="admin")
    assert hub.teams.get("search") == search
    assert hub.teams.set_title("search", "Search", by="admin").title == "Search"
    with pytest.raises(Conflict, match="There is a team 'search' already"):
        hub.teams.create("search", by="admin")
    with pytest.raises(UsageError, match="cannot be the name of a team"):
        hub.teams.create("Search!", by="admin")
    with pytest.raises(UsageError, match="title"):
        hub.teams.set_title("search", "two\nlines", by="admin")
    with pytest.raises(NotFound, match=r"Did you mean 'search'\?"):
        hub.teams.get("serach")
    hub.actors.set_team(ann.id, "search", by="admin")
    hub.budgets.create(NewBudget(scope=Scope("team", "search"), limit="5 calls"), by="admin")
    with pytest.raises(Conflict, match="has 1 actors, 1 budgets"):
        hub.teams.remove("search", by="admin")
    hub.actors.set_team(ann.id, None, by="admin")
    hub.budgets.remove(hub.budgets.on(Scope("team", "search"))[0].id, by="admin")
    hub.teams.remove("search", by="admin")
    assert [team.id for team in hub.teams.list()] == ["default"]


def test_environments(hub: Hub, ann: Actor) -> None:
    assert [(e.id, e.kind, e.capture) for e in hub.environments.list()] == [
        ("dev", "dev", "full"),
        ("preprod", "preprod", "full"),
        ("prod", "prod", "preview"),
    ]
    box = hub.environments.create("box", "sandbox", capture="off", by="admin")
    assert hub.environments.get("box") == box
    assert hub.environments.set_capture("box", "preview", by="admin").capture == "preview"
    for arguments, said in [(("x", "production"), "Did you mean 'prod'"), (("x y", "dev"), "cannot be the name")]:
        with pytest.raises(UsageError) as caught:
            hub.environments.create(*arguments, by="admin")  # type: ignore[arg-type]
        assert said in str(caught.value)
    with pytest.raises(UsageError, match="no way to capture"):
        hub.environments.set_capture("box", "some", by="admin")
    hub.keys.create(NewKey(name="k", actor_id=ann.id, environment_id="box"), by="admin")
    with pytest.raises(Conflict, match="has 1 keys"):
        hub.environments.remove("box", by="admin")
    with pytest.raises(NotFound):
        hub.environments.remove("none", by="admin")


def test_revoked_keys_hold_nothing(hub: Hub) -> None:
    hub.teams.create("search", by="admin")
    hub.environments.create("box", "sandbox", by="admin")
    new = NewKey(name="k", actor_id="admin", team_id="search", environment_id="box")
    key, _ = hub.keys.create(new, by="admin")
    for remove in (lambda: hub.teams.remove("search", by="admin"), lambda: hub.environments.remove("box", by="admin")):
        with pytest.raises(Conflict, match="has 1 keys"):
            remove()
    hub.keys.revoke(key.id, by="admin")
    hub.teams.remove("search", by="admin")
    hub.environments.remove("box", by="admin")
    kept = hub.keys.get(key.id)
    assert (kept.team_id, kept.environment_id) == ("search", "box"), "what it was stays readable"
    assert hub.keys.page(team_id="search") == [kept]
    with hub.records.read() as view:
        assert list(key_entries(view, [key.id])), "the workers are still told that it is removed"
