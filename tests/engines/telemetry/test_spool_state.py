"""The ledger and the offsets move with the spans, in one step."""

from genaiops.domain import Charge
from genaiops.ports.telemetry import Batch, SpoolOffset, Telemetry
from tests.engines.telemetry.calls import call, merged
from tests.engines.telemetry.conftest import OpenTelemetry


def step(segment: int, offset: int, amount: int, *, life: str = "w0-1", opened: bytes = b"") -> Batch:
    return Batch(ledger=[Charge("bud_1", 0, amount)], offsets=[SpoolOffset(life, segment, offset, opened)])


def test_charges_add_up_by_budget_and_window(telemetry: Telemetry, open_store: OpenTelemetry) -> None:
    assert dict(telemetry.ledger()) == {}
    telemetry.write(Batch(ledger=[Charge("a", 0, 1), Charge("a", 60, 2), Charge("b", 0, 4), Charge("a", 0, 8)]))
    telemetry.write(Batch(ledger=[Charge("a", 0, 16)]))
    expected = {("a", 0): 25, ("a", 60): 2, ("b", 0): 4}
    assert dict(telemetry.ledger()) == expected
    telemetry.close()
    assert dict(open_store().ledger()) == expected


def test_seeding_sets_totals(telemetry: Telemetry) -> None:
    telemetry.write(Batch(ledger=[Charge("a", 0, 5), Charge("b", 0, 6)]))
    telemetry.seed_ledger([Charge("a", 0, 100), Charge("c", 7, 1), Charge("b", 0, 0)])
    telemetry.write(Batch(ledger=[Charge("a", 0, 1)]))
    assert dict(telemetry.ledger()) == {("a", 0): 101, ("b", 0): 0, ("c", 7): 1}


def test_offsets_are_kept_by_life_and_dropped(telemetry: Telemetry, open_store: OpenTelemetry) -> None:
    assert dict(telemetry.offsets()) == {}
    telemetry.write(merged(step(0, 10, 1), step(3, 4, 1, life="w1-1", opened=b"\x00open")))
    telemetry.write(step(1, 2, 1))
    expected = {"w0-1": SpoolOffset("w0-1", 1, 2), "w1-1": SpoolOffset("w1-1", 3, 4, b"\x00open")}
    assert dict(telemetry.offsets()) == expected
    telemetry.close()
    again = open_store()
    assert dict(again.offsets()) == expected
    again.drop_offsets(["w0-1", "unknown"])
    assert list(again.offsets()) == ["w1-1"]


def test_a_batch_that_brings_no_spool_further_charges_nothing(telemetry: Telemetry) -> None:
    first = merged(call(1), step(0, 10, 5))
    second = merged(call(2), step(0, 20, 7))
    for batch in (first, first, second, first, second):
        telemetry.write(batch)
    assert dict(telemetry.ledger()) == {("bud_1", 0): 12}
    assert telemetry.offsets()["w0-1"].offset == 20


def test_closing_what_a_dead_life_left_open_is_progress(telemetry: Telemetry) -> None:
    telemetry.write(step(0, 10, 5, opened=b"one call"))
    closing = step(0, 10, 3, opened=b"")
    telemetry.write(closing)
    telemetry.write(closing)
    assert dict(telemetry.ledger()) == {("bud_1", 0): 8}
    assert telemetry.offsets()["w0-1"].open == b""


def test_a_new_life_of_the_same_name_begins_anew_once_dropped(telemetry: Telemetry) -> None:
    telemetry.write(step(5, 10, 5))
    telemetry.drop_offsets(["w0-1"])
    telemetry.write(step(0, 1, 3))
    assert dict(telemetry.ledger()) == {("bud_1", 0): 8}
    assert telemetry.offsets()["w0-1"] == SpoolOffset("w0-1", 0, 1)
