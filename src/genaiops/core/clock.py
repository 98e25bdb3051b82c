"""Time: stored as integer microseconds since the epoch (UTC), shown as ISO 8601; windows of budgets in a named zone."""

import time
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genaiops.core.errors import UsageError

Period = Literal["minute", "hour", "day", "week", "month", "total"]


def now_us() -> int:
    return time.time_ns() // 1000


def to_iso(us: int) -> str:
    """`2026-11-21T04:58:25.123456Z`."""
    moment = datetime.fromtimestamp(us / 1_000_000, UTC) if us % 1_000_000 == 0 else _exact(us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _exact(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def from_iso(text: str) -> int:
    """Microseconds of an ISO 8601 time; a time without zone is UTC. UsageError when it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time.", remedy="Write it as 2026-11-21T14:30:00Z.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, a name too long
        raise UsageError(
            f"There is no time zone {name[:120]!r}.", remedy="Use a name such as UTC or Europe/Berlin."
        ) from error


def window(period: Period, zone_name: str, at_us: int) -> tuple[int, int]:
    """(start, end) in microseconds of the period that `at_us` lies in, by the calendar of the zone; `total` is all
    time.

    Weeks begin on Monday. A day of a change to or from summer time has 23 or 25 hours.
    """
    if period == "total":
        return 0, 1 << 62
    tz = zone(zone_name)
    local = datetime.fromtimestamp(at_us // 1_000_000, tz)
    if period in ("minute", "hour"):
        size = 60_000_000 if period == "minute" else 3_600_000_000
        offset = int((local.utcoffset() or timedelta()).total_seconds()) * 1_000_000
        start_us = (at_us + offset) // size * size - offset
        return start_us, start_us + size
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "day":
        begin, end = day, day + timedelta(days=1)
    elif period == "week":
        begin = day - timedelta(days=day.weekday())
        end = begin + timedelta(days=7)
    else:
        begin = day.replace(day=1)
        end = (begin + timedelta(days=32)).replace(day=1)
    return int(begin.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000
