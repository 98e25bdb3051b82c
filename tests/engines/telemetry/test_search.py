"""Full-text search, alone and together with filters, across days, against a model in Python."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.domain import Content, Span
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter
from tests.engines.telemetry.calls import (
    DAY,
    NOW,
    SECOND,
    attempt,
    call,
    content,
    listed,
    merged,
    numbers,
    pages,
    root,
    span_id,
)
from tests.examples import examples


def found(telemetry: Telemetry, text: str, **where: Any) -> list[int]:
    return numbers(listed(telemetry, TraceFilter(text=text, **where), limit=2))


@pytest.fixture
def library(telemetry: Telemetry) -> Telemetry:
    texts = [
        "The refund was sent to Zürich on Monday.",
        "Monday: no refund!",
        "Reis und Köfte, dreißig Gramm",
        'She said "never again" and left; user@example.com',
        "日本語 テスト",
        "nothing of that",
    ]
    telemetry.write(merged(*(call(number, NOW + number, text=text) for number, text in enumerate(texts))))
    return telemetry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refund", [1, 0]),
        ("REFUND monday", [1, 0]),
        ("refund zurich", [0]),
        ("Zürich", [0]),
        ('"refund was sent"', [0]),
        ('"sent refund"', []),
        ('"no refund" monday', [1]),
        ("kofte", [2]),
        ("example.com", [3]),
        ("user@example.com", [3]),
        ("日本語", [4]),
        ("refun", []),
        ("refund absent", []),
        ("refund OR nothing", []),
        ("NOT nothing", []),
        ("nothing NEAR(of that)", []),
        ("nothing - of", [5]),
        ("nothing ??? of", [5]),
        ('"never again', [3]),
        ('never" again', [3]),
        ('"" never', [3]),
        ("???", []),
        ("\x00refund\x00", [1, 0]),
        ("\ud800 refund", [1, 0]),
        ("text:refund", []),
        ("refund*", [1, 0]),
        ("^refund", [1, 0]),
    ],
)
def test_words_and_phrases(library: Telemetry, text: str, expected: list[int]) -> None:
    assert found(library, text) == expected


@pytest.mark.parametrize("text", ["", "  ", '"', '""', '" "', "\n\t", "\x00"])
def test_an_empty_text_asks_for_nothing(library: Telemetry, text: str) -> None:
    assert found(library, text) == [5, 4, 3, 2, 1, 0]


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("\"*()^:-+{}NEAR ORANDT'\\\x00a\ud800\u0301%_.") | st.characters(), max_size=20))
def test_whatever_people_type_is_no_error(library: Telemetry, text: str) -> None:
    library.list(TraceFilter(text=text))


def test_text_and_filters_must_hold_together(telemetry: Telemetry) -> None:
    telemetry.write(
        merged(
            call(0, NOW, text="refund", key_id="key_1"),
            call(1, NOW + 1, text="refund", key_id="key_2"),
            call(2, NOW + 2, text="other", key_id="key_1"),
            call(3, NOW + 3, text="refund", key_id="key_1", status="error"),
        )
    )
    assert found(telemetry, "refund", key_id="key_1") == [3, 0]
    assert found(telemetry, "refund", key_id="key_1", status="error") == [3]
    assert found(telemetry, "refund", since_us=NOW + 1, until_us=NOW + 3) == [1]
    assert found(telemetry, "refund", key_id="unheard of") == []
    assert found(telemetry, "refund", min_cost_nano=1001) == []
    assert found(telemetry, "refund", min_cost_nano=1000, model="smollm2") == [3, 1, 0]


def test_a_row_shows_the_trace_as_any_list_does(telemetry: Telemetry) -> None:
    telemetry.write(call(1, text="refund"))
    assert listed(telemetry, TraceFilter(text="refund")) == listed(telemetry)


def test_pages_go_across_days_and_outliers_in_order_of_time(telemetry: Telemetry) -> None:
    days = [-30_000, -3000, -401, -400, -30, -2, -1, 0, 1, 2, 300, 40_000]
    starts = [NOW + day * DAY + second * SECOND for day in days for second in (0, 0, 1)]
    for number in sorted(range(len(starts)), key=lambda number: number * 7 % len(starts)):
        telemetry.write(call(number, starts[number], text="refund"))
    expected = sorted(range(len(starts)), key=lambda number: (starts[number], span_id(number)), reverse=True)
    for limit in (1, 5, 100):
        assert numbers(listed(telemetry, TraceFilter(text="refund"), limit=limit)) == expected
    within = [number for number in expected if NOW - 401 * DAY <= starts[number] < NOW + 2 * DAY]
    assert found(telemetry, "refund", since_us=NOW - 401 * DAY, until_us=NOW + 2 * DAY) == within


def test_a_busy_second_is_in_order(telemetry: Telemetry) -> None:
    batches = [call(number, NOW + number * 7919 % 100, text="refund") for number in range(100)]
    telemetry.write(merged(*batches[:37]))
    telemetry.write(merged(*batches[37:]))
    expected = sorted(range(100), key=lambda number: (NOW + number * 7919 % 100, span_id(number)), reverse=True)
    assert numbers(listed(telemetry, TraceFilter(text="refund"), limit=9)) == expected


def test_a_replay_doubles_no_match(telemetry: Telemetry) -> None:
    batch = call(1, text="refund")
    telemetry.write(batch)
    telemetry.write(batch)
    telemetry.write(merged(call(2, NOW - 1, text="refund"), batch, batch))
    assert found(telemetry, "refund") == [1, 2]


def test_content_without_figures_is_not_listed(telemetry: Telemetry) -> None:
    """As after a writer died between the two commits."""
    batch = call(1, text="refund")
    telemetry.write(Batch(contents=batch.contents))
    assert found(telemetry, "refund") == []
    telemetry.write(batch)
    assert found(telemetry, "refund") == [1]


def test_a_match_below_stands_for_its_nearest_root_once(telemetry: Telemetry) -> None:
    outer = Span(trace_id=root(1).trace_id, span_id=span_id(50), name="agent", kind="agent", start_us=NOW - SECOND)
    spans = [outer]
    for number in (1, 2):
        start = NOW + number * SECOND
        gateway = root(number, start, trace_id=outer.trace_id, parent_id=outer.span_id)
        spans += [
            gateway,
            *(attempt(number, start + step, step, trace_id=outer.trace_id, content="inline") for step in (1, 2, 3)),
        ]
    tool = Span(
        trace_id=outer.trace_id,
        span_id=span_id(60),
        parent_id=span_id(61),
        name="tool",
        kind="tool",
        start_us=NOW,
        content="inline",
    )
    spans.append(tool)
    contents = [content(span, "refund") for span in spans if span.content == "inline"]
    telemetry.write(Batch(spans=spans, contents=contents))
    for limit in (1, 2, 10):
        rows = listed(telemetry, TraceFilter(text="refund"), limit=limit)
        assert numbers(rows) == [2, 1, 50]


TEXTS = st.sampled_from(["", "alpha", "beta", "alpha beta", "gamma"])
MOMENTS = st.integers(-2, 3).map(lambda step: NOW + step * 9 * 3600 * SECOND)


@st.composite
def stored_calls(draw: st.DrawFn) -> list[tuple[Span, Content]]:
    """Calls whose root span carries the content, as those of the gateway."""
    found: list[tuple[Span, Content]] = []
    for number in range(draw(st.integers(0, 14))):
        key_id = draw(st.sampled_from(["key_1", "key_2"]))
        span = root(number, draw(MOMENTS), key_id=key_id, content="inline")
        found.append((span, content(span, draw(TEXTS))))
    return found


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=stored_calls(),
    text=st.sampled_from(["alpha", "beta", "alpha beta"]),
    key_id=st.sampled_from([None, "key_1"]),
    since_us=st.none() | MOMENTS,
    until_us=st.none() | MOMENTS,
    limit=st.integers(1, 5),
)
def test_a_search_finds_what_a_plain_search_through_all_calls_finds(
    new_store: Callable[[], Telemetry],
    calls: list[tuple[Span, Content]],
    text: str,
    key_id: str | None,
    since_us: int | None,
    until_us: int | None,
    limit: int,
) -> None:
    telemetry = new_store()
    for span, payload in calls:
        telemetry.write(Batch(spans=[span], contents=[payload]))
    matching = [
        span
        for span, payload in calls
        if set(text.split()) <= set(payload.text.split())
        and key_id in (None, span.key_id)
        and (since_us is None or span.start_us >= since_us)
        and (until_us is None or span.start_us < until_us)
    ]
    matching.sort(key=lambda span: (span.start_us, span.span_id), reverse=True)
    where = TraceFilter(text=text, key_id=key_id, since_us=since_us, until_us=until_us)
    assert [row.root for row in listed(telemetry, where, limit)] == matching
    assert all(len(page.rows) <= limit for page in pages(telemetry, where, limit))
    telemetry.close()
