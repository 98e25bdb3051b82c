"""What no well-behaved client sends must not stop the folding of everybody's calls."""

from typing import Any

import msgspec
import pytest

from genaiops.domain import Cost, Score, Usage
from genaiops.ports.telemetry import Batch, RollupQuery, Telemetry, TraceFilter, Written
from tests.engines.telemetry.calls import NOW, attempt, call, content, listed, merged, root, trace_id

HUGE = 10**30


@pytest.mark.parametrize(
    "facts",
    [
        {"usage": Usage(input_uncached=HUGE, output_text=HUGE)},
        {"cost": Cost(nano=HUGE)},
        {"duration_us": HUGE},
        {"first_token_us": -HUGE},
        {"http_status": HUGE},
        {"error_message": "half a \ud83d"},
        {"user_id": "\udfff"},
        {"request_model": "\ud800"},
        {"request_model": "nul \x00 inside"},
        {"start_us": HUGE},
        {"start_us": -HUGE},
        {"start_us": -1},
    ],
)
def test_a_strange_span_is_stored_with_its_neighbours(telemetry: Telemetry, facts: dict[str, Any]) -> None:
    span = msgspec.structs.replace(root(1, content="inline"), **facts)
    batch = merged(call(2, text="word"), Batch(spans=[span], contents=[content(span, "word")]), call(3, text="word"))
    assert telemetry.write(batch) == Written(spans=5, duplicates=0)
    assert telemetry.write(batch) == Written(spans=0, duplicates=5)
    assert len(listed(telemetry)) == 3
    assert len(listed(telemetry, TraceFilter(text="word"))) == 3
    found = telemetry.trace(trace_id(1))
    assert found is not None
    assert len(found.contents) == 1


def test_absurd_figures_overflow_nobodys_sums(telemetry: Telemetry) -> None:
    largest = (1 << 63) - 1
    usage = Usage(input_uncached=largest, cache_read=largest, output_text=largest, reasoning=largest)
    for number in range(40):
        paid = attempt(number, usage=usage, cost=Cost(nano=largest), duration_us=largest)
        telemetry.write(Batch(spans=[root(number), paid]))
    (rollup,) = telemetry.rollup(RollupQuery(since_us=NOW, until_us=NOW + 1, step="all"))
    assert rollup.calls == 40
    assert rollup.cost_nano == sum(row.cost_nano or 0 for row in listed(telemetry))


def test_strange_texts_in_contents_scores_and_filters(telemetry: Telemetry) -> None:
    span = root(1, content="inline")
    telemetry.write(Batch(spans=[span], contents=[content(span, "half \ud83d word", input=b"\xff\xfe")]))
    telemetry.add_score(
        Score(
            identifier="\ud800",
            trace_id=trace_id(1),
            name="n",
            source="user",
            created_us=HUGE,
            comment="\udfff",
            value=float("inf"),
        )
    )
    found = telemetry.trace(trace_id(1))
    assert found is not None
    assert found.contents[span.span_id.hex()].input == b"\xff\xfe"
    assert len(found.scores) == 1
    assert len(listed(telemetry, TraceFilter(text="word"))) == 1
    assert listed(telemetry, TraceFilter(user_id="\ud800", key_id="\udfff", min_duration_us=HUGE)) == []
    assert telemetry.rollup(RollupQuery(since_us=0, until_us=NOW * 2, where={"key_id": "\ud800"})) == []
