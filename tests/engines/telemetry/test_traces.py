"""One trace: what was written comes back, whatever the order in which its parts arrived."""

import itertools
from typing import Literal

import msgspec
import pytest

from genaiops.domain import Content, Cost, Energy, EnergyBasis, Range, Score, Span, Usage, unknown_energy
from genaiops.ports.telemetry import Batch, Telemetry, Trace, TraceRow, Written
from tests.engines.telemetry.calls import (
    DAY,
    NOW,
    SECOND,
    attempt,
    call,
    content,
    listed,
    merged,
    root,
    span_id,
    trace_id,
)
from tests.engines.telemetry.conftest import OpenTelemetry

FULL = Span(
    trace_id=trace_id(1),
    span_id=span_id(1),
    parent_id=span_id(99),
    name="chat ü",
    kind="gateway",
    operation="chat",
    start_us=NOW + 1,
    duration_us=2,
    first_token_us=3,
    status="cancelled",
    error_type="client_gone",
    error_message="went away",
    http_status=499,
    provider="openai",
    target_id="tgt_1",
    route_id="rt_1",
    request_model="smollm2",
    response_model="smollm2-135m",
    response_id="chatcmpl-1",
    finish_reason="stop",
    streamed=True,
    attempt=2,
    tenant_id="acme",
    environment_id="env_1",
    team_id="team_1",
    key_id="key_1",
    actor_id="act_1",
    application="app/support",
    user_id="user 1",
    user_verified=True,
    session_id="s1",
    request_id="req_1",
    usage=Usage(1, 2, 3, 4, 5, True, "chars/4", 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "1280x720", "batch"),
    cost=Cost(nano=6, currency="EUR", price_id="pr_1", price_version=7),
    owns_usage=True,
    input_preview="in",
    output_preview="out",
    content="inline",
    dialect="otel",
    semconv="1.40",
    energy=Energy(
        EnergyBasis(
            method="modelled", model="m 1", covers=("output tokens",), zone="DEU", kg_per_kwh=0.1, notes=("n",)
        ),
        Range(1e-5, 0.1 + 0.2, 3.0),
        Range(1.0, 2.0, 3.0),
        water_l=Range(0.25, 0.5, 1.0),
    ),
)


def the_trace(telemetry: Telemetry, number: int = 1) -> Trace:
    found = telemetry.trace(trace_id(number))
    assert found is not None
    return found


def test_every_field_of_a_span_comes_back(telemetry: Telemetry) -> None:
    differs_from_default = [field for field in Span.__struct_fields__ if getattr(FULL, field) in (None, "", False)]
    assert differs_from_default == []
    bare = Span(trace_id=trace_id(1), span_id=span_id(1, 1), name="x", kind="tool", start_us=NOW + 2)
    unknown = unknown_energy("nobody says")
    priceless = attempt(1, NOW + 3, step=2, cost=Cost(nano=None), usage=None, energy=unknown)
    telemetry.write(Batch(spans=[FULL, bare, priceless], contents=[content(FULL)]))
    assert the_trace(telemetry).spans == [FULL, bare, priceless]


@pytest.mark.parametrize("status", ["ok", "error", "cancelled", "aborted"])
@pytest.mark.parametrize("state", ["none", "inline", "blob", "preview", "shed"])
def test_every_status_and_content_state_comes_back(
    telemetry: Telemetry,
    status: Literal["ok", "error", "cancelled", "aborted"],
    state: Literal["none", "inline", "blob", "preview", "shed"],
) -> None:
    span = root(1, status=status, content=state)
    telemetry.write(Batch(spans=[span]))
    assert the_trace(telemetry).spans == [span]


