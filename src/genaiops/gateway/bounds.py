"""How much a call may use at most, worked out before it goes out."""

from typing import Protocol

from genaiops.core.errors import Forbidden, UsageError
from genaiops.domain import NO_CEILING, Operation, Usage
from genaiops.gateway.body import Body, answers, dense_parts, output_cap
from genaiops.gateway.limits import MOST, ONE_CALL, TEMPLATE_TOKENS, Amounts, Lines
from genaiops.gateway.media import MediaBody
from genaiops.gateway.plan import Lineup


class Sized(Protocol):
    """What the bound of a call is worked out from (`Call` is one)."""

    lines: Lines
    lineup: Lineup | None
    operation: Operation
    raw: bytes | bytearray
    start_us: int
    inject: bool

    @property
    def body(self) -> Body | None: ...


def narrow(call: Sized) -> None:
    """What hard limits on tokens, money or energy ask of a call, before anything else: a cap that is understood, and a
    line-up of targets whose price is known where a budget is in money, and whose energy is where one is in that.
    Forbidden when there is none."""
    if call.operation == "video_job":
        return  # nothing is generated for it
    lines, lineup, body = call.lines, call.lineup, call.body
    assert lineup is not None
    assert body is not None
    if body.n_predict is not None:
        raise _other_cap()
    if lines.hard_currencies:
        call.lineup = lineup = _priced(lineup, lines.hard_currencies, call.start_us)
    if lines.hard_energy:
        call.lineup = _rated(lineup, call.operation)


def bound(call: Sized, image_tokens: int, raw: bytes | bytearray | None = None) -> Amounts:
    """The amounts to reserve (see Lines), after `narrow` where the limits are strict. Notes where a cap must be put
    in. `raw`: what goes out in the place of the body."""
    lines, lineup, body = call.lines, call.lineup, call.body
    if not lines.metered:
        return ONE_CALL
    if call.operation == "video_job":
        return (*ONE_CALL, *[0 for _ in lines.currencies], 0)
    assert lineup is not None
    assert body is not None
    cap = output_cap(body)
    medium = isinstance(body, MediaBody)
    generates = call.operation != "embeddings" and not medium
    raw = call.raw if raw is None else raw
    if lines.strict:
        call.inject = cap is None and generates
    units: Usage | None = None
    if medium:
        into, out, units = body.most(len(raw))
        into += TEMPLATE_TOKENS
    else:
        into = len(raw) + TEMPLATE_TOKENS + image_tokens * dense_parts(body, raw)
        out = (cap or lineup.most_output) * answers(body) if generates else 0
    tokens = into + out
    amounts = (1, 1, tokens if tokens < MOST else MOST)  # noqa: FURB136 - on every call; min takes five times as long
    if lines.currencies:
        dearest = lineup.quote(call.start_us).dearest
        embeds = call.operation == "embeddings"
        for currency in lines.currencies:
            ceiling = dearest.get(currency, NO_CEILING)
            nano = ceiling.nano_embedded(into) if embeds else ceiling.nano(into, out, units)
            amounts += (nano if nano < MOST else MOST,)  # noqa: FURB136
    if lines.energy:
        amounts += (min(lineup.most_energy(call.operation, out), MOST),)
    return amounts


def _priced(lineup: Lineup, currencies: frozenset[str], at_us: int) -> Lineup:
    found = lineup.quote(at_us).within(currencies)
    if found.all:
        return found
    names = ", ".join(repr(candidate.target.id) for candidate in lineup.all)
    raise Forbidden(
        f"A hard budget in {' and '.join(sorted(currencies))} applies, and no price in it is known for {names}.",
        remedy="Add a price for the target's model, or set the budget (or the limit of the session) on something else.",
        code="price_unknown",
        param="model",
    )


def _rated(lineup: Lineup, operation: Operation) -> Lineup:
    found = lineup.rated(operation)
    if found.all:
        return found
    names = ", ".join(repr(candidate.target.id) for candidate in lineup.all)
    raise Forbidden(
        f"A hard budget in energy applies, and nobody knows what {operation} calls to {names} use.",
        remedy="Call a model whose energy is known (`genaiops usage --by target` shows it; for those of providers the "
        "extra `energy` is needed), or have the budget set on tokens or calls, or made soft.",
        code="energy_unknown",
        param="model",
    )


def _other_cap() -> UsageError:
    return UsageError(
        "`n_predict` cannot be used with a key that has limits on tokens, money or energy.",
        remedy="Use `max_tokens`.",
        code="invalid_value",
        param="n_predict",
    )
