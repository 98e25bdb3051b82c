"""Traces, their tail, scores and figures, over a telemetry store with calls in it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import Content, Cost, Span, Usage
from genaiops.ports.telemetry import Batch, property_word
from tests.api.conftest import Api

SECOND = 1_000_000
PATH = "/api/traces/tail"


def call(start_us: int, *, model: str = "parrot", key_id: str = "key_a", failed: bool = False) -> Batch:
    """A call with a failed and a paid attempt: 7 + 5 tokens, 0.0004 USD."""
    trace_id, root_id = new_trace_id(), new_span_id()
    shared: dict[str, Any] = {
        "trace_id": trace_id,
        "start_us": start_us,
        "request_model": model,
        "key_id": key_id,
        "team_id": "default",
    }
    first = Span(**shared, span_id=new_span_id(), parent_id=root_id, name="chat", kind="llm", status="error", attempt=1)
    root = Span(
        **shared,
        span_id=root_id,
        name=f"chat {model}",
        kind="gateway",
        operation="chat",
        duration_us=200_000,
        status="error" if failed else "ok",
        environment_id="dev",
        input_preview="say hello",
        content="inline",
    )
    paid = Span(
        **shared,
        span_id=new_span_id(),
        parent_id=root_id,
        name="chat",
        kind="llm",
        attempt=2,
        target_id="echo",
        owns_usage=True,
        usage=Usage(input_uncached=7, output_text=5),
        cost=Cost(400_000),
    )
    asked = {"model": model, "messages": [{"role": "user", "content": "say hello"}]}
    content = Content(
        trace_id=trace_id, span_id=root_id, start_us=start_us, input=json.dumps(asked).encode(), text="say hello"
    )
    return Batch(spans=(root, first, paid), contents=(content,))


@pytest.fixture(scope="module")
def traces(services: Services) -> list[str]:
    """Ids of five calls, oldest first."""
    ids: list[str] = []
    for number in range(5):
        batch = call(now_us() - (60 - number) * SECOND, failed=number == 4)
        services.telemetry.write(batch)
        ids.append(batch.spans[0].trace_id.hex())
    return ids


def test_traces_by_property(admin: Api, services: Services) -> None:
    for number, properties in enumerate(({"plan": "pro=1", "step": "a"}, {"plan": "pro=1"}, {})):
        batch = call(now_us() - (30 - number) * SECOND, model="labelled", key_id="key_labelled")
        words = " ".join(property_word(*pair) for pair in properties.items())
        content = msgspec.structs.replace(batch.contents[0], text=f"say hello {words}")
        services.telemetry.write(msgspec.structs.replace(batch, contents=(content,)))

    def count(*pairs: str, **more: str) -> int:
        query = [("property", pair) for pair in pairs] + list(more.items())
        return len(admin.call("GET", "/traces", params=query)["data"])

    assert (count("plan=pro=1"), count("plan=pro=1", "step=a"), count("plan=pro")) == (2, 1, 0)
    assert count("plan=pro=1", q='"say hello', model="labelled") == 2
    assert count("plan=pro=1", q="goodbye") == 0
    assert admin.refused("GET", "/traces?property=plan", status=400)["param"] == "property"
    assert admin.refused("GET", "/traces/tail?property=a=b", status=400)["param"] == "property"
    assert admin.refused("GET", "/traces?model=a&model=b", status=400)["param"] == "model"


def test_one_trace_counts_usage_once(admin: Api, traces: list[str]) -> None:
    trace = admin.get(f"/traces/{traces[0]}")
    assert (trace["usage"]["input_tokens"], trace["usage"]["output_tokens"]) == (7, 5)
    assert trace["cost"]["amount"] == "0.0004"
    assert len(trace["spans"]) == 3
    assert trace["messages"][0]["text"] == "say hello"
    assert trace["input"]["model"] == "parrot"


def test_pages_and_filters(admin: Api, traces: list[str]) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = admin.get("/traces", key_id="key_a", model="parrot", since="1h", limit=2, **cursor)
        found += [row["trace_id"] for row in page["data"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == traces[::-1]
    assert [row["trace_id"] for row in admin.get("/traces", status="error", key_id="key_a")["data"]] == traces[4:]
    assert len(admin.get("/traces", q="hello", key_id="key_a")["data"]) == 5
    assert admin.get("/traces", q="absent-word")["data"] == []
    assert admin.get("/traces", until="30m", key_id="key_a")["data"] == []
    assert admin.get("/traces", since="2999-01-01T00:00:00+00:00")["data"] == []
    assert admin.get("/traces", min_duration_us=200_001, key_id="key_a")["data"] == []
    assert len(admin.get("/traces", min_cost_nano=400_000, key_id="key_a")["data"]) == 5


def test_scores(admin: Api, traces: list[str]) -> None:
    path = f"/traces/{traces[1]}/scores"
    body = {"name": "helpful", "value": 1, "comment": "yes", "identifier": "first"}
    made = admin.call("POST", path, body, status=201)
    assert (made["value"], made["created_by"], made["trace_id"]) == (1.0, "admin", traces[1])
    admin.call("POST", path, body, status=201)
    span_id = admin.get(f"/traces/{traces[1]}")["spans"][0]["span_id"]
    admin.call("POST", path, {"name": "tone", "label": "calm", "source": "model", "span_id": span_id}, status=201)
    scores = admin.get(f"/traces/{traces[1]}")["scores"]
    assert sorted(score["name"] for score in scores) == ["helpful", "tone"]
    assert admin.refused("POST", path, {"name": "empty"}, status=400)["param"] == "value"
    assert admin.refused("POST", path, {"name": "", "value": 1}, status=400)["param"] == "name"
    assert admin.refused("POST", path, {"name": "a", "value": 1, "span_id": "0" * 16}, status=404)["param"] == "span_id"
    assert admin.refused("POST", f"/traces/{'0' * 32}/scores", body, status=404)["param"] == "trace_id"


def test_usage(admin: Api, services: Services, traces: list[str]) -> None:
    services.telemetry.write(call(now_us(), model="other", key_id="key_b"))
    rows = admin.get("/usage", group_by="model,key", since="1h")["data"]
    by_group = {(row["group"]["request_model"], row["group"]["key_id"]): row for row in rows}
    mine = by_group["parrot", "key_a"]
    assert (mine["calls"], mine["errors"], mine["input_tokens"], mine["output_tokens"]) == (5, 1, 35, 25)
    assert mine["cost"] == "0.002"
    assert mine["p50_ms"] == pytest.approx(200, rel=0.03)
    assert by_group["other", "key_b"]["calls"] == 1
    only = admin.get("/usage", since="1h", model="other")["data"]
    assert [(row["calls"], row["group"]) for row in only] == [(1, {})]
    assert sum(row["calls"] for row in admin.get("/usage", since="1h", step="minute", key_id="key_a")["data"]) == 5
    assert admin.get("/usage", since="2020-01-01", until="2020-01-02")["data"] == []


def test_overview(admin: Api, traces: list[str]) -> None:
    overview = admin.get("/overview", hours=1)
    assert overview["now"]["calls"] >= 5
    assert overview["now"]["errors"] >= 1
    assert overview["previous"]["error_rate"] is None
    assert traces[4] in {row["trace_id"] for row in overview["recent_errors"]}
    assert "parrot" in {row["group"]["request_model"] for row in overview["top_models"]}
    admin.call("POST", "/environments", {"name": "unused", "kind": "dev"}, status=201)
    assert admin.get("/overview", environment_id="unused")["now"]["calls"] == 0


def test_health_and_status(admin: Api, echo: str) -> None:
    health = {each["target_id"]: each for each in admin.get("/targets/health")["data"]}
    assert health[echo]["state"] in {"unknown", "closed"}
    status = admin.get("/status")
    assert (status["status"], status["folding_error"]) == ("ok", None)
    assert status["snapshot_version"] > 0
    assert status["stores"]["records"] > 0


class TestTail:
    """A stream that does not end, over a real socket."""

    def test_new_traces_as_they_come(self, by_socket: httpx.Client, admin: Api, services: Services) -> None:
        headers = {"authorization": f"Bearer {admin.key}"}
        with by_socket.stream("GET", PATH, params={"model": "tailed"}, headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["x-genaiops-request-id"].startswith("req_")
            lines = stream.iter_lines()
            assert next(lines) == ": following"
            services.telemetry.write(call(now_us(), model="not-asked-for"))
            batch = call(now_us(), model="tailed")
            services.telemetry.write(batch)
            event = read_event(lines)
        assert event["event"] == "trace"
        row = json.loads(event["data"])
        assert row["trace_id"] == batch.spans[0].trace_id.hex()
        assert row["usage"]["input_tokens"] == 7

        missed = call(now_us(), model="tailed")
        services.telemetry.write(missed)
        headers["last-event-id"] = event["id"]
        with by_socket.stream("GET", PATH, params={"model": "tailed"}, headers=headers) as stream:
            event = read_event(stream.iter_lines())
        assert json.loads(event["data"])["trace_id"] == missed.spans[0].trace_id.hex()

    def test_it_ends_when_its_key_does(
        self, by_socket: httpx.Client, admin: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("genaiops.api._traces.HEARTBEAT_SECONDS", 0.25)
        made = admin.call("POST", "/keys", {"name": "listener", "scopes": ["api"]}, status=201)
        headers = {"authorization": f"Bearer {made['secret']}"}
        with by_socket.stream("GET", PATH, params={"model": "silent"}, headers=headers) as stream:
            lines = (line for line in stream.iter_lines() if line)
            assert [next(lines), next(lines)] == [": following", ": alive"]
            admin.call("DELETE", f"/keys/{made['id']}")
            assert set(lines) <= {": alive"}

    def test_it_is_not_for_everybody(self, by_socket: httpx.Client) -> None:
        assert by_socket.get(PATH).status_code == 401


def read_event(lines: Iterator[str]) -> dict[str, str]:
    """The next event with data."""
    event: dict[str, str] = {}
    for line in lines:
        if not line and "data" in event:
            return event
        name, _, value = line.partition(": ")
        if name:
            event[name] = value
    raise AssertionError("the stream ended")
