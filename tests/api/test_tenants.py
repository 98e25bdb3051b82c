"""Business units: what is one's own, and what of others cannot be seen or changed."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import Content, Cost, Span, Usage
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api


def key_of(admin: Api, name: str, environment: str, *roles: str, tenant: str) -> Api:
    body = {"name": name, "kind": "person", "roles": roles, "tenant_id": tenant}
    actor = admin.call("POST", "/actors", body, status=201)
    fields = {"name": name, "actor_id": actor["id"], "scopes": ["calls", "api"], "environment_id": environment}
    return Api(admin.client, admin.call("POST", "/keys", fields, status=201)["secret"])


@pytest.fixture(scope="module")
def retail(admin: Api) -> Api:
    """The administrator of the business unit retail."""
    made = admin.call("POST", "/tenants", {"name": "retail", "title": "Retail", "admin": "rita"}, status=201)
    assert [(each["id"], each["kind"], each["capture"]) for each in made["environments"]] == [
        ("retail-dev", "dev", "full"),
        ("retail-preprod", "preprod", "full"),
        ("retail-prod", "prod", "preview"),
    ]
    assert [each["id"] for each in made["teams"]] == ["retail"]
    rita = next(each for each in admin.get("/actors")["data"] if each["name"] == "rita")
    fields = {"name": "rita", "actor_id": rita["id"], "scopes": ["api"], "environment_id": "retail-dev"}
    return Api(admin.client, admin.call("POST", "/keys", fields, status=201)["secret"])


def ids(api: Api, place: str) -> set[str]:
    return {each["id"] for each in api.get(place, **({"limit": 500} if place == "/keys" else {}))["data"]}


def test_only_the_platform_makes_business_units(people: Mapping[str, Api], retail: Api, admin: Api) -> None:
    for api in (people["operator"], retail):
        assert api.refused("POST", "/tenants", {"name": "more"}, status=403)["code"] == "permission_missing"
    assert ids(retail, "/tenants") == {"retail"}
    assert {"default", "retail"} <= ids(admin, "/tenants")
    assert admin.refused("DELETE", "/tenants/retail", status=409)["code"] == "in_use"
    assert admin.refused("POST", "/tenants", {"name": "retail"}, status=409)


def test_a_unit_sees_and_changes_its_own(retail: Api, admin: Api) -> None:
    assert ids(retail, "/environments") == {"retail-dev", "retail-preprod", "retail-prod"}
    assert ids(retail, "/teams") == {"retail"}
    assert {each["name"] for each in retail.get("/actors")["data"]} == {"rita"}
    assert {each["name"] for each in retail.get("/keys")["data"]} == {"rita"}
    team = retail.call("POST", "/teams", {"name": "retail-web"}, status=201)
    assert team["tenant_id"] == "retail"
    actor = retail.call(
        "POST",
        "/actors",
        {"name": "rob", "kind": "person", "roles": ["developer"], "team_id": "retail-web"},
        status=201,
    )
    assert actor["tenant_id"] == "retail"
    fields = {"name": "rob", "actor_id": actor["id"], "environment_id": "retail-dev"}
    assert retail.call("POST", "/keys", fields, status=201)["tenant_id"] == "retail"
    budget = {"scope": {"kind": "team", "id": "retail-web"}, "limit": "5 USD"}
    made = retail.call("POST", "/budgets", budget, status=201)
    assert ids(retail, "/budgets") == {made["id"]}


def test_what_is_anothers_is_not_there(retail: Api, admin: Api, people: Mapping[str, Api]) -> None:
    admin.call("POST", "/teams", {"name": "pensions"}, status=201)
    budget = admin.call("POST", "/budgets", {"scope": {"kind": "team", "id": "pensions"}, "limit": "5 USD"}, status=201)
    mine = admin.get("/me")
    for method, path, body in (
        ("GET", "/teams/pensions", None),
        ("PATCH", "/teams/pensions", {"title": "ours"}),
        ("DELETE", "/teams/pensions", None),
        ("GET", "/environments/prod", None),
        ("PATCH", "/environments/prod", {"capture": "off"}),
        ("GET", "/actors/admin", None),
        ("PATCH", "/actors/admin", {"disabled": True}),
        ("GET", f"/keys/{mine['key']['id']}", None),
        ("DELETE", f"/keys/{mine['key']['id']}", None),
        ("POST", f"/keys/{mine['key']['id']}/rotate", {}),
        ("DELETE", f"/budgets/{budget['id']}", None),
        ("GET", "/tenants/default", None),
    ):
        assert retail.refused(method, path, body, status=404), path
    retail.refused("POST", "/keys", {"name": "x", "environment_id": "prod"}, status=404)
    retail.refused("POST", "/teams", {"name": "x", "tenant_id": "default"}, status=404)
    retail.refused("POST", "/budgets", {"scope": {"kind": "tenant", "id": "default"}, "limit": "1 USD"}, status=404)
    target = {"id": "own", "provider": "echo", "model": "m", "upstream_model": "m"}
    assert retail.refused("POST", "/targets", target, status=403)["code"] == "permission_missing"
    assert "retail" not in ids(people["operator"], "/teams")  # and the organisation's people do not see the unit's
    people["operator"].refused("GET", "/environments/retail-dev", status=404)


def test_a_description_is_of_ones_own(retail: Api, admin: Api) -> None:
    found = retail.get("/state")
    assert set(found["environments"]) == {"retail-dev", "retail-preprod", "retail-prod"}
    assert set(found["actors"]) <= {"rita", "rob"}
    same = retail.call("POST", "/state", {"state": {"teams": found["teams"]}, "prune": True, "dry_run": True})
    assert same["changes"] == []
    taken = {"state": {"teams": {"default": {"tenant": "retail"}}}}
    retail.refused("POST", "/state", taken, status=409)
    whole = admin.get("/state")
    assert whole["tenants"]["retail"] == {"title": "Retail"}
    assert whole["environments"]["retail-prod"]["tenant"] == "retail"
    again = admin.call("POST", "/state", {"state": whole, "dry_run": True})
    assert again["changes"] == []


def span(tenant: str, environment: str, text: str) -> Batch:
    now = now_us()
    one = Span(
        trace_id=new_trace_id(),
        span_id=new_span_id(),
        name="chat parrot",
        kind="gateway",
        operation="chat",
        start_us=now - 1000,
        duration_us=1000,
        tenant_id=tenant,
        environment_id=environment,
        request_model=text,
        usage=Usage(input_uncached=5, output_text=5),
        owns_usage=True,
        cost=Cost(7),
        input_preview=f"about {text}",
        content="inline",
    )
    return Batch(
        spans=[one], contents=[Content(trace_id=one.trace_id, span_id=one.span_id, start_us=now, text=f"about {text}")]
    )


@pytest.fixture(scope="module")
def traces(services: Services, retail: Api) -> Mapping[str, str]:
    """Environment -> the id of a trace in it."""
    found: dict[str, str] = {}
    for tenant, environment in (("retail", "retail-dev"), ("retail", "retail-prod"), ("default", "preprod")):
        batch = span(tenant, environment, f"tiger-{environment}")
        services.telemetry.write(batch)
        found[environment] = batch.spans[0].trace_id.hex()
    return found


def seen(api: Api, **query: Any) -> set[str]:
    return {each["trace_id"] for each in api.get("/traces", **query)["data"]}


def test_traces_and_figures_are_a_units_own(
    retail: Api, people: Mapping[str, Api], admin: Api, traces: Mapping[str, str]
) -> None:
    own = {traces["retail-dev"], traces["retail-prod"]}
    assert seen(retail) == own
    assert seen(admin) >= set(traces.values())
    assert not seen(people["viewer"]) & own
    retail.refused("GET", f"/traces/{traces['preprod']}", status=404)
    people["viewer"].refused("GET", f"/traces/{traces['retail-dev']}", status=404)
    usage = retail.get("/usage", group_by="model", since="1h")["data"]
    assert {row["group"]["request_model"] for row in usage} == {"tiger-retail-dev", "tiger-retail-prod"}
    assert retail.get("/usage", since="1h", environment_id="preprod")["data"] == []


def test_content_by_role_and_kind_of_environment(admin: Api, retail: Api, traces: Mapping[str, str]) -> None:
    engineer = key_of(admin, "ed", "retail-dev", "ml-engineer", tenant="retail")
    assert seen(engineer) == {traces["retail-dev"], traces["retail-prod"]}
    assert seen(engineer, q="about") == {traces["retail-dev"]}
    assert "about" in str(engineer.get(f"/traces/{traces['retail-dev']}"))
    assert "about" not in str(engineer.get(f"/traces/{traces['retail-prod']}"))
    assert "about" not in str(
        [each for each in engineer.get("/traces")["data"] if each["environment_id"] == "retail-prod"]
    )
    stakeholder = key_of(admin, "sue", "retail-dev", "stakeholder", tenant="retail")
    assert seen(stakeholder, q="about") == set()
    refused = engineer.refused("POST", "/keys", {"name": "x", "environment_id": "retail-prod"}, status=403)
    assert "in environments of the kind prod" in refused["message"]
    engineer.call("POST", "/keys", {"name": "x", "environment_id": "retail-dev"}, status=201)


def test_a_sandbox_has_a_cap_and_an_end_and_no_other_data(
    admin: Api, people: Mapping[str, Api], traces: Mapping[str, str], next_year: str
) -> None:
    made = admin.call("POST", "/environments", {"name": "trial", "kind": "sandbox", "cap": "3 USD"}, status=201)
    assert made["expires_at"] is not None
    (budget,) = [
        each for each in admin.get("/budgets")["data"] if each["scope"] == {"kind": "environment", "id": "trial"}
    ]
    assert (budget["limit"], budget["hard"], budget["period"]) == ("3", True, "total")
    inside = key_of(admin, "tina", "trial", "viewer", tenant="default")
    assert not seen(inside) & set(traces.values())
    inside.refused("GET", f"/traces/{traces['preprod']}", status=404)
    assert inside.get("/usage", since="1h")["data"] == []
    admin.refused("PATCH", "/environments/trial", {"expires_at": None}, status=400)
    assert admin.call("PATCH", "/environments/trial", {"expires_at": next_year})["expires_at"][:4] == next_year[:4]
    admin.refused("POST", "/environments", {"name": "stage", "kind": "preprod", "cap": "3 USD"}, status=400)


def test_rows_of_traces_are_for_who_may_read_the_traces(
    admin: Api, retail: Api, people: Mapping[str, Api], services: Services
) -> None:
    """A dataset of prod's traces does not carry them into a sandbox, nor to who may not read prod."""
    trace_id, span_id, now = new_trace_id(), new_span_id(), now_us()
    shared: dict[str, Any] = {"trace_id": trace_id, "span_id": span_id, "start_us": now - 1000}
    root = Span(
        **shared,
        name="chat",
        kind="gateway",
        operation="chat",
        environment_id="prod",
        request_model="kept",
        content="inline",
    )
    asked = b'{"messages": [{"role": "user", "content": "my secret"}]}'
    services.telemetry.write(Batch((root,), (Content(**shared, input=asked, text="my secret"),)))
    body = {"name": "of/prod", "traces": {"environment_id": "prod", "model": "kept"}}
    made = admin.call("POST", "/datasets/from-traces", body, status=201)
    assert made["version"]["source"]["environments"] == ["prod"]
    assert admin.get("/datasets/rows", ref="of/prod")["data"][0]["row"]["input"][0]["content"] == "my secret"
    admin.call("POST", "/environments", {"name": "box", "kind": "sandbox"}, status=201)
    inside = key_of(admin, "bo", "box", "admin", tenant="default")
    scientist = key_of(admin, "sci", "dev", "data-scientist", tenant="default")
    for api, code in ((inside, "sandbox_data"), (scientist, "content_not_allowed"), (retail, "content_not_allowed")):
        for path in ("/datasets/rows?ref=of/prod", "/datasets/diff?before=of/prod&after=of/prod"):
            refused = api.refused("GET", path, status=403)
            assert refused["code"] == code
            assert "secret" not in str(refused)
    assert inside.refused("POST", "/datasets/from-traces", body, status=403)["code"] == "sandbox_data"
    assert inside.refused("POST", "/datasets/from-traces", {**body, "traces": {}}, status=404)
    for api in (inside, scientist):  # rows that somebody answers for are everybody's
        piece = admin.call("POST", "/datasets/chunks", {"rows": [{"a": 1}]}, status=201)
        admin.call("POST", "/datasets", {"name": "free", "chunks": [piece["digest"]]}, status=201)
        assert api.get("/datasets/rows", ref="free")["data"][0]["row"] == {"a": 1}


