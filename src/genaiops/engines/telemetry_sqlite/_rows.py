"""Spans as rows of figures.db and back."""

from collections.abc import Sequence
from typing import Any, Final, cast, get_args

import msgspec

from genaiops.domain import ContentState, Cost, Energy, EnergyBasis, Range, Span, SpanKind, Standing, Status, Usage
from genaiops.engines.telemetry_sqlite._names import NameIds, NameTexts

STATUSES: Final[tuple[Status, ...]] = ("ok", "error", "cancelled", "aborted")
"""The code of a status is its position here; stored, so only append. The index of failures covers codes above 0."""

CONTENT_STATES: Final[tuple[ContentState, ...]] = ("none", "inline", "blob", "preview", "shed", "digest", "erased")
"""The code of a content state is its position here; stored, so only append."""

assert set(STATUSES) == set(get_args(Status))
assert set(CONTENT_STATES) == set(get_args(ContentState))

_STATUS_CODE = {status: code for code, status in enumerate(STATUSES)}
_CONTENT_CODE = {state: code for code, state in enumerate(CONTENT_STATES)}
SHED = _CONTENT_CODE["shed"]
ERASED = _CONTENT_CODE["erased"]
WITH_BLOBS = _CONTENT_CODE["blob"]
WITHOUT_PAYLOAD = (_CONTENT_CODE["none"], SHED)

COLUMNS: Final = (
    "trace_id,span_id,parent_id,root,name,kind,operation,start_us,duration_us,first_token_us,status,error_type,"
    "error_message,http_status,provider,target_id,route_id,request_model,response_model,response_id,finish_reason,"
    "streamed,attempt,tenant_id,environment_id,team_id,key_id,actor_id,application,user_id,user_verified,session_id,"
    "request_id,input_uncached,cache_read,cache_write,output_text,reasoning,estimated,estimator,cost_nano,currency,"
    "price_id,price_version,owns_usage,input_preview,output_preview,content,dialect,semconv,usage_more,energy,"
    "energy_basis"
)
"""All columns but `id`, in the order of `to_row` and `from_row`."""

WIDTH: Final = COLUMNS.count(",") + 1

INSERT: Final = (
    f"INSERT INTO spans ({COLUMNS},called) VALUES ({', '.join('?' * (WIDTH + 1))})"  # noqa: S608
    " ON CONFLICT (trace_id, span_id) DO NOTHING"
)

_NO_USAGE = (None,) * 7
_NO_COST = (None,) * 4


def to_row(span: Span, ids: NameIds, *, shed: bool, standing: Standing | None = None) -> tuple[object, ...]:
    usage, cost = span.usage, span.cost  # `standing`: of a span that another program told of
    return (
        span.trace_id,
        span.span_id,
        span.parent_id,
        span.is_root if standing is None else standing.root,
        span.name,
        ids[span.kind],
        ids[span.operation or None],
        span.start_us,
        span.duration_us,
        span.first_token_us,
        _STATUS_CODE[span.status],
        ids[span.error_type],
        span.error_message,
        span.http_status,
        ids[span.provider],
        ids[span.target_id],
        ids[span.route_id],
        ids[span.request_model],
        ids[span.response_model],
        span.response_id,
        ids[span.finish_reason],
        span.streamed,
        span.attempt,
        ids[span.tenant_id],
        ids[span.environment_id],
        ids[span.team_id],
        ids[span.key_id],
        ids[span.actor_id],
        ids[span.application],
        span.user_id,
        span.user_verified,
        span.session_id,
        span.request_id,
        *(
            _NO_USAGE
            if usage is None
            else (
                usage.input_uncached,
                usage.cache_read,
                usage.cache_write,
                usage.output_text,
                usage.reasoning,
                usage.estimated,
                ids[usage.estimator],
            )
        ),
        *(_NO_COST if cost is None else (cost.nano, ids[cost.currency], ids[cost.price_id], cost.price_version)),
        span.owns_usage if standing is None else standing.owns,
        span.input_preview or None,
        span.output_preview or None,
        SHED if shed else _CONTENT_CODE[span.content],
        ids[span.dialect],
        ids[span.semconv],
        None if usage is None else _usage_more(usage),
        *_energy_row(span.energy, ids),
        None if standing is None else standing.called,
    )


