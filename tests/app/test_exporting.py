"""Stored spans passed on to a collector: a real HTTP server that reads them with the official package."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genaiops.app.exporting import ExportLoop
from genaiops.app.settings import ExportOptions
from genaiops.app.trace_options import check_export
from genaiops.core.errors import ConfigError
from genaiops.domain import Content, GuardEvent, guard_span_id, guard_spans, verdicts_of
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.secrets_file import open_secrets
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Telemetry
from tests.app.running import until
from tests.engines.telemetry.calls import NOW, attempt, root

BODY = b'{"messages":[{"role":"user","content":"Where is it?"}]}'


class Collector:
    """Answers with the statuses of `answers`, then with 200."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.taken: list[Any] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
                status = collector.answers.pop(0) if collector.answers else 200
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                if status == 200:
                    collector.taken.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> dict[bytes, Any]:
        return {
            span.span_id: span
            for request in self.taken
            for each in request.resource_spans
            for scoped in each.scope_spans
            for span in scoped.spans
        }

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.close()


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True, content_floor_bytes=0, clock=lambda: NOW)
    yield store
    store.close()


def loop(tmp_path: Path, telemetry: Telemetry, collector: Collector, **options: Any) -> ExportLoop:
    made = ExportLoop(
        ExportOptions(otlp=collector.url, **options),
        tmp_path / "export.cursor",
        telemetry,
        open_blobs(tmp_path / "blobs"),
        open_secrets(tmp_path),
        first_retry_seconds=0.01,
    )
    made.start()
    return made


def write(telemetry: Telemetry, number: int) -> None:
    first = root(number, content="inline", session_id="visit 7")
    kept = Content(trace_id=first.trace_id, span_id=first.span_id, start_us=first.start_us, input=BODY)
    telemetry.write(Batch(spans=[first, attempt(number, provider="openai", first_token_us=500_000)], contents=[kept]))


def values(span: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, which) if (which := one.value.WhichOneof("value")) else None
        for one in span.attributes
    }


def test_spans_arrive_with_standard_names(tmp_path: Path, telemetry: Telemetry, collector: Collector) -> None:
    open_secrets(tmp_path).put("datadog", "very secret")
    write(telemetry, 1)  # before the export began
    running = loop(tmp_path, telemetry, collector, headers=("dd-api-key=secret:datadog", "x-a=b"), content=True)
    until((tmp_path / "export.cursor").exists, "the first cursor")
    write(telemetry, 2)
    found = until(lambda: collector.spans() if len(collector.spans()) == 2 else None, "two spans")
    running.stop()
    gateway, llm = (found[one.span_id] for one in (root(2), attempt(2)))
    assert (gateway.kind, llm.kind) == (2, 3)
    assert llm.parent_span_id == gateway.span_id
    assert llm.end_time_unix_nano - llm.start_time_unix_nano == 200_000_000
    shown = values(llm)
    assert shown["gen_ai.operation.name"] == "chat"
    assert shown["gen_ai.provider.name"] == "openai"
    assert (shown["gen_ai.usage.input_tokens"], shown["gen_ai.usage.output_tokens"]) == (15, 7)
    assert shown["gen_ai.response.time_to_first_chunk"] == 0.5
    assert shown["genaiops.cost.usd"] == pytest.approx(1e-6)
    assert "Where is it?" in values(gateway)["gen_ai.input.messages"]
    (request,) = collector.taken
    assert request.resource_spans[0].scope_spans[0].schema_url.endswith("/1.41.0")
    assert collector.headers[0]["dd-api-key"] == "very secret"
    assert collector.headers[0]["x-a"] == "b"


def test_what_was_said_stays_here_unless_asked_for(tmp_path: Path, telemetry: Telemetry, collector: Collector) -> None:
    running = loop(tmp_path, telemetry, collector)
    until((tmp_path / "export.cursor").exists, "the first cursor")
    write(telemetry, 1)
    until(lambda: collector.taken, "spans")
    running.stop()
    assert not any(b"Where is it?" in request.SerializeToString() for request in collector.taken)


def test_what_guards_said_goes_along_without_a_word_of_what_was_said(
    tmp_path: Path, telemetry: Telemetry, collector: Collector
) -> None:
    running = loop(tmp_path, telemetry, collector)
    until((tmp_path / "export.cursor").exists, "the first cursor")
    places = ("messages[0].content",)
    found = GuardEvent(
        "default@sha256:aa", "mail", "pii", "in", "redact", {"email": 2, "phone": 1}, ("user",), places, score=0.5
    )
    shadow = GuardEvent("default@sha256:aa", "later", "words", "in", "block", {"x": 1}, shadow=True)
    call = root(1)
    spans = [call, *guard_spans(call, [found, shadow])]
    telemetry.write(Batch(spans=spans, verdicts=verdicts_of(call, [found, shadow])))
    sent = until(lambda: collector.spans() if len(collector.spans()) == 2 else None, "two spans")
    running.stop()
    guard = sent[guard_span_id(call.span_id, "in")]
    assert (guard.name, guard.parent_span_id) == ("guard in", call.span_id)
    shown = values(guard)
    assert shown["genaiops.guard.action"] == "redact"
    assert [one.string_value for one in shown["genaiops.guard.rules"].values] == ["default/mail"]
    assert [one.string_value for one in shown["genaiops.guard.shadow_rules"].values] == ["default/later"]
    assert [event.name for event in guard.events] == ["genaiops.guard.finding"] * 2
    first, second = (values(event) for event in guard.events)
    told = ("rule", "detector", "action", "shadow", "count", "score", "policy.digest")
    assert [first[f"genaiops.guard.{name}"] for name in told] == ["mail", "pii", "redact", False, 3, 0.5, "sha256:aa"]
    assert [one.string_value for one in first["genaiops.guard.kinds"].values] == ["email", "phone"]
    assert (second["genaiops.guard.rule"], second["genaiops.guard.shadow"]) == ("later", True)
    assert not any(b"messages[0]" in request.SerializeToString() for request in collector.taken)
    assert not sent[call.span_id].events


def test_a_collector_that_fails_gets_every_span_later(
    tmp_path: Path, telemetry: Telemetry, collector: Collector
) -> None:
    collector.answers += [503, 429, 500]
    running = loop(tmp_path, telemetry, collector)
    until((tmp_path / "export.cursor").exists, "the first cursor")
    write(telemetry, 1)
    until(lambda: running.dropped == 2, "what nobody takes")  # 500: OTLP says not to try again
    assert len(collector.headers) == 3
    write(telemetry, 2)
    until(lambda: len(collector.spans()) == 2, "the others")
    running.stop()
    write(telemetry, 3)  # while nobody exports
    again = loop(tmp_path, telemetry, collector)
    until(lambda: len(collector.spans()) == 4, "what came meanwhile")
    again.stop()
    assert sum(len(one.resource_spans[0].scope_spans[0].spans) for one in collector.taken) == 4


@pytest.mark.parametrize(("otlp", "headers"), [("collector:4317", ()), ("http://a", ("alone",)), ("http://a", ("=x",))])
def test_settings_that_cannot_be(otlp: str, headers: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError):
        check_export(otlp, headers)
