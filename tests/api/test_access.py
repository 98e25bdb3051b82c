"""Who may call: keys, scopes, roles, the console's session. Every handler is in the table."""

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.testing import TestClient

from genaiops.api._access import Needs
from genaiops.app.services import Services
from genaiops.hub import PERMISSIONS, NewKey
from tests.api.arena_access import ARENA
from tests.api.conftest import ROLES, Api
from tests.api.serving import SERVING

# Method and path -> what it needs; None: any working key (the handler looks closer, see the tests of keys).
TABLE: dict[tuple[str, str], str | None] = {
    ("GET", "/me"): None,
    ("GET", "/keys"): "read",
    ("POST", "/keys"): None,
    ("GET", "/keys/{key_id:str}"): "read",
    ("PATCH", "/keys/{key_id:str}"): None,
    ("DELETE", "/keys/{key_id:str}"): None,
    ("POST", "/keys/{key_id:str}/rotate"): None,
    ("GET", "/actors"): "read",
    ("POST", "/actors"): "people",
    ("GET", "/actors/{actor_id:str}"): "read",
    ("PATCH", "/actors/{actor_id:str}"): "people",
    ("GET", "/roles"): "read",
    ("GET", "/roles/{role:str}"): "read",
    ("GET", "/tenants"): "read",
    ("POST", "/tenants"): "tenants",
    ("GET", "/tenants/{tenant_id:path}"): "read",
    ("PATCH", "/tenants/{tenant_id:path}"): "tenants",
    ("DELETE", "/tenants/{tenant_id:path}"): "tenants",
    ("GET", "/alerts"): "read",
    ("GET", "/alerts/{alert_id:str}"): "read",
    ("POST", "/alerts/{alert_id:str}/acknowledge"): "alerts",
    ("POST", "/alerts/{alert_id:str}/close"): "alerts",
    ("GET", "/findings"): "read",
    ("POST", "/findings"): "findings",
    ("GET", "/findings/{finding_id:str}"): "read",
    ("PATCH", "/findings/{finding_id:str}"): "findings",
    ("POST", "/findings/{finding_id:str}/close"): "review",
    ("POST", "/findings/{finding_id:str}/reopen"): "review",
    ("GET", "/tasks"): "read",
    ("GET", "/tasks/{task_id:str}"): "read",
    ("POST", "/tasks/{task_id:str}/release"): "review",
    ("POST", "/tasks/{task_id:str}/refuse"): "review",
    ("GET", "/queues"): None,
    ("POST", "/queues"): "artifacts",
    ("GET", "/queues/{name:str}"): None,
    ("PATCH", "/queues/{name:str}"): "artifacts",
    ("DELETE", "/queues/{name:str}"): "artifacts",
    ("PUT", "/queues/{name:str}/guidelines"): None,
    ("GET", "/queues/{name:str}/results"): None,
    ("POST", "/queues/{name:str}/dataset"): "artifacts",
    ("GET", "/queues/{name:str}/judge-labels"): "artifacts",
    ("POST", "/queues/{name:str}/scores"): "artifacts",
    ("POST", "/queues/{name:str}/next"): "label",
    ("GET", "/queues/{name:str}/items"): "read",
    ("POST", "/queues/{name:str}/items"): "artifacts",
    ("GET", "/queues/{name:str}/items/{place:int}"): "label",
    ("PUT", "/queues/{name:str}/items/{place:int}/label"): "label",
    ("DELETE", "/queues/{name:str}/items/{place:int}/label"): "label",
    ("POST", "/queues/{name:str}/items/{place:int}/skip"): "label",
    ("POST", "/queues/{name:str}/items/{place:int}/settle"): "label",
    ("GET", "/queues/{name:str}/items/{place:int}/history"): "label",
    ("GET", "/approvals"): "read",
    ("GET", "/approvals/{approval_id:str}"): "read",
    ("POST", "/approvals/{approval_id:str}/approve"): "approve",
    ("POST", "/approvals/{approval_id:str}/refuse"): "approve",
    ("POST", "/approvals/{approval_id:str}/withdraw"): None,
    ("GET", "/policies/{name:str}"): "read",
    ("PUT", "/policies/{name:str}"): "policies",
    ("GET", "/guards"): "read",
    ("GET", "/detectors"): "read",
    ("GET", "/provenance"): "read",
    ("GET", "/detectors/{name:str}"): "read",
    ("GET", "/fingerprints"): "read",
    ("POST", "/fingerprints/pieces"): "policies",
    ("POST", "/fingerprints/missing"): "policies",
    ("GET", "/fingerprints/{name:str}"): "read",
    ("PUT", "/fingerprints/{name:str}"): "policies",
    ("PUT", "/fingerprints/{name:str}/aliases/{alias:str}"): "policies",
    ("GET", "/guards/schema"): "read",
    ("POST", "/guards/check"): "read",
    ("POST", "/guards/diff"): "read",
    ("POST", "/guards/test"): "read",
    ("POST", "/guards/replay"): "content",
    ("GET", "/guards/replays"): "content",
    ("GET", "/guards/replays/{run_id:str}"): "content",
    ("DELETE", "/guards/replays/{run_id:str}"): "content",
    ("POST", "/guards/replays/{run_id:str}/stop"): "content",
    ("POST", "/guards/replays/{run_id:str}/resume"): "content",
    ("GET", "/guards/{name:str}"): "read",
    ("PUT", "/guards/{name:str}"): "policies",
    ("PUT", "/guards/{name:str}/aliases/{alias:str}"): "policies",
    ("DELETE", "/guards/{name:str}/aliases/{alias:str}"): "policies",
    ("GET", "/teams"): "read",
    ("POST", "/teams"): "people",
    ("GET", "/teams/{team_id:path}"): "read",
    ("PATCH", "/teams/{team_id:path}"): "people",
    ("DELETE", "/teams/{team_id:path}"): "people",
    ("GET", "/groups"): "read",
    ("PUT", "/groups"): "people",
    ("DELETE", "/groups"): "people",
    ("GET", "/environments"): "read",
    ("POST", "/environments"): "environments",
    ("GET", "/environments/{environment_id:path}"): "read",
    ("PATCH", "/environments/{environment_id:path}"): "environments",
    ("DELETE", "/environments/{environment_id:path}"): "environments",
    ("GET", "/targets"): "read",
    ("POST", "/targets"): "targets",
    ("GET", "/targets/health"): "read",
    ("GET", "/routes/shares"): "read",
    ("GET", "/prices/unknown"): "read",
    ("GET", "/targets/{target_id:path}"): "read",
    ("PUT", "/targets/{target_id:path}"): "targets",
    ("DELETE", "/targets/{target_id:path}"): "targets",
    ("POST", "/embedded/{name:str}"): "targets",
    ("GET", "/routes"): "read",
    ("POST", "/routes"): "routes",
    ("GET", "/routes/{route_id:path}"): "read",
    ("PUT", "/routes/{route_id:path}"): "routes",
    ("DELETE", "/routes/{route_id:path}"): "routes",
    ("GET", "/models"): "read",
    ("GET", "/models/benchmarks"): "read",
    ("GET", "/caches"): "read",
    ("DELETE", "/caches/{route_id:path}"): "routes",
    ("GET", "/shadows/{route_id:path}"): "read",
    ("GET", "/catalogue"): "read",
    ("GET", "/catalogue/{name:path}"): "read",
    ("GET", "/presets"): "read",
    ("GET", "/presets/{name:str}"): "read",
    ("GET", "/prices"): "read",
    ("POST", "/prices"): "prices",
    ("POST", "/prices/import"): "prices",
    ("GET", "/prices/check"): "read",
    ("POST", "/prices/check"): "prices",
    ("GET", "/budgets"): "read",
    ("POST", "/budgets"): "budgets",
    ("GET", "/budgets/{budget_id:str}"): "read",
    ("PATCH", "/budgets/{budget_id:str}"): "budgets",
    ("DELETE", "/budgets/{budget_id:str}"): "budgets",
    ("POST", "/budgets/{budget_id:str}/reset"): "budgets",
    ("GET", "/limits"): "read",
    ("POST", "/limits"): "budgets",
    ("GET", "/limits/{limit_id:str}"): "read",
    ("PUT", "/limits/{limit_id:str}"): "budgets",
    ("DELETE", "/limits/{limit_id:str}"): "budgets",
    ("GET", "/issuers"): "read",
    ("POST", "/issuers"): "issuers",
    ("GET", "/issuers/{issuer_id:path}"): "read",
    ("PUT", "/issuers/{issuer_id:path}"): "issuers",
    ("DELETE", "/issuers/{issuer_id:path}"): "issuers",
    ("GET", "/secrets"): "targets",
    ("PUT", "/secrets/{name:str}"): "targets",
    ("DELETE", "/secrets/{name:str}"): "targets",
    ("POST", "/secrets/rotate"): "issuers",
    ("GET", "/audit/events"): "audit",
    ("GET", "/audit/events/{seq:int}"): "audit",
    ("GET", "/audit/events/{seq:int}/proof"): "audit",
    ("GET", "/audit/consistency"): "read",
    ("GET", "/audit/checkpoint"): "read",
    ("POST", "/audit/checkpoint"): "audit",
    ("GET", "/audit/export"): "audit",
    ("GET", "/artifacts"): "read",
    ("GET", "/artifacts/{artifact_id:path}"): "read",
    ("GET", "/applications"): "read",
    ("POST", "/applications"): "applications",
    ("GET", "/applications/{application_id:str}"): "read",
    ("PATCH", "/applications/{application_id:str}"): "applications",
    ("DELETE", "/applications/{application_id:str}"): "applications",
    ("POST", "/applications/{application_id:str}/acknowledgement"): "applications",
    ("DELETE", "/applications/{application_id:str}/acknowledgement"): "applications",
    ("GET", "/releases"): "read",
    ("POST", "/releases"): "applications",
    ("GET", "/releases/{release_id:str}"): "read",
    ("GET", "/releases/{release_id:str}/diff/{other:str}"): "read",
    ("GET", "/releases/{release_id:str}/verify"): "read",
    **ARENA,
    ("GET", "/redteam/packs"): "read",
    ("POST", "/redteam/suites"): "read",
    **SERVING,
    ("GET", "/erasures"): "read",
    ("GET", "/erasures/{erasure_id:str}"): "read",
    ("POST", "/erasures"): "erase",
    ("POST", "/erasures/preview"): "erase",
    ("POST", "/artifacts"): "artifacts",
    ("PATCH", "/artifacts/{artifact_id:path}"): "artifacts",
    ("GET", "/versions/{reference:path}"): "read",
    ("GET", "/version-diff"): "read",
    ("GET", "/aliases/{alias_id:path}"): "read",
    ("PUT", "/aliases/{alias_id:path}"): "artifacts",
    ("DELETE", "/aliases/{alias_id:path}"): "artifacts",
    ("POST", "/prompts/lint"): "read",
    ("POST", "/prompts/budget"): "read",
    ("POST", "/prompts/render"): "read",
    ("GET", "/datasets"): "read",
    ("POST", "/datasets"): "artifacts",
    ("GET", "/datasets/version"): "read",
    ("GET", "/datasets/versions"): "read",
    ("GET", "/datasets/rows"): "read",
    ("GET", "/datasets/diff"): "read",
    ("POST", "/datasets/missing"): "artifacts",
    ("POST", "/datasets/chunks"): "artifacts",
    ("POST", "/datasets/aliases"): "artifacts",
    ("POST", "/datasets/from-traces"): "artifacts",
    ("POST", "/datasets/add"): "artifacts",
    ("GET", "/lineage/{ref:path}"): "read",
    ("GET", "/used-by/{reference:path}"): "read",
    ("POST", "/lineage"): "artifacts",
    ("GET", "/scores"): "read",
    ("POST", "/scores"): "playground",
    ("GET", "/guards/verdicts"): "read",
    ("GET", "/guards/figures"): "read",
    ("POST", "/traces/{trace_id:str}/verdicts/{verdict_id:str}/mark"): "playground",
    ("GET", "/state"): "read",
    ("POST", "/state"): None,
    ("GET", "/traces"): "read",
    ("GET", "/traces/tail"): "read",
    ("GET", "/traces/export"): "read",
    ("GET", "/traces/{trace_id:str}"): "read",
    ("GET", "/traces/{trace_id:str}/media/{digest:str}"): "read",
    ("POST", "/traces/{trace_id:str}/scores"): "playground",
    ("GET", "/overview"): "read",
    ("POST", "/prices/estimate"): "read",
    ("GET", "/usage"): "read",
    ("GET", "/usage/anomalies"): "read",
    ("GET", "/status"): "read",
}


