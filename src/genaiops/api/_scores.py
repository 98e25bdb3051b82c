"""`/api/scores`: judgements of traces, added later, and all of them to take along."""

import asyncio
import math
import time
from typing import Annotated, Literal

import msgspec
from litestar import Controller, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.api._trace_query import parsed_span_id, parsed_trace_id
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Score
from genaiops.ports.telemetry import Trace

FOLDED_SECONDS = 2.0
"""A call becomes a trace a moment after its answer; who judges it at once is waited for."""
_LOOK_SECONDS = 0.05


class NewScoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`value`: a number, true or false, or a label; `label` may stand beside a number. `span_id`: of one span instead
    of the whole trace. The same `identifier` again changes nothing."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    value: float | bool | Annotated[str, Meta(max_length=200)] | None = None
    label: Annotated[str, Meta(max_length=200)] | None = None
    source: Literal["person", "model", "code", "user", "guardrail"] = "person"
    comment: Annotated[str, Meta(max_length=10_000)] = ""
    span_id: str | None = None
    identifier: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ScoreRequest(NewScoreRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A score and the trace that it is of."""

    trace_id: str


class ScoreDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement of a trace or of one of its spans. True and false are 1 and 0 with the label `true` or `false`."""

    identifier: str
    trace_id: str
    span_id: str | None
    name: str
    value: float | None
    label: str | None
    source: str
    comment: str
    created_at: str
    created_by: str


class ScoresController(Controller):
    path = "/scores"
    tags = ("Traces",)

    @post(summary="Score a trace", guards=[needs("playground")])
    async def add(self, data: JSONBody[ScoreRequest], services: Serving, caller: Calling) -> ScoreDocument:
        """Answers with the score that has the identifier: when it was there before, that one."""
        trace_id = parsed_trace_id(data.trace_id)
        await _folded(services, trace_id)
        return await asyncio.to_thread(
            lambda: added(services, data, existing_trace(services, trace_id), caller.actor.id)
        )

    @get(summary="List scores", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        name: FromQuery[str | None] = None,
        since: FromQuery[str | None] = None,
        until: FromQuery[str | None] = None,
        cursor: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 200,
    ) -> Listing[ScoreDocument]:
        """Oldest first, of the time when they were made."""
        now = now_us()
        found = services.telemetry.scores(
            0 if since is None else moment(since, now_us=now, param="since"),
            1 << 62 if until is None else moment(until, now_us=now, param="until"),
            name=name,
            after=None if cursor is None else _place(cursor),
            limit=limit + 1,
        )
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else f"{last.created_us}.{last.identifier}"
        return Listing([score_document(score) for score in found[:limit]], following)


async def _folded(services: Services, trace_id: bytes) -> None:
    """Return when the trace is there, or after `FOLDED_SECONDS`."""
    deadline = time.monotonic() + FOLDED_SECONDS
    while time.monotonic() < deadline:
        if await asyncio.to_thread(services.telemetry.trace, trace_id) is not None:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _place(cursor: str) -> tuple[int, str]:
    time_text, _, identifier = cursor.partition(".")
    if not time_text.isascii() or not time_text.isdigit() or len(time_text) > 18:
        raise UsageError(
            f"{cursor[:40]!r} is no place in scores.", remedy="Use `next` of the page before.", param="cursor"
        )
    return int(time_text), identifier


def existing_trace(services: Services, trace_id: bytes) -> Trace:
    trace = services.telemetry.trace(trace_id)
    if trace is None:
        raise NotFound(
            f"There is no trace {trace_id.hex()}.",
            remedy="A call becomes a trace within a second of its end; check the id.",
            param="trace_id",
        )
    return trace


def added(services: Services, data: NewScoreRequest, trace: Trace, by: str) -> ScoreDocument:
    """Conflict when the identifier is that of a score of another trace or name."""
    wanted = _checked(data, trace, by)
    score = services.telemetry.add_score(wanted)
    if (score.trace_id, score.span_id, score.name) != (wanted.trace_id, wanted.span_id, wanted.name):
        raise Conflict(
            f"The identifier {wanted.identifier!r} is that of another score, {score.name!r} of {score.trace_id.hex()}.",
            remedy="Choose an identifier that holds what is judged and what by.",
            param="identifier",
        )
    return score_document(score)


def score_document(score: Score) -> ScoreDocument:
    fields = msgspec.structs.asdict(score)
    fields["trace_id"] = score.trace_id.hex()
    fields["span_id"] = None if score.span_id is None else score.span_id.hex()
    fields["created_at"] = to_iso(fields.pop("created_us"))
    return ScoreDocument(**fields)


def _checked(data: NewScoreRequest, trace: Trace, by: str) -> Score:
    value, label = _judged(data)
    span_id = None if data.span_id is None else parsed_span_id(data.span_id)
    if span_id is not None and all(span.span_id != span_id for span in trace.spans):
        raise NotFound(f"The trace has no span {data.span_id}.", remedy="Name one of its own.", param="span_id")
    return Score(
        identifier=data.identifier or new_id("score"),
        trace_id=trace.trace_id,
        span_id=span_id,
        name=data.name,
        value=value,
        label=label,
        source=data.source,
        comment=data.comment,
        created_us=now_us(),
        created_by=by,
    )


def _judged(data: NewScoreRequest) -> tuple[float | None, str | None]:
    value = data.value
    if value is None and data.label is None:
        raise UsageError("The score says nothing.", remedy="Give value, label or both.", param="value")
    if isinstance(value, bool):
        value, own = float(value), "true" if value else "false"
    elif isinstance(value, str):
        value, own = None, value
    else:
        own = data.label
        if value is not None and not math.isfinite(value):
            raise UsageError("The value is not finite.", remedy="Give a number.", param="value")
    if data.label is not None and own != data.label:
        raise UsageError("The score has two labels.", remedy="Give one, as value or as label.", param="label")
    return value, own
