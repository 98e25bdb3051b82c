"""Programs that use OpenTelemetry too have one trace, whoever opens which span."""

from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import genaiops
from tests.sdk.collector import Collector


def test_one_trace(collector: Collector) -> None:
    exported = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    tracer = provider.get_tracer("test")

    @genaiops.trace("ours inside")
    def inside() -> dict[str, str]:
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        assert carrier == genaiops.headers()
        with tracer.start_as_current_span("theirs innermost"):
            assert genaiops.headers() != carrier
            with genaiops.trace("ours innermost"):
                pass
        return carrier

    with tracer.start_as_current_span("theirs"):
        inside()
        assert otel.get_current_span().get_span_context().is_valid
    assert not otel.get_current_span().get_span_context().is_valid
    assert genaiops.flush()
    theirs = {span.name: span for span in exported.get_finished_spans()}
    outer = theirs["theirs"].get_span_context()
    middle, last = collector.named("ours inside"), collector.named("ours innermost")
    innermost = theirs["theirs innermost"]
    assert outer is not None
    assert innermost.parent is not None
    assert (middle.trace_id, middle.parent) == (f"{outer.trace_id:032x}", f"{outer.span_id:016x}")
    assert f"{innermost.parent.span_id:016x}" == middle.span_id
    context = innermost.get_span_context()
    assert context is not None
    assert last.parent == f"{context.span_id:016x}"


def test_what_they_do_not_sample_is_not_sent(collector: Collector) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
    with tracer.start_as_current_span("theirs"), genaiops.trace("ours"):
        assert genaiops.headers()["traceparent"].endswith("-00")
    assert genaiops.flush()
    assert not collector.spans