def from_row(row: Sequence[Any], texts: NameTexts) -> Span:
    """A span from the values of COLUMNS."""
    status: int = row[10]
    content: int = row[47]
    return Span(
        trace_id=row[0],
        span_id=row[1],
        parent_id=row[2],
        name=row[4],
        kind=cast("SpanKind", texts[row[5]]),
        operation=texts[row[6]] or "",
        start_us=row[7],
        duration_us=row[8],
        first_token_us=row[9],
        status=STATUSES[status],
        error_type=texts[row[11]],
        error_message=row[12],
        http_status=row[13],
        provider=texts[row[14]],
        target_id=texts[row[15]],
        route_id=texts[row[16]],
        request_model=texts[row[17]],
        response_model=texts[row[18]],
        response_id=row[19],
        finish_reason=texts[row[20]],
        streamed=bool(row[21]),
        attempt=row[22],
        tenant_id=texts[row[23]] or "",
        environment_id=texts[row[24]],
        team_id=texts[row[25]],
        key_id=texts[row[26]],
        actor_id=texts[row[27]],
        application=texts[row[28]],
        user_id=row[29],
        user_verified=bool(row[30]),
        session_id=row[31],
        request_id=row[32],
        usage=None if row[33] is None else _usage(row, texts),
        cost=None if row[41] is None else Cost(row[40], texts[row[41]] or "", texts[row[42]], row[43]),
        owns_usage=bool(row[44]),
        input_preview=row[45] or "",
        output_preview=row[46] or "",
        content=CONTENT_STATES[content],
        dialect=texts[row[48]] or "",
        semconv=texts[row[49]] or "",
        energy=None if row[52] is None else _energy(row[51], texts[row[52]] or ""),
    )


def _usage(row: Sequence[Any], texts: NameTexts) -> Usage:
    usage = Usage(row[33], row[34], row[35], row[36], row[37], bool(row[38]), texts[row[39]])
    if row[50] is None:
        return usage
    more = msgspec.msgpack.decode(row[50], type=dict[str, Any])
    if "unknown" in more:
        more["unknown"] = tuple(more["unknown"])
    return msgspec.structs.replace(usage, **more)


_RARE: Final = (
    "cache_write_1h",
    "audio_input",
    "image_input",
    "audio_output",
    "image_output",
    "searches",
    "images",
    "characters",
    "audio_ms",
    "video_ms",
    "video_size",
    "service",
    "unknown",
)
"""What of a Usage has no column of its own."""


def _usage_more(usage: Usage) -> bytes | None:
    more = {name: value for name in _RARE if (value := getattr(usage, name))}
    return msgspec.msgpack.encode(storable(more)) if more else None


_Ranges = tuple[Range | None, ...]
"""kWh, CO2e, embodied; and water, which older rows do not have."""


def _energy_row(energy: Energy | None, ids: NameIds) -> tuple[bytes | None, int | None]:
    if energy is None:
        return None, None
    ranges = (energy.kwh, energy.co2e_g, energy.embodied_g, energy.water_l)
    packed = msgspec.msgpack.encode(ranges) if any(ranges) else None
    return packed, ids[msgspec.json.encode(energy.basis).decode()]


def _energy(packed: bytes | None, basis: str) -> Energy:
    known = msgspec.json.decode(basis, type=EnergyBasis)
    if packed is None:
        return Energy(known)
    return Energy(known, *msgspec.msgpack.decode(packed, type=_Ranges))


_LARGEST = (1 << 62) - 1  # below the end of every range, with room to add to


def storable(value: Any) -> Any:
    """The same struct with what SQLite cannot hold made to fit: integers of more than 62 bits are clamped, lone
    surrogates replaced.

    For the rare batch that was refused; a hostile upstream must not be able to stop the folding of everybody's calls.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return max(-_LARGEST, min(value, _LARGEST))
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(name): storable(entry) for name, entry in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return tuple(map(storable, cast("tuple[Any, ...]", value)))
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(
            value, **{name: storable(getattr(value, name)) for name in value.__struct_fields__}
        )
    return value
