"""What a call would cost, over HTTP."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.domain import Span
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api

CHAT = {"model": "priced", "messages": [{"role": "user", "content": "How much is it?"}], "max_tokens": 100}


@pytest.fixture(scope="module")
def key_id(services: Services, admin: Api) -> Iterator[str]:
    """A key with a budget in money, a route to a dear target and one for over budget."""
    hub = services.hub
    for name in ("dear", "cheap"):
        admin.call(
            "POST",
            "/targets",
            {"id": name, "provider": "echo", "model": f"m-{name}", "upstream_model": name},
            status=201,
        )
    price = {"provider": "echo", "model": "dear", "input": "2", "output": "8"}
    admin.call("POST", "/prices", price, status=201)
    admin.call("POST", "/prices", {**price, "model": "cheap", "input": "0.1", "output": "0.1"}, status=201)
    route = {"id": "priced", "targets": [{"target_id": "dear"}], "over_budget": ["cheap"]}
    admin.call("POST", "/routes", route, status=201)
    made = admin.call("POST", "/keys", {"name": "spender", "environment_id": "dev"}, status=201)
    scope = {"kind": "key", "id": made["id"]}
    admin.call("POST", "/budgets", {"scope": scope, "limit": "0.01 USD", "period": "total"}, status=201)
    yield made["id"]
    hub.routes.remove("priced", by="admin")
    for name in ("dear", "cheap"):
        hub.targets.remove(name, by="admin")


def test_a_body(admin: Api, key_id: str) -> None:
    found = admin.call("POST", "/prices/estimate", {"request": json.dumps(CHAT), "key_id": key_id})
    usual, over = found["usual"], found["over_budget"]
    assert (found["model"], found["operation"], found["estimator"]) == ("priced", "chat", "pieces-1")
    dear = usual["targets"][0]
    assert (dear["target"], dear["role"], dear["currency"], dear["price_version"]) == ("dear", "target", "USD", 1)
    assert float(dear["expected"]) == (found["input_tokens"] * 2 + 100 * 8) / 1e6
    bound = ((len(json.dumps(CHAT)) + 256) * 2 + 100 * 8) / 1e6
    assert float(dear["most"]) == pytest.approx(bound, abs=1e-7)
    (limit,) = usual["limits"]
    assert (limit["scope_id"], limit["unit"], limit["limit"], limit["hard"]) == (key_id, "USD", "0.01", True)
    assert limit["at_once"] == int(0.01 / bound)
    assert limit["in_a_row"] > limit["at_once"]
    assert [one["target"] for one in over["targets"]] == ["cheap"]
    assert over["limits"][0]["at_once"] > limit["at_once"]
    assert usual["refused_by"] is over["refused_by"] is None


def test_what_the_budget_would_refuse(admin: Api, key_id: str) -> None:
    asked = {"model": "priced", "input_tokens": 1000, "output_tokens": 1000, "key_id": key_id}
    found = admin.call("POST", "/prices/estimate", asked)
    assert (found["input_tokens"], found["output_tokens"], found["estimator"]) == (1000, 1000, "given")
    assert found["usual"]["refused_by"] == found["usual"]["limits"][0]["limit_id"]
    assert found["over_budget"]["refused_by"] is None
    assert found["over_budget"]["targets"][0]["energy"] is None


def test_energy_by_how_long_calls_took_lately(admin: Api, services: Services, key_id: str) -> None:
    asked = {"request": json.dumps(CHAT), "key_id": key_id}
    before = admin.call("POST", "/prices/estimate", asked)["usual"]["targets"][0]
    assert "No call of the last day" in before["energy_unknown"]
    number = uuid.uuid4().bytes
    span = Span(
        trace_id=number,
        span_id=number[:8],
        name="chat priced",
        kind="gateway",
        start_us=now_us() - 1_000_000,
        duration_us=500_000,
        environment_id="dev",
        target_id="dear",
    )
    services.telemetry.write(Batch(spans=[span]))
    after = admin.call("POST", "/prices/estimate", asked)["usual"]["targets"][0]
    assert after["energy"] is None
    assert after["energy_unknown"]
    assert after["energy_unknown"] != before["energy_unknown"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "request"),
        ({"model": "priced"}, 400, "request"),
        ({"model": "priced", "request": "{}", "input_tokens": 1}, 400, "model"),
        ({"model": "nobody", "input_tokens": 1}, 404, "model"),
        ({"request": "{"}, 400, None),
        ({"request": json.dumps({**CHAT, "max_tokens": 0})}, 400, "max_tokens"),
        ({"model": "priced", "input_tokens": -1}, 400, "input_tokens"),
        ({"model": "priced", "input_tokens": 1, "path": "/v1/audio/transcriptions"}, 400, "input_tokens"),
        ({"model": "priced", "input_tokens": 1, "key_id": "key_none"}, 404, None),
    ],
)
def test_what_cannot_be_estimated(admin: Api, key_id: str, body: Any, status: int, param: str | None) -> None:
    error = admin.refused("POST", "/prices/estimate", {"key_id": key_id, **body}, status=status)
    assert param is None or error["param"] == param


def test_a_key_that_does_not_work(admin: Api, key_id: str) -> None:
    made = admin.call("POST", "/keys", {"name": "gone", "environment_id": "dev"}, status=201)
    admin.call("DELETE", f"/keys/{made['id']}")
    asked = {"request": json.dumps(CHAT), "key_id": made["id"]}
    assert "does not work" in admin.refused("POST", "/prices/estimate", asked, status=409)["message"]
