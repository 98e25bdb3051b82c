"""Lists of root spans: filters, order and pages, against a model that is a list in Python."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.domain import Cost, Span
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter
from tests.engines.telemetry.calls import NOW, SECOND, attempt, call, listed, merged, numbers, pages, root, span_id
from tests.engines.telemetry.conftest import OpenTelemetry
from tests.examples import examples

FEW_VALUES: dict[str, Any] = {
    "status": st.sampled_from(["ok", "error", "cancelled", "aborted"]),
    "environment_id": st.sampled_from([None, "env_1", "env_2"]),
    "team_id": st.sampled_from([None, "team_1", "team_2"]),
    "key_id": st.sampled_from(["key_1", "key_2"]),
    "application": st.sampled_from([None, "app_1"]),
    "request_model": st.sampled_from([None, "m_1", "m_2"]),
    "target_id": st.sampled_from([None, "t_1"]),
    "user_id": st.sampled_from([None, "u_1", "u_2"]),
    "session_id": st.sampled_from([None, "s_1"]),
    "operation": st.sampled_from(["", "chat", "embeddings"]),
    "error_type": st.sampled_from([None, "timeout"]),
    "duration_us": st.sampled_from([0, 10, 20]),
}
MOMENTS = st.integers(0, 6).map(lambda step: NOW + step * SECOND)
COSTS = st.sampled_from([None, Cost(nano=None), Cost(nano=0), Cost(nano=10), Cost(nano=20)])


@st.composite
def stored_calls(draw: st.DrawFn) -> list[tuple[Span, Span]]:
    found: list[tuple[Span, Span]] = []
    for number in range(draw(st.integers(0, 12))):
        facts = {name: draw(values) for name, values in FEW_VALUES.items()}
        start_us = draw(MOMENTS)
        found.append((root(number, start_us, **facts), attempt(number, start_us + 1, cost=draw(COSTS))))
    return found


WHERE = st.fixed_dictionaries(
    {},
    optional={
        "since_us": MOMENTS,
        "until_us": MOMENTS,
        "min_duration_us": FEW_VALUES["duration_us"],
        "min_cost_nano": st.sampled_from([0, 10, 15]),
        "model": st.sampled_from(["m_1", "unheard of"]),
    }
    | {
        name: values.filter(bool) for name, values in FEW_VALUES.items() if name not in ("duration_us", "request_model")
    },
)


def meets(where: TraceFilter, span: Span, cost: Cost | None) -> bool:
    nano = None if cost is None else cost.nano
    return (
        (where.since_us is None or span.start_us >= where.since_us)
        and (where.until_us is None or span.start_us < where.until_us)
        and (where.min_duration_us is None or span.duration_us >= where.min_duration_us)
        and (where.min_cost_nano is None or (nano is not None and nano >= where.min_cost_nano))
        and (where.model is None or span.request_model == where.model)
        and all(
            getattr(where, name) in (None, getattr(span, name))
            for name in FEW_VALUES
            if name not in ("duration_us", "request_model")
        )
    )


def expected(calls: list[tuple[Span, Span]], where: TraceFilter) -> list[Span]:
    found = [span for span, paid in calls if meets(where, span, paid.cost)]
    return sorted(found, key=lambda span: (span.start_us, span.span_id), reverse=True)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=stored_calls(), filters=st.lists(WHERE, min_size=1, max_size=12), limit=st.integers(1, 5))
def test_a_list_is_what_a_plain_search_through_all_calls_finds(
    new_store: Callable[[], Telemetry], calls: list[tuple[Span, Span]], filters: list[dict[str, Any]], limit: int
) -> None:
    telemetry = new_store()
    for pair in calls:
        telemetry.write(Batch(spans=pair))
    for chosen in [{}, *filters]:
        where = TraceFilter(**chosen)
        assert [row.root for row in listed(telemetry, where, limit)] == expected(calls, where)
    telemetry.close()


def test_an_empty_store_has_one_empty_page(telemetry: Telemetry) -> None:
    assert pages(telemetry, TraceFilter())[0].rows == []
    assert pages(telemetry, TraceFilter())[0].next is None


def test_pages_are_full_and_the_last_one_has_no_next(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number, NOW + number) for number in range(6))))
    assert [len(page.rows) for page in pages(telemetry, TraceFilter(), limit=3)] == [3, 3]
    assert [len(page.rows) for page in pages(telemetry, TraceFilter(), limit=4)] == [4, 2]
    assert numbers(listed(telemetry)) == [5, 4, 3, 2, 1, 0]


def test_spans_of_the_same_microsecond_are_in_order_of_their_ids(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number) for number in range(20))))
    ids = [row.root.span_id for row in listed(telemetry, limit=3)]
    assert ids == sorted((span_id(number) for number in range(20)), reverse=True)


def test_calls_that_come_between_two_pages_move_nothing(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number, NOW + number * 10) for number in range(6))))
    first = telemetry.list(TraceFilter(), limit=2)
    assert numbers(list(first.rows)) == [5, 4]
    telemetry.write(merged(call(10, NOW + 100), call(11, NOW + 45), call(12, NOW + 15)))
    second = telemetry.list(TraceFilter(), cursor=first.next, limit=10)
    assert numbers(list(second.rows)) == [3, 2, 12, 1, 0]


def test_a_gateway_span_below_a_client_span_is_a_row_of_its_own(telemetry: Telemetry) -> None:
    inner = root(1, NOW + 10, parent_id=span_id(1, 9))
    outer = Span(trace_id=inner.trace_id, span_id=span_id(1, 9), name="agent", kind="agent", start_us=NOW)
    telemetry.write(Batch(spans=[inner, attempt(1, NOW + 20), outer]))
    assert [(row.root.name, row.spans, row.cost_nano) for row in listed(telemetry)] == [
        ("chat smollm2", 3, 1000),
        ("agent", 3, 1000),
    ]


@pytest.mark.parametrize(
    "cursor", ["", "x", "1.2.3", "17.0", "17.zz", "-", "1e3.00", "17.00\n", "99999999999999999999.00"]
)
def test_what_is_no_cursor_is_refused(telemetry: Telemetry, cursor: str) -> None:
    with pytest.raises(UsageError) as caught:
        telemetry.list(TraceFilter(), cursor=cursor)
    assert caught.value.param == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_a_sensible_size(telemetry: Telemetry, limit: int) -> None:
    with pytest.raises(UsageError):
        telemetry.list(TraceFilter(), limit=limit)


@pytest.mark.parametrize("where", [{"since_us": 1 << 80}, {"until_us": -(1 << 80)}, {"min_duration_us": (1 << 63) - 1}])
def test_absurd_bounds_find_nothing(telemetry: Telemetry, where: dict[str, Any]) -> None:
    telemetry.write(call(1, text="word"))
    assert listed(telemetry, TraceFilter(**where)) == []
    assert listed(telemetry, TraceFilter(**where, text="word")) == []


def test_readers_see_what_was_written(telemetry: Telemetry, open_store: OpenTelemetry) -> None:
    reader = open_store(writer=False)
    assert listed(reader) == []
    telemetry.write(call(1))
    assert numbers(listed(reader)) == [1]


def test_a_place_before_calls_of_a_time(telemetry: Telemetry) -> None:
    assert telemetry.place_before(NOW) == 0
    for number in range(4):
        telemetry.write(call(number, NOW + number * SECOND))
    for since in range(4):
        _, found = telemetry.written(telemetry.place_before(NOW + since * SECOND))
        assert [span.span_id for span, _ in found if span.parent_id is None] == [span_id(n) for n in range(since, 4)]
        assert len(found) == (4 - since) * len(call(0).spans)
    assert telemetry.place_before(NOW + 9 * SECOND) == telemetry.head()


def test_calls_by_what_a_cache_said(telemetry: Telemetry) -> None:
    said = {0: "hit", 1: "miss", 2: "hit", 3: None}
    assert numbers(listed(telemetry, TraceFilter(cache="hit"))) == []
    for number, outcome in said.items():
        telemetry.write(call(number, NOW + number))
        if outcome is not None:
            span = attempt(number, NOW + number, step=7, kind="cache", name=f"cache {outcome}", usage=None, cost=None)
            telemetry.write(Batch(spans=[span]))
    assert numbers(listed(telemetry, TraceFilter(cache="hit"))) == [2, 0]
    assert numbers(listed(telemetry, TraceFilter(cache="miss"))) == [1]
    assert numbers(listed(telemetry, TraceFilter(cache="hit", until_us=NOW + 1))) == [0]
