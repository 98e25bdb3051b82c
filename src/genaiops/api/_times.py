"""Times as people write them in requests."""

import re

from genaiops.core.clock import from_iso
from genaiops.core.errors import UsageError

_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str, *, now_us: int, param: str) -> int:
    """Microseconds of an ISO 8601 time, or of so long ago: `90s`, `15m`, `24h`, `7d`, `2w`."""
    match = _SPAN.fullmatch(text.strip())
    if match is not None:
        return max(0, now_us - int(match[1]) * _SECONDS[match[2]] * 1_000_000)
    # In a query "+02:00" arrives as " 02:00" when the plus was not escaped.
    return exact(text.strip().replace(" ", "+") if re.search(r"T.* \d\d:?\d\d$", text) else text, param=param)


def exact(text: str, *, param: str) -> int:
    """Microseconds of an ISO 8601 time; without a zone it is UTC."""
    try:
        found = from_iso(text)
    except (UsageError, OverflowError) as error:
        raise UsageError(
            f"{param}: {text[:60]!r} is not a time.", remedy="Write it as 2026-11-21T14:30:00Z, or 24h.", param=param
        ) from error
    if found < 0:
        raise UsageError(f"{param}: {text!r} is before 1970.", remedy="Give a later time.", param=param)
    return found


def exact_or_none(text: str | None, *, param: str) -> int | None:
    return None if text is None else exact(text, param=param)
