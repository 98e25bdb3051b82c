"""How much a call may use at most, worked out before it goes out."""

from genaiops.core.errors import Forbidden, UsageError
from genaiops.domain import NO_CEILING, Usage
from genaiops.gateway.body import answers, dense_parts, output_cap
from genaiops.gateway.call import Call
from genaiops.gateway.limits import MOST, TEMPLATE_TOKENS, Amounts
from genaiops.gateway.media import MediaBody
from genaiops.gateway.plan import Lineup

_ONE_CALL = (1, 1, 0)


def bound(call: Call, image_tokens: int) -> Amounts:
    """The amounts to reserve (see Lines). Forbidden when no target's price is known and must be.

    Narrows the call's line-up to priced targets where a hard budget is in money, and notes where a cap must be put in.
    """
    lines, lineup, body = call.lines, call.lineup, call.body
    if not lines.metered:
        return _ONE_CALL
    assert lineup is not None
    assert body is not None
    cap = output_cap(body)
    medium = isinstance(body, MediaBody)
    generates = call.operation != "embeddings" and not medium
    if lines.strict:
        if body.n_predict is not None:
            raise _other_cap()
        call.inject = cap is None and generates
        if lines.hard_currencies:
            call.lineup = lineup = _priced(lineup, lines.hard_currencies, call.start_us)
    units: Usage | None = None
    if medium:
        into, out, units = body.most(len(call.raw))
        into += TEMPLATE_TOKENS
    else:
        into = len(call.raw) + TEMPLATE_TOKENS + image_tokens * dense_parts(body, call.raw)
        out = (cap or lineup.most_output) * answers(body) if generates else 0
    tokens = into + out
    amounts = (1, 1, tokens if tokens < MOST else MOST)  # noqa: FURB136 - on every call; min takes five times as long
    if lines.currencies:
        dearest = lineup.quote(call.start_us).dearest
        for currency in lines.currencies:
            nano = dearest.get(currency, NO_CEILING).nano(into, out, units)
            amounts += (nano if nano < MOST else MOST,)  # noqa: FURB136
    return amounts


def _priced(lineup: Lineup, currencies: frozenset[str], at_us: int) -> Lineup:
    found = lineup.quote(at_us).within(currencies)
    if found.all:
        return found
    names = ", ".join(repr(candidate.target.id) for candidate in lineup.all)
    raise Forbidden(
        f"A hard budget in {' and '.join(sorted(currencies))} applies, and no price in it is known for {names}.",
        remedy="Add a price for the target's model, or set the budget on tokens or calls.",
        code="price_unknown",
        param="model",
    )


def _other_cap() -> UsageError:
    return UsageError(
        "`n_predict` cannot be used with a key that has limits on tokens or money.",
        remedy="Use `max_tokens`.",
        code="invalid_value",
        param="n_predict",
    )
