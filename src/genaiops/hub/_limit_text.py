"""Limits as people write them: `25 USD`, `5 kWh`, `1M tokens`, `1000 calls`."""

import re
from decimal import Decimal

import msgspec

from genaiops.core.errors import UsageError
from genaiops.core.money import NANO, from_nano, to_nano
from genaiops.domain import Budget, MeterKind

_TEXT = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*)(\.[0-9]+)? ?([kKmMbB]?) ?([A-Za-z]+)")
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_COUNTED: dict[str, MeterKind] = {"token": "tokens", "tokens": "tokens", "call": "calls", "calls": "calls"}
_ENERGY = (("MWh", 6), ("kWh", 3), ("Wh", 0))
"""Units and their powers of ten."""
_MOST = 1 << 62
_REMEDY = 'Write it as "25 USD", "5 kWh", "1M tokens" or "1000 calls".'


class ParsedLimit(msgspec.Struct, frozen=True):
    """`limit` in nano-units of `currency`, in nano-Wh, in tokens or in calls. `currency` is None unless the meter is
    money."""

    meter: MeterKind
    limit: int
    currency: str | None


def parse_limit(text: str) -> ParsedLimit:
    """UsageError when the text is not an amount of money, energy, tokens or calls above 0. k, M and B multiply."""
    match = _TEXT.fullmatch(text.strip())
    if match is None and _TEXT.fullmatch(text.strip().removeprefix("-")) is not None:
        raise UsageError(f"{text!r} is less than nothing.", remedy="Use an amount above 0.", param="limit")
    if match is None:
        raise UsageError(f"{text!r} is not a limit.", remedy=_REMEDY, param="limit")
    whole, fraction, multiple, unit = match.groups()
    amount = Decimal(re.sub("[,_]", "", whole) + (fraction or "")) * _TIMES[multiple.lower()]
    if unit.lower() == "wh" and multiple == "m":
        raise UsageError(
            f"{text!r} may be milli- or megawatt-hours.", remedy="Write MWh, or a fraction of a Wh.", param="limit"
        )
    meter = "energy" if unit.lower() == "wh" else _COUNTED.get(unit.lower())
    if meter is None and (len(unit) != 3 or not unit.isupper()):
        raise UsageError(
            f"{text!r} is a limit in {unit!r}, which is no currency (three capitals), Wh, tokens or calls.",
            remedy=_REMEDY,
            param="limit",
        )
    counted = meter in _COUNTED.values()
    if counted and amount % 1:
        raise UsageError(f"{text!r} is no whole number of {meter}.", remedy=_REMEDY, param="limit")
    if amount * (1 if counted else NANO) >= _MOST:
        raise UsageError(f"{text!r} is more than can be counted.", remedy="Set no limit instead.", param="limit")
    limit = int(amount) if counted else to_nano(amount, what="limit")
    if limit < 1:
        raise UsageError(
            f"{text!r} would allow nothing.", remedy="Use more than 0; to stop calls, revoke the key.", param="limit"
        )
    return ParsedLimit(meter or "money", limit, unit if meter is None else None)


def show_limit(budget: Budget) -> str:
    """`25 USD`, `5 kWh`, `1000000 tokens`: what `parse_limit` reads back."""
    if budget.meter == "energy":
        unit, power = next(each for each in _ENERGY if budget.limit >= NANO * 10 ** each[1] or not each[1])
        amount = f"{Decimal(budget.limit).scaleb(-9 - power):f}"
        return f"{amount.rstrip('0').rstrip('.') if '.' in amount else amount} {unit}"
    if budget.meter == "money":
        return f"{from_nano(budget.limit)} {budget.currency}"
    return f"{budget.limit} {budget.meter if budget.limit > 1 else budget.meter.removesuffix('s')}"
