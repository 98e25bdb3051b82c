"""Traces of other programs in a running installation: official exporters and instrumentations, and `kill -9`."""

import contextlib
import gzip
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import NewKey, NewPrice
from tests.app.running import DEADLINE, Answer, Installation, request, until

SCRIPT = Path(__file__).parent / "others" / "otel_clients.py"
PROTOBUF, JSON = "application/x-protobuf", "application/json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("tracing") / "home", "--no-embedded") as installation:
        installation.start().add_echo()
        with installation.hub() as hub:
            price = NewPrice(provider="echo", model="echo", input="1", output="2", source="test")
            hub.prices.set(price, by="admin")
        until(lambda: installation.ask().status == 200, "the price")
        yield installation


def send(url: str, body: bytes, *, key: str | None, kind: str = PROTOBUF, **headers: str) -> Answer:
    fields = {"content-type": kind, **headers, **({"authorization": f"Bearer {key}"} if key else {})}
    asked = urllib.request.Request(f"{url}/v1/traces", data=body, headers=fields)
    try:
        with urllib.request.urlopen(asked, timeout=DEADLINE) as reply:
            return Answer(reply.status, dict(reply.headers), reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def spans(trace: int, count: int) -> ExportTraceServiceRequest:
    now = time.time_ns()
    trace_id = hashlib.sha256(b"%d" % trace).digest()[:16]
    made = [
        Span(
            trace_id=trace_id,
            span_id=hashlib.sha256(b"%d %d" % (trace, step)).digest()[:8],
            parent_span_id=hashlib.sha256(b"%d 0" % trace).digest()[:8] if step else b"",
            name=f"step {step}",
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1000,
        )
        for step in range(count)
    ]
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=made)])])


def trace_of(installation: Installation, trace_id: str) -> dict[str, Any]:
    return request(f"{installation.url}/api/traces/{trace_id}", key=installation.key).body


