"""Costs corrected later: the span keeps its own, the sums of traces and rollups follow, nothing is corrected twice."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.domain import Cost, CostCorrection
from genaiops.ports.telemetry import Batch, CorrectionRun, Recorded, RollupQuery, Telemetry
from tests.engines.telemetry.calls import DAY, HOUR, MINUTE, NOW, attempt, listed, merged, root, span_id, trace_id
from tests.examples import examples

OpenTelemetry = Callable[..., Telemetry]
COSTS = st.sampled_from([None, Cost(None), Cost(0), Cost(7, "USD", "p@1", 1), Cost(1 << 60, "USD", "p@2", 2)])
MOST = 1 << 50


def correction(number: int, former: Cost | None, cost: Cost, **facts: Any) -> CostCorrection:
    base: dict[str, Any] = {
        "trace_id": trace_id(number),
        "span_id": span_id(number, 1),
        "created_us": NOW,
        "created_by": "admin",
    }
    return CostCorrection(**{**base, **facts}, former=former, cost=cost)


def call(number: int, cost: Cost | None, start_us: int = NOW) -> Batch:
    return Batch(spans=[root(number, start_us), attempt(number, start_us + 5, cost=cost)])


def costs(telemetry: Telemetry, number: int) -> tuple[Cost | None, Cost | None]:
    """(what counts, what was recorded)."""
    trace = telemetry.trace(trace_id(number))
    assert trace is not None
    now = trace.spans[1].cost
    recorded = trace.recorded.get(trace.spans[1].span_id.hex())
    return now, now if recorded is None else recorded.cost


def test_a_correction_keeps_the_original(telemetry: Telemetry) -> None:
    telemetry.write(merged(call(1, Cost(100, "USD", "p@1", 1)), call(2, Cost(5))))
    right = Cost(40, "USD", "p@2", 2)
    assert telemetry.correct([correction(1, Cost(100, "USD", "p@1", 1), right)]) == 1
    assert costs(telemetry, 1) == (right, Cost(100, "USD", "p@1", 1))
    assert costs(telemetry, 2) == (Cost(5), Cost(5))
    assert sorted(row.cost_nano or 0 for row in listed(telemetry)) == [5, 40]
    assert telemetry.correct([correction(1, right, Cost(41))]) == 1
    assert costs(telemetry, 1) == (Cost(41), Cost(100, "USD", "p@1", 1))


def test_what_counts_otherwise_by_now_is_left_alone(telemetry: Telemetry) -> None:
    telemetry.write(call(1, Cost(100)))
    wrong = [
        correction(1, Cost(99), Cost(1)),
        correction(1, None, Cost(1)),
        correction(2, Cost(100), Cost(1)),
        correction(1, Cost(100), Cost(1), span_id=span_id(1)),  # the root owns no usage
        correction(1, Cost(100), Cost(100)),  # nothing differs
    ]
    assert telemetry.correct(wrong) == 0
    right = correction(1, Cost(100), Cost(1))
    assert telemetry.correct([right, right]) == 1
    assert telemetry.correct([right]) == 0
    assert costs(telemetry, 1) == (Cost(1), Cost(100))


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(st.tuples(COSTS, st.sampled_from([0, 1, MINUTE, HOUR, -HOUR])), min_size=1, max_size=6),
    changes=st.lists(st.tuples(st.integers(0, 5), COSTS.filter(bool)), max_size=8),
)
def test_sums_follow_corrections(
    new_store: Callable[[], Telemetry], first: list[tuple[Cost | None, int]], changes: list[tuple[int, Cost]]
) -> None:
    telemetry = new_store()
    telemetry.write(merged(*(call(number, cost, NOW + at) for number, (cost, at) in enumerate(first))))
    current: list[Cost | None] = [cost for cost, _ in first]
    for number, cost in changes:
        if number < len(current):
            telemetry.correct([correction(number, current[number], cost)])
            current[number] = cost
    for step in ("minute", "hour", "all"):
        rows = telemetry.rollup(RollupQuery(since_us=NOW - DAY, until_us=NOW + DAY, step=step))
        assert sum(row.cost_nano for row in rows) == sum(min(one.nano or 0, MOST) for one in current if one)
        assert sum(row.cost_unknown for row in rows) == sum(one is None or one.nano is None for one in current)
    for row in listed(telemetry):
        one = current[[trace_id(number) for number in range(len(current))].index(row.root.trace_id)]
        assert row.cost_nano == (None if one is None or one.nano is None else min(one.nano, MOST))
    telemetry.close()


def test_paid_spans_come_in_pieces_with_the_cost_that_counts(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number, Cost(number), NOW + number) for number in range(7))))
    telemetry.correct([correction(3, Cost(3), Cost(30))])
    found: list[tuple[int | None, int]] = []
    place = 0
    while True:
        place, spans = telemetry.paid(NOW + 2, NOW + 11, after=place, limit=2)
        if not spans:
            break
        assert len(spans) <= 2
        found += [(one.cost.nano if one.cost else None, one.call_start_us - NOW) for one in spans]
    # The attempts begin 5 after their calls; the cost is that of the call's start.
    assert found == [(0, 0), (1, 1), (2, 2), (30, 3), (4, 4), (5, 5)]


def test_a_reader_cannot_correct(open_store: OpenTelemetry) -> None:
    open_store().write(call(1, Cost(1)))
    with pytest.raises(Exception, match="not open for writing"):
        open_store(writer=False).correct([correction(1, Cost(1), Cost(2))])


def test_who_corrected_and_when(telemetry: Telemetry) -> None:
    telemetry.write(merged(*(call(number, Cost(100)) for number in range(3))))
    assert telemetry.corrections() == []
    telemetry.correct([correction(number, Cost(100), Cost(7)) for number in (0, 1)])
    telemetry.correct([correction(1, Cost(7), Cost(8), created_us=NOW + 5, created_by="olga")])
    assert telemetry.corrections() == [CorrectionRun(NOW + 5, "olga", 1), CorrectionRun(NOW, "admin", 2)]
    assert telemetry.corrections(limit=1) == [CorrectionRun(NOW + 5, "olga", 1)]
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    assert list(trace.recorded.values()) == [Recorded(Cost(100), NOW + 5, "olga")]
