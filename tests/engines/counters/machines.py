"""A machine that shares counters with others: its file, its keeper, and workers as far as their counters go."""

from collections.abc import Callable, Sequence
from pathlib import Path

import redis

from genaiops.engines.counters_mmap import MmapCounters, boot_seconds, open_counters
from genaiops.engines.counters_redis import LeaseKeeper, RedisLender, place_of


class Machine:
    """Its keeper beats when it is told to (`keeper.step()`), or by itself after `keeper.start()`."""

    def __init__(
        self,
        folder: Path,
        url: str,
        name: str,
        *,
        slots: int = 1 << 12,
        members: Callable[[], Sequence[str]] | None = None,
        clock: Callable[[], int] | None = None,
        wall_clock: Callable[[], int] | None = None,
    ) -> None:
        """`clock`: microseconds, of the machine's second hand and of Redis, as far as rates go. `wall_clock`: the
        machine's own, of its reservations."""
        self.name = name
        self._clock = clock
        self.place = place_of(url)
        self._path = folder / f"{name}.mmap"
        self._slots = slots
        self._lenders: list[RedisLender] = []
        seconds = self._seconds
        self.counters = open_counters(self._path, column=None, slots=slots, shared=True, clock=seconds)
        if wall_clock is not None:
            self.counters.leases.alone.now_us = wall_clock
        self.keeper = LeaseKeeper(
            self.place, name, self.counters, self.counters.leases, members=members or (lambda: [name]), clock=clock
        )
        self.keeper.step()

    def open(self, column: int | None) -> MmapCounters:
        """As a worker does (with a column), or a process that only looks."""
        if column is None:
            return open_counters(self._path, column=None, slots=self._slots, shared=True)
        lender = RedisLender(self.place, self.name, clock=self._clock)
        self._lenders.append(lender)
        seconds = self._seconds
        return open_counters(self._path, column=column, slots=self._slots, shared=True, lender=lender, clock=seconds)

    def _seconds(self) -> float:
        return boot_seconds() if self._clock is None else self._clock() / 1e6

    async def close(self) -> None:
        self.keeper.stop()
        self.counters.close()
        for lender in self._lenders:
            await lender.aclose()


def forget_all(url: str) -> None:
    """Take away everything below the URL's prefix."""
    place = place_of(url)
    client = redis.Redis.from_url(place.url)
    for key in client.scan_iter(f"{place.prefix}*", count=10_000):
        client.delete(key)
    client.close()