def test_every_field_of_a_content_comes_back(telemetry: Telemetry) -> None:
    full = Content(
        trace_id=FULL.trace_id,
        span_id=FULL.span_id,
        start_us=FULL.start_us,
        input=b'{"messages":[]}\x00\xff',
        output=b"data: [DONE]\n\n",
        input_blob="sha256:1",
        output_blob="sha256:2",
        text="what people said",
        attributes={"gen_ai.request.top_p": msgspec.Raw(b"0.5"), "tags": msgspec.Raw(b'["a", {"b": null}]')},
    )
    bare = attempt(1, step=1, content="inline")
    telemetry.write(Batch(spans=[FULL, bare], contents=[full, content(bare)]))
    contents = the_trace(telemetry).contents
    assert contents == {FULL.span_id.hex(): full, bare.span_id.hex(): content(bare)}


def test_an_unknown_trace_is_none(telemetry: Telemetry) -> None:
    assert telemetry.trace(trace_id(1)) is None
    telemetry.write(call(2))
    assert telemetry.trace(trace_id(1)) is None


def test_a_large_payload_comes_back(telemetry: Telemetry) -> None:
    span = root(1, content="inline")
    payload = bytes(range(256)) * 8000
    telemetry.write(Batch(spans=[span], contents=[content(span, "x", input=payload)]))
    assert the_trace(telemetry).contents[span.span_id.hex()].input == payload


PARTS = (
    root(1, NOW, first_token_us=5),
    attempt(1, NOW + 1, step=1, owns_usage=False, status="error"),
    attempt(1, NOW + 2, step=2, usage=Usage(input_uncached=1, cache_write=2, reasoning=3), cost=Cost(nano=10)),
    attempt(1, NOW + 3, step=3, usage=Usage(output_text=4, estimated=True), cost=Cost(nano=20)),
)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
@pytest.mark.parametrize("batches", [1, 2, 4])
def test_sums_do_not_depend_on_order_or_batches(telemetry: Telemetry, order: tuple[int, ...], batches: int) -> None:
    size = 4 // batches
    for start in range(0, 4, size):
        telemetry.write(Batch(spans=[PARTS[index] for index in order[start : start + size]]))
    expected = TraceRow(root=PARTS[0], input_tokens=3, output_tokens=7, estimated=True, cost_nano=30, spans=4)
    assert listed(telemetry) == [expected]
    assert the_trace(telemetry).spans == list(PARTS)


@pytest.mark.parametrize("cost", [None, Cost(nano=None)])
def test_one_unknown_price_makes_the_cost_unknown(telemetry: Telemetry, cost: Cost | None) -> None:
    telemetry.write(Batch(spans=[root(1), attempt(1, step=1), attempt(1, step=2, cost=cost)]))
    assert [row.cost_nano for row in listed(telemetry)] == [None]


def test_a_trace_that_nobody_paid_for_costs_nothing(telemetry: Telemetry) -> None:
    telemetry.write(Batch(spans=[root(1), attempt(1, owns_usage=False, usage=None, cost=None)]))
    assert listed(telemetry) == [
        TraceRow(root=root(1), input_tokens=0, output_tokens=0, estimated=False, cost_nano=0, spans=2)
    ]


def test_a_replay_changes_nothing(telemetry: Telemetry, open_store: OpenTelemetry) -> None:
    batch = merged(call(1, text="one"), call(2, text="two"))
    assert telemetry.write(batch) == Written(spans=4, duplicates=0)
    before = (listed(telemetry), the_trace(telemetry), telemetry.head())
    assert telemetry.write(batch) == Written(spans=0, duplicates=4)
    telemetry.close()
    again = open_store()
    assert again.write(merged(batch, call(3), call(1))) == Written(spans=2, duplicates=6)
    assert the_trace(again) == before[1]
    assert [row for row in listed(again) if row.root.trace_id != trace_id(3)] == before[0]
    assert [row.spans for row in listed(again)] == [2, 2, 2]


def test_a_span_twice_in_a_batch_counts_once(telemetry: Telemetry) -> None:
    first, second = call(1).spans
    renamed = msgspec.structs.replace(second, name="the second of the same id")
    assert telemetry.write(Batch(spans=[first, second, renamed, first])) == Written(spans=2, duplicates=2)
    assert the_trace(telemetry).spans == [first, second]
    assert [row.cost_nano for row in listed(telemetry)] == [1000]


