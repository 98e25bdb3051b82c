"""Rates that several machines share: what this process was lent of them, for a second at most.

Whoever keeps the common store runs one bucket a rate, for all machines (the generic cell rate algorithm, as in
`_rate`), and lends from it: lent is drawn. A reservation draws from what was lent, without asking anybody; what nobody
wants within `HOLD_SECONDS` goes back, and so does what a settled call did not use. A process that dies takes what it
had with it, and the bucket drains without it: nothing has to be returned for it.

`HOLD_SECONDS` counts from before the question was sent, by this machine's own clock, so that it is over before the
store's second is, whatever the clocks show. The store counts with that second (see `engines/counters_redis/_rates`).

Cut off, a machine goes on with its part of each rate: one of as many parts as there are machines, in a bucket of its
own that counts as full when it first needs it. What it admits so it tells before it is lent of that rate again
(see `_alone`), and it counts as drawn.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from genaiops.core.errors import Unavailable
from genaiops.engines.counters_mmap._alone import Owed
from genaiops.engines.counters_mmap._leases import Leases, Name, Standing
from genaiops.ports.counters import MINUTE_NS

HOLD_SECONDS: Final = 1.0
_HELD_SECONDS: Final = 0.99
"""Here; the rest is for clocks that run at slightly different speeds."""
_SOON_SECONDS: Final = 0.02
_REST_SECONDS: Final = 0.25
_DRY_SECONDS: Final = 0.1
_SHORT_SECONDS: Final = 0.25
_JOIN_SECONDS: Final = 1.0
_FARTHEST: Final = 256

Ticket = tuple[int, int]
"""Which lending something came from: the store needs it to take it back. The smaller, the earlier."""


class RateWant(NamedTuple):
    """`need` for calls that wait, of which the smallest needs `size`; `extra` if there is plenty. `debt` was used
    beyond what was lent; `back` is not needed any more. `alone` was used while nobody could be asked; `own_ns` is how
    full the bucket is in which all counts that this machine used."""

    limit: int
    need: int
    size: int
    extra: int
    debt: int
    back: Sequence[tuple[int, Ticket]]
    alone: int = 0
    own_ns: int = 0


class RateGot(NamedTuple):
    """`amount` was lent; `wait_ns` until `size` can be, where it was too little. `ahead_ns`: until all has drained that
    any machine drew."""

    amount: int
    wait_ns: int
    ahead_ns: int
    ticket: Ticket


class RateLender(Protocol):
    """Whoever keeps the common store."""

    async def lend_rates(self, wants: Sequence[tuple[Name, RateWant]]) -> Sequence[RateGot]:
        """Unavailable when it cannot be asked, or may not lend now."""
        ...


class _Batch:
    __slots__ = ("end", "ticket", "units")

    def __init__(self, units: int, end: float, ticket: Ticket) -> None:
        self.units = units
        self.end = end
        self.ticket = ticket


class Stock:
    """Of one rate."""

    __slots__ = (
        "__weakref__",
        "_batches",
        "_heard",
        "ahead",
        "asked_at",
        "back",
        "debt",
        "dry_until",
        "early",
        "limit",
        "name",
        "need",
        "quiet_until",
        "reach",
        "room",
        "size",
        "tight_until",
    )

    def __init__(self, name: Name, limit: int) -> None:
        self.name = name
        self.limit = limit
        self.room = 0
        """Units that may be drawn, as of the last `tidy`."""
        self.need = self.size = self.debt = 0
        self.early = False
        self.asked_at = -1.0
        self.reach = 0
        """For how many calls more is asked: none where calls are rare; it doubles when more is wanted soon, and halves
        when some was left over."""
        self.back: dict[Ticket, int] = {}
        self.ahead = 0
        self.dry_until = self.tight_until = self.quiet_until = 0.0
        self._heard = 0.0
        self._batches: deque[_Batch] = deque()

    def asked(self, now: float) -> None:
        if now - self.asked_at < _SHORT_SECONDS:
            self.reach = min(max(self.reach * 2, 1), _FARTHEST)
        self.asked_at = now

    def tidy(self, now: float) -> int:
        """`room`, without what is too old."""
        batches = self._batches
        while batches and batches[0].end < now:
            batch = batches.popleft()
            self.room -= batch.units
            if batch.units:
                self.reach //= 2
                self.give_back(batch.units, batch.ticket)
        return self.room

    def draw(self, amount: int) -> Ticket:
        """`amount` of the room; the ticket of the oldest of it."""
        batches = self._batches
        self.room -= amount
        ticket = batches[0].ticket
        while amount:
            batch = batches[0]
            if batch.units > amount:
                batch.units -= amount
                break
            amount -= batch.units
            batches.popleft()
        return ticket

    def give_back(self, units: int, ticket: Ticket) -> None:
        self.back[ticket] = self.back.get(ticket, 0) + units

    def lent(self, got: RateGot, end: float, now: float) -> None:
        self.ahead, self._heard = got.ahead_ns, now
        if got.amount:
            self._batches.append(_Batch(got.amount, end, got.ticket))
            self.room += got.amount
        if got.wait_ns:
            self.tight_until = now + got.wait_ns / 1e9
            self.dry_until = now + min(got.wait_ns / 1e9, _DRY_SECONDS)
        if not got.amount:
            self.quiet_until = now + _DRY_SECONDS

    def level(self, now: float) -> int:
        """How far all machines together had filled the bucket when that was told last, less what has drained since and
        what lies here; in nanoseconds."""
        level = self.ahead - int((now - self._heard) * 1e9) - self.room * MINUTE_NS // self.limit
        return max(level, 0)

    def wish(self, owed: Owed | None) -> RateWant:
        """What is to be asked and told now; it counts as asked."""
        need, size, self.need, self.size = self.need, self.size, 0, 0
        debt, self.debt = self.debt, 0
        back, self.back = self.back, {}
        extra = size * self.reach if need or self.early else 0
        returns = [(units, ticket) for ticket, units in back.items()]
        alone, own_ns = (0, 0) if owed is None else (min(owed.units, self.limit), owed.ahead_ns)
        return RateWant(self.limit, need, size, extra, debt, returns, alone, own_ns)


class Stocks:
    """All of a process. Belongs to one event loop."""

    def __init__(self, leases: Leases, lender: RateLender) -> None:
        self.leases = leases
        self._lender = lender
        self.clock: Callable[[], float] = leases.clock
        self.apart = False
        """Whether the last question failed."""
        self.since_us = 0
        """When it first went on alone, while it is apart."""
        self._stocks: WeakValueDictionary[tuple[Name, int], Stock] = WeakValueDictionary()
        self._waiting: set[Stock] = set()
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._again_at = 0.0
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def of(self, name: Name, limit: int) -> Stock:
        """The one of that rate, for all who hold it."""
        stock = self._stocks.get((name, limit))
        if stock is None:
            self._stocks[name, limit] = stock = Stock(name, limit)
        return stock

    @property
    def parts(self) -> int:
        """Of a rate that is divided among the machines."""
        return max(self.leases.members, 1)

    async def ask(self, needs: Sequence[tuple[Stock, int]]) -> None:
        """Once. What was got is in the stocks; when nobody answers, this process is `apart`."""
        now = self.clock()
        for stock, need in needs:
            stock.asked(now)
            stock.size = min(stock.size, need) if stock.need else need
            stock.need += need
            self._waiting.add(stock)
        await asyncio.shield(self._round())

    def early(self, stock: Stock, size: int) -> None:
        """Before it is needed."""
        now = self.clock()
        if not stock.early and stock.quiet_until <= now and not self.apart:
            stock.early = True
            stock.size = stock.size or size
            stock.asked(now)
            self._waiting.add(stock)
            self._round()

    def returned(self, stock: Stock) -> None:
        """Something is to be given back, or owed: it is told soon, and with the next question in any case."""
        self._waiting.add(stock)
        self._later(_SOON_SECONDS)

    def alone(self) -> bool:
        """Whether this process has to do with its part, from now on: the call may have come long before. Now and then
        it asks again, and nobody waits for that."""
        if not self.apart:
            return False
        self.since_us = self.since_us or self.leases.alone.now_us()
        if self.clock() >= self._again_at:
            self._again_at = self.clock() + _REST_SECONDS
            self._round()
        self.leases.used_rates()
        return True

    def sweep(self) -> None:
        """Give back what is too old, and what was returned. Cut off, it waits for the next question."""
        now = self.clock()
        for stock in list(self._stocks.values()):
            stock.tidy(now)
            if stock.back or stock.debt:
                self._waiting.add(stock)
        if self._waiting and not self.apart:
            self._round()

    def _later(self, seconds: float) -> None:
        """One timer a delay. Where no loop runs (a test's), the next question does it."""
        if seconds in self._timers:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return

        def due() -> None:
            del self._timers[seconds]
            self.sweep()

        self._timers[seconds] = loop.call_later(seconds, due)

    def _round(self) -> asyncio.Task[None]:
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        return self._next

    async def _run(self) -> None:
        async with self._turn:
            self._next = None
            await self._joined()
            waiting, self._waiting = list(self._waiting), set[Stock]()
            sent = self.clock()
            for stock in waiting:
                stock.tidy(sent)
            owed = {one.name: one for one in self.leases.alone.owed([stock.name for stock in waiting])}
            wants = [(stock.name, stock.wish(owed.get(stock.name))) for stock in waiting]
            self.leases.used_rates()
            try:
                found = await self._lender.lend_rates(wants)
            except Unavailable:
                self._failed(waiting, wants)
                return
            finally:
                for stock in waiting:
                    stock.early = False
            self.leases.alone.told(list(owed.values()))
            self.apart = False
            self.since_us = 0
            now = self.clock()
            for stock, got in zip(waiting, found, strict=True):
                stock.lent(got, sent + _HELD_SECONDS, now)
            self._later(HOLD_SECONDS)

    def _failed(self, waiting: Sequence[Stock], wants: Sequence[tuple[Name, RateWant]]) -> None:
        """What was to go back is not sent again: it may have arrived. What is owed is."""
        self._again_at = self.clock() + _REST_SECONDS
        self.apart = True
        for stock, (_, want) in zip(waiting, wants, strict=True):
            stock.debt += want.debt

    async def _joined(self) -> None:
        """Until this machine has been told of, at its start. Who is cut off is not waited for."""
        leases = self.leases
        end = time.monotonic() + _JOIN_SECONDS
        while not leases.generation and not self.apart and time.monotonic() < end:
            trouble = leases.trouble()
            if trouble is not None and trouble[0] is Standing.APART:
                break
            await asyncio.sleep(0.005)
