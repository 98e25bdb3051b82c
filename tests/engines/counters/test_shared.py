"""Machines that share counters: together they never pass a hard limit, whatever happens to them or to Redis."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from genaiops.core.errors import Unavailable
from genaiops.domain import Charge
from genaiops.engines.counters_mmap import Got, Name, Want
from genaiops.ports.counters import Hold, Prepared, Reading, Refusal, Reservation, Shortage
from tests.engines.counters.machines import Machine, forget_all
from tests.examples import examples

NOW = 1_800_000_000_000_000
END = 4_000_000_000_000_000
LIMIT = 60
HOLD = Hold("sum", "shared", NOW, END, LIMIT)

pytestmark = pytest.mark.needs_redis


async def reserve(prepared: Prepared, amount: int, machine: Machine | None = None) -> Reservation | Refusal:
    found = prepared.reserve([amount], NOW)
    for _ in range(3):
        if not isinstance(found, Shortage):
            return found
        if machine is not None:
            machine.keeper.step()
        refusal = await found.obtain()
        found = prepared.reserve([amount], NOW)
        if refusal is not None and isinstance(found, Shortage):
            return refusal
    return found


def client_of(machine: Machine) -> Any:
    return redis.Redis.from_url(machine.place.url)


async def test_two_machines_use_a_limit_to_its_last_unit(tmp_path: Path, url: str) -> None:
    machines = [Machine(tmp_path, url, name) for name in "ab"]
    columns = [machine.open(0) for machine in machines]
    prepared = [column.prepare([HOLD]) for column in columns]
    passed = 0
    found: Reservation | Refusal | None = None
    for number in range(LIMIT + 20):
        which = number % 2
        for _ in range(4):
            found = await reserve(prepared[which], 1, machines[which])
            if not isinstance(found, Refusal):
                found.settle([1], number + 1)
                passed += 1
                break
            for machine in machines:
                machine.keeper.step()
        if passed < LIMIT:
            assert not isinstance(found, Refusal)
    assert passed == LIMIT
    for _ in range(2):
        for machine in machines:
            machine.keeper.step()
    for machine in machines:
        assert machine.counters.read("shared", NOW) == Reading(LIMIT, 0)
        assert machine.counters.degraded() is None
        assert machine.keeper.told.peers == 2
    found = await reserve(prepared[0], 1)
    assert isinstance(found, Refusal)
    assert (found.settled, found.reserved) == (LIMIT, 0)
    for column in columns:
        column.close()
    for machine in machines:
        await machine.close()


async def test_calls_that_wait_together_share_a_round_trip(tmp_path: Path, url: str) -> None:
    machine = Machine(tmp_path, url, "a")
    column = machine.open(0)
    prepared = column.prepare([HOLD])
    before = client_of(machine).info("commandstats")["cmdstat_evalsha"]["calls"]
    found = await asyncio.gather(*(reserve(prepared, 2) for _ in range(40)))
    assert sum(not isinstance(one, Refusal) for one in found) == LIMIT // 2
    asked = client_of(machine).info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert asked < 20  # also counts what others do at that server meanwhile
    for one in found:
        if not isinstance(one, Refusal):
            one.settle([0], 1)
    column.close()
    await machine.close()


async def test_cut_off_it_spends_its_lease_and_says_so(tmp_path: Path, url: str) -> None:
    machine = Machine(tmp_path, url, "a")
    column = machine.open(0)
    prepared = column.prepare([HOLD])
    first = await reserve(prepared, 1)
    assert not isinstance(first, Refusal)
    (row,) = machine.counters.leases.rows()
    assert 1 < row.granted < LIMIT
    nowhere = Machine.__new__(Machine)  # the same machine, with a way to nowhere
    nowhere.__dict__.update(machine.__dict__)
    blocked = "redis://127.0.0.1:1/0?prefix=x"
    from genaiops.engines.counters_redis import LeaseKeeper, RedisLender, place_of

    lender = RedisLender(place_of(blocked), "a")
    keeper = LeaseKeeper(place_of(blocked), "a", machine.counters, machine.counters.leases, members=lambda: ["a"])
    column._desk._lender = lender  # type: ignore[attr-defined]
    keeper.step()
    assert "cut off from the store" in str(column.degraded())
    for _ in range(row.granted - 1):
        found = prepared.reserve([1], NOW)
        assert not isinstance(found, Refusal)
    short = prepared.reserve([1], NOW)
    assert isinstance(short, Shortage)
    with pytest.raises(Unavailable, match="not joined the others") as caught:
        await short.obtain()
    assert caught.value.code == "budgets_unreachable"
    soft = column.prepare([Hold("sum", "soft", NOW, END, None)])
    assert not isinstance(soft.reserve([10**9], NOW), Refusal)
    machine.keeper.step()  # the way is there again
    machine.keeper.step()
    assert column.degraded() is None
    await lender.aclose()
    await machine.close()


async def test_after_a_loss_nothing_is_lent_before_all_have_told(tmp_path: Path, url: str) -> None:
    everybody = lambda: ["a", "b"]  # noqa: E731
    machines = [Machine(tmp_path, url, name, members=everybody) for name in "ab"]
    for machine in machines:
        machine.keeper.step()
    columns = [machine.open(0) for machine in machines]
    holds = [column.prepare([HOLD]) for column in columns]
    for prepared in holds:
        assert not isinstance(await reserve(prepared, 25), Refusal)
    forget_all(url)
    machines[0].keeper.step()
    assert machines[0].keeper.told.pending == ("b",)
    assert "not given leases" in str(columns[0].degraded())
    machines[0].counters.leases.level(lower=True)  # so that it has to ask
    short = holds[0].reserve([1], NOW)
    assert isinstance(short, Shortage)
    with pytest.raises(Unavailable, match="have not told yet what they hold: b"):
        await short.obtain()
    machines[1].keeper.step()
    machines[0].keeper.step()
    assert columns[0].degraded() is None
    assert isinstance(await reserve(holds[0], 11, machines[0]), Refusal)
    for machine in machines * 7:  # what was lowered here and not there is found again, too
        machine.keeper.step()
    assert not isinstance(await reserve(holds[0], 10, machines[0]), Refusal)
    for machine in machines:
        await machine.close()


def copied(machine: Machine) -> dict[bytes, bytes]:
    """What Redis would have on its disk."""
    client = client_of(machine)
    copy = {key: client.dump(key) for key in client.scan_iter(f"{machine.place.prefix}*", count=10_000)}
    client.close()
    return copy


def started_from(copy: Mapping[bytes, bytes], machine: Machine, url: str) -> None:
    """As Redis after a restart: what it had on its disk, and another process, so another run_id."""
    forget_all(url)
    client = client_of(machine)
    for key, value in copy.items():
        client.restore(key, 0, value)
        if key.endswith(b":meta"):
            client.hset(key, "run_id", "another")
    client.close()


async def test_an_old_copy_is_known_for_one_before_anything_is_lent(tmp_path: Path, url: str) -> None:
    machines = [Machine(tmp_path, url, name, members=lambda: ["a", "b"]) for name in "ab"]
    for machine in machines:
        machine.keeper.step()
    holds = [machine.open(0).prepare([HOLD]) for machine in machines]
    assert not isinstance(await reserve(holds[1], 1), Refusal)
    copy = copied(machines[0])
    assert not isinstance(await reserve(holds[0], 30), Refusal)
    started_from(copy, machines[0], url)
    short = holds[1].reserve([30], NOW)
    assert isinstance(short, Shortage)
    with pytest.raises(Unavailable, match="has lost its memory"):
        await short.obtain()
    for machine in machines:
        machine.keeper.step()
    assert isinstance(await reserve(holds[1], 30, machines[1]), Refusal)
    for machine in machines:
        await machine.close()


class Forgetful:
    """A way to Redis on which answers can be lost, so that what was lent there never arrives here, or come only after
    the machine joined anew."""

    def __init__(self, machine: Machine) -> None:
        self.loses = False
        self.is_late = False
        self._machine = machine
        self.column = machine.open(0)
        self._lender = machine._lenders[-1]
        self.column._desk._lender = self  # type: ignore[attr-defined]

    async def lend(self, generation: int, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        got = await self._lender.lend(generation, wants)
        if self.loses:
            self.loses = False
            raise Unavailable("The answer was lost.")
        if self.is_late:
            self.is_late = False
            self._machine.keeper._generation = 0
            self._machine.keeper.step()
        return got


class Part:
    """A machine as the model sees it: what its records say was settled, and what is under way."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self.folder, self.url, self.name = folder, url, name
        self.settled = 0
        self.under_way: list[tuple[int, Reservation]] = []
        self.sequence = 0
        self.begin()

    def begin(self) -> None:
        self.machine = Machine(self.folder, self.url, self.name, slots=1 << 6, members=lambda: ["a", "b", "c"][:2])
        self.way = Forgetful(self.machine)
        self.prepared = self.way.column.prepare([HOLD])

    @property
    def used(self) -> int:
        return self.settled + sum(amount for amount, _ in self.under_way)

    async def die(self, *, lose_file: bool) -> None:
        """As SIGKILL of all its processes, and the next start, which charges what was under way."""
        for lender in self.machine._lenders:
            await lender.aclose()
        self.machine.keeper._client.close()
        path = self.folder / f"{self.name}.mmap"
        self.way.column._file.close()
        if lose_file:
            self.machine.counters.close()
            path.unlink()
            self.settled = self.used
        else:
            charges = [Charge("shared", NOW, amount) for amount, _ in self.under_way]
            self.machine.counters.recover(0, charges)
            self.settled = self.used
            self.machine.counters.close()
        self.under_way = []
        from genaiops.engines.counters_mmap import open_counters

        prepared = open_counters(path, column=None, slots=1 << 6, shared=True)
        prepared.recover(0, [])
        prepared.load({("shared", NOW): (self.settled, END)})
        prepared.close()
        self.begin()


