"""Approvals and the policy over HTTP."""

from collections.abc import Iterator, Mapping

import pytest

from genaiops.api import CSRF_HEADER
from tests.api.conftest import Api

POLICY = "/policies/approvals"


@pytest.fixture
def as_found(admin: Api, people: Mapping[str, Api]) -> Iterator[None]:
    yield
    for approval in admin.get("/approvals", state="pending")["data"]:
        if approval["requester"] == "admin":
            admin.call("POST", f"/approvals/{approval['id']}/withdraw", {})


@pytest.fixture(scope="module")
def second(admin: Api, people: Mapping[str, Api]) -> Api:
    """Another person who consents."""
    actor = admin.call("POST", "/actors", {"name": "consenter", "kind": "person", "roles": ["security"]}, status=201)
    made = admin.call("POST", "/keys", {"name": "consenter", "actor_id": actor["id"], "scopes": ["api"]}, status=201)
    return Api(admin.client, made["secret"])


def test_a_change_waits_and_is_made_when_another_consents(admin: Api, second: Api, as_found: None) -> None:
    before = admin.get(POLICY)
    answer = admin.send("PUT", POLICY, json={"policy": {"expires_days": 3}, "reason": "faster"})
    assert answer.status_code == 202
    waiting = answer.json()["approval"]
    assert answer.headers["x-genaiops-approval"] == waiting["id"]
    assert "consenter" in waiting["approvers"]  # beside people of other tests
    assert "admin" not in waiting["approvers"]
    assert waiting["id"] in waiting["message"]
    assert admin.get(POLICY)["policy"] == before["policy"]
    shown = admin.get(f"/approvals/{waiting['id']}")
    assert (shown["subject"], shown["requester"], shown["gated"]) == (
        "alias:policy/approvals@current",
        "admin",
        "not gated",
    )
    place = f"/approvals/{waiting['id']}"
    assert admin.refused("POST", f"{place}/approve", {}, status=403)["code"] == "self_approval"
    assert second.refused("POST", f"{place}/withdraw", {}, status=403)
    applied = second.call("POST", f"{place}/approve", {"comment": "yes"})
    assert (applied["state"], applied["decider"], applied["comment"]) == ("applied", "consenter", "yes")
    assert admin.get(POLICY)["policy"]["expires_days"] == 3
    assert second.refused("POST", f"{place}/refuse", {}, status=409)
    back = second.send("PUT", POLICY, json={"policy": before["policy"]})  # security may push, and not consent to it
    assert second.refused("POST", f"/approvals/{back.json()['approval']['id']}/approve", {}, status=403)
    admin.call("POST", f"/approvals/{back.json()['approval']['id']}/approve", {})


def test_who_consents(people: Mapping[str, Api], admin: Api, second: Api, as_found: None) -> None:
    waiting = admin.send("PUT", POLICY, json={"policy": {"expires_days": 2}}).json()["approval"]["id"]
    for role in ("operator", "developer", "viewer"):
        refused = people[role].refused("POST", f"/approvals/{waiting}/approve", {}, status=403)
        assert refused["code"] == "permission_missing"
    robot = admin.call("POST", "/actors", {"name": "cd", "kind": "service_account", "roles": ["admin"]}, status=201)
    key = admin.call("POST", "/keys", {"name": "cd", "actor_id": robot["id"], "scopes": ["api"]}, status=201)
    by_robot = Api(admin.client, key["secret"])
    assert by_robot.refused("POST", f"/approvals/{waiting}/approve", {}, status=403)["code"] == "person_required"
    assert second.call("POST", f"/approvals/{waiting}/refuse", {"comment": "no"})["state"] == "refused"


def test_what_a_policy_cannot_be(admin: Api) -> None:
    assert "expires_days" in admin.refused("PUT", POLICY, {"policy": {"expires_days": 0}}, status=400)["message"]
    assert admin.refused("PUT", "/policies/guards", {"policy": {}}, status=404)["param"] == "name"
    admin.refused("PUT", POLICY, {"policy": {"expires_days": 5}, "emergency": ""}, status=400)


def test_a_session_of_the_console_is_bound_alike(admin: Api, second: Api, as_found: None) -> None:
    waiting = admin.send("PUT", POLICY, json={"policy": {"expires_days": 4}}).json()["approval"]["id"]
    headers = {"sec-fetch-site": "same-origin", CSRF_HEADER: "token of open"}
    admin.client.cookies.set("session", "open")
    try:
        answer = admin.client.post(f"/api/approvals/{waiting}/approve", headers=headers, json={})
    finally:
        admin.client.cookies.clear()
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "self_approval"
