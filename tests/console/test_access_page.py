"""Settings, access: units, people, teams, groups and roles, made and changed through forms; for administrators."""

import re
from collections.abc import Iterator

import httpx
import pytest

from genaiops.hub import ROLES, NewKey
from tests.app.running import Installation
from tests.console.test_access import log_in, token_on

ACCESS = "/settings/access"
NOTHING = "\N{EN DASH}"


@pytest.fixture
def client(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=60) as client:
        log_in(client, installation.key)
        yield client


def send(client: httpx.Client, path: str, **form: str) -> str:
    """What the page says after the form was sent."""
    token = token_on(client.get(ACCESS))
    answer = client.post(path, data={"csrf": token, **form})
    assert answer.status_code == 303, answer.text
    page = client.get(answer.headers["location"]).text
    found = re.search(r'<div class="notice \w*" role="(?:status|alert)"[^>]*>\s*<p>(.*?)</p>', page)
    assert found is not None, page[:3000]
    return found[1].replace("&#39;", "'")


def person_path(client: httpx.Client, name: str) -> str:
    found = re.search(rf'<tr data-actor="{name}">\s*<td class="lead"><a href="([^"?]+)', client.get(ACCESS).text)
    assert found is not None
    return found[1]


def key_of(installation: Installation, name: str) -> str:
    with installation.hub() as hub:
        actor = hub.actors.named(name)
        assert actor is not None
        stage = "dev" if actor.tenant_id == "default" else f"{actor.tenant_id}-dev"
        new = NewKey(name=f"of-{name}", actor_id=actor.id, environment_id=stage, scopes=("api",))
        return hub.keys.create(new, by="admin")[1]


def test_a_unit_with_people_is_made_by_forms(client: httpx.Client, installation: Installation) -> None:
    said = send(client, f"{ACCESS}/unit", name="garden", title="Garden <b>tools</b>", admin="greta")
    assert said == "The business unit garden is there, with dev, preprod, prod and a team."
    send(client, f"{ACCESS}/team", name="roses", tenant_id="garden")
    send(client, f"{ACCESS}/environment", name="greenhouse", kind="sandbox", cap="3 USD", tenant_id="garden")
    send(
        client, f"{ACCESS}/person", name="gus", kind="person", tenant_id="garden", team_id="roses", role_reviewer="yes"
    )
    page = client.get(ACCESS).text
    assert "Garden &lt;b&gt;tools&lt;/b&gt;" in page
    for text in ("garden-dev", "greenhouse", "roses", "gus"):
        assert text in page, text
    with installation.hub() as hub:
        gus = hub.actors.named("gus")
        assert gus is not None
        assert (gus.tenant_id, gus.team_id, gus.roles) == ("garden", "roses", ("reviewer",))


def test_one_person_is_changed_ended_and_disabled(client: httpx.Client, installation: Installation) -> None:
    send(client, f"{ACCESS}/person", name="dan", kind="person", role_viewer="yes")
    path = person_path(client, "dan")
    assert send(client, f"{path}/roles", role_auditor="yes", role_developer="yes") == "dan is now developer, auditor."
    assert send(client, f"{path}/team", team_id="default").startswith("The team of dan is now default")
    key = key_of(installation, "dan")
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=60) as dan:
        assert log_in(dan, key).headers["location"] == "/playground"
        assert "a key</td>" in client.get(path).text
        assert send(client, f"{path}/sessions") == "Sessions of dan that ended: 1."
        assert dan.get("/traces").status_code == 303
        log_in(dan, key)
        assert send(client, f"{path}/state", disabled="yes") == "dan is disabled; sessions that ended: 1."
        assert dan.get("/traces").status_code == 303
        assert send(client, f"{path}/state", disabled="no") == "dan may act again."
        assert dan.get("/traces").status_code == 303, "a session does not come back"
    page = client.get(path).text
    assert "sign in sessions" in page, "the person's events stand there"
    line = re.search(
        r'<tr data-actor="dan">.*?<td data-label="last sign-in">([^<]+)</td>', client.get(ACCESS).text, re.DOTALL
    )
    assert line is not None
    assert line[1] != NOTHING


