"""What traces are asked for by: the parameters of `/api/traces` and of its tail."""

import re
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from genaiops.api._times import moment
from genaiops.core.errors import UsageError
from genaiops.domain import Status
from genaiops.ports.telemetry import ScoreIs, TraceFilter, TraceRow, property_word

_MOST = 1 << 62


class TailQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All given conditions hold for the trace."""

    status: Status | None = None
    environment_id: str | None = None
    team_id: str | None = None
    key_id: str | None = None
    application: str | None = None
    model: Annotated[str | None, Meta(description="the name that was called")] = None
    target_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    operation: str | None = None
    error_type: str | None = None

    def matches(self, row: TraceRow) -> bool:
        wanted = msgspec.structs.asdict(self)
        wanted["request_model"] = wanted.pop("model")
        return all(value is None or getattr(row.root, name) == value for name, value in wanted.items())


class TraceQuery(TailQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The conditions of a list, and which page of it."""

    since: Annotated[str | None, Meta(description="ISO 8601, or so long ago: `15m`, `24h`, `7d`")] = None
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago")] = None
    min_duration_us: Annotated[int, Meta(description="microseconds", ge=0, le=_MOST)] | None = None
    min_cost_nano: Annotated[int, Meta(description="billionths of a currency unit", ge=0, le=_MOST)] | None = None
    q: Annotated[str | None, Meta(description='full-text search: every word and every "phrase" must occur')] = None
    cache: Annotated[Literal["hit", "miss"] | None, Meta(description="what a cache said to it")] = None
    score: Annotated[
        tuple[str, ...], Meta(description="NAME, NAME=LABEL, NAME>=0.5 (= != < <= > >=) of a score; repeatable")
    ] = ()
    property: Annotated[tuple[str, ...], Meta(description="NAME=VALUE of a property of the call; repeatable")] = ()
    cursor: Annotated[str | None, Meta(description="`next` of the page before")] = None
    limit: Annotated[int, Meta(description="traces a page", ge=1, le=500)] = 50

    def filter(self, now_us: int) -> TraceFilter:
        """UsageError where a time is none, or where there is nothing to search for."""
        if self.q is not None and not self.q.strip(' \t\r\n\v\f\0"'):
            raise UsageError(
                f"q: {self.q[:64]!r} holds nothing to search for.",
                remedy='Write words or a "phrase", or leave the text out to see all traces.',
                param="q",
            )
        fields: dict[str, Any] = msgspec.structs.asdict(self)
        for name in ("cursor", "limit", "property", "score"):
            del fields[name]
        for name in ("since", "until"):
            text = fields.pop(name)
            fields[f"{name}_us"] = None if text is None else moment(text, now_us=now_us, param=name)
        words = [property_word(*_pair(text)) for text in self.property]
        fields["text"] = " ".join([*words, fields.pop("q") or ""]).strip() or None
        return TraceFilter(**fields, scores=tuple(map(_score, self.score)))


_SCORE = re.compile(r"([^=!<>]{1,128})(?:(>=|<=|!=|=|<|>)(.+))?")


def _score(text: str) -> ScoreIs:
    found = _SCORE.fullmatch(text)
    name, operator, value = found.groups() if found is not None else ("", None, None)
    if not name.strip():
        raise UsageError(
            f"score: {text[:64]!r} names no score.", remedy="Write NAME, NAME=LABEL or NAME>=0.5.", param="score"
        )
    if value is None:
        return ScoreIs(name)
    try:
        return ScoreIs(name, cast("Any", operator), float(value))
    except ValueError:
        if operator not in {"=", "!="}:
            raise UsageError(
                f"score: {value[:64]!r} is no number.", remedy="Labels are compared with = and !=.", param="score"
            ) from None
        return ScoreIs(name, cast("Any", operator), value)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise UsageError(
            f"property: {text[:64]!r} has no name and value.", remedy="Write NAME=VALUE.", param="property"
        )
    return name, value


def parsed_trace_id(text: str) -> bytes:
    """16 bytes; UsageError when the text is not 32 hexadecimal digits."""
    return _hex(text, 16, "trace_id")


def parsed_span_id(text: str) -> bytes:
    return _hex(text, 8, "span_id")


def _hex(text: str, size: int, param: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size or len(text) != 2 * size:
        raise UsageError(
            f"{param}: {text[:64]!r} is not one.", remedy=f"Give {2 * size} hexadecimal digits.", param=param
        )
    return found