class SharedCounters(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.here = f"{self.url}?prefix=test-{uuid.uuid4().hex}"
        self.loop = asyncio.new_event_loop()
        self.parts = [Part(self.folder, self.here, name) for name in "ab"]
        self.copy: dict[bytes, bytes] = {}

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @rule(which=st.integers(0, 1), amount=st.integers(1, 9), beats=st.booleans())
    def reserve(self, which: int, amount: int, beats: bool) -> None:
        part = self.parts[which]
        try:
            found = self.run(reserve(part.prepared, amount, part.machine if beats else None))
        except Unavailable:
            return
        if not isinstance(found, Refusal):
            part.under_way.append((amount, found))

    @precondition(lambda self: any(part.under_way for part in self.parts))
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        part = data.draw(st.sampled_from([part for part in self.parts if part.under_way]))
        amount, reservation = part.under_way.pop(data.draw(st.integers(0, len(part.under_way) - 1)))
        actual = data.draw(st.integers(0, amount))
        part.sequence += 1

        async def settled() -> None:
            reservation.settle([actual], part.sequence, NOW)

        self.run(settled())
        part.settled += actual

    @rule(which=st.integers(0, 1))
    def beat(self, which: int) -> None:
        self.parts[which].machine.keeper.step()

    @rule(which=st.integers(0, 1))
    def lose_an_answer(self, which: int) -> None:
        self.parts[which].way.loses = True

    @rule(which=st.integers(0, 1))
    def delay_an_answer(self, which: int) -> None:
        self.parts[which].way.is_late = True

    @rule(which=st.integers(0, 1), lose_file=st.booleans())
    def die(self, which: int, lose_file: bool) -> None:
        self.run(self.parts[which].die(lose_file=lose_file))

    @rule()
    def save_redis(self) -> None:
        self.copy = copied(self.parts[0].machine)

    @rule(empty=st.booleans())
    def restart_redis(self, empty: bool) -> None:
        """From an older copy, or from none."""
        started_from({} if empty else self.copy, self.parts[0].machine, self.here)

    @invariant()
    def the_limit_holds(self) -> None:
        assert sum(part.used for part in self.parts) <= LIMIT

    def teardown(self) -> None:
        self.all_is_found_again()
        for part in self.parts:
            self.run(part.machine.close())
            part.way.column.close()
        self.loop.close()
        forget_all(self.here)
        shutil.rmtree(self.folder)

    def all_is_found_again(self) -> None:
        """Whatever was lost on the way: after a few beats one machine can have all that is left."""
        for _ in range(30):  # all is told at every twentieth
            for part in self.parts:
                part.way.loses = part.way.is_late = False
                part.machine.keeper.step()
        left = LIMIT - sum(part.used for part in self.parts)
        first = self.parts[0]
        found: Reservation | Refusal | None = None
        for _ in range(4):
            found = self.run(reserve(first.prepared, left, first.machine)) if left else None
            if not isinstance(found, Refusal):
                break
            for part in self.parts * 30:  # an early question of before may have been answered only now
                part.machine.keeper.step()
        else:
            raise AssertionError(f"{left} are left, but {found}")
        if found is not None:
            first.under_way.append((left, found))
            assert sum(part.used for part in self.parts) == LIMIT


@pytest.mark.property
def test_the_limit_holds_whatever_happens(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SharedCounters.url = redis_url
    monkeypatch.setattr("genaiops.engines.counters_mmap._leased._JOIN_SECONDS", 0.0)  # time stands still here
    run_state_machine_as_test(
        SharedCounters,
        settings=settings(
            max_examples=examples(30),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
