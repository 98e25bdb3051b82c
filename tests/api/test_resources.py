"""Each noun over HTTP: made, read, changed, removed, and in force at the workers."""

import pytest

from genaiops.app.home import Home
from genaiops.app.services import Services
from genaiops.core.errors import StoreError
from genaiops.engines.counters_mmap import open_counters
from genaiops.engines.snapshot_files import open_reader
from tests.api.conftest import Api


def test_actors(admin: Api) -> None:
    body = {"name": "svc", "kind": "service_account", "roles": ["developer"], "team_id": "default"}
    actor = admin.call("POST", "/actors", body, status=201)
    path = f"/actors/{actor['id']}"
    assert admin.get(path) == actor
    assert actor in admin.get("/actors")["data"]
    assert admin.call("PATCH", path, {"roles": ["viewer"]})["roles"] == ["viewer"]
    assert admin.call("PATCH", path, {"team_id": None})["team_id"] is None
    assert admin.call("PATCH", path, {"disabled": True})["disabled_at"] is not None
    for change in ({}, {"roles": ["admin"], "disabled": True}):
        assert "one of" in admin.refused("PATCH", path, change, status=400)["message"]
    error = admin.refused("PATCH", "/actors/admin", {"roles": []}, status=409)
    assert error["code"] == "last_administrator"
    assert admin.refused("POST", "/actors", body, status=409)["type"] == "conflict_error"


def test_teams(admin: Api) -> None:
    team = admin.call("POST", "/teams", {"name": "search/eu", "title": "Search"}, status=201)
    assert admin.get("/teams/search/eu") == team
    assert admin.get("/teams/search%2Feu") == team
    assert admin.call("PATCH", "/teams/search/eu", {"title": "Find"})["title"] == "Find"
    admin.call("DELETE", "/teams/search/eu")
    assert "Did you mean" not in admin.refused("GET", "/teams/search/eu", status=404)["message"]
    assert admin.refused("DELETE", "/teams/default", status=409)["code"] == "in_use"


def test_environments(admin: Api) -> None:
    body = {"name": "load", "kind": "sandbox", "capture": "off"}
    made = admin.call("POST", "/environments", body, status=201)
    assert (made["id"], made["capture"]) == ("load", "off")
    assert admin.call("PATCH", "/environments/load", {"capture": "preview"})["capture"] == "preview"
    assert {each["id"] for each in admin.get("/environments")["data"]} >= {"dev", "preprod", "prod", "load"}
    admin.call("DELETE", "/environments/load")
    admin.refused("GET", "/environments/load", status=404)


def test_targets(admin: Api) -> None:
    body = {
        "id": "acme/large",
        "provider": "openai",
        "model": "large",
        "upstream_model": "acme-large-1",
        "base_url": "https://api.acme.example/v1/",
        "credentials": ["ACME_KEY"],
        "timeouts": {"connect": 2.5},
        "proxy": "http://user:pass-word@proxy.example:3128",
        "context_window": 8000,
    }
    answer = admin.send("POST", "/targets", json=body)
    assert answer.status_code == 201
    assert "pass-word" not in answer.text
    made = answer.json()
    assert made["base_url"] == "https://api.acme.example/v1"
    assert made["timeouts"] == {"connect": 2.5, "first_token": 60.0, "idle": 60.0, "total": 600.0}
    assert made["proxy"] == "http://***@proxy.example:3128"
    assert admin.get("/targets/acme/large") == made

    changed = {key: value for key, value in made.items() if key not in {"id", "created_at"}}
    again = admin.call("PUT", "/targets/acme/large", {**changed, "max_output_tokens": 99})
    assert again == {**made, "max_output_tokens": 99}
    admin.refused("PUT", "/targets/acme/large", {**changed, "created_at": "now"}, status=400)


def test_an_embedded_model_comes_back(admin: Api, home: Home) -> None:
    assert admin.refused("POST", "/embedded/smolm2", status=404)["code"] == "unknown_weights"
    assert admin.refused("POST", "/embedded/smollm2", status=409)["code"] == "not_running"
    ports = home.run / "ports.json"
    ports.write_text('{"smollm2": 65001}')
    try:
        made = admin.call("POST", "/embedded/smollm2", status=201)
        assert (made["base_url"], made["provider"]) == ("http://127.0.0.1:65001/v1", "llamacpp")
        assert admin.refused("POST", "/embedded/smollm2", status=409)["code"] == "already_exists"
    finally:
        ports.unlink()
    admin.call("DELETE", "/targets/smollm2")


