"""`/api/prices/check`: old calls by the price of their day."""

from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano
from genaiops.domain import Cost
from genaiops.watch import RepricedCall, RepricedModel, Repricing, reprice


class CorrectionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls: ISO 8601, or so long ago (`30d`); `until` null: now."""

    since: str
    until: str | None = None


class RepricedModelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`recorded` is what counts now and `computed` what the price table says, both of calls where both are known;
    `difference` is computed less recorded. `newly_known` calls had an unknown cost and have one now (`newly_cost`
    together); `unknown` have none still. `no_price` calls have a cost that the table cannot say any more, and
    `not_by_table` calls got theirs from elsewhere: both are left alone. `changed` calls would be corrected."""

    provider: str | None
    model: str | None
    currency: str
    calls: int
    changed: int
    recorded: str
    computed: str
    difference: str
    newly_known: int
    newly_cost: str
    unknown: int
    no_price: int
    not_by_table: int


class RepricedCallDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Null: unknown. `price_id` is the line in force when the call began, `recorded_price_id` the one it was charged
    by."""

    trace_id: str
    span_id: str
    started_at: str
    provider: str
    model: str
    recorded: str | None
    recorded_price_id: str | None
    computed: str | None
    currency: str
    price_id: str | None
    difference: str | None


class RepricingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`total` has one line a currency. `calls` are those that differ most."""

    since: str
    until: str
    total: list[RepricedModelDocument]
    models: list[RepricedModelDocument]
    calls: list[RepricedCallDocument]
    corrected: int


class PriceCheck(Controller):
    path = "/prices/check"
    tags = ("Prices",)

    @get(summary="Old calls by the price of their day", guards=[needs("read")], sync_to_thread=True)
    def show(
        self,
        services: Serving,
        since: FromQuery[str] = "30d",
        until: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 20,
    ) -> RepricingDocument:
        """What each call would cost by the line in force when it began, beside what was recorded; nothing changes."""
        return _document(_reprice(services, since, until, kept=limit))

    @post(summary="Correct old costs", guards=[needs("prices")], status_code=200, sync_to_thread=True)
    def correct(self, data: JSONBody[CorrectionRequest], services: Serving, caller: Calling) -> RepricingDocument:
        """Writes a correction for each call that differs. Traces, usage and overview show the corrected cost, and a
        trace the recorded one beside it. What was charged to budgets stays charged."""
        correct = (caller.actor.id, now_us())
        return _document(_reprice(services, data.since, data.until, kept=20, correct=correct))


def _reprice(
    services: Services, since: str, until: str | None, *, kept: int, correct: tuple[str, int] | None = None
) -> Repricing:
    at_us = now_us()
    since_us = moment(since, now_us=at_us, param="since")
    until_us = at_us + 1 if until is None else moment(until, now_us=at_us, param="until")
    if until_us <= since_us:
        raise UsageError("until is not after since.", remedy="Give a later end.", param="until")
    table = services.hub.prices.list()
    return reprice(services.telemetry, table, since_us=since_us, until_us=until_us, kept=kept, correct=correct)


def _document(found: Repricing) -> RepricingDocument:
    return RepricingDocument(
        since=to_iso(found.since_us),
        until=to_iso(found.until_us),
        total=[_model(one) for one in found.total],
        models=[_model(one) for one in found.models],
        calls=[_call(one) for one in found.calls],
        corrected=found.corrected,
    )


def _model(one: RepricedModel) -> RepricedModelDocument:
    return RepricedModelDocument(
        provider=one.provider,
        model=one.model,
        currency=one.currency,
        calls=one.calls,
        changed=one.changed,
        recorded=from_nano(one.recorded),
        computed=from_nano(one.computed),
        difference=from_nano(one.difference),
        newly_known=one.newly_known,
        newly_cost=from_nano(one.newly_nano),
        unknown=one.unknown,
        no_price=one.no_price,
        not_by_table=one.not_by_table,
    )


def _call(one: RepricedCall) -> RepricedCallDocument:
    return RepricedCallDocument(
        trace_id=one.trace_id.hex(),
        span_id=one.span_id.hex(),
        started_at=to_iso(one.start_us),
        provider=one.provider,
        model=one.model,
        recorded=_amount(one.recorded),
        recorded_price_id=None if one.recorded is None else one.recorded.price_id,
        computed=_amount(one.computed),
        currency=one.computed.currency,
        price_id=one.computed.price_id,
        difference=None if one.difference is None else from_nano(one.difference),
    )


def _amount(cost: Cost | None) -> str | None:
    return None if cost is None or cost.nano is None else from_nano(cost.nano)
