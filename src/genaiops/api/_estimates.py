"""`/api/prices/estimate`: what a call would cost, and whether its limits would let it, without making it."""

from typing import Annotated

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._figures import RangeDocument
from genaiops.api._services import Services, Serving
from genaiops.core.clock import now_us
from genaiops.core.errors import Conflict, UsageError
from genaiops.core.money import from_nano
from genaiops.domain import KeyEntry, Span, Usage
from genaiops.gateway import Expected, LimitQuote, PlanQuote, Quote, TargetQuote, sized
from genaiops.hub import compile_snapshot, key_entries
from genaiops.watch import usage

_DAY_US = 86_400_000_000
_Tokens = Annotated[int, Meta(ge=0, le=2_500_000)]


class EstimateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`request`: a body for `path`, as the text that would be sent. Without one: `model` and `input_tokens`.

    `output_tokens`: what the answer is expected to have; without a body also its cap. `key_id`: whose limits; by
    default those of the key that asks."""

    path: str = "/v1/chat/completions"
    request: str | None = None
    model: str | None = None
    input_tokens: _Tokens | None = None
    output_tokens: _Tokens | None = None
    key_id: str | None = None


class TargetEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """`expected` and `most`: decimal text in `currency`; null: no price line, or none that can say. `energy` (kWh)
    is that of the expected answer, by the median duration of the target's calls of the last day; null: unknown, for
    `energy_unknown`."""

    target: str
    provider: str
    upstream_model: str
    role: str
    price_id: str | None
    price_version: int | None
    currency: str | None
    most_tokens: int
    expected: str | None
    most: str | None
    energy: RangeDocument | None
    energy_unknown: str | None


class LimitEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that the call stands under, in its unit. It would let through so many such calls `at_once` (null: it
    is not touched), and `in_a_row` when each settles at what is expected (null: not known)."""

    limit_id: str
    scope: str
    scope_id: str
    unit: str
    hard: bool
    limit: str
    settled: str
    reserved: str
    amount: str
    at_once: int | None
    in_a_row: int | None


class PlanEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """`most`: by currency. `refused_by`: the hard limit that would refuse it now, or why nothing can be reserved."""

    targets: list[TargetEstimate]
    most_tokens: int
    most: dict[str, str]
    limits: list[LimitEstimate]
    refused_by: str | None


class EstimateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Expected tokens (null: not counted beforehand), by which estimator (`given`: by you); what the usual targets
    would cost, and those that serve over budget."""

    model: str
    operation: str
    input_tokens: int | None
    output_tokens: int | None
    estimator: str
    usual: PlanEstimate
    over_budget: PlanEstimate | None


class EstimateController(Controller):
    path = "/prices/estimate"
    tags = ("Prices",)

    @post(summary="What a call would cost", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def estimate(self, data: JSONBody[EstimateRequest], services: Serving, caller: Calling) -> EstimateDocument:
        """Nothing is called and nothing reserved. The bounds are those that the reservation of the call would have."""
        expected = Expected(data.input_tokens, data.output_tokens)
        raw = _body(data, expected)
        at_us = now_us()
        with services.hub.records.read() as view:
            snapshot = compile_snapshot(view, now_us=at_us, keys_file="", keys_offset=0)
        key = _key(services, caller, data.key_id)
        return _shown(services, services.quoting.quote(snapshot, key, data.path, raw, expected, at_us=at_us))


def _body(data: EstimateRequest, expected: Expected) -> bytes:
    if data.request is not None:
        if data.model is not None:
            raise UsageError("request and model are both given.", remedy="Give one of them.", param="model")
        return data.request.encode()
    if data.model is None or data.input_tokens is None:
        raise UsageError(
            "There is nothing to estimate.", remedy="Give request, or model and input_tokens.", param="request"
        )
    return sized(data.path, data.model, expected)


def _key(services: Services, caller: Caller, key_id: str | None) -> KeyEntry:
    if key_id is None and caller.key is None:
        raise UsageError("Nobody's limits are named.", remedy="Give key_id.", param="key_id")
    key = services.hub.keys.get(key_id) if key_id is not None else caller.key
    assert key is not None
    with services.hub.records.read() as view:
        for entry in key_entries(view, [key.id]):
            if not entry.removed:
                return entry
    raise Conflict(f"The key {key.name!r} does not work any more.", remedy="Name another.", param="key_id")


def _shown(services: Services, quote: Quote) -> EstimateDocument:
    return EstimateDocument(
        model=quote.model,
        operation=quote.operation,
        input_tokens=quote.input_tokens,
        output_tokens=quote.output_tokens,
        estimator=quote.estimator,
        usual=_plan(services, quote, quote.usual),
        over_budget=None if quote.over_budget is None else _plan(services, quote, quote.over_budget),
    )


def _plan(services: Services, quote: Quote, plan: PlanQuote) -> PlanEstimate:
    return PlanEstimate(
        targets=[_target(services, quote, one) for one in plan.targets],
        most_tokens=plan.most_tokens,
        most={currency: from_nano(nano) for currency, nano in plan.most_nano.items()},
        limits=[_limit(one) for one in plan.limits],
        refused_by=plan.refused_by,
    )


def _target(services: Services, quote: Quote, one: TargetQuote) -> TargetEstimate:
    energy, why = _energy(services, quote, one)
    return TargetEstimate(
        target=one.target_id,
        provider=one.provider,
        upstream_model=one.upstream_model,
        role=one.role,
        price_id=one.price_id,
        price_version=one.price_version,
        currency=one.currency,
        most_tokens=one.most_tokens,
        expected=None if one.expected_nano is None else from_nano(one.expected_nano),
        most=None if one.most_nano is None else from_nano(one.most_nano),
        energy=energy,
        energy_unknown=why,
    )


def _energy(services: Services, quote: Quote, one: TargetQuote) -> tuple[RangeDocument | None, str | None]:
    """Of an answer as expected that takes as long as the target's calls of the last day did."""
    metering = services.metering
    if metering is None or quote.output_tokens is None:
        return None, "Energy is not worked out here." if metering is None else "Its tokens are not known beforehand."
    until = now_us() + 1
    rows = usage(services.telemetry, since_us=until - _DAY_US, until_us=until, where={"target_id": one.target_id})
    seconds = next((row.p50_ms / 1000 for row in rows if row.p50_ms is not None), None)
    if seconds is None:
        return None, "No call of the last day says how long it takes there."
    span = Span(
        trace_id=b"",
        span_id=b"",
        name=f"{quote.operation} {one.upstream_model}",
        kind="embedding" if quote.operation == "embeddings" else "llm",
        start_us=until,
        duration_us=round(seconds * 1e6),
        environment_id="",
        operation=quote.operation,
        provider=one.provider,
        target_id=one.target_id,
        usage=Usage(quote.input_tokens or 0, output_text=quote.output_tokens, estimated=True),
    )
    found = metering.energy_of(span, None)
    if found.kwh is None:
        return None, found.basis.reason
    return RangeDocument(low=found.kwh.low, central=found.kwh.central, high=found.kwh.high), None


def _limit(one: LimitQuote) -> LimitEstimate:
    def shown(amount: int) -> str:
        return from_nano(amount) if one.currency is not None else str(amount)

    return LimitEstimate(
        limit_id=one.limit_id,
        scope=one.scope.kind,
        scope_id=one.scope.id,
        unit=one.currency or one.meter,
        hard=one.hard,
        limit=shown(one.limit),
        settled=shown(one.settled),
        reserved=shown(one.reserved),
        amount=shown(one.amount),
        at_once=one.at_once,
        in_a_row=one.in_a_row,
    )
