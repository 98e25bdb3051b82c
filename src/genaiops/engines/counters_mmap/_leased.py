"""Holds on counters that several machines share: reserved here and now, as far as what was lent to this machine goes.

Of a sum, the reservation is made as on one machine, and looked at afterwards: `granted` is lowered only down to what is
used, so a reservation that stands within it stands within it for good. One that does not is taken back and becomes a
Shortage. Of rates see `_shared_rates`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from genaiops.core.errors import Unavailable
from genaiops.engines.counters_mmap._leases import UNLIMITED, Leases, Name, Standing
from genaiops.engines.counters_mmap._prepared import PreparedHolds
from genaiops.engines.counters_mmap._shared_rates import rates_of
from genaiops.engines.counters_mmap._stock import RateLender, Stocks
from genaiops.engines.counters_mmap._table import GRANTED
from genaiops.ports.counters import Hold, Refusal, Reservation, Shortage

LARGEST: Final = 1 << 53
"""Limits above are leased as if they were this (9 million dollars of nano-units): the other side counts in doubles."""

_LOW: Final = 4
"""With less than this many times a call's amount left, more is asked for meanwhile."""
_DRY_SECONDS: Final = 0.25
_JOIN_SECONDS: Final = 1.0


class Want(NamedTuple):
    """`need` of it at once, if it is there; `size` is what one call takes. `limit` of all machines together."""

    limit: int
    need: int
    size: int
    window_end_us: int


class Got(NamedTuple):
    """`amount` was lent; `used` and `lent` of all machines afterwards."""

    amount: int
    used: int
    lent: int


