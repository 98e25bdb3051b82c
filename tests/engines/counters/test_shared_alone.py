"""What a machine that is cut off admits of rates by its part of them: the common bucket hears of it as soon as there
is contact again, so that it is not there a second time."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from genaiops.core.errors import StoreError
from genaiops.engines.counters_mmap._prepared import PreparedHolds
from genaiops.ports.counters import MINUTE_NS, Hold, Refusal, Reservation, Shortage
from tests.engines.counters.rates_world import SECOND, Part, World, stand_still, swept

pytestmark = pytest.mark.needs_redis

LIMIT = 6000


@pytest.fixture(autouse=True)
def no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_still(monkeypatch)


@pytest.fixture
def two(redis_url: str) -> Iterator[World]:
    world = World(redis_url, "ab", LIMIT)
    for part in world.parts:
        world.run(part.reserve(1))
    world.now_us += 120 * SECOND
    for part in world.parts:
        part.machine.keeper.step()  # each knows that there are two
        part.used = []
    yield world
    world.close()


def take_all(part: Part) -> int:
    taken = 0
    for amount in (1000, 100, 10):
        while not isinstance(part.world.run(part.reserve(amount)), Refusal):
            taken += amount
        part.world.now_us += 300_000  # after a vain question it does not ask for a while
    return taken


def alone(part: Part, seconds: int, *, amount: int = 10) -> int:
    """Cut off, it takes what it gets."""
    part.way.is_cut = True
    taken = 0
    for _ in range(seconds):
        while not isinstance(part.world.run(part.reserve(amount)), Refusal):
            taken += amount
        part.world.now_us += SECOND
    return taken


def level(world: World) -> int:
    return world.worst([(one.at_us, one.amount) for part in world.parts for one in part.used])


def test_no_burst_follows_on_a_cut(two: World) -> None:
    one, other = two.parts
    two.run(other.reserve(3000))
    assert take_all(one) >= 2900
    assert 1400 <= alone(one, 30) <= 1500
    one.way.is_cut = False
    assert 1400 <= take_all(one) <= 1700  # what has drained, less what it used
    assert level(two) <= MINUTE_NS


def test_nor_for_another_machine(two: World) -> None:
    one, other = two.parts
    assert take_all(one) >= 5900
    assert 1400 <= alone(one, 30) <= 1500
    one.way.is_cut = False
    one.machine.keeper.step()  # it has no call any more: its keeper tells
    assert 1400 <= take_all(other) <= 1700
    assert level(two) <= MINUTE_NS


def test_what_a_killed_worker_used_is_told_too(two: World) -> None:
    one, other = two.parts
    assert take_all(one) >= 5900
    alone(one, 30)
    two.run(one.die())
    one.way.is_cut = False
    one.machine.keeper.step()
    assert 1300 <= take_all(other) <= 1700
    assert level(two) <= MINUTE_NS


def test_it_is_told_once(two: World) -> None:
    one, other = two.parts
    two.run(one.reserve(3000))
    assert alone(one, 10) <= 500
    one.way.is_cut = False
    two.run(one.reserve(1))
    for part in two.parts:
        part.machine.keeper.step()
        two.run(part.reserve(1))
    assert take_all(other) >= 3000 + 1000 - 500 - 100
    assert level(two) <= MINUTE_NS


def test_what_turns_out_smaller_counts_as_that(two: World) -> None:
    one, other = two.parts
    two.run(one.reserve(3000))
    assert alone(one, 21, amount=1000) == 1000
    one.settle(1, 10)
    one.way.is_cut = False
    one.machine.keeper.step()
    assert 5000 <= take_all(other) <= 5200
    assert level(two) <= MINUTE_NS


def test_what_turns_out_larger_counts_as_that(two: World) -> None:
    one, other = two.parts
    two.run(other.reserve(3000))
    assert take_all(one) >= 2900
    assert alone(one, 2) <= 100
    one.settle(len(one.under_way) - 1, 1000)
    two.now_us += 18 * SECOND
    one.way.is_cut = False
    one.machine.keeper.step()
    assert 900 <= take_all(other) <= 1100


def test_what_was_told_is_not_taken_off_what_is_to_be_told(two: World) -> None:
    one = two.parts[0]
    alone(one, 21, amount=1000)
    one.way.is_cut = False
    one.machine.keeper.step()
    alone(one, 11, amount=500)
    one.settle(0, 0)
    (owed,) = one.machine.counters.leases.alone.all_owed()
    assert owed.units == 500


def test_what_is_to_be_told_is_kept_where_others_need_slots(two: World) -> None:
    one = two.parts[0]
    alone(one, 11, amount=500)
    two.now_us += 100 * SECOND
    holds = [Hold("rate", f"another/{number}", 0, 0, LIMIT) for number in range(64)]  # as many as there are slots
    with pytest.raises(StoreError, match="in use"):
        PreparedHolds(one.column._file, 0, holds).reserve([LIMIT] * 64, one.now_us)
    (owed,) = one.machine.counters.leases.alone.all_owed()
    assert owed.units == 500


def test_a_call_that_came_long_ago_brings_no_burst(two: World) -> None:
    one = two.parts[0]
    one.way.is_cut = True
    at_us = one.now_us - 30 * SECOND  # its body took so long

    async def late() -> Refusal | Reservation:
        found = one.prepared.reserve([10], at_us)
        while isinstance(found, Shortage):
            await found.obtain()
            found = one.prepared.reserve([10], at_us)
        return found

    assert isinstance(two.run(late()), Refusal)
    assert isinstance(two.run(one.reserve(10)), Refusal)
    two.now_us += SECOND
    assert alone(one, 1) == 50


def test_after_a_loss_a_part_is_one_of_all_the_machines(two: World) -> None:
    """Found by the state machine of `test_shared_rates`, once: that of a server which only one machine had told yet was
    all of it."""
    one = two.parts[0]
    two.restart_redis({})
    one.machine.keeper.step()  # the other is awaited
    assert take_all(one)
    two.now_us += 60 * SECOND
    assert 2900 <= alone(one, 60) <= 3000


def test_after_a_long_cut_only_the_last_of_it_counts(two: World) -> None:
    one = two.parts[0]
    assert take_all(one) >= 5900
    one.way.is_cut = True
    for _ in range(30):
        for _ in range(10):
            two.run(one.reserve(10))
        two.now_us += 10 * SECOND
    one.way.is_cut = False
    two.run(one.reserve(1))
    assert take_all(one) >= 5900
    assert level(two) <= MINUTE_NS


def test_a_burst_late_in_a_cut_counts_too(two: World) -> None:
    one, other = two.parts
    one.way.is_cut = True
    two.run(one.reserve(1))  # asks in vain
    two.run(one.reserve(1))
    two.now_us += 200 * SECOND
    assert not isinstance(two.run(one.reserve(2990)), Refusal)
    one.way.is_cut = False
    one.machine.keeper.step()
    assert take_all(other) <= 3200
    assert level(two) <= MINUTE_NS


def test_after_a_cut_in_which_others_used_all_of_it_nobody_waits(two: World) -> None:
    one, other = two.parts
    for part in two.parts:
        take_all(part)
    one.way.is_cut = True
    for _ in range(30):
        take_all(other)
        while not isinstance(two.run(one.reserve(10)), Refusal):
            pass
        two.now_us += SECOND
    one.way.is_cut = False
    one.machine.keeper.step()
    two.now_us += 2 * SECOND
    assert take_all(other) >= 100


class OneInUse(RuleBasedStateMachine):
    """Of two machines one is called, whatever happens on its way and to its worker: all that it admits, lent or alone,
    conforms to one bucket. Where the other is called as well, while this one is cut off, its part comes on top."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @precondition(lambda self: self.world is None)
    @rule(limit=st.sampled_from([7, 60, 61, 600_000]), before=st.sampled_from([0.0, 0.5, 1.0]))
    def begin(self, limit: int, before: float) -> None:
        """The other has used some of it, and is not called any more."""
        self.world = world = World(self.url, "ab", limit)
        self.part, other = world.parts
        world.run(other.reserve(1))
        self.part.machine.keeper.step()
        if before:
            world.run(other.reserve(int(limit * before) - 1))

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    @precondition(lambda self: self.world is not None)
    @rule(us=st.sampled_from([1, 250_000, 989_000, 1_000_000, 8_571_429, 30_000_000, 61_000_000]))
    def time_passes(self, us: int) -> None:
        self.there.now_us += us

    @precondition(lambda self: self.world is not None)
    @rule(share=st.sampled_from([1, 2, 5, 20, 60, 200]), times=st.integers(1, 8))
    def reserve(self, share: int, times: int) -> None:
        amount = -(-self.there.limit // share)
        for _ in range(times):
            self.there.run(self.part.reserve(amount))

    @precondition(lambda self: self.world is not None and self.part.under_way)
    @rule(number=st.integers(0, 99), share=st.sampled_from([0.0, 0.3, 1.0]))
    def settle(self, number: int, share: float) -> None:
        number %= len(self.part.under_way)
        self.part.settle(number, int(self.part.used[self.part.under_way[number][0]].amount * share))

    @precondition(lambda self: self.world is not None)
    @rule(cut=st.booleans())
    def cut_or_mend(self, cut: bool) -> None:
        self.part.way.is_cut = cut

    @precondition(lambda self: self.world is not None)
    @rule(lost=st.sampled_from(["question", "answer"]))
    def lose(self, lost: str) -> None:
        self.part.way.lost = lost

    @precondition(lambda self: self.world is not None)
    @rule(us=st.sampled_from([1000, 900_000, 1_100_000]))
    def delay(self, us: int) -> None:
        self.part.way.slow_us = us

    @precondition(lambda self: self.world is not None)
    @rule()
    def sweep(self) -> None:
        self.there.run(swept(self.part))

    @precondition(lambda self: self.world is not None and not self.part.way.is_cut)
    @rule()
    def beat(self) -> None:
        self.part.machine.keeper.step()

    @precondition(lambda self: self.world is not None and not self.part.way.is_cut)
    @rule()
    def die(self) -> None:
        self.there.run(self.part.die())

    @invariant()
    def the_limit_holds(self) -> None:
        if self.world is None:
            return
        slack = sum(len(part.used) for part in self.world.parts) * 125  # costs are rounded down
        assert level(self.world) <= MINUTE_NS + slack

    def teardown(self) -> None:
        if self.world is None:
            return
        self.part.way.is_cut, self.part.way.lost = False, None
        self.part.machine.keeper.step()
        assert not self.part.machine.counters.leases.alone.all_owed()
        self.world.close()


def test_the_sum_holds_where_one_machine_is_called(redis_url: str) -> None:
    OneInUse.url = redis_url
    run_state_machine_as_test(
        OneInUse,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
