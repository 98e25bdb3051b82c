"""Whatever share is kept and in whatever order spans come: no span of a trace with an error is lost."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.domain import Content, Span
from genaiops.watch.otlp._sampling import HELD_SPANS, SHARE, Sampler
from tests.watch.otlp.spans import SENDER


@dataclasses.dataclass
class Sent:
    trace: int
    failed: bool


def told(number: int, sent: Sent) -> tuple[Span, Content]:
    trace_id = bytes([sent.trace]) + b"\0" * 8 + sent.trace.to_bytes(7, "big") * (sent.trace < 3)
    trace_id = trace_id.ljust(16, b"\xff")
    span_id = number.to_bytes(8, "big")
    facts: dict[str, Any] = {"trace_id": trace_id, "span_id": span_id, "start_us": number}
    span = Span(name="s", kind="llm", status="error" if sent.failed else "ok", **facts)
    return span, Content(**facts)


SENT = st.builds(Sent, st.integers(1, 6), st.booleans() | st.just(value=False))


@given(st.lists(st.lists(SENT, max_size=4), max_size=12), st.sampled_from([0.0, 0.000001, 0.5]))
@settings(max_examples=60, deadline=None)
def test_every_span_of_a_trace_with_an_error_is_kept_once(requests: Sequence[Sequence[Sent]], share: float) -> None:
    sampler = Sampler({SENDER.environment_id: share})
    numbers = iter(range(1, 1000))
    sent: list[Span] = []
    kept: list[tuple[Span, Content]] = []
    for request in requests:
        batch = [told(next(numbers), one) for one in request]
        sent += [span for span, _ in batch]
        kept += sampler.kept(batch, SENDER)
    failed = {span.trace_id for span in sent if span.status == "error"}
    found = [span.span_id for span, _ in kept]
    assert len(found) == len(set(found))
    assert {span.span_id for span in sent if span.trace_id in failed} <= set(found)
    by_trace = {span.trace_id: span.trace_id in failed for span, _ in kept}
    for trace_id, has_error in by_trace.items():  # and of the others whole traces
        if not has_error:
            mine = {span.span_id for span in sent if span.trace_id == trace_id}
            assert mine <= set(found)
    assert all(msgspec.json.decode((content.attributes or {})[SHARE]) in (share, 1.0) for _, content in kept)


def test_errors_are_kept_when_more_was_left_out_than_is_remembered() -> None:
    sampler = Sampler({SENDER.environment_id: 0.0})
    for number in range(HELD_SPANS + 500):
        assert not sampler.kept([told(number, Sent(7 + number % 200, failed=False))], SENDER)
    kept = sampler.kept([told(1 << 40, Sent(8, failed=True))], SENDER)
    assert kept[-1][0].span_id == (1 << 40).to_bytes(8, "big")
