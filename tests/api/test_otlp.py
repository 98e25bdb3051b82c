"""`/v1/traces` as the control process answers it: quotas, what each environment keeps, what `/metrics` says of it."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from litestar import Litestar
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.settings import Embedded, IngestOptions, Settings
from genaiops.app.web import build
from genaiops.core.clock import now_us
from genaiops.hub import NewKey

PER_MINUTE = 40
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ASKED, SAID = f"What did {'the auditor ' * 30}ask?", f"Where {'the money ' * 40}is."


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    settings = Settings(
        home=str(tmp_path_factory.mktemp("otlp") / "home"),
        embedded=Embedded(enabled=False),
        ingest=IngestOptions(spans_per_minute=PER_MINUTE, sample=("preprod=0",)),
    )
    prepare(settings, {})
    found = Services(settings)
    found.folding.start()
    found.ingest.start()
    found.publisher.publish(anew=True)
    yield found
    found.close(1.0)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def key(services: Services) -> str:
    return new_key(services)


def new_key(services: Services, environment: str = "dev") -> str:
    named = NewKey(name="told", actor_id="admin", scopes=("ingest",), environment_id=environment)
    return services.hub.keys.create(named, by="admin")[1]


def span(name: str, *, step: int = 0, **more: Any) -> dict[str, Any]:
    now = now_us() * 1000
    said: dict[str, Any] = {
        "traceId": trace_id(name),
        "spanId": hashlib.sha256(f"{name} {step}".encode()).hexdigest()[:16],
        "name": name,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
    }
    return {**said, **more}


def trace_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def attribute(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}


def send(client: TestClient[Litestar], key: str, *spans: dict[str, Any]) -> Response:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    return client.post("/v1/traces", json=body, headers={"authorization": f"Bearer {key}"})


def shown(client: TestClient[Litestar], services: Services, name: str) -> Any:
    admin = (Path(services.settings.home) / "admin.key").read_text().strip()
    return client.get(f"/api/traces/{trace_id(name)}", headers={"authorization": f"Bearer {admin}"}).json()


def counted(client: TestClient[Litestar]) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    mine = [line for line in lines if line.startswith("genaiops_ingest_spans_total{")]
    return {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in mine}


def test_a_key_over_its_quota_is_told_when_to_come_again(client: TestClient[Litestar], services: Services) -> None:
    key, other = new_key(services), new_key(services)
    before = counted(client)
    wrong = span("quota", step=99, traceId="ab")
    many = [span("quota", step=step) for step in range(PER_MINUTE + 9)]
    taken = send(client, key, *many, wrong)
    # One request is never too large for ever; what is wrong with one span is said beside the others' success.
    assert (taken.status_code, taken.json()["partialSuccess"]["rejectedSpans"]) == (200, "1")
    assert "trace_id is not 16 bytes" in taken.json()["partialSuccess"]["errorMessage"]

    refused = send(client, key, span("refused"))
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "ingest_quota"
    assert str(PER_MINUTE) in refused.json()["message"]
    # 10 of 40 spans too many, of which a minute gives back 40.
    assert int(refused.headers["retry-after"]) == pytest.approx(math.ceil(10 * 60 / PER_MINUTE + 1), abs=2)
    assert shown(client, services, "refused")["error"]["code"]
    headers = {"authorization": f"Bearer {key}", "content-type": PROTOBUF}
    other_form = client.post("/v1/traces", content=b"\x0a\x04\x12\x02\x12\x00", headers=headers)
    assert (other_form.status_code, other_form.headers["content-type"]) == (429, PROTOBUF)
    assert other_form.content[:1] == b"\x12"
    assert "retry-after" in other_form.headers

    assert send(client, other, span("of another")).status_code == 200
    now = counted(client)
    came = {outcome: now[outcome] - before[outcome] for outcome in now}
    assert came == {"stored": PER_MINUTE + 10, "left_out": 0, "rejected": 1, "refused": 2}


def test_partial_success_in_protobuf(client: TestClient[Litestar], key: str) -> None:
    headers = {"authorization": f"Bearer {key}", "content-type": PROTOBUF}
    answer = client.post("/v1/traces", content=b"\x0a\x04\x12\x02\x12\x00", headers=headers)  # a span of nothing
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans) == (200, 1)
    assert "trace_id" in told.error_message


def said(name: str) -> dict[str, Any]:
    def message(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    return span(
        name,
        attributes=[
            attribute("gen_ai.operation.name", "chat"),
            attribute("gen_ai.request.model", "gpt-4o"),
            attribute("gen_ai.input.messages", message("user", ASKED)),
            attribute("gen_ai.output.messages", message("assistant", SAID)),
            attribute("shop.note", ASKED),
        ],
        status={"code": 2, "message": SAID},
    )


@pytest.mark.parametrize("capture", ["full", "preview", "off"])
def test_an_environment_keeps_of_others_spans_what_it_keeps_of_calls(
    client: TestClient[Litestar], services: Services, capture: str
) -> None:
    """Nothing of it: not in the trace, not in the search, not in any file; but a digest of the output."""
    name = f"kept-{capture}"
    services.hub.environments.create(name, "dev", capture=capture, by="admin")
    services.publisher.publish(anew=True)
    assert send(client, new_key(services, name), said(name)).status_code == 200
    trace = shown(client, services, name)
    words = [turn["text"] for turn in trace["messages"]]
    digests = [one["attributes"].get("genaiops.output.sha256") for one in trace["spans"]]
    assert trace["output_preview"] == ("" if capture == "off" else SAID[:200])
    assert words == ([ASKED, SAID] if capture == "full" else [])
    assert (digests == [None]) == (capture == "full")
    text = json.dumps(trace)
    assert (ASKED in text, SAID in text) == (capture == "full", capture == "full")
    assert ("auditor" in text) == (capture != "off")
    if capture != "full":
        assert len(digests[0]) == 64
    admin = (Path(services.settings.home) / "admin.key").read_text().strip()
    found = client.get(
        "/api/traces",
        params={"q": "auditor money", "environment_id": name},
        headers={"authorization": f"Bearer {admin}"},
    )
    assert len(found.json()["data"]) == (capture == "full"), found.text


def test_a_share_of_nothing_still_keeps_every_error(client: TestClient[Litestar], services: Services) -> None:
    key = new_key(services, "preprod")
    before = counted(client)
    assert send(client, key, span("well"), span("ill", step=1)).status_code == 200
    assert "error" in shown(client, services, "well")
    assert send(client, key, span("ill", step=2, status={"code": 2})).status_code == 200
    assert [one["name"] for one in shown(client, services, "ill")["spans"]] == ["ill", "ill"]
    now = counted(client)
    assert now["left_out"] - before["left_out"] >= 1
