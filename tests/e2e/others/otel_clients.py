"""OpenAI's client under a tracer, as an application has it, sending its spans to the installation.

`otel_clients.py INSTRUMENTATION URL KEY KIND`: `openinference`, `openllmetry`, or `both` one over the other; KIND is
`plain` or `nested` (the calls under spans of the application). Prints the ids of its traces as JSON.
"""

import contextlib
import json
import sys
from typing import Any

import openai
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Telling(SpanExporter):
    """The exporter, and what it said."""

    def __init__(self, inner: OTLPSpanExporter) -> None:
        self.inner = inner
        self.failed = 0

    def export(self, spans: Any) -> SpanExportResult:
        result = self.inner.export(spans)
        self.failed += result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        self.inner.shutdown()


def main(which: str, url: str, key: str, kind: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    exporter = Telling(
        OTLPSpanExporter(endpoint=f"{url}/v1/traces", headers={"authorization": f"Bearer {key}"}, compression=None)
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    if which in ("openllmetry", "both"):
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

        OpenLLMetry().instrument(tracer_provider=provider)
    if which in ("openinference", "both"):
        from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference

        OpenInference().instrument(tracer_provider=provider)
    tracer = provider.get_tracer("shop")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    found: list[str] = []
    if kind == "nested":
        with tracer.start_as_current_span("answer a customer") as span:
            found.append(f"{span.get_span_context().trace_id:032x}")
            span.set_attribute("gen_ai.operation.name", "invoke_agent")
            span.set_attribute("session.id", "visit 7")
            _ask(client, "Where is my order?")
            with tracer.start_as_current_span("look up"):
                _ask(client, "And the invoice?", stream=True)
    else:
        _ask(client, "Where is my order?")
        with contextlib.suppress(openai.NotFoundError):
            client.chat.completions.create(model="nothing", messages=[{"role": "user", "content": "Hello?"}])
    provider.force_flush()
    provider.shutdown()
    json.dump({"traces": found, "failed": exporter.failed}, sys.stdout)


def _ask(client: openai.OpenAI, text: str, *, stream: bool = False) -> None:
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    if not stream:
        client.chat.completions.create(model="echo", messages=messages)
        return
    options: Any = {"include_usage": True}
    for _ in client.chat.completions.create(model="echo", messages=messages, stream=True, stream_options=options):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