def test_a_masked_proxy_keeps_its_password(admin: Api, services: Services, echo: str) -> None:
    body = {"provider": "echo", "model": "parrot", "upstream_model": "parrot", "proxy": "http://u:pw@proxy.example"}
    masked = admin.call("PUT", f"/targets/{echo}", body)["proxy"]
    assert masked == "http://***@proxy.example"
    admin.call("PUT", f"/targets/{echo}", {**body, "proxy": masked})
    assert services.hub.targets.get(echo).proxy == "http://u:pw@proxy.example"
    other = {**body, "id": "masked-elsewhere", "proxy": masked}
    assert admin.refused("POST", "/targets", other, status=400)["param"] == "proxy"
    admin.call("POST", "/targets", {**other, "proxy": None}, status=201)
    assert admin.refused("PUT", "/targets/masked-elsewhere", {**body, "proxy": masked}, status=400)["param"] == "proxy"
    admin.call("DELETE", "/targets/masked-elsewhere")
    admin.call("PUT", f"/targets/{echo}", {**body, "proxy": None})
    assert services.hub.targets.get(echo).proxy is None


def test_routes_and_models(admin: Api, echo: str) -> None:
    second = {"id": "echo-2", "provider": "echo", "model": "parrot", "upstream_model": "p", "context_window": 100}
    admin.call("POST", "/targets", second, status=201)
    body = {"id": "Chat-1:latest", "targets": [{"target_id": echo, "weight": 3}], "fallbacks": ["echo-2"]}
    made = admin.call("POST", "/routes", body, status=201)
    assert made["retry"]["attempts"] == 3
    assert admin.get("/routes/Chat-1:latest") == made
    models = {model["id"]: model for model in admin.get("/models")["data"]}
    assert models["Chat-1:latest"] == {
        "id": "Chat-1:latest",
        "kind": "route",
        "operations": ["chat", "text_completion"],
        "targets": [echo],
        "fallbacks": ["echo-2"],
        "context_window": 100,
        "available": True,
        "weights": None,
    }
    assert (models["parrot"]["kind"], models["parrot"]["targets"]) == ("model", [echo, "echo-2"])
    assert admin.refused("DELETE", "/targets/echo-2", status=409)["code"] == "in_use"
    assert admin.call("PUT", "/routes/Chat-1:latest", {"targets": [{"target_id": echo}]})["fallbacks"] == []
    admin.refused("PUT", "/routes/absent", {"targets": [{"target_id": echo}]}, status=404)
    admin.call("DELETE", "/targets/echo-2")
    admin.call("DELETE", "/routes/Chat-1:latest")
    admin.refused("GET", "/routes/Chat-1:latest", status=404)


def test_embedded_weights_stand_beside_their_model(admin: Api, services: Services) -> None:
    services.hub.artifacts.register("model", "tiny", {"files": {"a": "sha256:0"}, "licence": "MIT"}, by="admin")
    body = {"id": "tiny", "provider": "echo", "model": "tiny", "upstream_model": "tiny", "enabled": False}
    admin.call("POST", "/targets", body, status=201)
    model = next(model for model in admin.get("/models")["data"] if model["id"] == "tiny")
    assert (model["weights"], model["available"]) == ("model/tiny", False)
    artifact = admin.get("/artifacts/model/tiny")
    assert artifact["versions"][0]["manifest"]["licence"] == "MIT"
    assert "model/tiny" in [each["id"] for each in admin.get("/artifacts", kind="model")["data"]]
    assert admin.get("/artifacts", kind="judge")["data"] == []


@pytest.mark.parametrize(("kind", "name"), [("dataset", "rows"), ("policy", "approvals")])
def test_what_is_checked_elsewhere_is_not_registered_as_it_is(admin: Api, kind: str, name: str) -> None:
    """A policy that cannot be read would keep everybody from consenting to anything, also to another policy."""
    body = {"kind": kind, "name": name, "manifest": {"x": 1}, "alias": "current"}
    assert admin.refused("POST", "/artifacts", body, status=400)["code"] == "made_elsewhere"
    assert "data" in admin.get("/datasets")
    assert admin.get("/policies/approvals")


@pytest.mark.parametrize("includes", [5, {"a": 5}, ["a"]])
def test_only_prompts_include_others(admin: Api, includes: object) -> None:
    body = {"kind": "judge", "name": "odd", "manifest": {"includes": includes}}
    admin.call("POST", "/artifacts", body, status=201)


