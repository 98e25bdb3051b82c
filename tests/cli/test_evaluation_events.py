"""Events of judgements: as OTLP defines them, with the trace of the answer, and nothing of what was said."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from genaiops.arena.reports import event_requests
from genaiops.domain import Verdict
from tests.arena.test_reports import PLAIN, said
from tests.cli.conftest import Shell

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collector(HTTPServer):
    """Takes what it is sent, or refuses with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.status = 200


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        collector = self.server
        assert isinstance(collector, Collector)
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        collector.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(collector.status)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def facts(record: Any) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in record["attributes"]}


def test_an_event_says_what_was_measured_and_of_which_call() -> None:
    found = said(PLAIN, {"a": "yes", "b": "no", "c": None})
    [answer] = found.answers["new", "a"]
    [judged] = found.judged["new", "b"]
    failed = msgspec.structs.replace(judged, verdict=Verdict(outcome="error", reason="It broke."))
    found = msgspec.structs.replace(
        found,
        answers={**found.answers, ("new", "a"): [msgspec.structs.replace(answer, trace_id=TRACE)]},
        judged={**found.judged, ("new", "b"): [failed]},
    )
    [request] = event_requests(found)
    records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    first, second = records
    assert (first["eventName"], first["traceId"]) == ("gen_ai.evaluation.result", TRACE)
    assert facts(first)["gen_ai.evaluation.score.value"] == 1.0
    assert facts(first)["gen_ai.evaluation.score.label"] == "pass"
    assert "traceId" not in second
    assert facts(second)["error.type"] == "evaluation_error"
    assert "gen_ai.evaluation.score.value" not in facts(second)
    for record in records:  # in OTLP's JSON it is written in hex, in protobuf's own in base64
        record.pop("traceId", None)
    read: Any = json_format.ParseDict(request, ExportLogsServiceRequest())
    assert read.resource_logs[0].scope_logs[0].log_records[0].event_name == "gen_ai.evaluation.result"


SUITE = """
[[target]]
name = "recorded"
recorded = true
[[case]]
input = "a"
expected = "b"
output = "b"
[[check]]
metric = "equals"
"""


def test_they_are_written_and_sent(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setenv("GENAIOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
    (tmp_path / "suite.toml").write_text(SUITE)
    run = shell.run("suite", "run", str(tmp_path / "suite.toml"), "--local", "--json").json()["run"]["id"]
    file = tmp_path / "events.jsonl"
    to = f"http://127.0.0.1:{collector.server_port}"
    told = shell.run("suite", "events", run, "-o", str(file), "--to", to, "--json").json()
    assert (told["events"], told["to"]) == (1, f"{to}/v1/logs")
    [(path, headers, body)] = collector.seen
    assert (path, headers["x-key"]) == ("/v1/logs", "a b")
    assert json.loads(file.read_text()) == body
    collector.status = 400
    refused = shell.run("suite", "events", run, "--to", to)
    assert (refused.status, "400" in refused.err) == (3, True)
    assert shell.run("suite", "events", run).status == 2
    assert shell.run("suite", "events", run, "--to", "nowhere").status == 2
    assert shell.run("suite", "events", "run_none", "--to", to).status == 2
