"""Holds on rates that several machines share: what was reserved in this machine's own bucket is also drawn from what
the machine was lent (`_stock`), or, where nobody can be asked, from its part of the rate."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from genaiops.engines.counters_mmap._leases import Leases
from genaiops.engines.counters_mmap._prepared import PreparedHolds, Reserved
from genaiops.engines.counters_mmap._stock import Stock, Stocks, Ticket
from genaiops.ports.counters import MINUTE_NS, Hold, Refusal, Shortage

LARGEST: Final = 1 << 53
"""The other side counts in doubles."""
_SOON_SECONDS: Final = 0.001


class _Drawn(NamedTuple):
    """What a reservation drew of one rate: `ticket` None where it is this machine's part."""

    at: int
    stock: Stock
    ticket: Ticket | None


class _Part(NamedTuple):
    """What a reservation holds of this machine's part, in which amounts count `parts` times; where the rates stand
    among the holds; and how often was told until then what was used so."""

    reserved: Reserved
    parts: int
    places: Sequence[int]
    tellings: int


class _Lacking(NamedTuple):
    at: int
    stock: Stock
    amount: int
    missing: int


def rates_of(inner: PreparedHolds, leases: Leases, stocks: Stocks) -> "SharedRates | None":
    """None when there is none among the holds."""
    rates = [(at, hold) for at, hold in enumerate(inner.holds) if hold.kind == "rate" and hold.limit is not None]
    return SharedRates(inner, rates, leases, stocks) if rates else None


class SharedRates:
    """The rates among some holds."""

    __slots__ = ("_inner", "_leases", "_part", "_rates", "_stocks")

    def __init__(self, inner: PreparedHolds, rates: Sequence[tuple[int, Hold]], leases: Leases, stocks: Stocks) -> None:
        self._inner = inner
        self._leases = leases
        self._stocks = stocks
        self._rates = [(at, stocks.of(inner.slots[at].name, min(hold.limit or 0, LARGEST))) for at, hold in rates]
        part = [Hold("rate", f"{hold.key}/apart", 0, 0, hold.limit) for _, hold in rates]
        self._part = PreparedHolds(inner.file, inner.column, part)

    def draw(self, found: Reserved, amounts: Sequence[int], now_us: int) -> "SharedReserved | Refusal":
        """What `found` has reserved, of the rates; `found` is undone if that cannot be."""
        stocks = self._stocks
        now = stocks.clock()
        lacking: list[_Lacking] = []
        for at, stock in self._rates:
            amount = amounts[at]
            if amount and stock.tidy(now) < amount:
                lacking.append(_Lacking(at, stock, amount, amount - stock.room))
        part: _Part | None = None
        if lacking:
            answer = self._draw_part(lacking, now_us) if stocks.alone() else self._shortage(lacking, now)
            if isinstance(answer, Refusal):
                self._inner.undo(found)
                return answer
            part = answer
        alone = {at for at, *_ in lacking}
        drawn: list[_Drawn] = []
        levels = found.levels.copy()
        for at, stock in self._rates:
            amount = amounts[at]
            if at in alone:
                drawn.append(_Drawn(at, stock, None))
            elif amount:
                drawn.append(_Drawn(at, stock, stock.draw(amount)))
                if stock.room * 2 < amount * stock.reach:
                    stocks.early(stock, amount)
            levels[at] = max(levels[at], stock.level(now))
        return SharedReserved(found, levels, drawn, stocks, part)

    def _draw_part(self, lacking: Sequence[_Lacking], now_us: int) -> _Part | Refusal:
        """Amounts count as often as there are parts: so the part may be any fraction."""
        part, parts = self._part, self._stocks.parts
        full_ns = self._stocks.since_us * 1000 + MINUTE_NS
        with self._leases.found(part, now_us) as words:
            for _, base, _, _ in part.rates:
                words[base] = max(words[base], full_ns)
        amounts = {at: amount * parts for at, _, amount, _ in lacking}
        places = [at for at, _ in self._rates]
        found = part.reserve([amounts.get(at, 0) for at in places], now_us)
        if isinstance(found, Refusal):
            return Refusal(places[found.index], found.retry_after, -(-found.settled // parts), 0)
        tellings = self._leases.alone.used([(stock.name, amount) for _, stock, amount, _ in lacking])
        return _Part(found, parts, places, tellings)

    def _shortage(self, lacking: Sequence[_Lacking], now: float) -> Refusal:
        for at, stock, _, _ in lacking:
            if now < stock.dry_until:
                return self._refusal(at, stock, now)
        first = lacking[0]
        return Shortage(first.at, 1.0, self._used(first.stock, now), 0, obtain=self._obtain(lacking))

    def _obtain(self, lacking: Sequence[_Lacking]) -> Callable[[], Awaitable[Refusal | None]]:
        async def obtain() -> Refusal | None:
            stocks = self._stocks
            await stocks.ask([(stock, missing) for _, stock, _, missing in lacking])
            now = stocks.clock()
            for at, stock, amount, _ in lacking:
                if not stocks.apart and stock.tidy(now) < amount:
                    return self._refusal(at, stock, now)
            return None

        return obtain

    def _refusal(self, at: int, stock: Stock, now: float) -> Refusal:
        return Refusal(at, max(stock.tight_until - now, _SOON_SECONDS), self._used(stock, now), 0)

    def _used(self, stock: Stock, now: float) -> int:
        return min(-(-stock.level(now) * stock.limit // MINUTE_NS), stock.limit)


class SharedReserved(msgspec.Struct, gc=False):
    """A reservation with rates that were drawn. `levels` of rates are those of all machines, as far as this one was
    told."""

    inner: Reserved
    levels: Sequence[int]
    drawn: Sequence[_Drawn]
    stocks: Stocks
    part: _Part | None

    def settle(self, actual: Sequence[int], sequence: int, now_us: int | None = None) -> None:
        self.inner.settle(actual, sequence, now_us)
        amounts = self.inner.amounts
        for at, stock, ticket in self.drawn:
            unused = amounts[at] - actual[at]
            if unused == 0:
                continue
            if ticket is None:
                self._correct(stock, unused)
                continue
            if unused > 0:
                stock.give_back(unused, ticket)
                stock.ahead -= unused * MINUTE_NS // stock.limit
            else:
                stock.debt -= unused
            self.stocks.returned(stock)
        if self.part is not None:
            reserved, parts, places, _ = self.part
            used = {at: actual[at] * parts for at, _, ticket in self.drawn if ticket is None}
            reserved.settle([used.get(at, 0) for at in places], sequence, now_us)

    def _correct(self, stock: Stock, unused: int) -> None:
        """What is to be told of this machine's part."""
        alone = self.stocks.leases.alone
        if unused < 0:
            alone.used([(stock.name, -unused)])
        elif self.part is not None:
            alone.unused(stock.name, unused, self.part.tellings)
