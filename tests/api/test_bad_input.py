"""What is wrong with a request is said with the field's name, in one form, and never with a stack or a value."""

import json
import re

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.services import Services
from genaiops.core.errors import StoreError
from tests.api.conftest import Api

TEAMS = "/teams"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (TEAMS, b"", None),
        (TEAMS, b"{", None),
        (TEAMS, b"[]", None),
        (TEAMS, b"null", None),
        (TEAMS, b'"name"', None),
        (TEAMS, b'{"name": "a"} trailing', None),
        (TEAMS, b"\xff\xfe", None),
        (TEAMS, b'{"name": "\xff"}', None),
        (TEAMS, b"{}", "name"),
        (TEAMS, b'{"name": 5}', "name"),
        (TEAMS, b'{"name": null}', "name"),
        (TEAMS, b'{"name": "a", "titel": "b"}', "titel"),
        (TEAMS, b'{"name": "' + b"a" * 200 + b'"}', "name"),
        (TEAMS, b'{"name": "a", "title": "' + b"b" * 300 + b'"}', "title"),
        (TEAMS, b'{"name": "../a"}', "name"),
        ("/actors", b'{"name": "a", "kind": "robot"}', "kind"),
        ("/actors", b'{"name": "a", "kind": "person", "roles": "admin"}', "roles"),
        ("/actors", b'{"name": "a", "kind": "person", "roles": ["root"]}', "roles[0]"),
        ("/environments", b'{"name": "a", "kind": "dev", "capture": "some"}', "capture"),
        ("/targets", b'{"id": "a", "provider": "openai", "model": "m", "upstream_model": "m"}', "base_url"),
        ("/targets", b'{"id": "a", "provider": "opeanai", "model": "m", "upstream_model": "m"}', "provider"),
        (
            "/targets",
            b'{"id": "a", "provider": "openai", "model": "m", "upstream_model": "m", "base_url": "file:///etc/passwd"}',
            "base_url",
        ),
        (
            "/targets",
            b'{"id": "a", "provider": "echo", "model": "m", "upstream_model": "m", "enabled": "true"}',
            "enabled",
        ),
        (
            "/targets",
            b'{"id": "a", "provider": "echo", "model": "m", "upstream_model": "m", "timeouts": {"idle": -1}}',
            "timeouts.idle",
        ),
        (
            "/targets",
            b'{"id": "a", "provider": "echo", "model": "m", "upstream_model": "m", "timeouts": {"idel": 1}}',
            "timeouts.idel",
        ),
        ("/routes", b'{"id": "r", "targets": []}', "targets"),
        ("/prices", b'{"provider": "p", "model": "m", "input": 1.5, "output": "2"}', "input"),
        ("/budgets", b'{"scope": ["team", "default"], "limit": "25 USD"}', "scope"),
        ("/budgets", b'{"scope": {"kind": "planet", "id": "x"}, "limit": "25 USD"}', "scope.kind"),
        ("/budgets", b'{"scope": {"kind": "team", "id": "default"}, "limit": "25"}', "limit"),
        ("/budgets", b'{"scope": {"kind": "team", "id": "default"}, "limit": 25}', "limit"),
        ("/budgets", b'{"scope": {"kind": "team", "id": "default"}, "limit": "9 calls", "period": "year"}', "period"),
        ("/limits", b'{"scope": {"kind": "team", "id": "default"}}', "requests_per_minute"),
        ("/limits", b'{"scope": {"kind": "team", "id": "default"}, "concurrency": "2"}', "concurrency"),
        ("/issuers", b'{"id": "i", "algorithm": "none"}', "algorithm"),
        ("/issuers", b'{"id": "i", "algorithm": "HS256"}', "secret"),
        ("/prices/import", b'{"toml": "not a table"}', "prices"),
    ],
)
def test_bodies(admin: Api, path: str, body: bytes, param: str | None) -> None:
    error = admin.refused("POST", path, status=400, content=body, headers={"content-type": "application/json"})
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert "Traceback" not in json.dumps(error)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/keys?limit=0", "limit"),
        ("/keys?limit=many", "limit"),
        ("/keys?limt=5", "limt"),
        ("/me?x=1", "x"),
        ("/traces?limit=501", "limit"),
        ("/traces?limit=1.5", "limit"),
        ("/traces?staus=error", "staus"),
        ("/traces?status=bad", "status"),
        ("/traces?status=error&status=ok", "status"),
        ("/traces?since=yesterday", "since"),
        ("/traces?min_cost_nano=-1", "min_cost_nano"),
        ("/traces?min_cost_nano=99999999999999999999", "min_cost_nano"),
        ("/traces?min_duration_us=9223372036854775807", "min_duration_us"),
        ("/traces?cursor=nonsense", "cursor"),
        ("/traces/tail?limit=5", "limit"),
        ("/traces/123", "trace_id"),
        ("/traces/" + "g" * 32, "trace_id"),
        ("/usage?step=week", "step"),
        ("/usage?group_by=colour", "group_by"),
        ("/usage?group_by=key,key_id", "group_by"),
        ("/usage?since=1h&until=2h", "until"),
        ("/overview?hours=0", "hours"),
        ("/artifacts?kind=tool", "kind"),
        ("/prices?history=perhaps", "history"),
    ],
)
def test_parameters(admin: Api, path: str, param: str) -> None:
    error = admin.refused("GET", path, status=400)
    assert error["param"] == param
    assert error["type"] == "invalid_request_error"


