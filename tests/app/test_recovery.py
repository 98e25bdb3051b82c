"""What a dead worker owes, and when its column is free again; with the real spool and the real counters."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app.recovery import RecoveredSpool, column_of, lives_of, pending_charges, recover
from genaiops.core.errors import Conflict
from genaiops.domain import Admitted, CallRecord, Charge, Recalled, Refused, Settled
from genaiops.engines.counters_mmap import MmapCounters, open_counters
from genaiops.engines.spool_files import FilesSpoolReader, FilesSpoolWriter, open_reader, open_writer
from genaiops.ports.counters import Hold, Reading, Refusal, Reservation
from genaiops.ports.spool import Frame

BUDGET = "bud_1"
LIFE_US = 1_790_000_000_000_000


def admitted(sequence: int, amount: int) -> Admitted:
    return Admitted(
        sequence=sequence,
        trace_id=sequence.to_bytes(16, "big"),
        span_id=sequence.to_bytes(8, "big"),
        parent_id=None,
        request_id=f"req_{sequence}",
        start_us=LIFE_US,
        operation="chat",
        model="echo",
        route_id=None,
        streamed=False,
        key_id="key_1",
        key_name="k",
        actor_id="admin",
        tenant_id="default",
        team_id=None,
        environment_id="dev",
        application=None,
        user_id=None,
        user_verified=False,
        session_id=None,
        peer="127.0.0.1",
        snapshot_version=1,
        capture="full",
        reserved=(Charge(BUDGET, 0, amount),),
    )


def settled(sequence: int, amount: int) -> Settled:
    charged = (Charge(BUDGET, 0, amount),)
    return Settled(sequence, sequence.to_bytes(16, "big"), LIFE_US, None, "ok", 200, None, None, (), charged)


def frames(records: list[CallRecord]) -> Iterator[Frame]:
    return iter([Frame(record, b"", 0, at) for at, record in enumerate(records, 1)])


def total(records: list[CallRecord], applied: int) -> int:
    return sum(charge.amount for charge in pending_charges(frames(records), applied))


def test_calls_under_way_owe_their_reservation() -> None:
    assert total([admitted(1, 100), admitted(2, 50), settled(1, 10), admitted(3, 7)], applied=1) == 57


def test_the_last_settled_call_owes_what_the_counters_have_not_seen() -> None:
    records: list[CallRecord] = [admitted(1, 100), admitted(2, 50), settled(2, 5), settled(1, 10)]
    assert total(records, applied=2) == 10
    assert total(records, applied=1) == 0


def test_a_settled_call_that_something_followed_was_applied() -> None:
    """A worker writes nothing between a Settled record and its settlement."""
    refused = Refused(admitted(3, 0), LIFE_US, 429, "rate_limit_exceeded", "no")
    assert total([admitted(1, 100), settled(1, 10), refused], applied=0) == 0


def recalled(sequence: int, *charged: int) -> Recalled:
    ended = msgspec.structs.replace(settled(sequence, 0), charged=tuple(Charge(BUDGET, 0, one) for one in charged))
    return Recalled(msgspec.structs.replace(admitted(sequence, 0), reserved=()), ended, 0)


def test_a_recalled_call_owes_what_the_counters_have_not_seen() -> None:
    """One that is charged nothing is not applied: the call applied last is one before it."""
    assert total([admitted(1, 100), settled(1, 10), recalled(2)], applied=1) == 0
    assert total([admitted(1, 100), settled(1, 10), recalled(2, 1)], applied=1) == 1
    assert total([admitted(1, 100), settled(1, 10), recalled(2, 1)], applied=2) == 0
    assert total([admitted(1, 100), recalled(2, 1), recalled(3)], applied=2) == 100
    assert total([admitted(1, 100), recalled(2, 1), recalled(3), settled(1, 10)], applied=2) == 10


class Worker:
    """A worker's two writes, in its order, so that it can die at any of them."""

    def __init__(self, home: Path, column: int) -> None:
        self.counters: MmapCounters = open_counters(home / "counters.mmap", column=column)
        self.spool: FilesSpoolWriter = open_writer(home / "spool", column=column, life_us=LIFE_US)
        self._reserved: dict[int, Reservation] = {}
        self.counters.acknowledge(1)

    def admit(self, sequence: int, amount: int) -> None:
        answer = self.counters.prepare([Hold("sum", BUDGET, 0, 1 << 62, None)]).reserve([amount], LIFE_US)
        assert not isinstance(answer, Refusal)
        self._reserved[sequence] = answer
        self.spool.append(admitted(sequence, amount))

    def settle(self, sequence: int, amount: int, *, applied: bool = True) -> None:
        self.spool.append(settled(sequence, amount))
        if applied:
            self._reserved.pop(sequence).settle([amount], sequence)

    def die(self) -> None:
        """As SIGKILL does it: the descriptors go, nothing is tidied up."""
        self.spool.close()


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[tuple[MmapCounters, FilesSpoolReader]]:
    counters = open_counters(tmp_path / "counters.mmap", column=None)
    yield counters, open_reader(tmp_path / "spool")
    counters.close()


