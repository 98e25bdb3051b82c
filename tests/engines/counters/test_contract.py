"""What every engine of the counters port does."""

import pytest

from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import Charge
from genaiops.ports.counters import MINUTE_NS, Counters, Gauge, Hold, Reading, Refusal, Reservation
from tests.engines.counters.conftest import Demand, OpenColumn, demand, reserve_at_last

NOW = 1_800_000_000_000_000
END = NOW + 3_600_000_000
SECOND = 1_000_000


def budget(amount: int, limit: int | None = 100, key: str = "b", window: int = NOW) -> Demand:
    return Demand(Hold("sum", key, window, END, limit), amount)


def rate(amount: int, limit: int | None = 60, key: str = "r") -> Demand:
    return Demand(Hold("rate", key, 0, 0, limit), amount)


def reserve(counters: Counters, *demands: Demand, now_us: int = NOW) -> Reservation:
    found = demand(counters, demands, now_us)
    assert not isinstance(found, Refusal)
    return found


def refused(counters: Counters, *demands: Demand, now_us: int = NOW) -> Refusal:
    found = demand(counters, demands, now_us)
    assert isinstance(found, Refusal)
    return found


@pytest.fixture
def one(open_column: OpenColumn) -> Counters:
    return open_column(0)


@pytest.fixture
def control(open_column: OpenColumn) -> Counters:
    return open_column(None)


def test_reserve_then_settle(one: Counters, control: Counters) -> None:
    reservation = reserve(one, budget(40))
    assert control.read("b", NOW) == Reading(0, 40)
    assert list(reservation.levels) == [40]
    reservation.settle([25], 1)
    assert control.read("b", NOW) == Reading(25, 0)
    assert control.applied(0) == 1


def test_the_limit_is_reached_exactly_and_not_passed(one: Counters) -> None:
    reserve(one, budget(60)).settle([60], 1)
    held = reserve(one, budget(40))
    assert refused(one, budget(1)) == Refusal(0, None, 60, 40)
    held.settle([39], 2)
    assert refused(one, budget(2)) == Refusal(0, None, 99, 0)
    reserve(one, budget(1))


def test_an_amount_above_the_limit_is_refused_for_good(one: Counters) -> None:
    assert refused(one, budget(101)) == Refusal(0, None, 0, 0)
    assert refused(one, rate(61)) == Refusal(0, None, 0, 0)


def test_all_holds_or_none(one: Counters, control: Counters) -> None:
    found = refused(one, budget(10), rate(5), budget(7, key="c"), budget(11, limit=10, key="d"))
    assert found.index == 3
    for key in "bcd":
        assert control.read(key, NOW) == Reading(0, 0)
    assert control.read("r", 0, NOW) == Reading(0, 0)


def test_without_a_limit_nothing_is_refused_but_all_is_counted(one: Counters, control: Counters) -> None:
    reserve(one, budget(10**15, limit=None)).settle([10**15], 1)
    reserve(one, budget(5, limit=None), rate(10**9, limit=None))
    assert control.read("b", NOW) == Reading(10**15, 5)


def test_rates_alone_need_not_be_settled(open_column: OpenColumn, control: Counters) -> None:
    one = open_column(4)
    reserve(one, budget(10)).settle([10], 7)
    reserve(one, rate(20), rate(0, key="s"))
    assert control.read("r", 0, NOW) == Reading(20, 0)
    assert control.applied(4) == 7
    one.close()
    assert control.acknowledged() == {}
    assert control.read("b", NOW) == Reading(10, 0)


def test_columns_see_each_other(open_column: OpenColumn, one: Counters, control: Counters) -> None:
    reserve(one, budget(60))
    two = open_column(5)
    assert refused(two, budget(41)) == Refusal(0, None, 0, 60)
    held = reserve(two, budget(40))
    assert refused(one, budget(1)) == Refusal(0, None, 0, 100)
    held.settle([0], 1)
    reserve(one, budget(40))
    assert control.read("b", NOW) == Reading(0, 100)


