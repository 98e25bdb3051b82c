"""A machine that shares counters with others: its file, its keeper, and workers as far as their counters go."""

from collections.abc import Callable, Sequence
from pathlib import Path

import redis

from genaiops.engines.counters_mmap import MmapCounters, open_counters
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
    ) -> None:
        self.name = name
        self.place = place_of(url)
        self._path = folder / f"{name}.mmap"
        self._slots = slots
        self._lenders: list[RedisLender] = []
        self.counters = open_counters(self._path, column=None, slots=slots, shared=True)
        self.keeper = LeaseKeeper(
            self.place, name, self.counters, self.counters.leases, members=members or (lambda: [name])
        )
        self.keeper.step()

    def open(self, column: int | None) -> MmapCounters:
        """As a worker does (with a column), or a process that only looks."""
        if column is None:
            return open_counters(self._path, column=None, slots=self._slots, shared=True)
        self._lenders.append(RedisLender(self.place, self.name))
        return open_counters(self._path, column=column, slots=self._slots, shared=True, lender=self._lenders[-1])

    async def close(self) -> None:
        self.keeper.stop()
        self.counters.close()
        for lender in self._lenders:
            await lender.aclose()


def forget_all(url: str) -> None:
    """Take away everything below the URL's prefix."""
    place = place_of(url)
    client = redis.Redis.from_url(place.url)
    for key in client.scan_iter(f"{place.prefix}*"):
        client.delete(key)
    client.close()
