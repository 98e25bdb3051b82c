"""Machines that share rates: no interval sees more of one than its limit allows, by all of them together, whatever
happens to them, to Redis or to what is on the way; and nothing is lost for long."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from genaiops.ports.counters import MINUTE_NS, Refusal
from tests.engines.counters.rates_world import SECOND, Part, World, stand_still, swept

pytestmark = pytest.mark.needs_redis


class SharedRates(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @precondition(lambda self: self.world is None)
    @rule(limit=st.sampled_from([1, 7, 60, 61, 600_000]))
    def begin(self, limit: int) -> None:
        self.world = World(self.url, "ab", limit, members="abc")
        self.copy: dict[bytes, bytes] = {}
        self.lent = 0

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    def part(self, which: int) -> Part:
        return self.there.parts[which % len(self.there.parts)]

    @precondition(lambda self: self.world is not None)
    @rule(us=st.sampled_from([1, 999, 250_000, 989_000, 1_000_000, 8_571_429, 30_000_000, 61_000_000]))
    def time_passes(self, us: int) -> None:
        self.there.now_us += us

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2), share=st.sampled_from([1, 2, 3, 5, 20, 50, 60]), times=st.integers(1, 4))
    def reserve(self, which: int, share: int, times: int) -> None:
        amount = -(-self.there.limit // share)
        for _ in range(times):
            self.there.run(self.part(which).reserve(amount))

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2), number=st.integers(0, 9), share=st.sampled_from([0.0, 0.3, 1.0]))
    def settle(self, which: int, number: int, share: float) -> None:
        part = self.part(which)
        if part.under_way:
            number %= len(part.under_way)
            part.settle(number, int(part.used[part.under_way[number][0]].amount * share))

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2))
    def sweep(self, which: int) -> None:
        self.there.run(swept(self.part(which)))

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2))
    def beat(self, which: int) -> None:
        self.part(which).machine.keeper.step()

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2), lost=st.sampled_from(["question", "answer"]))
    def lose(self, which: int, lost: str) -> None:
        self.part(which).way.lost = lost

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2), us=st.sampled_from([1000, 900_000, 1_100_000]))
    def delay(self, which: int, us: int) -> None:
        self.part(which).way.slow_us = us

    @precondition(lambda self: self.world is not None)
    @rule(which=st.integers(0, 2))
    def die(self, which: int) -> None:
        self.there.run(self.part(which).die())

    @precondition(lambda self: self.world is not None and len(self.there.parts) < 3)
    @rule()
    def one_more_comes(self) -> None:
        self.there.parts.append(Part(self.there, "c", 5 * SECOND))

    @precondition(lambda self: self.world is not None)
    @rule()
    def save_redis(self) -> None:
        self.copy = self.there.copied()

    @precondition(lambda self: self.world is not None)
    @rule(empty=st.booleans())
    def restart_redis(self, empty: bool) -> None:
        self.there.restart_redis({} if empty else self.copy)

    @invariant()
    def the_limit_holds(self) -> None:
        if self.world is None:
            return
        used = [one for part in self.world.parts for one in part.used]
        slack = len(used) * 125  # costs are rounded down
        assert self.world.worst([(one.at_us, one.amount) for one in used if one.lent]) <= MINUTE_NS + slack
        for part in self.world.parts:
            alone = [(one.at_us, one.amount * 3) for one in part.used if not one.lent]
            assert self.world.worst(alone) <= MINUTE_NS

    def teardown(self) -> None:
        if self.world is None:
            return
        self.all_is_there_again()
        self.world.close()

    def all_is_there_again(self) -> None:
        """Whatever was lost on the way: after two minutes each machine can have all of it."""
        world = self.there
        for part in world.parts:
            part.way.lost, part.way.slow_us = None, 0
            part.machine.keeper.step()
        world.now_us += 121 * SECOND
        for part in world.parts:
            world.run(part.reserve(1))  # the first one after a cut goes on alone, and asks
            world.now_us += 61 * SECOND
            found = world.run(part.reserve(world.limit))
            assert not isinstance(found, Refusal)
            assert found.part is None
            self.the_limit_holds()
            world.now_us += 62 * SECOND


@pytest.fixture(autouse=True)
def no_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_still(monkeypatch)


@pytest.fixture
def two(redis_url: str) -> Iterator[World]:
    world = World(redis_url, "ab", 6000)
    for part in world.parts:
        world.run(part.reserve(1))
    world.now_us += 120 * SECOND
    for part in world.parts:
        part.used = []
    yield world
    world.close()


def stock_up(part: Part, amount: int) -> None:
    """As a call does that another limit refuses after all: what was lent for it lies there."""
    stocks = part.stocks
    assert stocks is not None
    ((_, stock),) = part.prepared._rates._rates  # type: ignore[attr-defined]
    part.world.run(stocks.ask([(stock, amount)]))
    assert stock.room >= amount


def take(part: Part, amount: int) -> int:
    """So much again and again: how much it got."""
    taken = 0
    while not isinstance(part.world.run(part.reserve(amount)), Refusal):
        taken += amount
    return taken


def take_all(part: Part) -> int:
    taken = 0
    for amount in (1000, 100, 10):
        taken += take(part, amount)
        part.world.now_us += 100_000  # after a vain question it does not ask for a while
    return taken


def holds(world: World) -> bool:
    return world.worst([(one.at_us, one.amount) for part in world.parts for one in part.used]) <= MINUTE_NS


def test_what_is_used_late_counts_as_late(two: World) -> None:
    one, other = two.parts
    for part in two.parts:
        two.run(part.reserve(1))  # now both use it
    two.now_us += 1_500_000  # and the bucket is empty again
    stock_up(one, 5000)
    two.now_us += 980_000
    taken = take(other, 10)
    assert not isinstance(two.run(one.reserve(5000)), Refusal)
    assert 800 < taken < 1000
    assert holds(two)


def test_a_second_machine_comes_while_the_first_has_some_left(two: World) -> None:
    one, other = two.parts
    stock_up(one, 5000)
    two.now_us += 980_000
    taken = take(other, 10)
    assert not isinstance(two.run(one.reserve(5000)), Refusal)
    assert 800 < taken <= 1000
    assert holds(two)


def test_what_has_drained_does_not_come_back(two: World) -> None:
    one, other = two.parts
    two.run(one.reserve(3000))
    two.run(other.reserve(2900))
    two.now_us += 40 * SECOND
    assert not isinstance(two.run(other.reserve(3500)), Refusal)
    one.settle(0, 0)
    two.run(one.reserve(1))  # brings back what it can
    take_all(other)
    assert holds(two)


def test_what_comes_back_is_there_for_others(two: World) -> None:
    one, other = two.parts
    two.run(one.reserve(5900))
    assert isinstance(two.run(other.reserve(3000)), Refusal)
    one.settle(0, 100)
    two.run(swept(one))
    two.now_us += SECOND
    assert not isinstance(two.run(other.reserve(3000)), Refusal)
    assert holds(two)


def test_an_idle_machine_holds_nothing_back(two: World) -> None:
    one, other = two.parts
    stock_up(one, 3000)
    two.now_us += SECOND
    two.run(swept(one))
    assert take_all(other) >= 5800


def test_after_a_loss_a_bucket_counts_as_full(two: World) -> None:
    one, other = two.parts
    assert take_all(one) >= 5900
    two.restart_redis({})
    for part in two.parts:
        part.machine.keeper.step()
    assert isinstance(two.run(other.reserve(600)), Refusal)
    two.now_us += 30 * SECOND
    assert take_all(other) <= 3100
    assert holds(two)


def test_after_a_loss_nobody_waits_for_what_nobody_used(two: World) -> None:
    two.restart_redis({})
    for part in two.parts:
        part.machine.keeper.step()
    assert 6000 <= take_all(two.parts[1]) <= 6030


def test_cut_off_machines_go_on_with_their_parts(two: World) -> None:
    assert take_all(two.parts[0]) >= 5900
    for part in two.parts:
        part.machine.keeper.step()  # there are two
        part.way.is_cut = True
    passed = [0, 0]
    for _ in range(60):
        for number, part in enumerate(two.parts):
            passed[number] += take(part, 10)
        two.now_us += SECOND
    assert holds(two)
    assert all(2700 < amount <= 3000 for amount in passed)
    for part in two.parts:
        part.way.is_cut = False
        two.run(part.reserve(1))  # asks again, and waits for nobody
        assert part.stocks is not None
        assert not part.stocks.apart


@pytest.mark.property
def test_rates_hold_whatever_happens(redis_url: str) -> None:
    SharedRates.url = redis_url
    run_state_machine_as_test(
        SharedRates,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
