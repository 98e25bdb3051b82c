"""Figures as people read them. Unknown stays a word, never 0."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from genaiops.core.money import NANO, from_nano
from genaiops.domain import Budget
from genaiops.watch import Forecast

UNKNOWN = "unknown"
NONE = "\u2013"
"""An en dash: there is no such figure."""


def count(value: float) -> str:
    """1234 -> 1,234; from a hundred thousand on 123k, 1.2M."""
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value / 1000:.0f}k" if value >= 100_000 else f"{value:,.0f}"


def money(nano: int | None, currency: str = "USD") -> str:
    """Two decimals; three significant digits below a cent."""
    if nano is None:
        return UNKNOWN
    amount = nano / NANO
    if nano == 0:
        shown = "0"
    elif abs(amount) < 0.01:
        shown = f"{amount:.9f}"
        digits = len(shown) - len(shown.lstrip("-0."))
        shown = shown[: digits + 3].rstrip("0") if digits + 3 < len(shown) else shown.rstrip("0")
    else:
        shown = f"{amount:,.2f}"
    return f"{shown} {currency}"


def duration(ms: float | None) -> str:
    if ms is None:
        return NONE
    if ms < 999.5:
        return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
    return f"{ms / 1000:.2f} s" if ms < 60_000 else f"{ms / 60_000:.1f} min"


def share(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value * 100:.1f} %" if value < 0.1 and value else f"{value * 100:.0f} %"


def moment(us: int | None) -> str:
    """`21 Nov 06:31:07` in UTC."""
    return NONE if us is None else f"{datetime.fromtimestamp(us / 1_000_000, UTC):%d %b %H:%M:%S}"


def day(us: int) -> str:
    """`2026-11-21` in UTC."""
    return f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d}"


def ago(us: int, now_us: int) -> str:
    seconds = max(0, now_us - us) // 1_000_000
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h ago" if seconds < 172_800 else f"{seconds // 86_400} days ago"


def change(now: float | None, before: float | None) -> str:
    """How a figure differs from the same figure before: `+12 %`. Empty when that says nothing."""
    if now is None or before is None or not before:
        return ""
    percent = (now - before) / before * 100
    return "±0 %" if abs(percent) < 0.5 else f"{percent:+.0f} %"


def metered(amount: int, budget: Budget) -> str:
    return money(amount, budget.currency) if budget.meter == "money" else f"{count(amount)} {budget.meter}"


def forecast(found: Forecast | None, budget: Budget) -> str:
    """`12.40 USD`; why there is none otherwise."""
    if found is None:
        return NONE if budget.period == "total" else "too early to tell"
    return metered(found.expected, budget)


def forecast_range(found: Forecast | None, budget: Budget) -> str:
    """`10.20 to 14.60 USD`; empty where nobody can say."""
    if found is None or found.low is None or found.high is None:
        return ""
    low, high = metered(found.low, budget), metered(found.high, budget)
    return f"{low.rpartition(' ')[0]} to {high}"


def forecast_method(found: Forecast | None) -> str:
    if found is None:
        return ""
    return "evenly on" if found.method == "linear" else f"by hour of the week, {found.weeks} weeks"


def price(nano: int | None) -> str:
    return NONE if nano is None else from_nano(nano)


def pretty(value: Any) -> str:
    """JSON with two blanks of indent; text stays text."""
    if isinstance(value, str):
        return value
    return json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False)


FILTERS: dict[str, Any] = {
    "ago": ago,
    "change": change,
    "count": count,
    "day": day,
    "duration": duration,
    "forecast": forecast,
    "forecast_method": forecast_method,
    "forecast_range": forecast_range,
    "metered": metered,
    "moment": moment,
    "money": money,
    "pretty": pretty,
    "price": price,
    "share": share,
}