def test_roles(admin: Api, people: Mapping[str, Api]) -> None:
    roles = {each["id"]: each for each in admin.get("/roles")["data"]}
    assert len(roles) == 17
    assert roles["ml-engineer"]["permissions"]["content"] == ["sandbox", "dev", "preprod"]
    assert admin.get("/roles/auditor")["permissions"].keys() == {"read", "audit", "findings"}
    assert "approve" not in roles["mlops-engineer"]["permissions"]
    assert admin.refused("GET", "/roles/king", status=404)["param"] == "role"


def test_applications_of_a_unit(admin: Api, retail: Api, people: Mapping[str, Api]) -> None:
    admin.call("POST", "/applications", {"name": "whole"}, status=201)
    made = retail.call("POST", "/applications", {"name": "shop"}, status=201)
    assert made["tenant_id"] == "retail"
    assert ids(retail, "/applications") == {"shop"}
    assert {"whole", "shop"} <= ids(admin, "/applications")
    assert ids(people["viewer"], "/applications") >= {"whole"}
    assert "shop" not in ids(people["viewer"], "/applications")
    assert retail.refused("DELETE", "/applications/whole", status=404)
    assert retail.refused("GET", "/audit/events", status=403)["code"] == "permission_missing"


def test_deployments_to_prod(admin: Api, retail: Api, echo: str) -> None:
    statement = {"statement": "It uses generative AI."}
    retail.call("POST", "/applications", {"name": "till"}, status=201)
    retail.call("POST", "/applications/till/acknowledgement", statement)
    release = {"application": "till", "model": "parrot"}
    retail.call("POST", "/releases", release, status=201)
    engineer = key_of(admin, "mel", "retail-dev", "ml-engineer", tenant="retail")
    place: dict[str, Any] = {"application": "till", "release": "latest"}
    engineer.call("POST", "/deployments", {**place, "environment": "retail-dev"})
    refused = engineer.refused("POST", "/deployments", {**place, "environment": "retail-prod"}, status=403)
    assert refused["code"] == "permission_missing"
    answer = retail.send("POST", "/deployments", json={**place, "environment": "retail-prod", "reason": "opening"})
    assert answer.status_code == 202
    approval = answer.headers["x-genaiops-approval"]
    assert ids(retail, "/deployments") == {"till@retail-dev"}
    admin.call("POST", f"/approvals/{approval}/approve", {})
    found = {each["id"]: each["approval_id"] for each in retail.get("/deployments")["data"]}
    assert found == {"till@retail-dev": None, "till@retail-prod": approval}
    down = retail.send("DELETE", "/deployments/till@retail-prod", params={"reason": "closing"})
    assert down.status_code == 202
    assert admin.get(f"/approvals/{down.headers['x-genaiops-approval']}")["reason"] == "closing"