def test_windows_are_counters_of_their_own(one: Counters, control: Counters) -> None:
    reserve(one, budget(100)).settle([100], 1)
    reserve(one, budget(70, window=NOW + 1))
    assert control.read("b", NOW) == Reading(100, 0)
    assert control.read("b", NOW + 1) == Reading(0, 70)


def test_a_lowered_limit_holds_from_the_next_call_on(one: Counters) -> None:
    reserve(one, budget(60)).settle([60], 1)
    assert refused(one, budget(1, limit=50)) == Refusal(0, None, 60, 0)
    reserve(one, budget(1, limit=61))


def test_a_counter_is_held_once(one: Counters, control: Counters) -> None:
    with pytest.raises(UsageError, match="stands twice among the holds 'b', 'c', 'b'"):
        one.prepare([budget(0).hold, budget(0, key="c").hold, budget(0, limit=7).hold])
    reserve(one, budget(30), budget(40, window=NOW + 1))
    assert control.read("b", NOW) == Reading(0, 30)


def test_the_first_hold_in_order_that_refuses_is_named(one: Counters, control: Counters) -> None:
    no, never = budget(11, limit=10, key="d"), rate(61)
    fast, slow = rate(60, key="fast"), budget(1, limit=None, key="slow")
    assert refused(one, fast, no, slow, never).index == 1
    assert refused(one, fast, never, slow, no).index == 1
    assert refused(one, slow, fast, rate(2, limit=1, key="other"), never, no).index == 2
    assert control.read("fast", 0, NOW) == Reading(0, 0)
    assert control.read("slow", NOW) == Reading(0, 0)


