"""Old calls by the price of their day: compared, corrected, and nothing corrected twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.domain import Cost, Price, Span, Tier, Usage
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, RollupQuery, Telemetry, TraceFilter
from genaiops.watch import Repricing, reprice, trace_document

DAY = 86_400_000_000
NOW = 20_000 * DAY
USAGE = Usage(input_uncached=1_000_000, output_text=1_000_000)


def price(version: int, rate: int, since_us: int = 0, **facts: Any) -> Price:
    base: dict[str, Any] = {"provider": "acme", "model": "m", "created_us": 0, "input": rate, "output": rate}
    base |= {"id": f"acme/m@{version}", "version": version, "valid_from_us": since_us}
    return Price(**(base | facts))


OLD, NEW = price(1, 1000), price(2, 3000, NOW)


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def call(number: int, start_us: int, cost: Cost | None, usage: Usage = USAGE, model: str = "m") -> list[Span]:
    trace_id, root_id = number.to_bytes(16, "big"), number.to_bytes(8, "big")
    facts: dict[str, Any] = {"trace_id": trace_id, "operation": "chat", "request_model": "any"}
    root = Span(span_id=root_id, kind="gateway", name="chat any", start_us=start_us, **facts)
    paying: dict[str, Any] = {"provider": "acme", "usage": usage, "cost": cost, "owns_usage": True}
    name, span_id = f"chat {model}", (number + (1 << 32)).to_bytes(8, "big")
    # Two hours later the new price would hold: what counts is when the call began.
    late = start_us + DAY // 12
    return [
        root,
        Span(span_id=span_id, parent_id=root_id, kind="llm", name=name, start_us=late, **facts, **paying),
    ]


def by(one: Price, nano: int) -> Cost:
    return Cost(nano, "USD", one.id, one.version)


def check(telemetry: Telemetry, *prices: Price, apply: bool = False) -> Repricing:
    correct = ("admin", NOW) if apply else None
    return reprice(telemetry, prices, since_us=NOW - 30 * DAY, until_us=NOW + 30 * DAY, correct=correct)


def test_each_call_by_the_price_of_its_day(telemetry: Telemetry) -> None:
    spans = [
        *call(1, NOW - DAY, by(OLD, 2000)),  # as it should be
        *call(2, NOW - DAY // 24, by(NEW, 6000)),  # charged by the price of two hours later
        *call(3, NOW + DAY, by(OLD, 2000)),  # the new price was not known to the workers yet
        *call(4, NOW + DAY, Cost(None)),  # no price was known
        *call(5, NOW + DAY, Cost(None), model="other"),
        *call(6, NOW + DAY, Cost(77)),  # by the provider's own word
        *call(7, NOW + DAY, by(price(1, 1, model="other"), 5), model="other"),
    ]
    telemetry.write(Batch(spans=spans))
    found = check(telemetry, OLD, NEW)
    (total,) = found.total
    assert (total.calls, total.changed, total.unknown, total.no_price, total.not_by_table) == (7, 3, 1, 1, 1)
    assert (total.recorded, total.computed, total.difference) == (10_000, 10_000, 0)
    assert (total.newly_known, total.newly_nano) == (1, 6000)
    assert [(one.model, one.calls) for one in found.models] == [("m", 5), ("other", 2)]
    shown = [(call.trace_id[-1], call.difference, call.computed.price_id) for call in found.calls]
    assert sorted(shown, key=str) == [(2, -4000, "acme/m@1"), (3, 4000, "acme/m@2"), (4, None, "acme/m@2")]
    assert found.corrected == 0
    assert check(telemetry, OLD, NEW) == found  # looking changes nothing


def test_corrections_are_written_once_and_sums_follow(telemetry: Telemetry, tmp_path: Path) -> None:
    telemetry.write(Batch(spans=[*call(1, NOW + DAY, by(OLD, 2000)), *call(2, NOW + DAY, Cost(None))]))
    assert check(telemetry, OLD, NEW, apply=True).corrected == 2
    again = check(telemetry, OLD, NEW, apply=True)
    assert (again.corrected, again.total[0].changed, again.total[0].recorded) == (0, 0, 12_000)
    (row,) = telemetry.rollup(RollupQuery(since_us=0, until_us=NOW + 9 * DAY, step="all"))
    assert (row.cost_nano, row.cost_unknown) == (12_000, 0)
    assert [one.cost_nano for one in telemetry.list(TraceFilter()).rows] == [6000, 6000]
    trace = telemetry.trace((1).to_bytes(16, "big"))
    assert trace is not None
    document = trace_document(trace, open_blobs(tmp_path / "blobs"))
    assert document["cost"]["amount"] == "0.000006"
    assert document["spans"][1]["cost"]["price_id"] == "acme/m@2"
    assert document["spans"][1]["cost_recorded"]["amount"] == "0.000002"


def test_a_tier_that_was_missing(telemetry: Telemetry) -> None:
    telemetry.write(Batch(spans=call(1, NOW, by(OLD, 2000))))
    tiered = price(2, 1000, tiers=(Tier(above_tokens=200_000, input=2000, output=3000),))
    (line,) = check(telemetry, OLD, tiered).models
    assert (line.recorded, line.computed, line.difference) == (2000, 5000, 3000)


def test_many_calls_come_in_pieces_and_the_largest_differences_are_kept(telemetry: Telemetry) -> None:
    spans = [span for number in range(1, 2501) for span in call(number, NOW - DAY, by(OLD, 2000 - number % 1000))]
    telemetry.write(Batch(spans=spans))
    found = check(telemetry, OLD, apply=True)
    assert (found.total[0].calls, found.total[0].changed, found.corrected) == (2500, 2498, 2498)
    assert len(found.calls) == 20
    assert [one.difference for one in found.calls[:3]] == [999, 999, 998]
    assert check(telemetry, OLD).total[0].changed == 0


def test_no_calls_no_lines(telemetry: Telemetry) -> None:
    found = check(telemetry, OLD)
    assert (found.total, found.models, found.calls) == ([], [], [])
