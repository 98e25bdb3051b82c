"""A real OTLP/HTTP receiver: what arrives is read by OpenTelemetry's own protobuf messages."""

import base64
import http.server
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Reply = tuple[int, dict[str, str], Any]


class Received(NamedTuple):
    """A span as it arrived, its attributes as Python values. Ids in hexadecimal, `parent` empty for a root."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    status: int
    message: str
    resource: dict[str, Any]
    schema: str
    nanoseconds: int


class Collector:
    """Answers 200 unless `reply` says otherwise. `scores` and `asked` are everything else that came."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.scores: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.reply: Callable[[str], Reply] = lambda _: (200, {}, {})
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                collector.take(self)

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        fields = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append((handler.path, fields))
        status, headers, answer = self.reply(handler.path)
        if status == 200 and handler.path == "/v1/traces":
            assert fields["content-encoding"] == "gzip"
            assert fields["content-type"] == "application/json"
            self.spans += read(json.loads(zlib.decompress(body, 31)))
        elif status == 200 and handler.path.endswith("/scores"):
            self.scores.append((handler.path.split("/")[3], json.loads(body)))
        data = json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in {"content-length": str(len(data)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def named(self, name: str) -> Received:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def children(self, span: Received) -> list[str]:
        return [each.name for each in self.spans if each.parent == span.span_id]


def read(request: dict[str, Any]) -> Iterator[Received]:
    """OTLP's JSON has ids in hexadecimal, where JSON of protobuf has bytes in base64; all else is the same."""
    for group in request["resourceSpans"]:
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    message = ParseDict(request, ExportTraceServiceRequest())
    for group in message.resource_spans:
        resource = values(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Received(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.kind,
                    values(span.attributes),
                    [(event.name, values(event.attributes)) for event in span.events],
                    span.status.code,
                    span.status.message,
                    resource,
                    group.schema_url,
                    span.end_time_unix_nano - span.start_time_unix_nano,
                )


def values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
