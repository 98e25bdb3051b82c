"""The filters of the list of traces as they stand in the page's address."""

import re
from collections.abc import Mapping
from typing import Literal, cast, get_args

from genaiops.core.clock import from_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import to_nano
from genaiops.domain import Status
from genaiops.ports.telemetry import ScoreIs, TraceFilter, TraceRow

CHIPS: Mapping[str, str] = {
    "q": "text",
    "since": "since",
    "until": "until",
    "status": "status",
    "environment": "environment",
    "team": "team",
    "key": "key",
    "application": "application",
    "model": "model",
    "target": "target",
    "user": "user",
    "session": "session",
    "operation": "operation",
    "error": "error",
    "cache": "cache",
    "score": "score",
    "min_ms": "at least ms",
    "min_cost": "at least USD",
}
"""Name in the address -> what the chip says."""

_AGO = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_SCORE = re.compile(r"([^<>=]+)(?:(<=|>=|=)(.+))?")
_UNITS = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def read_filter(query: Mapping[str, str], now_us: int) -> TraceFilter:
    """UsageError names the part of the address at fault."""
    minimum_ms = _number(query.get("min_ms"), "min_ms")
    cost = query.get("min_cost")
    return TraceFilter(
        since_us=read_time(query.get("since"), now_us),
        until_us=read_time(query.get("until"), now_us),
        status=_status(query.get("status")),
        environment_id=query.get("environment"),
        team_id=query.get("team"),
        key_id=query.get("key"),
        application=query.get("application"),
        model=query.get("model"),
        target_id=query.get("target"),
        user_id=query.get("user"),
        session_id=query.get("session"),
        operation=query.get("operation"),
        error_type=query.get("error"),
        cache=_cache(query.get("cache")),
        min_duration_us=None if minimum_ms is None else int(minimum_ms * 1000),
        min_cost_nano=to_nano(cost, what="cost") if cost else None,
        text=query.get("q"),
        scores=_score(query.get("score")),
    )


def shown_by(where: TraceFilter, row: TraceRow) -> bool:
    """Whether a new trace belongs into the list (of a filter without text)."""
    root = row.root
    equal: tuple[tuple[str | None, str | None], ...] = (
        (where.status, root.status),
        (where.environment_id, root.environment_id),
        (where.team_id, root.team_id),
        (where.key_id, root.key_id),
        (where.application, root.application),
        (where.model, root.request_model),
        (where.target_id, root.target_id),
        (where.user_id, root.user_id),
        (where.session_id, root.session_id),
        (where.operation, root.operation),
        (where.error_type, root.error_type),
    )
    if any(wanted is not None and wanted != found for wanted, found in equal):
        return False
    if where.min_duration_us is not None and root.duration_us < where.min_duration_us:
        return False
    return where.min_cost_nano is None or (row.cost_nano or 0) >= where.min_cost_nano


def read_time(text: str | None, now_us: int) -> int | None:
    """ISO 8601, or so long ago: `1h`, `24h`, `7d`. None for nothing."""
    if not text:
        return None
    match = _AGO.fullmatch(text)
    return now_us - int(match[1]) * _UNITS[match[2]] if match else from_iso(text)


def _status(text: str | None) -> Status | None:
    if not text:
        return None
    options: tuple[str, ...] = get_args(Status)
    if text not in options:
        raise UsageError(f"{text!r} is no status.", remedy=f"Use one of {', '.join(options)}.", param="status")
    return cast("Literal['ok', 'error', 'cancelled', 'aborted']", text)


def _cache(text: str | None) -> Literal["hit", "miss"] | None:
    for known in get_args(Literal["hit", "miss"]):
        if text == known:
            return known
    if text is None:
        return None
    raise UsageError(f"{text!r} is nothing a cache says.", remedy="Use one of hit, miss.", param="cache")


def _score(text: str | None) -> tuple[ScoreIs, ...]:
    """`feedback`, `feedback=down`, `quality<=0.5`, `quality>=0.8`."""
    if not text:
        return ()
    match = _SCORE.fullmatch(text)
    if match is None or not match[1].strip():
        raise UsageError(
            f"{text[:60]!r} is no condition on a score.",
            remedy="Write a name, NAME=LABEL, NAME<=NUMBER or NAME>=NUMBER.",
            param="score",
        )
    name, operator = match[1].strip(), match[2]
    if not operator:
        return (ScoreIs(name),)
    if operator == "=":
        return (ScoreIs(name, "=", match[3].strip()),)
    return (ScoreIs(name, "<=" if operator == "<=" else ">=", _number(match[3], "score") or 0.0),)


def _number(text: str | None, name: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{name} is {text!r}, which is no number.", remedy="Use digits.", param=name) from None