@pytest.mark.parametrize(
    "which",
    [*(pytest.param(one, marks=pytest.mark.slow) for one in ("openinference", "openllmetry")), "both"],
)
def test_tokens_and_costs_of_a_traced_client_are_right_and_once(running: Installation, which: str) -> None:
    """Two calls of the application, told by its instrumentations and by the gateway: 11 tokens in, 7 out in all."""

    def sums() -> tuple[int, int, int]:
        rows = request(f"{running.url}/api/usage?since=1h&step=all", key=running.key).body["data"]
        if not rows:
            return 0, 0, 0
        (row,) = rows
        return row["calls"], row["input_tokens"], row["output_tokens"]

    before = until(lambda: found if (found := sums())[0] else None, "the call of the fixture")
    command = [sys.executable, str(SCRIPT), which, running.url, running.key, "nested"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["failed"] == 0
    wanted = tuple(then + more for then, more in zip(before, (2, 11, 7), strict=True))
    until(lambda: sums()[0] >= wanted[0], "the gateway's spans")
    until(lambda: sums() == wanted, f"{wanted}, not {sums()}")
    found = trace_of(running, told["traces"][0])
    assert (found["name"], found["session_id"]) == ("answer a customer", "visit 7")
    assert [turn["text"] for turn in found["messages"]] == ["Be brief.", "And the invoice?", "And the invoice?"]
    if which != "openinference":  # OpenInference leaves the client's requests without a traceparent
        assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (11, 7)
        assert found["cost"]["amount"] == "0.000025"
    dialects = {span.get("dialect") for span in found["spans"]}
    assert dialects >= {"openinference"} if which != "openllmetry" else dialects >= {"gen_ai"}


def test_a_failed_call_is_an_error_of_the_client(running: Installation) -> None:
    command = [sys.executable, str(SCRIPT), "openllmetry", running.url, running.key, "plain"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = request(f"{running.url}/api/traces?status=error&since=1h", key=running.key).body["data"]
    told = next(row for row in rows if row["name"] == "openai.chat")
    assert told["model"] == "nothing"
    assert "nothing" in told["error"]["message"]


def test_answers_are_as_the_protocol_says(running: Installation) -> None:
    whole = spans(1, 3)
    answer = send(
        running.url, gzip.compress(whole.SerializeToString()), key=running.key, **{"content-encoding": "gzip"}
    )
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", PROTOBUF)
    assert len(trace_of(running, hashlib.sha256(b"1").digest()[:16].hex())["spans"]) == 3

    whole.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    partial = send(running.url, whole.SerializeToString(), key=running.key)
    said = ExportTraceServiceResponse.FromString(partial.body).partial_success
    assert (partial.status, said.rejected_spans) == (200, 1)
    assert "16 bytes" in said.error_message

    empty = send(running.url, b"{}", key=running.key, kind=f"{JSON}; charset=utf-8")
    assert (empty.status, empty.body, empty.headers["content-type"]) == (200, b"{}", JSON)


def test_what_is_refused_and_how(running: Installation) -> None:
    def refused(body: bytes, status: int, code: str, **more: Any) -> None:
        answer = send(running.url, body, **{"key": running.key, **more})
        assert answer.status == status, answer.body
        if more.get("kind") == JSON:
            assert json.loads(answer.body)["error"]["code"] == code, answer.body
        elif answer.headers["content-type"] == PROTOBUF:
            assert answer.body[:1] == b"\x12"  # google.rpc.Status.message

    refused(b"\xff\xff", 400, "malformed_otlp")
    refused(b"[", 400, "malformed_otlp", kind=JSON)
    refused(b"", 401, "missing_api_key", key=None, kind=JSON)
    refused(b"", 401, "invalid_api_key", key="sk-wrong", kind=JSON)
    refused(b"x", 415, "unsupported_media_type", kind="text/plain")
    refused(b"x", 415, "unsupported_content_encoding", kind=JSON, **{"content-encoding": "br"})
    refused(b"x", 400, "bad_request", kind=JSON, **{"content-encoding": "gzip"})
    bomb = gzip.compress(b" " * (65 * 1024 * 1024))
    refused(bomb, 413, "request_too_large", kind=JSON, **{"content-encoding": "gzip"})
    with running.hub() as hub:
        _, console = hub.keys.create(NewKey(name="console", actor_id="admin", scopes=("api",)), by="admin")
        _, sender = hub.keys.create(NewKey(name="sender", actor_id="admin", scopes=("ingest",)), by="admin")
    refused(b"{}", 403, "scope_missing", key=console, kind=JSON)
    assert send(running.url, b"", key=sender).status == 200
    until(lambda: request(f"{running.url}/v1/models", key=sender).status == 403, "the key to be known")


def test_grpc_is_refused(running: Installation) -> None:
    """What its clients send first, and its path over HTTP/1.1."""
    parts = urlsplit(running.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=DEADLINE) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        answer = b""
        while piece := connection.recv(4096):  # until it closes
            answer += piece
    assert answer.startswith(b"HTTP/1.1 505 ")
    assert b"not gRPC" in answer
    path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    assert request(running.url + path, key=running.key, body={}).status == 404


DOCUMENT = Path(__file__).parents[2] / "docs" / "tracing.md"
EXAMPLES: list[str] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
OURS = ("instrumentation.openai import", "import json")
"""What is in the examples that run in our own environment; the others are run by test_frameworks."""


@pytest.mark.parametrize(
    "example",
    [one for one in EXAMPLES if any(word in one for word in OURS)],
    ids=["openllmetry", "openinference", "json"],
)
def test_the_examples_of_the_documentation(running: Installation, example: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(example)
    environment = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{running.url}/v1/traces",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": f"authorization=Bearer%20{running.key}",
        "OPENAI_BASE_URL": f"{running.url}/v1",
        "OPENAI_API_KEY": running.key,
    }

    def told() -> int:
        """Traces that did not come from the gateway alone."""
        rows = request(f"{running.url}/api/traces?since=1h&limit=500", key=running.key).body["data"]
        return sum(row["request_id"] is None for row in rows)

    before = told()
    command = [sys.executable, str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Failed" not in ran.stderr
    assert told() == before + 1


def test_nothing_that_was_answered_is_lost_by_kill_9(tmp_path: Path) -> None:
    with Installation(tmp_path / "home", "--no-embedded") as installation:
        installation.start()
        taken: list[int] = []
        stop = threading.Event()
        numbers = itertools.count(1)

        def feed() -> None:
            while not stop.is_set():
                number = next(numbers)
                status = 0
                with contextlib.suppress(OSError):
                    status = send(installation.url, spans(number, 20).SerializeToString(), key=installation.key).status
                if status == 200:
                    taken.append(number)
                # Enough is under way at each kill. While nobody is there: leave the processor to who starts it again.
                stop.wait(0.01 if status == 200 else 0.05)

        def more_than(number: int) -> Callable[[], bool]:
            return lambda: len(taken) > number

        threads = [threading.Thread(target=feed) for _ in range(3)]
        for thread in threads:
            thread.start()
        for restarts in (1, 2):
            until(more_than(len(taken) + 20), "spans to be taken")
            process = installation.named("control")
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            installation.wait_ready("control", restarts=restarts)
        until(more_than(len(taken) + 5), "spans to be taken again")
        stop.set()
        for thread in threads:
            thread.join()
        with contextlib.closing(open_telemetry(installation.home.telemetry, writer=False)) as telemetry:
            for number in taken:
                found = telemetry.trace(hashlib.sha256(b"%d" % number).digest()[:16])
                assert len(found.spans if found else ()) == 20, number
