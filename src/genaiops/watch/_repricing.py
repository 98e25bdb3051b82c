"""Old calls by the price of their day: what they would cost by the table as it stands now, beside what counts."""

from collections.abc import Iterable, Sequence

import msgspec

from genaiops.domain import Cost, CostCorrection, Price, Span, charge, price_at, prices_of
from genaiops.ports.telemetry import Paid, Telemetry
from genaiops.watch._energy import upstream_model

_AT_ONCE = 1000
"""Calls read, and corrected in one transaction."""


class RepricedModel(msgspec.Struct, kw_only=True):
    """Sums over the calls of one model (None: over all in one currency), in nano-units.

    `recorded` is what counts and `computed` what the table says, both over calls where both are known, so that
    `difference` compares like with like. `newly_known` calls had an unknown cost and have a price now (`newly_nano`).
    `unknown` have none still. `not_by_table` calls got their cost from elsewhere, and `no_price` calls a cost that the
    table cannot say any more; both are left alone. `changed` calls would be corrected.
    """

    provider: str | None
    model: str | None
    currency: str
    calls: int = 0
    changed: int = 0
    recorded: int = 0
    computed: int = 0
    newly_known: int = 0
    newly_nano: int = 0
    unknown: int = 0
    no_price: int = 0
    not_by_table: int = 0

    @property
    def difference(self) -> int:
        return self.computed - self.recorded


class RepricedCall(msgspec.Struct, frozen=True):
    """A call whose cost differs. `difference` is None when it was unknown."""

    trace_id: bytes
    span_id: bytes
    start_us: int
    provider: str
    model: str
    recorded: Cost | None
    computed: Cost
    difference: int | None


class Repricing(msgspec.Struct, frozen=True, kw_only=True):
    """`calls`: those that differ most, the largest difference first. `corrected`: how many corrections were written."""

    since_us: int
    until_us: int
    total: Sequence[RepricedModel]
    models: Sequence[RepricedModel]
    calls: Sequence[RepricedCall]
    corrected: int


class _Table:
    """The price table by upstream model."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = tuple(prices)
        self._found: dict[tuple[str, str], tuple[Price, ...]] = {}

    def cost(self, span: Span, model: str, at_us: int) -> Cost | None:
        """None: no line says what this usage costs."""
        key = (span.provider or "", model)
        lines = self._found.get(key)
        if lines is None:
            lines = self._found[key] = prices_of(*key, self._prices)
        price = price_at(lines, at_us)
        nano = None if price is None or span.usage is None else charge(span.usage, price)
        if price is None or nano is None:
            return None
        return Cost(nano, price.currency, price.id, price.version)


class _Sums:
    def __init__(self, kept: int) -> None:
        self.models: dict[tuple[str | None, str | None, str], RepricedModel] = {}
        self.calls: list[RepricedCall] = []
        self._kept = kept

    def of(self, provider: str | None, model: str | None, currency: str) -> RepricedModel:
        key = (provider, model, currency)
        found = self.models.get(key)
        if found is None:
            found = self.models[key] = RepricedModel(provider=provider, model=model, currency=currency)
        return found

    def keep(self, call: RepricedCall) -> None:
        self.calls.append(call)
        if len(self.calls) > 4 * self._kept:
            self.calls = self.largest()

    def largest(self) -> list[RepricedCall]:
        return sorted(self.calls, key=_weight, reverse=True)[: self._kept]


def _weight(call: RepricedCall) -> int:
    return abs(call.difference) if call.difference is not None else call.computed.nano or 0


def reprice(
    telemetry: Telemetry,
    prices: Iterable[Price],
    *,
    since_us: int,
    until_us: int,
    kept: int = 20,
    correct: tuple[str, int] | None = None,
) -> Repricing:
    """Charge every call of that time anew by the line in force when it began.

    `prices` is the whole table, former lines included. `correct` (who, when): write the corrections too. What was
    charged to budgets stays charged.
    """
    table, sums = _Table(prices), _Sums(kept)
    place, corrected = 0, 0
    while True:
        place, paid = telemetry.paid(since_us, until_us, after=place, limit=_AT_ONCE)
        if not paid:
            break
        found = [call for one in paid if (call := _compare(one, table, sums)) is not None]
        if correct is not None and found:
            corrected += telemetry.correct([_correction(call, *correct) for call in found])
    models = [one for key, one in sorted(sums.models.items(), key=str) if key[0] is not None]
    total = [one for key, one in sorted(sums.models.items(), key=str) if key[0] is None]
    return Repricing(
        since_us=since_us,
        until_us=until_us,
        total=total,
        models=sorted(models, key=lambda one: -abs(one.difference)),
        calls=sums.largest(),
        corrected=corrected,
    )


def _compare(paid: Paid, table: _Table, sums: _Sums) -> RepricedCall | None:
    """The call when it should be corrected; it is counted in any case."""
    span, former = paid.span, paid.cost
    model = upstream_model(span)
    computed = table.cost(span, model, paid.call_start_us)
    currency = (computed or former or Cost(None)).currency
    rows = (sums.of(span.provider or "", model, currency), sums.of(None, None, currency))
    recorded = None if former is None else former.nano
    foreign = recorded is not None and former is not None and former.price_id is None
    alike = former is not None and computed is not None and former.currency == computed.currency
    difference = None if recorded is None or not alike or computed is None else (computed.nano or 0) - recorded
    changed = computed is not None and not foreign and difference != 0
    for row in rows:
        row.calls += 1
        row.changed += changed
        if foreign:
            row.not_by_table += 1
        elif computed is None:
            row.no_price += recorded is not None
            row.unknown += recorded is None
        elif recorded is None:
            row.newly_known += 1
            row.newly_nano += computed.nano or 0
        elif difference is not None:
            row.recorded += recorded
            row.computed += computed.nano or 0
    if not changed or computed is None:
        return None
    start_us = paid.call_start_us
    call = RepricedCall(span.trace_id, span.span_id, start_us, span.provider or "", model, former, computed, difference)
    sums.keep(call)
    return call


def _correction(call: RepricedCall, by: str, now_us: int) -> CostCorrection:
    return CostCorrection(
        trace_id=call.trace_id,
        span_id=call.span_id,
        former=call.recorded,
        cost=call.computed,
        created_us=now_us,
        created_by=by,
    )
