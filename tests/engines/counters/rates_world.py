"""Machines that share a rate, on a clock that goes when it is told to."""

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from genaiops.core.errors import Unavailable
from genaiops.engines.counters_mmap import Got, Name, RateGot, RateWant, Want
from genaiops.engines.counters_mmap._stock import Stocks
from genaiops.ports.counters import MINUTE_NS, Hold, Refusal, Reservation, Shortage
from tests.engines.counters.machines import Machine, forget_all

PATIENT_SECONDS = 60.0
START = 1_800_000_000_000_000
SECOND = 1_000_000


def stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timers, as time goes when it is told to; and answers may take as long as they do on a busy machine."""
    monkeypatch.setattr("genaiops.engines.counters_mmap._stock._JOIN_SECONDS", 0.0)
    monkeypatch.setattr(Stocks, "_later", lambda *_: None)
    for module in ("_lender", "_keeper"):
        for name in ("ANSWER_SECONDS", "CONNECT_SECONDS"):
            monkeypatch.setattr(f"genaiops.engines.counters_redis.{module}.{name}", PATIENT_SECONDS)


class Way:
    """To Redis and back. What is on it may be lost, before it arrives or after, and answers may be slow."""

    def __init__(self, part: "Part", lender: Any) -> None:
        self.part = part
        self._lender = lender
        self.lost: str | None = None
        self.is_cut = False
        self.slow_us = 0

    async def lend(self, generation: int, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        return await self._lender.lend(generation, wants)

    async def lend_rates(self, wants: Sequence[tuple[Name, RateWant]]) -> Sequence[RateGot]:
        lost, self.lost = self.lost, None
        if self.is_cut or lost == "question":
            raise Unavailable("It did not arrive.")
        got = await self._lender.lend_rates(wants)
        if lost == "answer":
            raise Unavailable("The answer was lost.")
        self.part.world.now_us += self.slow_us
        self.slow_us = 0
        return got


class Used(NamedTuple):
    """A call: when, how much it reserved, and whether of what was lent (else of its machine's part)."""

    at_us: int
    amount: int
    lent: bool


class World:
    """A folder, a place in Redis, and time as it is for all."""

    def __init__(self, url: str, names: str, limit: int, *, members: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.url = f"{url}?prefix=test-{uuid.uuid4().hex}"
        self.loop = asyncio.new_event_loop()
        self.now_us = START
        self.limit = limit
        self.members = list(members or names)
        self.parts: list[Part] = []
        for number, name in enumerate(names):
            self.parts.append(Part(self, name, (-3600, 0, 86_400)[number % 3] * SECOND))

    def run(self, work: Any) -> Any:
        """And all that it began, so that nothing is left to chance."""

        async def all_of_it() -> Any:
            found = await work
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.gather(*others, return_exceptions=True)
            return found

        return self.loop.run_until_complete(all_of_it())

    def client(self) -> Any:
        return redis.Redis.from_url(self.parts[0].machine.place.url)

    def copied(self) -> dict[bytes, bytes]:
        client, prefix = self.client(), self.parts[0].machine.place.prefix
        copy = {key: client.dump(key) for key in client.scan_iter(f"{prefix}*", count=10_000)}
        client.close()
        return copy

    def restart_redis(self, copy: Mapping[bytes, bytes]) -> None:
        forget_all(self.url)
        client = self.client()
        for key, value in copy.items():
            client.restore(key, 0, value)
            if key.endswith(b":meta"):
                client.hset(key, "run_id", "another")
        client.close()

    def worst(self, used: Sequence[tuple[int, int]]) -> int:
        """How full one bucket for all of it would have been at most, in nanoseconds."""
        level, last_us, worst = 0, 0, 0
        for at_us, amount in sorted(used):
            level = max(0, level - (at_us - last_us) * 1000) + amount * MINUTE_NS // self.limit
            last_us, worst = at_us, max(worst, level)
        return worst

    def close(self) -> None:
        for part in self.parts:
            self.run(part.close())
        self.loop.close()
        forget_all(self.url)
        shutil.rmtree(self.folder)


class Part:
    """A machine with a worker, whose clock is some hours off."""

    def __init__(self, world: World, name: str, offset_us: int) -> None:
        self.world, self.name, self.offset_us = world, name, offset_us
        self.used: list[Used] = []
        self.under_way: list[tuple[int, Reservation]] = []
        self.sequence = 0
        self.begin()

    def begin(self) -> None:
        world = self.world
        self.machine = Machine(
            world.folder,
            world.url,
            self.name,
            slots=1 << 6,
            members=lambda: world.members,
            clock=lambda: world.now_us,
            wall_clock=self._now_us,
        )
        self.column = self.machine.open(0)
        self.way = Way(self, self.machine._lenders[-1])
        self.stocks = self.column._stocks
        assert self.stocks is not None
        self.stocks._lender = self.way
        self.column.leases.alone.now_us = self._now_us
        self.prepared = self.column.prepare([Hold("rate", "shared", 0, 0, world.limit)])

    @property
    def now_us(self) -> int:
        return self._now_us()

    def _now_us(self) -> int:
        return self.world.now_us + self.offset_us

    async def reserve(self, amount: int) -> Reservation | Refusal:
        refusal: Refusal | None = None
        found = self.prepared.reserve([amount], self.now_us)
        while isinstance(found, Shortage):
            if refusal is not None:
                return refusal
            refusal = await found.obtain()
            found = self.prepared.reserve([amount], self.now_us)
        if not isinstance(found, Refusal):
            lent = found.part is None  # type: ignore[attr-defined]
            self.used.append(Used(self.world.now_us, amount, lent))
            self.under_way.append((len(self.used) - 1, found))
        return found

    def settle(self, number: int, actual: int) -> None:
        at, reservation = self.under_way.pop(number)
        self.sequence += 1
        reservation.settle([actual], self.sequence, self.now_us)
        self.used[at] = self.used[at]._replace(amount=actual)

    async def close(self) -> None:
        await self.machine.close()
        self.column._file.close()

    async def die(self) -> None:
        """As SIGKILL, and the next start. What was under way is charged."""
        for lender in self.machine._lenders:
            await lender.aclose()
        self.machine.keeper._client.close()
        self.column._file.close()
        self.machine.counters.recover(0, [])
        self.machine.counters.close()
        self.under_way = []
        self.begin()


async def swept(part: Part) -> None:
    """As its timers do."""
    assert part.stocks is not None
    part.stocks.sweep()