def test_a_price_of_every_kind(admin: Api) -> None:
    body = {
        "provider": "tiers",
        "model": "tiered",
        "input": "1",
        "output": "2",
        "audio_input": "10",
        "tiers": [{"above_tokens": 200000, "input": "2", "output": "3"}],
        "fees": {"search": "0.002"},
        "services": {"batch": "0.5"},
    }
    made = admin.call("POST", "/prices", body, status=201)
    (tier,) = made["tiers"]
    assert (tier["above_tokens"], tier["input"], tier["cache_read"]) == (200000, "2", None)
    assert (made["fees"]["search"], made["fees"]["call"]) == ("0.002", "0")
    assert (made["services"], made["audio_input"], made["audio_output"]) == ({"batch": "0.5"}, "10", None)


def test_old_calls_by_the_price_of_their_day(admin: Api) -> None:
    empty = admin.get("/prices/check", since="2001-01-01", until="2001-01-02")
    assert (empty["total"], empty["models"], empty["calls"], empty["corrected"]) == ([], [], [], 0)
    assert admin.call("POST", "/prices/check", {"since": "1d"})["corrected"] == 0
    admin.refused("GET", "/prices/check", status=400, params={"since": "1d", "until": "2d"})


def test_prices(admin: Api) -> None:
    body = {"provider": "acme", "model": "large", "input": "2.50", "output": "10", "valid_from": "2026-01-01"}
    first = admin.call("POST", "/prices", body, status=201)
    assert (first["version"], first["input"], first["cache_read"]) == (1, "2.5", None)
    later = {**body, "input": "3", "valid_from": "2999-01-01T00:00:00Z"}
    second = admin.call("POST", "/prices", later, status=201)
    assert second["valid_from_at"] == "2999-01-01T00:00:00.000000Z"
    assert admin.get("/prices", provider="acme")["data"] == [first]
    assert admin.get("/prices", provider="acme", history="true")["data"] == [first, second]
    assert len(admin.get("/prices")["data"]) > 10
    assert admin.call("POST", "/prices/import", {})["data"] == []
    toml = """checked = 2026-02-01
currency = "USD"
[sources]
acme = "the price page"
[[price]]
provider = "acme"
model = "small"
input = "0.1"
output = "0.2"
"""
    added = admin.call("POST", "/prices/import", {"toml": toml})["data"]
    assert [(line["model"], line["output"]) for line in added] == [("small", "0.2")]


def test_budgets(admin: Api) -> None:
    team = admin.call("POST", "/teams", {"name": "thrifty"}, status=201)["id"]
    body = {"scope": {"kind": "team", "id": team}, "limit": "25 USD", "timezone": "Europe/Berlin", "hard": False}
    made = admin.call("POST", "/budgets", body, status=201)
    assert (made["limit"], made["unit"], made["settled"], made["remaining"]) == ("25", "USD", "0", "25")
    assert made["window_start_at"] < made["created_at"] < made["window_end_at"]
    assert made["state"] == "ok"
    path = f"/budgets/{made['id']}"
    assert admin.call("PATCH", path, {"limit": "30.5 USD", "hard": True})["limit"] == "30.5"
    assert admin.get(path)["hard"] is True
    assert admin.refused("PATCH", path, {"limit": "1M tokens"}, status=400)["param"] == "limit"
    assert admin.refused("PATCH", path, {}, status=400)["message"].startswith("The change is empty")
    assert admin.call("POST", f"{path}/reset")["reset_at"] is not None
    assert made["id"] in {budget["id"] for budget in admin.get("/budgets")["data"]}
    admin.call("DELETE", path)
    admin.refused("GET", path, status=404)

    total = admin.call("POST", "/budgets", {**body, "limit": "9 calls", "period": "total"}, status=201)
    assert (total["window_start_at"], total["window_end_at"], total["forecast"]) == (None, None, None)
    admin.call("DELETE", f"/budgets/{total['id']}")


def test_rate_limits(admin: Api) -> None:
    body = {"scope": {"kind": "environment", "id": "preprod"}, "requests_per_minute": 60}
    made = admin.call("POST", "/limits", body, status=201)
    path = f"/limits/{made['id']}"
    assert admin.get(path) == made
    assert admin.refused("POST", "/limits", body, status=409)["code"] == "already_exists"
    changed = admin.call("PUT", path, {**body, "requests_per_minute": None, "concurrency": 2})
    assert (changed["requests_per_minute"], changed["concurrency"]) == (None, 2)
    elsewhere = {**body, "scope": {"kind": "environment", "id": "prod"}}
    assert admin.refused("PUT", path, elsewhere, status=400)["param"] == "scope"
    admin.call("DELETE", path)
    assert made["id"] not in {limit["id"] for limit in admin.get("/limits")["data"]}


