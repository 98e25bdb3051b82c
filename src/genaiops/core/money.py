"""Money as integers of one billionth (nano) of a currency unit.

Micro-units are too coarse for single calls: ten tokens at 0.02 USD a million cost 0.2 micro-dollars, and a rounded
price would be either free or five times too dear. 64 bits of nano-units hold nine billion units.
"""

from decimal import ROUND_CEILING, Decimal, InvalidOperation

from genaiops.core.errors import UsageError

NANO = 1_000_000_000


def to_nano(amount: str | float | Decimal, *, what: str = "amount") -> int:
    """Nano-units of a decimal amount such as "12.50"; rounds up below one nano-unit. UsageError on anything else."""
    try:
        value = Decimal(str(amount))
    except InvalidOperation as error:
        raise UsageError(f"The {what} {amount!r} is not a decimal number.", remedy='Write it as "12.50".') from error
    if not value.is_finite() or abs(value) > 9_000_000_000:
        raise UsageError(f"The {what} {amount!r} is out of range.", remedy="Use at most nine billion.")
    return int((value * NANO).to_integral_value(rounding=ROUND_CEILING))


def from_nano(nano: int) -> str:
    """Shortest decimal text: 3600 -> "0.0000036", 12_500_000_000 -> "12.5"."""
    text = f"{Decimal(nano) / NANO:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cost_nano(tokens: int, nano_per_million: int) -> int:
    """Cost of `tokens` at a price per million tokens, rounded up to a nano-unit (no charge is lost to rounding)."""
    return -(-tokens * nano_per_million // 1_000_000)