def test_groups_are_mapped_and_unmapped(client: httpx.Client) -> None:
    said = send(client, f"{ACCESS}/group", group="CN=Ops, <x>", role_operator="yes", role_viewer="yes")
    assert said == "Members of CN=Ops, &lt;x&gt; are now operator, viewer in default."
    assert "CN=Ops, &lt;x&gt;" in client.get(ACCESS).text
    assert "gives no role" in send(client, f"{ACCESS}/group", group="empty")
    assert send(client, f"{ACCESS}/group/remove", group="CN=Ops, <x>").endswith("gives nothing any more.")


def test_what_cannot_be_is_said(client: httpx.Client) -> None:
    assert "cannot be the name of a team" in send(client, f"{ACCESS}/team", name="No Team")
    assert "The field name is empty" in send(client, f"{ACCESS}/unit", name="")
    assert "is no kind of environment" in send(client, f"{ACCESS}/environment", name="x", kind="moon")
    admin = person_path(client, "admin")
    assert "is the last administrator" in send(client, f"{admin}/roles", role_viewer="yes")
    assert "is the last administrator" in send(client, f"{admin}/state", disabled="yes")
    assert "There is no identity provider" in send(client, f"{admin}/identity", subject="x")


def test_the_roles_are_a_matrix(client: httpx.Client) -> None:
    page = client.get(f"{ACCESS}/roles").text
    row = re.search(r"<tr><th>deployments</th>(.*?)</tr>", page, re.DOTALL)
    assert row is not None
    cells = dict(zip(ROLES, re.findall(r"<td[^>]*>(.*?)</td>", row[1]), strict=True))
    assert (cells["admin"], cells["ml-engineer"], cells["data-scientist"], cells["viewer"]) == (
        "all",
        "below prod",
        "trying",
        NOTHING,
    )


def test_only_administrators_see_it(client: httpx.Client, installation: Installation) -> None:
    send(client, f"{ACCESS}/person", name="otto", kind="person", role_operator="yes")
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=60) as otto:
        log_in(otto, key_of(installation, "otto"))
        assert ACCESS not in otto.get("/settings").text
        for path in (ACCESS, f"{ACCESS}/roles", person_path(client, "admin")):
            refused = otto.get(path)
            assert refused.status_code == 403
            assert "Ask an administrator for one of the roles: admin." in refused.text
        token = token_on(otto.get("/gateway"))
        for path in ("person", "team", "unit", "group", "environment", "people/admin/state"):
            assert otto.post(f"{ACCESS}/{path}", data={"csrf": token, "name": "x"}).status_code == 403, path


def test_an_administrator_of_a_unit_sees_that_unit(client: httpx.Client, installation: Installation) -> None:
    send(client, f"{ACCESS}/unit", name="orchard", admin="olga")
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=60) as olga:
        log_in(olga, key_of(installation, "olga"))
        page = olga.get(ACCESS).text
        assert 'data-unit="orchard"' in page
        assert 'data-unit="default"' not in page
        assert 'data-actor="admin"' not in page
        assert "New business unit" not in page
        token = token_on(olga.get(ACCESS))
        form = {"csrf": token, "name": "oscar", "kind": "person", "role_viewer": "yes"}
        olga.post(f"{ACCESS}/person", data=form)
        assert olga.get(person_path(client, "admin")).status_code == 404
        assert olga.post(f"{person_path(client, 'admin')}/state", data={"csrf": token}).status_code == 303
    with installation.hub() as hub:
        oscar, admin = hub.actors.named("oscar"), hub.actors.named("admin")
        assert oscar is not None
        assert oscar.tenant_id == "orchard"
        assert admin is not None
        assert admin.disabled_us is None


HOMES = {"auditor": "/settings/audit", "stakeholder": "/costs", "viewer": "/", "architect": "/approvals"}


@pytest.mark.parametrize("role", HOMES)
def test_each_role_begins_where_it_works(client: httpx.Client, installation: Installation, role: str) -> None:
    send(client, f"{ACCESS}/person", **{"name": f"home-{role}", "kind": "person", f"role_{role}": "yes"})
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=60) as person:
        place = log_in(person, key_of(installation, f"home-{role}")).headers["location"]
        assert place == HOMES[role]
        assert person.get(place).status_code == 200