class Lender(RateLender, Protocol):
    """Whoever keeps the common store."""

    async def lend(self, generation: int, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        """Unavailable when it cannot be asked, or may not lend now."""
        ...


class Desk:
    """Asks for more: one question at a time, and what is wanted meanwhile goes into the next."""

    def __init__(self, leases: Leases, lender: Lender) -> None:
        self._leases = leases
        self._lender = lender
        self._wants: dict[Name, Want] = {}
        self._next: asyncio.Task[Mapping[Name, Got]] | None = None
        self._turn = asyncio.Lock()
        self._dry: dict[Name, float] = {}
        self._early: set[Name] = set()

    async def ask(self, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        return await asyncio.shield(self._join(wants))

    def early(self, name: Name, want: Want) -> None:
        """Before it is needed. Nobody waits for it, so that nobody is told if it fails."""
        if name in self._early or self._dry.get(name, 0.0) > time.monotonic():
            return
        self._early.add(name)
        self._join({name: want})

    def _join(self, wants: Mapping[Name, Want]) -> asyncio.Task[Mapping[Name, Got]]:
        for name, want in wants.items():
            before = self._wants.get(name)
            need = want.need + (before.need if before is not None else 0)
            self._wants[name] = want._replace(need=need)
        if self._next is None:
            self._next = asyncio.create_task(self._round())
            self._next.add_done_callback(_look_at)
        return self._next

    async def _round(self) -> Mapping[Name, Got]:
        async with self._turn:
            wants, self._wants, self._next = self._wants, {}, None
            try:
                return await self._lend(wants)
            except BaseException:
                self._dry.update(dict.fromkeys(wants, time.monotonic() + _DRY_SECONDS))
                raise
            finally:
                self._early.difference_update(wants)

    async def _lend(self, wants: Mapping[Name, Want]) -> Mapping[Name, Got]:
        generation = await self._joined()
        if not generation:
            raise Unavailable(
                "This machine has not joined the others that share its budgets yet.",
                remedy="Try again in a moment; genaiops doctor says why if it stays so.",
                code="budgets_unreachable",
            )
        got = await self._lender.lend(generation, wants)
        for name, found in got.items():
            if found.amount:
                self._leases.grant(name, found.amount, generation)
            else:
                self._dry[name] = time.monotonic() + _DRY_SECONDS
        if len(self._dry) > 10_000:
            self._dry.clear()
        return got

    async def _joined(self) -> int:
        """The generation, once there is one. Joining takes milliseconds; who is cut off is not waited for."""
        leases = self._leases
        end = time.monotonic() + _JOIN_SECONDS
        while not (generation := leases.generation):
            trouble = leases.trouble()
            if time.monotonic() > end or (trouble is not None and trouble[0] is Standing.APART):
                break
            await asyncio.sleep(0.005)
        return generation


def _look_at(task: asyncio.Task[Mapping[Name, Got]]) -> None:
    if not task.cancelled():
        task.exception()


class _Leased(NamedTuple):
    """A hold of the prepared: its place, the index of `granted`, its name and what does not change of a Want."""

    at: int
    granted: int
    name: Name
    limit: int
    window_end_us: int


class LeasedHolds:
    """As PreparedHolds, with sums and rates leased. `desk` and `stocks` are None where nobody can ask: a Shortage of a
    sum is a refusal then, and rates are of this machine alone."""

    __slots__ = ("_desk", "_epoch", "_inner", "_leased", "_leases", "_rates", "holds")

    def __init__(self, inner: PreparedHolds, leases: Leases, desk: Desk | None, stocks: Stocks | None) -> None:
        self._inner = inner
        self._leases = leases
        self._desk = desk
        self._rates = None if stocks is None else rates_of(inner, leases, stocks)
        self._epoch = -1
        self._leased: tuple[_Leased, ...] = ()
        self.holds: Sequence[Hold] = inner.holds

    def reserve(self, amounts: Sequence[int], now_us: int) -> Reservation | Refusal:
        inner = self._inner
        found = inner.reserve(amounts, now_us)
        if inner.epoch != self._epoch:
            self._look(now_us)
        if isinstance(found, Refusal):
            return found
        words = inner.file.words
        levels = found.levels
        short = False
        for leased in self._leased:
            at = leased[0]
            amount = amounts[at]
            if not amount:
                continue
            room = words[leased[1]] - levels[at]
            if room < amount * _LOW:
                if room < 0:
                    short = True
                elif self._desk is not None and words[leased[1]] < leased.limit:
                    self._desk.early(leased.name, Want(leased.limit, 0, amount, leased.window_end_us))
        if not short:
            return found if self._rates is None else self._rates.draw(found, amounts, now_us)
        missing = [
            (leased, levels[leased.at] - words[leased.granted])
            for leased in self._leased
            if amounts[leased.at] and words[leased.granted] < levels[leased.at]
        ]
        inner.undo(found)
        return self._shortage(amounts, levels, missing)

    def _shortage(
        self, amounts: Sequence[int], levels: Sequence[int], missing: Sequence[tuple[_Leased, int]]
    ) -> Refusal:
        if not missing:  # it was granted a moment ago
            return Shortage(0, 1.0, 0, 0, obtain=_nothing_to_do)
        wants = {
            leased.name: Want(leased.limit, min(amounts[leased.at], lacking), amounts[leased.at], leased.window_end_us)
            for leased, lacking in missing
        }
        first = missing[0][0]
        used = levels[first.at] - amounts[first.at]
        if self._desk is None:
            return Refusal(first.at, 1.0, used, 0)
        return Shortage(first.at, 1.0, used, 0, obtain=self._obtain(self._desk, wants))

    def _obtain(self, desk: Desk, wants: Mapping[Name, Want]) -> Callable[[], Awaitable[Refusal | None]]:
        async def obtain() -> Refusal | None:
            got = await desk.ask(wants)
            for leased in self._leased:
                found = got.get(leased.name) if leased.name in wants else None
                if found is not None and not found.amount:
                    idle = found.lent - found.used
                    return Refusal(leased.at, 1.0 if idle > 0 else None, found.used, max(idle, 0))
            return None

        return obtain

    def _look(self, now_us: int) -> None:
        """Find the words of the leases, and say that they are leased."""
        inner = self._inner
        with self._leases.found(inner, now_us):
            leased: list[_Leased] = []
            for at, base, _, _, _ in inner.sums:
                hold = inner.holds[at]
                if hold.limit is None:
                    self._leases.lease(base, UNLIMITED)
                    continue
                limit = min(hold.limit, LARGEST)
                self._leases.lease(base, limit or UNLIMITED)
                leased.append(_Leased(at, base + GRANTED, inner.slots[at].name, limit, hold.window_end_us))
            self._leased = tuple(leased)
            self._epoch = inner.epoch


async def _nothing_to_do() -> Refusal | None:
    return None