ENDLESS = {("GET", "/traces/tail")}
"""Would not end where it is allowed; its own tests are in test_traces.py."""


def handlers(client: TestClient[Litestar]) -> Mapping[tuple[str, str], HTTPRouteHandler]:
    found: dict[tuple[str, str], HTTPRouteHandler] = {}
    for route in client.app.routes:
        if not route.path.startswith("/api/") or route.path.startswith("/api/openapi"):
            continue
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods - {"OPTIONS", "HEAD"}:
                found[method, route.path.removeprefix("/api")] = handler
    return found


def test_every_handler_is_in_the_table_and_says_what_it_needs(client: TestClient[Litestar]) -> None:
    found: dict[tuple[str, str], str | None] = {}
    for place, handler in handlers(client).items():
        guards = [guard for guard in handler.resolve_guards() if isinstance(guard, Needs)]
        assert len(guards) == 1, place
        found[place] = guards[0].permission
    assert found == TABLE


@pytest.mark.parametrize("role", ROLES)
def test_roles(role: str, people: Mapping[str, Api]) -> None:
    wrong = [
        (place, answer.status_code, answer.text)
        for place, permission in TABLE.items()
        if permission and place not in ENDLESS
        if not answers_as_told(answer := asked(people[role], *place), allowed=permission in PERMISSIONS[role])  # pyright: ignore[reportArgumentType]
    ]
    assert not wrong


