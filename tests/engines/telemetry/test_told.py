"""Spans that other programs told of: in any order and in any number of writes, every call and token counts once."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.domain import Cost, CostCorrection, Span, Usage
from genaiops.ports.telemetry import Batch, Rollup, RollupQuery, Telemetry, TraceFilter
from tests.engines.telemetry.calls import MINUTE, NOW, SECOND, attempt, root, span_id, trace_id
from tests.examples import examples

EVER = RollupQuery(since_us=NOW - 60 * MINUTE, until_us=NOW + 60 * MINUTE, step="all")


def told(step: int, parent: int | None = None, *, tokens: int | None = 10, kind: Any = "llm", **facts: Any) -> Span:
    usage = None if tokens is None else Usage(input_uncached=tokens, output_text=1)
    known: dict[str, Any] = {
        "trace_id": trace_id(1),
        "span_id": span_id(1, step),
        "parent_id": None if parent is None else span_id(1, parent),
        "name": f"span {step}",
        "kind": kind,
        "operation": "chat",
        "start_us": NOW + step,
        "duration_us": SECOND,
        "usage": usage,
        "cost": None if usage is None else Cost(tokens),
        "owns_usage": usage is not None,
        "dialect": "gen_ai",
        "environment_id": "env_prod",
    }
    return Span(**{**known, **facts})


def written(store: Telemetry, *batches: Sequence[Span]) -> tuple[int, int, int, int]:
    """Calls, input tokens, output tokens and cost in the sums of all time."""
    for batch in batches:
        store.write(Batch(spans=batch))
    rows = store.rollup(EVER)
    return _sums(rows[0]) if rows else (0, 0, 0, 0)


def _sums(row: Rollup) -> tuple[int, int, int, int]:
    assert row.duration.count == row.calls
    return row.calls, row.input_tokens, row.output_tokens, row.cost_nano


def _listed(store: Telemetry) -> list[tuple[str, int, int | None]]:
    return [(row.root.name, row.input_tokens, row.cost_nano) for row in store.list(TraceFilter()).rows]


def test_the_lowest_span_owns_what_its_parents_repeat(telemetry: Telemetry) -> None:
    chain = told(1, kind="workflow", tokens=20)
    model = told(2, 1, tokens=20)
    client = told(3, 2, tokens=10)
    other = told(4, 1, tokens=10)
    assert written(telemetry, [chain, model, client, other]) == (2, 20, 2, 20)
    found = telemetry.trace(trace_id(1))
    assert found is not None
    assert [span.owns_usage for span in found.spans] == [False, False, True, True]
    assert [span.usage is not None for span in found.spans] == [True] * 4  # what was told stays to be read
    assert _listed(telemetry) == [("span 1", 20, 20)]


def test_a_child_that_comes_later_takes_over(telemetry: Telemetry) -> None:
    assert written(telemetry, [told(1, tokens=10)]) == (1, 10, 1, 10)
    assert written(telemetry, [told(2, 1, tokens=10)]) == (1, 10, 1, 10)
    assert _listed(telemetry) == [("span 1", 10, 10)]


def test_a_parent_that_comes_later_owns_nothing_and_becomes_the_root(telemetry: Telemetry) -> None:
    assert written(telemetry, [told(2, 1), told(3, 1)]) == (2, 20, 2, 20)
    assert [name for name, *_ in _listed(telemetry)] == ["span 3", "span 2"]  # until their parent comes
    assert written(telemetry, [told(1, kind="agent", tokens=20)]) == (2, 20, 2, 20)
    assert _listed(telemetry) == [("span 1", 20, 20)]


def test_a_parent_owns_when_nothing_below_it_has_usage(telemetry: Telemetry) -> None:
    assert written(telemetry, [told(1, kind="agent", tokens=30), told(2, 1, tokens=None)]) == (1, 30, 1, 30)


def test_a_span_whose_parent_never_comes_is_listed(telemetry: Telemetry) -> None:
    written(telemetry, [told(2, 77)])
    assert _listed(telemetry) == [("span 2", 10, 10)]


def test_a_call_through_the_gateway_is_the_gateways_whoever_tells_first(telemetry: Telemetry) -> None:
    client = told(1, tokens=15)
    between = told(2, 1, kind="other", tokens=None)
    gateway = root(1, parent_id=span_id(1, 2), span_id=span_id(1, 3))
    pays = attempt(1, parent_id=span_id(1, 3), span_id=span_id(1, 4))
    server = told(5, 4, tokens=15)  # the model's server, which told too
    assert written(telemetry, [client, between, server]) == (2, 30, 2, 30)  # nothing tells yet
    assert written(telemetry, [gateway, pays]) == (1, 15, 7, 1000)
    found = telemetry.trace(trace_id(1))
    assert found is not None
    assert {span.span_id for span in found.spans if span.owns_usage} == {span_id(1, 4)}


def test_a_client_without_the_gateways_trace_is_known_by_the_answer(telemetry: Telemetry) -> None:
    call = [root(2), attempt(2, response_id="chatcmpl-1")]
    assert written(telemetry, [told(1, response_id="chatcmpl-1", tenant_id="default")]) == (1, 10, 1, 10)
    assert written(telemetry, call) == (1, 15, 7, 1000)
    assert written(telemetry, [told(9, response_id="chatcmpl-1", trace_id=trace_id(9))]) == (1, 15, 7, 1000)
    later = told(8, response_id="chatcmpl-1", trace_id=trace_id(8), start_us=NOW + 5 * MINUTE)
    assert written(telemetry, [later]) == (2, 25, 8, 1010)  # the same id, another time: another call


def test_another_tenants_spans_change_nothing(telemetry: Telemetry) -> None:
    assert written(telemetry, [told(1), told(2, 1, tenant_id="rival", tokens=99)]) == (2, 109, 2, 109)
    written(telemetry, [root(2), attempt(2, response_id="chatcmpl-1")])
    mine = told(3, trace_id=trace_id(3), response_id="chatcmpl-1", tenant_id="rival", tokens=5)
    assert written(telemetry, [mine])[1] == 109 + 15 + 5


def test_a_corrected_cost_is_taken_away_as_it_was_corrected(telemetry: Telemetry) -> None:
    written(telemetry, [told(1, tokens=10)])
    right = CostCorrection(trace_id=trace_id(1), span_id=span_id(1, 1), former=Cost(10), cost=Cost(700), created_us=NOW)
    assert telemetry.correct([right]) == 1
    assert written(telemetry, [told(2, 1, tokens=10)]) == (1, 10, 1, 10)
    assert _listed(telemetry) == [("span 1", 10, 10)]


def test_parents_in_a_ring_are_stored(telemetry: Telemetry) -> None:
    assert written(telemetry, [told(1, 2), told(2, 1)])[1] <= 20
    found = telemetry.trace(trace_id(1))
    assert found is not None
    assert len(found.spans) == 2


def test_the_same_spans_again_change_nothing(telemetry: Telemetry) -> None:
    spans = [told(1, kind="agent"), told(2, 1), told(3, 1)]
    first = written(telemetry, spans)
    assert written(telemetry, spans, [told(2, 1, tokens=99)]) == first


@st.composite
def trees(draw: st.DrawFn) -> list[Span]:
    """A trace of both kinds of spans, in the order of their starts."""
    spans: list[Span] = []
    for step in range(1, draw(st.integers(2, 9))):
        parent = draw(st.none() | st.integers(1, step - 1)) if step > 1 else None
        if draw(st.integers(0, 4)) == 0:
            above = None if parent is None else span_id(1, parent)
            spans.append(root(1, NOW + step, parent_id=above, span_id=span_id(1, step), name=f"span {step}"))
            ids = span_id(1, 100 + step), span_id(1, step)
            spans.append(attempt(1, NOW + step, name=f"span {100 + step}", span_id=ids[0], parent_id=ids[1]))
        else:
            kind = draw(st.sampled_from(["llm", "agent", "tool", "other"]))
            spans.append(told(step, parent, kind=kind, tokens=draw(st.none() | st.integers(1, 50))))
    return spans


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=trees(), data=st.data())
def test_the_order_of_arrival_changes_no_figure(
    new_store: Callable[[], Telemetry], spans: list[Span], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(spans))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(spans)), max_size=3)))
    parts = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    whole, piecewise = new_store(), new_store()
    try:
        assert written(piecewise, *parts) == written(whole, spans)
        assert sorted(_listed(piecewise)) == sorted(_listed(whole))
        seen = [found for store in (whole, piecewise) if (found := store.trace(trace_id(1))) is not None]
        one, other = ([msgspec.structs.replace(span) for span in found.spans] for found in seen)
        assert one == other
        owners = [span for span in one if span.owns_usage and span.usage is not None]
        assert _listed(whole)[0][1] == sum(span.usage.input_tokens for span in owners if span.usage)
    finally:
        whole.close()
        piecewise.close()
