"""The counters against a model in plain Python that is obviously right: hypothesis drives both."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from genaiops.domain import Charge
from genaiops.engines.counters_mmap import open_counters
from genaiops.ports.counters import Counters, Hold, Prepared, Reading, Refusal, Reservation
from tests.engines.counters.conftest import Demand, demand
from tests.examples import examples

START = 1_800_000_000_000_000
MINUTE_NS = 60_000_000_000
SUMS = ["a", "b", "c"]
RATES = ["x", "y"]
WINDOWS = [0, START, START + 1]
END = 1 << 62
Counter = tuple[str, int]


class ModelRate:
    """A leaky bucket whose level is in nanoseconds of drain."""

    def __init__(self) -> None:
        self.empty_at = 0
        self.given_back = 0

    def level(self, now_us: int) -> int:
        return max(0, self.empty_at - now_us * 1000)

    def cost(self, amount: int, limit: int) -> int:
        return amount * MINUTE_NS // limit


class Model:
    """Settled totals, and what each column has reserved; rates; all by name."""

    def __init__(self) -> None:
        self.settled: dict[Counter, int] = {}
        self.reserved: dict[tuple[int, Counter], int] = {}
        self.rates = {key: ModelRate() for key in RATES}

    def in_reserve(self, counter: Counter) -> int:
        return sum(amount for (_, name), amount in self.reserved.items() if name == counter)

    def level(self, hold: Hold, now_us: int) -> int:
        if hold.kind == "rate":
            return self.rates[hold.key].level(now_us)
        counter = hold.key, hold.window_us
        return self.settled.get(counter, 0) + self.in_reserve(counter)

    def refusal(self, column: int, demands: list[Demand], now_us: int) -> int | None:
        """The index of the hold that says no, or None and the reservation is made."""
        before = dict(self.reserved), {key: rate.empty_at for key, rate in self.rates.items()}
        for index, (hold, amount) in enumerate(demands):
            if hold.kind == "rate" and hold.limit is not None:
                rate = self.rates[hold.key]
                after = rate.level(now_us) + rate.cost(amount, hold.limit)
                no = amount > hold.limit or (amount > 0 and after > MINUTE_NS)
                rate.empty_at = now_us * 1000 + after
            else:
                counter = (hold.key, hold.window_us)
                place = (column, counter)
                self.reserved[place] = self.reserved.get(place, 0) + amount
                used = self.settled.get(counter, 0) + self.in_reserve(counter)
                no = hold.limit is not None and used > hold.limit
            if no:
                self.reserved = before[0]
                for key, empty_at in before[1].items():
                    self.rates[key].empty_at = empty_at
                return index
        return None


amounts = st.integers(0, 60)
sums = st.builds(
    Demand,
    st.builds(
        Hold,
        st.just("sum"),
        st.sampled_from(SUMS),
        st.sampled_from(WINDOWS),
        st.just(END),
        st.none() | st.integers(0, 150),
    ),
    amounts,
)
rates = st.builds(
    Demand,
    st.builds(
        Hold, st.just("rate"), st.sampled_from(RATES), st.just(0), st.just(0), st.sampled_from([1, 7, 50, 10**6])
    ),
    amounts,
)


def counter_of(one: Demand) -> Counter:
    return one.hold.key, one.hold.window_us


columns = st.integers(0, 1)
charges = st.tuples(st.sampled_from(SUMS), st.sampled_from(WINDOWS), amounts)
Call = tuple[int, int, Reservation, list[Demand]]


class Comparison(RuleBasedStateMachine):
    """Two workers, the control process, sums over windows, rates, recovery, crowding, and the clock."""

    reservations: Bundle[Call] = Bundle("reservations")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "counters.mmap"
        self.control = open_counters(self.path, column=None, slots=64)
        self.workers: list[Counters] = [open_counters(self.path, column=column) for column in (0, 1)]
        self.lives = [0, 0]
        self.sequences = [0, 0]
        self.model = Model()
        self.prepared: dict[tuple[int, int, tuple[Hold, ...]], Prepared] = {}
        self.now_us = START
        self.crowd = 0

    @rule(us=st.sampled_from([0, 1, 999, 1_000_000, 8_571_429, 30_000_000, 61_000_000]))
    def time_passes(self, us: int) -> None:
        self.now_us += us

    @rule(target=reservations, column=columns, demands=st.lists(sums, max_size=4, unique_by=counter_of))
    def reserve(self, column: int, demands: list[Demand]) -> Call | MultipleResults[Call]:
        return self.reserve_both(column, demands)

    @rule(column=columns, demands=st.lists(rates | sums, min_size=1, max_size=5, unique_by=counter_of))
    def refuse_all(self, column: int, demands: list[Demand]) -> None:
        """Sums and rates in any order; the last refuses, unless one before it does."""
        never = Demand(Hold("sum", "never", 0, END, 0), 1)
        assert not isinstance(self.reserve_both(column, [*demands, never]), tuple)

    @rule(column=columns, demands=st.lists(rates, min_size=1, unique_by=counter_of), share=st.floats(0, 1))
    def reserve_and_settle_rates(self, column: int, demands: list[Demand], share: float) -> None:
        """Settled at once, so that what is given back is known without a history."""
        made = self.reserve_both(column, demands)
        if not isinstance(made, tuple):
            return
        before = {hold.key: self.model.rates[hold.key].level(self.now_us) for hold, _ in demands}
        actual = [int(amount * share) for _, amount in demands]
        self.sequences[column] += 1
        made[2].settle(actual, self.sequences[column], self.now_us)
        for (hold, amount), used in zip(demands, actual, strict=True):
            rate = self.model.rates[hold.key]
            assert hold.limit is not None
            back = rate.cost(amount, hold.limit) - rate.cost(used, hold.limit)
            rate.empty_at -= back
            assert rate.level(self.now_us) == before[hold.key] - back

    @rule(column=columns, demands=st.lists(rates, min_size=1, unique_by=counter_of))
    def reserve_rates_and_leave_them(self, column: int, demands: list[Demand]) -> None:
        """Without any sum no settlement is needed."""
        self.reserve_both(column, demands)

    def reserve_both(self, column: int, demands: list[Demand]) -> Call | MultipleResults[Call]:
        holds = tuple(hold for hold, _ in demands)
        place = column, self.lives[column], holds
        if place not in self.prepared:
            self.prepared[place] = self.workers[column].prepare(holds)
        found = self.prepared[place].reserve([amount for _, amount in demands], self.now_us)
        expected = self.model.refusal(column, demands, self.now_us)
        if isinstance(found, Refusal):
            assert found.index == expected
            return multiple()
        assert expected is None
        assert list(found.levels) == [self.model.level(hold, self.now_us) for hold in holds]
        return (column, self.lives[column], found, demands)

    @rule(reservation=consumes(reservations), actual=st.lists(amounts, min_size=4, max_size=4))
    def settle(self, reservation: Call, actual: list[int]) -> None:
        column, life, made, demands = reservation
        if life != self.lives[column]:
            return  # its worker is dead
        self.sequences[column] += 1
        made.settle(actual[: len(demands)], self.sequences[column], self.now_us)
        for one, used in zip(demands, actual, strict=False):
            counter = counter_of(one)
            self.model.reserved[column, counter] -= one.amount
            self.model.settled[counter] = self.model.settled.get(counter, 0) + used

    @rule(column=columns, charged=st.lists(charges, max_size=3))
    def worker_dies(self, column: int, charged: list[tuple[str, int, int]]) -> None:
        self.control.recover(column, [Charge(*charge) for charge in charged])
        self.workers[column] = open_counters(self.path, column=column)
        self.lives[column] += 1
        self.sequences[column] = 0
        for place in [place for place in self.model.reserved if place[0] == column]:
            del self.model.reserved[place]
        for key, window, amount in charged:
            self.model.settled[key, window] = self.model.settled.get((key, window), 0) + amount

    @rule(key=st.sampled_from(SUMS), window=st.sampled_from(WINDOWS), total=st.integers(0, 200))
    def load(self, key: str, window: int, total: int) -> None:
        self.control.load({(key, window): (total, END)})
        self.model.settled[key, window] = total

    @precondition(lambda self: self.crowd < 500)
    @rule(column=columns, many=st.integers(1, 60))
    def crowd_the_table(self, column: int, many: int) -> None:
        """Counters that come and go: idle slots are given free and taken again, under the feet of held reservations."""
        for _ in range(many):
            self.crowd += 1
            crowd = Demand(Hold("sum", f"crowd-{self.crowd}", 0, END, 1), 1)
            made = demand(self.workers[column], [crowd], self.now_us)
            assert not isinstance(made, Refusal)
            self.sequences[column] += 1
            made.settle([0], self.sequences[column], self.now_us)

    @rule()
    def control_restarts(self) -> None:
        self.control.close()
        self.control = open_counters(self.path, column=None)

    @invariant()
    def readings_agree(self) -> None:
        for key in SUMS:
            for window in WINDOWS:
                counter = (key, window)
                expected = Reading(self.model.settled.get(counter, 0), self.model.in_reserve(counter))
                assert self.control.read(key, window) == expected
        assert [self.control.applied(column) for column in (0, 1)] == self.sequences

    def teardown(self) -> None:
        for counters in (*self.workers, self.control):
            counters.close()
        self.folder.cleanup()


TestComparison = Comparison.TestCase
TestComparison.settings = settings(max_examples=examples(40), stateful_step_count=30, deadline=None)

steps = st.lists(
    st.tuples(st.integers(0, 20_000_000), st.integers(0, 60), st.integers(0, 60), st.integers(0, 4)), max_size=60
)


@settings(max_examples=examples(150), deadline=None)
@given(steps=steps, limit=st.sampled_from([7, 60, 61]))
def test_no_correction_lets_more_than_the_limit_through(steps: list[tuple[int, int, int, int]], limit: int) -> None:
    """Seen from the end, with every call charged what it really used when it began, the bucket never ran over."""
    with tempfile.TemporaryDirectory() as folder:
        counters = open_counters(Path(folder) / "counters.mmap", column=0, slots=64)
        prepared = counters.prepare([Hold("rate", "x", 0, 0, limit)])
        now_us, open_calls, history = START, [], []
        for pause, amount, actual, settle_after in steps:
            now_us += pause
            made = prepared.reserve([amount], now_us)
            if not isinstance(made, Refusal):
                history.append((now_us, min(actual, amount)))
                open_calls.append((made, min(actual, amount)))
            while len(open_calls) > settle_after:
                done, used = open_calls.pop(0)
                done.settle([used], 1, now_us)
        counters.close()
    level, last_us = 0, START
    for at_us, used in history:
        level = max(0, level - (at_us - last_us) * 1000) + used * MINUTE_NS // limit
        last_us = at_us
        assert level <= MINUTE_NS