def test_levels_of_all_holds(open_column: OpenColumn, one: Counters) -> None:
    reserve(open_column(1), budget(20), rate(15))
    found = reserve(one, rate(15), budget(3, limit=None, key="c"), rate(9, limit=None, key="free"), budget(40))
    assert list(found.levels) == [MINUTE_NS // 2, 3, 0, 60]


@pytest.mark.parametrize("crowded", [2, 3])
def test_prepared_holds_stay_good(open_column: OpenColumn, one: Counters, control: Counters, crowded: int) -> None:
    """Through another worker's coming and going, a recovery, and a crowd that takes what is not needed (with the other
    worker there, or after it has left)."""
    prepared = one.prepare([budget(0).hold, rate(0).hold, budget(0, limit=None, key="idle").hold])
    for number in range(1, 6):
        two = open_column(1)
        other = reserve(two, budget(5))
        made = reserve_at_last(prepared, [10, 1, 0], NOW)
        assert not isinstance(made, Refusal)
        assert list(made.levels[:2]) == [number * 10 + 5, number * MINUTE_NS // 60]
        if number % 2:
            other.settle([0], 1)
            two.close()
        for crowd in range(1200 if number == crowded else 0):
            reserve(one, budget(1, key=f"crowd-{number}-{crowd}")).settle([0], 1)
        control.recover(1, [])
        made.settle([10, 1, 0], number)
    found = reserve_at_last(prepared, [51, 0, 0], NOW)
    assert found == Refusal(0, None, 50, 0)
    assert tuple(prepared.holds) == (budget(0).hold, rate(0).hold, budget(0, limit=None, key="idle").hold)


def test_more_than_was_reserved_may_be_settled(one: Counters, control: Counters) -> None:
    reserve(one, budget(40)).settle([130], 1)
    assert control.read("b", NOW) == Reading(130, 0)
    assert refused(one, budget(0)) == Refusal(0, None, 130, 0)


def test_a_reservation_is_settled_once(one: Counters, control: Counters) -> None:
    reservation = reserve(one, budget(40))
    with pytest.raises(UsageError, match="1 holds in the reservation, but 2"):
        reservation.settle([1, 2], 1)
    reservation.settle([40], 1)
    with pytest.raises(UsageError, match="settled already"):
        reservation.settle([40], 2)
    assert control.read("b", NOW) == Reading(40, 0)
    assert control.applied(0) == 1


def test_load_sets_totals_and_keeps_reservations(one: Counters, control: Counters) -> None:
    held = reserve(one, budget(10))
    control.load({("b", NOW): (50, END), ("c", NOW): (7, END)})
    assert control.read("b", NOW) == Reading(50, 10)
    assert control.read("c", NOW) == Reading(7, 0)
    assert refused(one, budget(41)) == Refusal(0, None, 50, 10)
    control.load({("b", NOW): (0, END)})
    held.settle([10], 1)
    assert control.read("b", NOW) == Reading(10, 0)


def test_load_of_many_totals(control: Counters) -> None:
    totals = {(f"budget-{number}", NOW): (number, END) for number in range(500)}
    control.load(totals)
    assert all(control.read(key, window) == Reading(total, 0) for (key, window), (total, _) in totals.items())


def test_recover_charges_and_clears_the_column(open_column: OpenColumn, one: Counters, control: Counters) -> None:
    two = open_column(1)
    reserve(one, budget(10)).settle([10], 7)
    reserve(one, budget(30), budget(5, key="c"))
    reserve(two, budget(20))
    one.acknowledge(3)
    one.set_gauge("calls", 2)
    control.recover(0, [Charge("b", NOW, 30), Charge("b", NOW, 1), Charge("new", 0, 9)])
    assert control.read("b", NOW) == Reading(41, 20)
    assert control.read("c", NOW) == Reading(0, 0)
    assert control.read("new", 0) == Reading(9, 0)
    assert control.applied(0) == 0
    assert control.acknowledged() == {1: 0}
    assert control.gauges() == []
    assert refused(two, budget(40)) == Refusal(0, None, 41, 20)


def test_a_recovered_column_begins_anew(open_column: OpenColumn, one: Counters, control: Counters) -> None:
    reserve(one, budget(30))
    control.recover(0, [])
    again = open_column(0)
    reserve(again, budget(100)).settle([50], 1)
    assert control.read("b", NOW) == Reading(50, 0)
    assert control.applied(0) == 1


def test_a_column_has_one_worker(open_column: OpenColumn, one: Counters) -> None:
    reserve(one, budget(1))
    with pytest.raises(StoreError, match="Column 0 of the counters is taken") as caught:
        open_column(0)
    assert caught.value.code == "column_taken"


def test_columns_are_bounded(open_column: OpenColumn, control: Counters) -> None:
    with pytest.raises(UsageError, match="no column 16"):
        open_column(16)
    with pytest.raises(UsageError, match="no column -1"):
        control.recover(-1, [])


def test_version_and_acknowledgement(open_column: OpenColumn, one: Counters, control: Counters) -> None:
    assert control.version() == 0
    control.set_version(12)
    assert one.version() == 12
    assert control.acknowledged() == {0: 0}
    open_column(3)
    one.acknowledge(12)
    assert control.acknowledged() == {0: 12, 3: 0}


def test_gauges(open_column: OpenColumn, one: Counters, control: Counters) -> None:
    two = open_column(2)
    one.set_gauge("calls", 3)
    two.set_gauge("calls", 4)
    two.set_gauge("breaker/fast-ü", -1)
    one.set_gauge("calls", 5)
    assert set(control.gauges()) == {Gauge("calls", 0, 5), Gauge("calls", 2, 4), Gauge("breaker/fast-ü", 2, -1)}


def test_without_a_column_nothing_is_reserved(control: Counters) -> None:
    for act in (lambda: demand(control, [budget(1)], NOW), lambda: control.acknowledge(1)):
        with pytest.raises(UsageError, match="opened without a column"):
            act()


def test_a_rate_lets_a_minutes_worth_through_at_once(one: Counters) -> None:
    for _ in range(7):
        reserve(one, rate(1, limit=7))
    found = refused(one, rate(1, limit=7))
    assert found.settled == 7
    assert found.retry_after == pytest.approx(60 / 7, abs=1e-7)


def test_a_rates_retry_after_is_exact(one: Counters) -> None:
    reserve(one, rate(50))
    found = refused(one, rate(25))
    assert found.retry_after == 15.0
    assert refused(one, rate(25), now_us=NOW + 15 * SECOND - 1).retry_after == 1e-6
    reserve(one, rate(25), now_us=NOW + 15 * SECOND)


def test_a_rate_drains_evenly(one: Counters, control: Counters) -> None:
    reserve(one, rate(60))
    for second in range(1, 200):
        now_us = NOW + second * SECOND
        assert control.read("r", 0, now_us) == Reading(59, 0)
        assert list(reserve(one, rate(1), now_us=now_us).levels) == [60 * SECOND * 1000]
        assert refused(one, rate(1), now_us=now_us).retry_after == 1.0


def test_a_rates_estimate_is_corrected(one: Counters, control: Counters) -> None:
    reservation = reserve(one, rate(60))
    reservation.settle([20], 1, NOW)
    assert control.read("r", 0, NOW) == Reading(20, 0)
    assert refused(one, rate(41)).retry_after == 1.0
    held = reserve(one, rate(40))
    held.settle([50], 2, NOW)
    assert refused(one, rate(1)).retry_after == 11.0


def test_what_has_drained_is_not_given_back(one: Counters, control: Counters) -> None:
    early = reserve(one, rate(30))
    late = NOW + 40 * SECOND
    reserve(one, rate(10), now_us=late)
    early.settle([0], 1, late)
    assert control.read("r", 0, late) == Reading(10, 0)


def test_what_another_gave_back_is_not_given_back_again(one: Counters, control: Counters) -> None:
    first, second = reserve(one, rate(30)), reserve(one, rate(30))
    first.settle([0], 1, NOW)
    late = NOW + 40 * SECOND  # the second has drained by now, though its place in the bucket ended at 60 s
    reserve(one, rate(20), now_us=late)
    second.settle([0], 2, late)
    assert control.read("r", 0, late) == Reading(20, 0)


def test_a_debt_is_at_most_one_more_minute(one: Counters) -> None:
    reserve(one, rate(60)).settle([10**9], 1, NOW)
    assert refused(one, rate(60)).retry_after == 120.0
    assert refused(one, rate(1)).retry_after == 61.0


def test_a_rates_limit_may_change(one: Counters, control: Counters) -> None:
    reserve(one, rate(30, limit=60))
    assert refused(one, rate(31, limit=60)).index == 0
    reserve(one, rate(300, limit=600))
    assert refused(one, rate(1, limit=600)).retry_after == 0.1
    assert control.read("r", 0, NOW) == Reading(600, 0)


def test_a_clock_that_is_set_back_locks_nobody_out(one: Counters) -> None:
    reserve(one, rate(60), budget(10))
    back = NOW - 3600 * SECOND
    found = refused(one, rate(1), now_us=back)
    assert found.retry_after == 1.0
    reserve(one, budget(10), now_us=back)
    reserve(one, rate(60), now_us=back + 60 * SECOND)


def test_close_gives_a_column_up(open_column: OpenColumn, control: Counters) -> None:
    one = open_column(4)
    reserve(one, budget(10)).settle([10], 3)
    one.set_gauge("calls", 1)
    one.close()
    assert control.acknowledged() == {}
    assert control.gauges() == []
    assert control.applied(4) == 3
    assert control.read("b", NOW) == Reading(10, 0)
    open_column(4)
    assert control.applied(4) == 0


def test_close_with_a_reservation_leaves_the_column_for_recover(open_column: OpenColumn, control: Counters) -> None:
    one = open_column(4)
    reserve(one, budget(10))
    one.close()
    assert control.acknowledged() == {4: 0}
    assert control.read("b", NOW) == Reading(0, 10)
    control.recover(4, [Charge("b", NOW, 10)])
    open_column(4)
    assert control.read("b", NOW) == Reading(10, 0)