def test_a_trace_over_midnight_has_all_its_content(telemetry: Telemetry) -> None:
    midnight = NOW // DAY * DAY
    spans = [
        root(1, midnight - SECOND, content="inline"),
        attempt(1, midnight - 1, step=1, content="inline"),
        attempt(1, midnight, step=2, content="inline"),
        attempt(1, midnight + SECOND, step=3, content="inline"),
    ]
    telemetry.write(Batch(spans=spans, contents=[content(span, f"part {span.start_us}") for span in spans]))
    assert the_trace(telemetry).contents == {
        span.span_id.hex(): content(span, f"part {span.start_us}") for span in spans
    }


@pytest.mark.parametrize("days", [-20_500, -5000, -401, -400, -1, 0, 1, 2, 3, 400, 30_000, 2_900_000])
def test_content_is_found_however_wrong_the_clock_was(
    telemetry: Telemetry, open_store: OpenTelemetry, days: int
) -> None:
    span = root(1, NOW + days * DAY, content="inline")
    telemetry.write(Batch(spans=[span], contents=[content(span, "found")]))
    telemetry.write(call(2, text="found as well"))
    assert the_trace(telemetry).contents == {span.span_id.hex(): content(span, "found")}
    telemetry.close()
    later = open_store(now_us=NOW + 100 * DAY)
    later.write(call(3, NOW + 100 * DAY, text="found"))
    assert the_trace(later).contents == {span.span_id.hex(): content(span, "found")}


def test_content_that_comes_with_a_later_batch_is_found(telemetry: Telemetry) -> None:
    span = root(1, content="inline")
    telemetry.write(Batch(contents=[content(span, "early")]))
    assert telemetry.trace(span.trace_id) is None
    telemetry.write(Batch(spans=[span]))
    assert the_trace(telemetry).contents[span.span_id.hex()].text == "early"


def score(identifier: str, **facts: object) -> Score:
    return Score(identifier=identifier, trace_id=trace_id(1), name="helpful", source="person", created_us=NOW, **facts)  # pyright: ignore[reportArgumentType]


def test_scores_stand_beside_the_trace_and_are_added_once(telemetry: Telemetry) -> None:
    telemetry.write(call(1))
    first = score("a", value=0.5, label="good", comment="ü", created_by="act_1", span_id=span_id(1))
    telemetry.add_score(first)
    telemetry.add_score(msgspec.structs.replace(first, value=0.1))
    telemetry.write(Batch(scores=[first, score("b", value=None)]))
    assert the_trace(telemetry).scores == [first, score("b", value=None)]


def test_the_tail_sees_each_root_span_once_in_order_of_writing(telemetry: Telemetry) -> None:
    assert telemetry.head() == 0
    assert telemetry.since(0) == (0, [])
    telemetry.write(call(1, NOW))
    start = telemetry.head()
    assert start > 0
    telemetry.write(merged(call(2, NOW + SECOND), call(3, NOW - DAY), call(4)))
    telemetry.write(Batch(spans=[attempt(1, step=5)]))
    seen: list[bytes] = []
    head = start
    while True:
        following, rows = telemetry.since(head, limit=2)
        if not rows:
            assert following >= head
            break
        assert following > head
        seen += [row.root.trace_id for row in rows]
        head = following
    assert seen == [trace_id(number) for number in (2, 3, 4)]
    assert telemetry.since(telemetry.head()) == (telemetry.head(), [])
    assert [row.spans for row in telemetry.since(0)[1]] == [3, 2, 2, 2]


def test_a_batch_without_spans_moves_no_head(telemetry: Telemetry) -> None:
    telemetry.write(call(1))
    head = telemetry.head()
    assert telemetry.write(Batch()) == Written(spans=0, duplicates=0)
    assert telemetry.head() == head
