"""Values as people read and write them on the command line."""

import re
from collections.abc import Sequence

from genaiops.core.clock import from_iso, now_us, to_iso
from genaiops.core.errors import UsageError

_AGE = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration_us(text: str) -> int | None:
    """Microseconds of `90s`, `15m`, `24h`, `30d`, `2w`; None when it is not one."""
    match = _AGE.fullmatch(text)
    return None if match is None else int(match[1]) * _SECONDS[match[2]] * 1_000_000


def later(text: str, *, param: str) -> str:
    """A time to come as ISO 8601: `30d` from now, or one that is written out."""
    lasting = duration_us(text)
    if lasting is not None:
        return to_iso(now_us() + lasting)
    try:
        return to_iso(from_iso(text))
    except UsageError as error:
        raise UsageError(
            f"{text!r} is no time.", remedy="Write 30d, 12h or 2026-12-31T00:00:00Z.", param=param
        ) from error


def seconds(text: str, *, param: str) -> float:
    """`90s`, `15m`, `24h` or a plain number of seconds."""
    lasting = duration_us(text)
    if lasting is not None:
        return lasting / 1_000_000
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text!r} is no duration.", remedy="Write 90s, 15m or 24h.", param=param) from None


def weighted(text: str) -> tuple[str, int]:
    """`small=3` -> ("small", 3); without a weight 1. UsageError for another form."""
    name, sign, weight = text.partition("=")
    if name and not sign:
        return name, 1
    if not name or not weight.isdigit() or int(weight) < 1:
        raise UsageError(
            f"{text!r} is no target with a weight.", remedy="Write it as NAME=WEIGHT, such as small=3.", param="target"
        )
    return name, int(weight)


def shared(text: str) -> tuple[str, float | None]:
    """`big=0.05` -> ("big", 0.05); without a share None. UsageError for another form."""
    name, sign, share = text.partition("=")
    if name and not sign:
        return name, None
    try:
        return name, float(share)
    except ValueError:
        raise UsageError(
            f"{text!r} is no target with a share.", remedy="Write it as NAME=SHARE, such as big=0.05.", param="shadow"
        ) from None


def pairs(texts: Sequence[str], *, param: str) -> dict[str, str]:
    """`("a=1", "b=2")` as a dict; UsageError without a `=`."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise UsageError(f"{text!r} has no name and value.", remedy="Write it as NAME=VALUE.", param=param)
        found[name] = value
    return found


def milliseconds(value: float | None) -> str:
    """`0.8 ms`, `840 ms`, `2.31 s`, `-`."""
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def short_time(iso: str | None) -> str | None:
    """An ISO time to the second, as `2026-11-21 14:30:05Z`."""
    if not iso:
        return None
    return f"{iso[:10]} {iso[11:19]}Z" if len(iso) > 19 else iso


def tokens(value: int | None) -> str | None:
    """A count with thin groups: `1,234,567`."""
    return None if value is None else f"{value:,}"


def amount(text: str | None, unit: str) -> str | None:
    """Decimal text with thin groups and its unit: `12.5 USD`, `1,000,000 tokens`."""
    if text is None:
        return None
    if text == "1" and unit in {"tokens", "calls"}:
        unit = unit.removesuffix("s")
    whole, point, fraction = text.partition(".")
    return f"{int(whole):,}{point}{fraction} {unit}" if whole.isdigit() else f"{text} {unit}"