def test_issuers(admin: Api) -> None:
    body = {"id": "corp", "algorithm": "HS256", "secret": "CORP_SIGNING", "audience": "support"}
    made = admin.call("POST", "/issuers", body, status=201)
    assert admin.get("/issuers/corp") == made
    assert admin.call("PUT", "/issuers/corp", {"algorithm": "HS256", "secret": "OTHER"})["audience"] is None
    admin.call("DELETE", "/issuers/corp")
    assert admin.get("/issuers")["data"] == []


def test_secrets(admin: Api, people: dict[str, Api], services: Services) -> None:
    value = "sk-very-secret-0123456789"
    answer = admin.send("PUT", "/secrets/ACME_KEY", json={"value": value})
    assert answer.status_code == 200
    assert value not in answer.text
    assert admin.get("/secrets")["data"][-1]["source"] == "store"
    assert value not in admin.send("GET", "/secrets").text
    assert admin.call("POST", "/secrets/rotate")["data"][-1]["name"] == "ACME_KEY"
    assert services.secrets.get("ACME_KEY") == value
    error = admin.refused("PUT", "/secrets/ACME_KEY", {"valu": value}, status=400)
    assert value not in str(error)
    error = admin.refused("PUT", "/secrets/ACME_KEY", {"value": [value]}, status=400)
    assert value not in str(error)
    people["operator"].call("PUT", "/secrets/ACME_KEY", {"value": "other"})
    admin.call("POST", "/issuers", {"id": "signing", "algorithm": "HS256", "secret": "ACME_KEY"}, status=201)
    for method, body in (("PUT", {"value": "forged"}), ("DELETE", None)):
        error = people["operator"].refused(method, "/secrets/ACME_KEY", body, status=403)
        assert error["code"] == "permission_missing"
    admin.call("DELETE", "/issuers/signing")
    admin.call("DELETE", "/secrets/ACME_KEY", status=204)
    assert admin.refused("DELETE", "/secrets/ACME_KEY", status=404)["param"] == "name"


@pytest.mark.parametrize("name", ["lower-case!", "9", "a b"])
def test_names_that_no_secret_can_have(admin: Api, name: str) -> None:
    assert admin.refused("PUT", f"/secrets/{name}", {"value": "v"}, status=400)["type"] == "invalid_request_error"


def test_a_write_is_in_force_when_it_is_answered(admin: Api, home: Home) -> None:
    body = {"id": "at-once", "provider": "echo", "model": "at-once", "upstream_model": "x"}
    assert admin.send("POST", "/targets", json=body).headers["x-genaiops-published"] == "true"
    snapshot = open_reader(home.snapshots).latest()
    assert snapshot is not None
    assert "at-once" in {target.id for target in snapshot.targets}


def test_a_write_that_cannot_be_published_is_done_all_the_same(
    admin: Api, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> int:
        raise StoreError("The disk is full.", remedy="Make room.", code="disk_full")

    with monkeypatch.context() as patched:
        patched.setattr(services.publisher, "publish", full)
        answer = admin.send("POST", "/teams", json={"name": "kept"})
    assert (answer.status_code, answer.headers["x-genaiops-published"]) == (202, "false")
    assert "The disk is full" in caplog.text
    assert admin.get("/teams/kept")["id"] == "kept"
    assert admin.send("DELETE", "/teams/kept").headers["x-genaiops-published"] == "true"


def test_a_worker_that_does_not_follow_makes_it_202(admin: Api, home: Home) -> None:
    worker = open_counters(home.counters, column=3)
    try:
        worker.acknowledge(0)
        answer = admin.send("POST", "/teams", json={"name": "late"})
        assert answer.status_code == 202
        assert answer.headers["x-genaiops-published"] == "false"
        assert answer.json()["id"] == "late"
        worker.acknowledge(worker.version())
        answer = admin.send("PATCH", "/teams/late", json={"title": "Late"})
        assert answer.status_code == 202
    finally:
        worker.close()
    open_counters(home.counters, column=None).recover(3, ())
    assert admin.send("DELETE", "/teams/late").status_code == 200