def test_recovery_charges_once_and_frees_the_column(
    tmp_path: Path, observer: tuple[MmapCounters, FilesSpoolReader]
) -> None:
    counters, spool = observer
    worker = Worker(tmp_path, 3)
    worker.admit(1, 100)
    worker.admit(2, 50)
    worker.settle(2, 5)
    worker.admit(3, 30)
    worker.settle(3, 8, applied=False)
    with pytest.raises(Conflict, match="alive"):
        recover(counters, spool, 3)
    worker.die()
    assert counters.read(BUDGET, 0) == Reading(5, 130)
    recover(counters, spool, 3)
    assert counters.read(BUDGET, 0) == Reading(5 + 100 + 8, 0)
    assert 3 not in counters.acknowledged()
    recover(counters, spool, 3)
    assert counters.read(BUDGET, 0) == Reading(113, 0)
    worker.counters.close()


def test_a_dead_life_is_not_finished_before_its_column_is_recovered(
    tmp_path: Path, observer: tuple[MmapCounters, FilesSpoolReader]
) -> None:
    counters, spool = observer
    guarded = RecoveredSpool(spool, counters)
    worker = Worker(tmp_path, 0)
    worker.admit(1, 100)
    (life,) = guarded.lives()
    assert column_of(life) == 0
    worker.die()
    assert not spool.is_alive(life)
    assert guarded.is_alive(life)
    recover(counters, spool, 0)
    assert not guarded.is_alive(life)
    worker.counters.close()


def test_a_successor_on_the_column_shows_that_it_was_recovered(
    tmp_path: Path, observer: tuple[MmapCounters, FilesSpoolReader]
) -> None:
    counters, spool = observer
    guarded = RecoveredSpool(spool, counters)
    first = Worker(tmp_path, 0)
    first.admit(1, 100)
    first.die()
    recover(counters, spool, 0)
    second = open_counters(tmp_path / "counters.mmap", column=0)
    old = lives_of(spool, 0)[0]
    assert guarded.is_alive(old)  # attached, and no life of its own yet: better wait
    successor = open_writer(tmp_path / "spool", column=0, life_us=LIFE_US + 1)
    assert not guarded.is_alive(old)
    assert guarded.is_alive(lives_of(spool, 0)[1])
    successor.close()
    second.close()
    first.counters.close()


CALLS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.booleans()), max_size=12)


@given(CALLS, st.booleans())
def test_nothing_is_lost_and_nothing_charged_twice(calls: list[tuple[int, int, bool]], applied: bool) -> None:
    """What the counters had applied and what recovery adds is what all calls together used or held."""
    records: list[CallRecord] = [admitted(n, reserved) for n, (reserved, _, _) in enumerate(calls, 1)]
    ended = [(n, used) for n, (_, used, ends) in enumerate(calls, 1) if ends]
    records += [settled(n, used) for n, used in reversed(ended)]
    seen = list(reversed(ended)) if applied else list(reversed(ended))[:-1]
    in_counters = sum(used for _, used in seen)
    expected = sum(used for _, used in ended) + sum(reserved for reserved, _, ends in calls if not ends)
    assert in_counters + total(records, seen[-1][0] if seen else 0) == expected


def test_records_are_the_ones_of_the_gateway() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(admitted(1, 2)), type=CallRecord) == admitted(1, 2)
