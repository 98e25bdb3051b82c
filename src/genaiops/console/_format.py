"""Figures as people read them. Unknown stays a word, never 0."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
from markupsafe import Markup

from genaiops.arena import told_days
from genaiops.core.clock import from_iso, to_iso
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


def when(at: int | str | None, *, ms: bool = False) -> str:
    """A time as a page shows it: short, in UTC, and whole for whoever points at it or reads it by machine. `at`:
    microseconds, or ISO 8601."""
    if at is None:
        return NONE
    us = from_iso(at) if isinstance(at, str) else at
    return _time(us, moment(us) + (f".{us // 1000 % 1000:03d}" if ms else ""))


def _time(us: int, shown: str) -> Markup:
    exact = f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}.{us // 1000 % 1000:03d} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(to_iso(us), exact, shown)


def day(us: int) -> str:
    """`2026-11-21` in UTC."""
    return f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d}"


def since(at: int | str, now_us: int) -> Markup:
    """How long ago, with the exact time for whoever points at it."""
    us = from_iso(at) if isinstance(at, str) else at
    return _time(us, ago(us, now_us))


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
    if budget.meter == "energy":
        return energy(amount)
    return money(amount, budget.currency) if budget.meter == "money" else f"{count(amount)} {budget.meter}"


def energy(nano: float | None) -> str:
    """Nano-Wh in the unit that leaves it three significant digits: `1.24 mWh`, `530 Wh`, `5 kWh`."""
    if nano is None:
        return UNKNOWN
    if not nano:
        return "0 Wh"
    size, unit = next(((size, unit) for size, unit in _ENERGY if abs(nano) >= 0.9995 * size), _ENERGY[-1])
    shown = nano / size
    return f"{shown:,.0f} {unit}" if abs(shown) >= 1000 else f"{shown:.3g} {unit}"


_ENERGY = ((NANO * 1_000_000, "MWh"), (NANO * 1000, "kWh"), (NANO, "Wh"), (NANO // 1000, "mWh"))


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


def is_json(text: str) -> bool:
    """Whether a message is an object or an array, as results of tools are."""
    return text[:1] in "{[" and indented(text) != text


def indented(text: str) -> str:
    """JSON over several lines; other text as it is."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


_DIGEST = re.compile(r"(sha256:[0-9a-f]{8})[0-9a-f]+")


def brief(text: str) -> str:
    """Digests by their first eight digits: enough to tell them apart, and narrower than a page."""
    return _DIGEST.sub(r"\1…", text)


def cell(text: str) -> str:
    """A spreadsheet takes some beginnings for a formula; callers choose some of these names."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def size(amount: int) -> str:
    """Bytes: 532 bytes, 4.1 kB, 12.3 MB."""
    for least, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if amount >= least:
            return f"{amount / least:.1f} {unit}"
    return f"{amount} bytes"


FILTERS: dict[str, Any] = {
    "ago": ago,
    "brief": brief,
    "bytes": size,
    "change": change,
    "count": count,
    "day": day,
    "duration": duration,
    "energy": energy,
    "forecast": forecast,
    "forecast_method": forecast_method,
    "forecast_range": forecast_range,
    "indented": indented,
    "is_json": is_json,
    "iso": to_iso,
    "lasting": told_days,
    "metered": metered,
    "moment": moment,
    "money": money,
    "pretty": pretty,
    "price": price,
    "share": share,
    "since": since,
    "when": when,
}