def asked(somebody: Api, method: str, path: str) -> Any:
    path = re.sub(r"\{\w+:int\}", "1", re.sub(r"\{\w+:(str|path)\}", "absent", path))
    return somebody.send(method, path, **({"json": {"nonsense": 1}} if method in {"POST", "PUT", "PATCH"} else {}))


def answers_as_told(answer: Any, *, allowed: bool) -> bool:
    refused = answer.status_code == 403 and answer.json()["error"]["code"] == "permission_missing"
    return answer.status_code not in {401, 403} if allowed else refused


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense", "nonsense"])
def test_without_a_working_key(header: str | None, client: TestClient[Litestar]) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = client.get("/api/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["type"] == "authentication_error"


def test_a_key_for_calls_only_does_not_open_the_api(admin: Api, client: TestClient[Litestar]) -> None:
    made = admin.call("POST", "/keys", {"name": "calls-only"}, status=201)
    error = Api(client, made["secret"]).refused("GET", "/me", status=403)
    assert error["code"] == "scope_missing"


def test_a_revoked_key_and_a_disabled_actor_are_out_at_once(admin: Api, client: TestClient[Litestar]) -> None:
    actor = admin.call("POST", "/actors", {"name": "bob", "kind": "person", "roles": ["viewer"]}, status=201)
    body = {"name": "bobs", "actor_id": actor["id"], "scopes": ["api"]}
    one, two = (admin.call("POST", "/keys", body, status=201) for _ in range(2))
    bob, again = Api(client, one["secret"]), Api(client, two["secret"])
    assert bob.get("/me")["actor"]["name"] == "bob"
    assert admin.call("DELETE", f"/keys/{one['id']}")["state"] == "revoked"
    bob.refused("GET", "/me", status=401)
    assert again.get("/me")["permissions"] == ["read", "content"]
    admin.call("PATCH", f"/actors/{actor['id']}", {"disabled": True})
    again.refused("GET", "/me", status=401)
    admin.call("PATCH", f"/actors/{actor['id']}", {"disabled": False})
    assert again.get("/me")["actor"]["disabled_at"] is None


def test_address_lists_of_keys_hold(services: Services, client: TestClient[Litestar], by_socket: httpx.Client) -> None:
    new = NewKey(name="far", actor_id="admin", addresses=("192.0.2.0/24",), scopes=("api",))
    _, text = services.hub.keys.create(new, by="admin")
    key = {"authorization": f"Bearer {text}"}
    # A worker says on the unix socket who its client is.
    for address, status in (("192.0.2.7", 200), ("192.0.3.7", 401), ("nonsense", 401)):
        assert by_socket.get("/api/me", headers={**key, "x-forwarded-for": address}).status_code == status
    assert by_socket.get("/api/me", headers=key).status_code == 401
    # Anybody else has an address of their own, and is not believed.
    assert client.get("/api/me", headers={**key, "x-forwarded-for": "192.0.2.7"}).status_code == 401


def test_me(admin: Api) -> None:
    me = admin.get("/me")
    assert me["actor"]["name"] == "admin"
    assert me["key"]["name"] == "admin"
    assert set(me["permissions"]) == PERMISSIONS["admin"]
    assert admin.key
    assert admin.key not in str(me)


class TestSession:
    """`session=open` is somebody at the console."""

    @pytest.fixture
    def visitor(self, client: TestClient[Litestar]) -> Api:
        return Api(client, None)

    def test_reads_from_the_same_origin(self, visitor: Api) -> None:
        headers = {"cookie": "session=open", "sec-fetch-site": "same-origin"}
        assert visitor.call("GET", "/me", headers=headers)["key"] is None

    @pytest.mark.parametrize(
        "headers",
        [{}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"}],
    )
    def test_another_origin_gets_nothing(self, visitor: Api, headers: dict[str, str]) -> None:
        error = visitor.refused("GET", "/me", status=403, headers={"cookie": "session=open", **headers})
        assert error["code"] == "cross_origin"

    @pytest.mark.parametrize("token", [{}, {"x-genaiops-csrf": "token of somebody else"}])
    def test_a_write_needs_the_token(self, visitor: Api, token: dict[str, str]) -> None:
        headers = {"cookie": "session=open", "origin": "http://testserver.local", **token}
        assert visitor.refused("POST", "/teams", {"name": "x"}, status=403, headers=headers)["code"] == "csrf"

    def test_a_write_with_the_token(self, visitor: Api) -> None:
        headers = {
            "cookie": "session=open",
            "origin": "http://testserver.local",
            "x-genaiops-csrf": "token of open",
        }
        made = visitor.call("POST", "/teams", {"name": "by-session"}, status=201, headers=headers)
        assert made["id"] == "by-session"

    def test_no_session_is_nobody(self, visitor: Api) -> None:
        error = visitor.refused("GET", "/me", status=401, headers={"cookie": "session=over"})
        assert error["code"] == "missing_api_key"


def test_the_description_is_open_and_whole(client: TestClient[Litestar]) -> None:
    document = client.get("/api/openapi.json").json()
    described = {
        (method.upper(), path.removeprefix("/api"))
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == {(method, _without_types(path)) for method, path in TABLE}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/Error")
    schemas = document["components"]["schemas"]
    assert schemas["KeyDocument"]["description"].startswith("A key without its secret")
    assert schemas["KeyDocumentList"]["properties"]["data"]["items"] == {"$ref": "#/components/schemas/KeyDocument"}
    assert not [name for name in schemas if "." in name]
    names = {each["name"] for each in document["paths"]["/api/traces"]["get"]["parameters"]}
    assert {"since", "until", "status", "q", "cursor", "limit", "min_cost_nano"} <= names
    for path in ("/api", "/api/swagger", "/api/redoc"):  # no page that would load scripts from elsewhere
        assert client.get(path).json()["error"]["code"] == "not_found"


def _without_types(path: str) -> str:
    return path.replace(":str}", "}").replace(":path}", "}").replace(":int}", "}")
