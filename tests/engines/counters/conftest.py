"""The engines of the counters port. A further engine is a further parameter here; the same tests run on all."""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from genaiops.engines.counters_mmap import open_counters
from genaiops.ports.counters import Counters, Hold, Prepared, Refusal, Reservation, Shortage
from tests.engines.counters.machines import Machine, forget_all


class Demand(NamedTuple):
    """A hold and its amount."""

    hold: Hold
    amount: int


class Opened:
    """The loop that a worker would have, and its machine where there are several."""

    loop: asyncio.AbstractEventLoop | None = None
    machine: Machine | None = None
    now_us = 0
    """The machine's clock, as of the last reservation."""
    passed_us = 0
    """Redis's clock: it goes on when the machine's is set back."""

    @classmethod
    def time_is(cls, now_us: int) -> None:
        cls.passed_us = max(now_us, cls.passed_us) if not cls.now_us else cls.passed_us + max(now_us - cls.now_us, 0)
        cls.now_us = now_us


def reserve_at_last(prepared: Prepared, amounts: Sequence[int], now_us: int) -> Reservation | Refusal:
    """As the gateway does: a shortage is lifted if it can be. On one machine there is none."""
    if Opened.loop is None:
        return prepared.reserve(amounts, now_us)
    Opened.time_is(now_us)

    async def reserve() -> Reservation | Refusal:
        refusal: Refusal | None = None
        for _ in range(4):
            found = prepared.reserve(amounts, now_us)
            if not isinstance(found, Shortage):
                return found
            if refusal is not None:
                return refusal
            if Opened.machine is not None:
                Opened.machine.keeper.step()
            refusal = await found.obtain()
        raise AssertionError("it is short for ever")

    return Opened.loop.run_until_complete(reserve())


def demand(counters: Counters, demands: Sequence[Demand], now_us: int) -> Reservation | Refusal:
    """Prepare and reserve."""
    prepared = counters.prepare([one.hold for one in demands])
    return reserve_at_last(prepared, [one.amount for one in demands], now_us)


@pytest.fixture
def url(redis_url: str) -> Iterator[str]:
    made = f"{redis_url}?prefix=test-{uuid.uuid4().hex}"
    yield made
    forget_all(made)


OpenColumn = Callable[[int | None], Counters]


@pytest.fixture(params=["mmap", "redis"])
def open_column(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenColumn]:
    """Opens the same counters again and again, each time as another process would."""
    opened: list[Counters] = []
    machine = Opened.machine = None
    url = None if request.param == "mmap" else f"{request.getfixturevalue('redis_url')}?prefix=test-{uuid.uuid4().hex}"
    loop = Opened.loop = asyncio.new_event_loop()
    if url is not None:
        machine = Opened.machine = Machine(tmp_path, url, "one", slots=1 << 10, clock=lambda: Opened.passed_us)

    def open_one(column: int | None) -> Counters:
        if machine is not None:
            opened.append(machine.open(column))
        else:
            opened.append(open_counters(tmp_path / "counters.mmap", column=column, slots=1 << 10))
        return opened[-1]

    yield open_one
    for counters in opened:
        counters.close()
    if machine is not None:
        loop.run_until_complete(machine.close())
        forget_all(str(url))
    loop.close()
    Opened.loop = Opened.machine = None
    Opened.now_us = Opened.passed_us = 0