def test_a_slip_is_answered_with_what_was_meant(admin: Api) -> None:
    assert "Did you mean 'status'?" in admin.refused("GET", "/traces?staus=error", status=400)["message"]
    assert "Did you mean 'limit'?" in admin.refused("GET", "/keys?limt=5", status=400)["message"]
    error = admin.refused("POST", TEAMS, {"name": "a", "titel": "b"}, status=400)
    assert "Did you mean 'title'?" in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/keys/key_absent", 404, "not_found"),
        ("GET", "/targets/no/such", 404, "not_found"),
        ("GET", "/traces/" + "0" * 31 + "1", 404, "not_found"),
        ("GET", f"/audit/consistency?first=1&second={1 << 64}", 404, "audit_shorter"),
        ("GET", f"/audit/events/{1 << 64}/proof", 404, "not_found"),
        ("PUT", "/me", 405, "method_not_allowed"),
        ("DELETE", "/status", 405, "method_not_allowed"),
    ],
)
def test_places(admin: Api, method: str, path: str, status: int, code: str) -> None:
    assert admin.refused(method, path, status=status)["code"] == code


def test_an_unknown_place_needs_no_key_and_says_json(client: TestClient[Litestar]) -> None:
    answer = client.get("/nowhere", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_body_that_is_too_large(admin: Api) -> None:
    body = b'{"name": "' + b"a" * (11 << 20) + b'"}'
    assert admin.refused("POST", TEAMS, status=413, content=body)["code"] == "request_too_large"


def test_a_form_of_another_page_is_no_json(admin: Api) -> None:
    error = admin.refused("POST", TEAMS, status=400, data={"name": "form"})
    assert error["code"] == "invalid_json"


def test_a_fault_of_ours_shows_nothing_of_itself(
    admin: Api, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("a detail of the inside")

    monkeypatch.setattr(services.hub.teams, "list", broken)
    error = admin.refused("GET", TEAMS, status=500)
    assert error["code"] == "internal_error"
    assert "detail" not in error["message"]
    assert "a detail of the inside" in caplog.text


def test_a_store_that_fails(admin: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise StoreError("The disk is full.", remedy="Make room.", code="disk_full")

    monkeypatch.setattr(services.hub.teams, "list", full)
    error = admin.refused("GET", TEAMS, status=500)
    assert (error["code"], error["message"]) == ("disk_full", "The disk is full. Make room.")


def test_the_values_of_an_enumeration_are_named(admin: Api) -> None:
    error = admin.refused("POST", "/keys", {"name": "k", "scopes": ["calls", "bogus"]}, status=400)
    assert error["remedy"] == "There are: api, calls, ingest."
    body = {"scope": {"kind": "teem", "id": "x"}, "limit": "1 USD"}
    assert "team" in admin.refused("POST", "/budgets", body, status=400)["remedy"]
    for query, said in (
        ("ability=foo", "There are: audio"),
        ("provider=opena", "Did you mean 'openai'?"),
        ("preset=groc", "Did you mean 'groq'?"),
    ):
        assert admin.refused("GET", f"/catalogue?{query}", status=400)["remedy"].startswith(said)


def test_the_largest_request_and_the_methods_are_named(admin: Api) -> None:
    large = admin.refused("POST", "/keys", {"name": "x" * 11_000_000}, status=413)
    assert re.search(r"larger than [0-9,]{9,10} bytes", large["message"])
    wrong = admin.refused("PATCH", "/targets", {}, status=405)
    assert wrong["remedy"] == "It answers to GET, OPTIONS, POST."
    assert admin.refused("GET", "/nothing", status=404)["remedy"] == "See /api/openapi.json for what there is."
    assert admin.refused("GET", "/teams/defalt", status=404)["remedy"] == "Did you mean 'default'?"
