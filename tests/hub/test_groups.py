"""Groups of an identity provider: who their members are here."""

import pytest

from genaiops.core.errors import Conflict, Forbidden, UsageError
from genaiops.domain import GroupMapping, Role
from genaiops.hub import Hub, NewKey
from genaiops.ports.sign_in import Came


def came(login: str, *groups: str, subject: str = "") -> Came:
    return Came(issuer="https://login.example", subject=subject or f"sub-{login}", login=login, groups=groups)


def mapped(hub: Hub, group: str, *roles: Role, tenant_id: str = "default", team_id: str | None = None) -> None:
    mapping = GroupMapping(id=group, roles=roles, tenant_id=tenant_id, team_id=team_id, created_us=0)
    hub.groups.put(mapping, by="admin")


def test_groups_of_one_unit_add_up(hub: Hub) -> None:
    hub.teams.create("search", by="admin")
    mapped(hub, "/eng", "ml-engineer", "viewer")
    mapped(hub, "/fin", "viewer", "product-owner", team_id="search")
    ann = hub.groups.admit(came("Ann.Archer@example.org", "/fin", "/eng", "unknown"))
    assert (ann.name, ann.roles, ann.team_id) == ("ann.archer", ("ml-engineer", "viewer", "product-owner"), "search")
    assert (
        hub.groups.admit(came("renamed", "/eng", "/fin", "unknown", subject="sub-Ann.Archer@example.org")).id == ann.id
    )
    less = hub.groups.admit(came("Ann.Archer@example.org", "/eng"))
    assert (less.roles, less.team_id) == (("ml-engineer", "viewer"), None)


def test_who_is_in_no_mapped_group_has_nothing_and_is_told(hub: Hub) -> None:
    mapped(hub, "eng", "viewer")
    with pytest.raises(Forbidden, match=r"Your groups are: other\."):
        hub.groups.admit(came("bob", "other"))
    assert hub.actors.named("bob") is None
    bob = hub.groups.admit(came("bob", "eng"))
    with pytest.raises(Forbidden, match="named no group"):
        hub.groups.admit(came("bob"))
    assert hub.actors.get(bob.id).roles == ()


def test_a_mapping_counts_at_once(hub: Hub) -> None:
    mapped(hub, "eng", "viewer")
    bob = hub.groups.admit(came("bob", "eng", "more"))
    mapped(hub, "more", "ml-engineer")
    assert hub.actors.get(bob.id).roles == ("viewer", "ml-engineer")
    hub.groups.remove("eng", by="admin")
    assert hub.actors.get(bob.id).roles == ("ml-engineer",)
    hub.groups.remove("more", by="admin")
    assert hub.actors.get(bob.id).roles == ()


def test_nobody_is_drawn_out_of_their_unit(hub: Hub) -> None:
    for unit in ("alpha", "retail"):
        hub.tenants.create(unit, by="admin")
    mapped(hub, "shop", "viewer", tenant_id="retail")
    bob = hub.groups.admit(came("bob", "shop", "all"))
    mapped(hub, "all", "admin", tenant_id="alpha")
    assert hub.groups.admit(came("bob", "shop", "all")).tenant_id == "retail"
    hub.groups.remove("shop", by="admin")
    assert hub.actors.get(bob.id).roles == ()
    key, _ = hub.keys.create(NewKey(name="old", actor_id=bob.id, environment_id="retail-dev"), by="admin")
    with pytest.raises(Conflict, match="1 keys of 'retail'"):
        hub.groups.admit(came("bob", "all"))
    hub.keys.revoke(key.id, by="admin")
    assert hub.groups.admit(came("bob", "all")).tenant_id == "alpha"


def test_the_organisations_own_comes_first(hub: Hub) -> None:
    hub.tenants.create("alpha", by="admin")
    mapped(hub, "a", "viewer", tenant_id="alpha")
    mapped(hub, "b", "viewer")
    assert hub.groups.admit(came("bob", "a", "b")).tenant_id == "default"


def test_names(hub: Hub) -> None:
    mapped(hub, "eng", "viewer")
    hub.actors.create("rita", "person", by="admin")
    with pytest.raises(Conflict, match=r"genaiops actor set rita --identity 'sub-rita@a\.example'"):
        hub.groups.admit(came("rita@a.example", "eng"))
    assert hub.groups.admit(came("ann@a.example", "eng")).name == "ann"
    assert hub.groups.admit(came("ann@b.example", "eng")).name == "b.example/ann"
    assert hub.groups.admit(came("Jürgen Groß@b.example", "eng")).name == "j-rgen-gro"
    assert hub.groups.admit(came("\u4f60", "eng", subject="42")).name == "person/42"


def test_joining_somebody_known(hub: Hub) -> None:
    mapped(hub, "eng", "ml-engineer")
    rita = hub.actors.create("rita", "person", roles=("viewer",), by="admin")
    person = came("rita", "eng")
    from genaiops.domain import Identity

    identity = Identity(issuer=person.issuer, subject=person.subject)
    assert hub.actors.set_identity(rita.id, identity, by="admin").roles == ("viewer",)
    assert hub.groups.admit(person).id == rita.id
    with pytest.raises(Conflict, match="follows the groups"):
        hub.actors.set_roles(rita.id, ("viewer",), by="admin")
    other = hub.actors.create("other", "person", by="admin")
    with pytest.raises(Conflict, match="is that already"):
        hub.actors.set_identity(other.id, identity, by="admin")
    hub.tenants.create("retail", admin="rob", by="admin")
    rob = hub.actors.named("rob")
    assert rob is not None
    with pytest.raises(Conflict, match="is that already"):
        hub.confined("retail").actors.set_identity(rob.id, identity, by=rob.id)
    robot = hub.actors.create("robot", "service_account", by="admin")
    with pytest.raises(UsageError, match="service account"):
        hub.actors.set_identity(robot.id, identity, by="admin")
    hub.actors.set_identity(rita.id, None, by="admin")
    assert hub.actors.set_roles(rita.id, ("viewer",), by="admin").roles == ("viewer",)


def test_the_last_administrator_stays(hub: Hub) -> None:
    mapped(hub, "admins", "admin")
    ann = hub.groups.admit(came("ann", "admins"))
    hub.actors.set_roles("admin", ("viewer",), by=ann.id)
    with pytest.raises(Conflict, match="last administrator"):
        hub.groups.remove("admins", by=ann.id)
    with pytest.raises(Conflict, match="last administrator"):
        hub.groups.admit(came("ann", "other"))
    assert hub.actors.get(ann.id).roles == ("admin",)


def test_bad_mappings(hub: Hub) -> None:
    for group in ("", "a\nb", "x" * 257):
        with pytest.raises(UsageError, match="name of a group"):
            mapped(hub, group, "viewer")
    with pytest.raises(UsageError, match="gives no role"):
        mapped(hub, "eng")
    hub.tenants.create("retail", by="admin")
    with pytest.raises(UsageError, match="is of the business unit"):
        mapped(hub, "eng", "viewer", team_id="retail")
    mapped(hub, "eng", "viewer", tenant_id="retail", team_id="retail")
    with pytest.raises(Conflict, match="1 groups"):
        hub.teams.remove("retail", by="admin")


def test_a_disabled_person_is_refused_and_keeps_nothing_new(hub: Hub) -> None:
    mapped(hub, "eng", "viewer")
    bob = hub.groups.admit(came("bob", "eng"))
    hub.actors.disable(bob.id, by="admin")
    with pytest.raises(Forbidden, match="disabled"):
        hub.groups.admit(came("bob", "eng"))