def test_a_pushed_version_is_kept_while_its_alias_waits(admin: Api, retail: Api) -> None:
    manifest = {"template": "rubric", "rubric": "Polite.", "model": "talker"}
    body = {"kind": "judge", "name": "till", "manifest": manifest, "alias": "prod", "reason": "opening"}
    answer = retail.send("POST", "/artifacts", json=body)
    assert answer.status_code == 202
    found = retail.get("/artifacts/judge/till")
    assert (len(found["versions"]), found["aliases"]) == (1, [])
    admin.call("POST", f"/approvals/{answer.headers['x-genaiops-approval']}/approve", {})
    assert [each["name"] for each in retail.get("/artifacts/judge/till")["aliases"]] == ["prod"]


def test_scores_of_a_unit(admin: Api, retail: Api, services: Services) -> None:
    environment = {"default": "dev", "retail": "retail-dev"}
    for tenant in ("default", "retail"):
        batch = span(tenant, environment[tenant], "judged")
        services.telemetry.write(batch)
        body = {"name": "judged", "value": 1.0, "identifier": f"judged-{tenant}", "source": "code"}
        admin.call("POST", f"/traces/{batch.spans[0].trace_id.hex()}/scores", body, status=201)
    assert [each["identifier"] for each in retail.get("/scores", name="judged", limit=1)["data"]] == ["judged-retail"]
    assert len(admin.get("/scores", name="judged")["data"]) == 2
