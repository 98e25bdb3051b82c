"""Keys over HTTP: made once, shown once, changed, rotated, revoked, and never a way to more rights."""

from collections.abc import Mapping

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.api.conftest import Api


def test_the_life_of_a_key(admin: Api, client: TestClient[Litestar], next_year: str) -> None:
    body = {"name": "life", "scopes": ["calls", "api"], "expires_at": next_year, "addresses": ["127.0.0.0/8"]}
    answer = admin.send("POST", "/keys", json={**body, "addresses": []})
    assert answer.status_code == 201
    assert answer.headers["x-genaiops-published"] == "true"
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["state"] == "active"
    assert made["expires_at"].startswith(next_year[:19])
    path = f"/keys/{made['id']}"

    shown = admin.get(path)
    assert "secret" not in shown
    assert {**shown, "secret": made["secret"]} == made
    assert admin.call("PATCH", path, {"name": "longer-life"})["name"] == "longer-life"
    assert admin.get(path)["expires_at"] == made["expires_at"]
    assert admin.call("PATCH", path, {"expires_at": None})["expires_at"] is None

    rotated = admin.call("POST", f"{path}/rotate", {"overlap_seconds": 60})
    assert rotated["secret"] != made["secret"]
    for secret in (made["secret"], rotated["secret"]):
        assert Api(client, secret).get("/me")["key"]["id"] == made["id"]
    again = admin.call("POST", f"{path}/rotate", {})
    Api(client, rotated["secret"]).refused("GET", "/me", status=401)
    assert Api(client, again["secret"]).get("/me")["key"]["id"] == made["id"]

    assert admin.call("DELETE", path)["revoked_at"] is not None
    assert admin.refused("PATCH", path, {"name": "too-late"}, status=409)["code"] == "revoked"
    Api(client, again["secret"]).refused("GET", "/me", status=401)


def test_no_answer_but_the_first_holds_a_secret_or_a_digest(admin: Api) -> None:
    made = admin.call("POST", "/keys", {"name": "hidden"}, status=201)
    for path in ("/keys?limit=500", f"/keys/{made['id']}", "/me", "/status"):
        text = admin.send("GET", path).text
        assert made["secret"] not in text
        assert "digest" not in text


def test_pages(admin: Api) -> None:
    team = admin.call("POST", "/teams", {"name": "pages"}, status=201)["id"]
    ids = [
        admin.call("POST", "/keys", {"name": f"page-{number}", "team_id": team}, status=201)["id"]
        for number in range(5)
    ]
    found: list[str] = []
    cursor: dict[str, str] = {}
    for size in (2, 2, 1):
        page = admin.get("/keys", team_id=team, limit=2, **cursor)
        assert len(page["data"]) == size
        found += [key["id"] for key in page["data"]]
        cursor = {"cursor": page["next"]}
    assert cursor == {"cursor": None}
    assert found == sorted(ids)


def test_ones_own_keys_and_those_of_others(people: Mapping[str, Api]) -> None:
    developer, operator, viewer = (people[role] for role in ("developer", "operator", "viewer"))
    own = developer.call("POST", "/keys", {"name": "mine", "scopes": ["api"]}, status=201)
    assert own["actor_id"] == developer.get("/me")["actor"]["id"]
    developer.call("POST", f"/keys/{own['id']}/rotate", {})
    body = {"name": "theirs", "actor_id": operator.get("/me")["actor"]["id"]}
    for role, path in ((developer, "/keys"), (viewer, "/keys")):
        assert role.refused("POST", path, body, status=403)["code"] == "permission_missing"
    assert viewer.refused("POST", "/keys", {"name": "none"}, status=403)["code"] == "permission_missing"
    for method, path, change in (
        ("PATCH", f"/keys/{own['id']}", {"name": "taken"}),
        ("POST", f"/keys/{own['id']}/rotate", {}),
        ("DELETE", f"/keys/{own['id']}", None),
    ):
        viewer.refused(method, path, change, status=403)
    assert operator.call("DELETE", f"/keys/{own['id']}")["state"] == "revoked"


def test_an_operator_cannot_become_an_administrator(people: Mapping[str, Api]) -> None:
    operator = people["operator"]
    body = {"name": "climb", "actor_id": "admin", "scopes": ["api"]}
    assert operator.refused("POST", "/keys", body, status=403)["code"] == "would_escalate"
    key = operator.call("POST", "/keys", {**body, "scopes": ["calls"]}, status=201)
    error = operator.refused("PATCH", f"/keys/{key['id']}", {"scopes": ["api"]}, status=403)
    assert error["code"] == "would_escalate"
    admins = people["admin"].get("/me")["key"]["id"]
    error = operator.refused("POST", f"/keys/{admins}/rotate", {"overlap_seconds": 9}, status=403)
    assert error["code"] == "would_escalate"
    assert "secret" not in operator.call("DELETE", f"/keys/{key['id']}")


@pytest.mark.parametrize(
    ("body", "param", "word"),
    [
        ({}, "name", "required"),
        ({"name": "Not A Name"}, "name", "cannot be the name"),
        ({"name": "a", "actor_id": "nobody"}, "actor_id", "no actor"),
        ({"name": "a", "environment_id": "de"}, "environment_id", "Did you mean 'dev'"),
        ({"name": "a", "team_id": "absent"}, "team_id", "no team"),
        ({"name": "a", "models": ["no-such-model"]}, "models", "no model"),
        ({"name": "a", "addresses": ["10.0.0.1/8"]}, "addresses", "10.0.0.0/8"),
        ({"name": "a", "scopes": ["all"]}, "scopes[0]", "Invalid enum value"),
        ({"name": "a", "scopes": []}, "scopes", "empty"),
        ({"name": "a", "expires_at": "soon"}, "expires_at", "is not a time"),
        ({"name": "a", "expires_at": "2020-01-01"}, "expires_us", "expired already"),
        ({"name": "a", "expires_at": 5}, "expires_at", "Expected `str"),
    ],
)
def test_what_a_key_cannot_be(admin: Api, body: dict[str, object], param: str, word: str) -> None:
    status = 404 if param in {"actor_id", "environment_id", "team_id"} else 400
    error = admin.refused("POST", "/keys", body, status=status)
    assert error["param"] == param
    assert word in error["message"]
