"""`/api/guards/verdicts` and `/api/guards/figures`: what guards said of calls, counted; and people's word on it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._scores import existing_trace
from genaiops.api._services import Serving
from genaiops.api._times import moment
from genaiops.api._trace_query import parsed_trace_id
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.domain import Direction, GuardAction, Mark
from genaiops.hub import GuardCases
from genaiops.ports.verdicts import GuardDimension, VerdictFilter
from genaiops.watch import (
    Marking,
    RuleFigures,
    guard_points,
    mark_verdict,
    rule_figures,
    verdict_row_document,
)

Document = dict[str, Any]
_Since = Annotated[str | None, Meta(description="ISO 8601, or so long ago: `15m`, `24h`, `7d`")]


class VerdictQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All given conditions hold for the verdict; times are of its call."""

    policy: Annotated[str | None, Meta(description="its name, without a digest")] = None
    rule: str | None = None
    detector: str | None = None
    action: GuardAction | None = None
    direction: Direction | None = None
    shadow: bool | None = None
    marked: Annotated[bool | None, Meta(description="whether a person said that it was right or a false alarm")] = None
    key_id: str | None = None
    environment_id: str | None = None
    since: _Since = None
    until: _Since = None
    cursor: Annotated[str | None, Meta(description="`next` of the page before")] = None
    limit: Annotated[int, Meta(description="verdicts a page", ge=1, le=500)] = 50

    def filter(self, at_us: int) -> VerdictFilter:
        fields: dict[str, Any] = msgspec.structs.asdict(self)
        del fields["cursor"], fields["limit"]
        for name in ("since", "until"):
            text = fields.pop(name)
            fields[f"{name}_us"] = None if text is None else moment(text, now_us=at_us, param=name)
        return VerdictFilter(**fields)


class GuardFiguresQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, which is widened to whole hours, and only of what."""

    since: Annotated[str, Meta(description="ISO 8601, or so long ago: `1h`, `24h`, `7d`")] = "24h"
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago; by default now")] = None
    step: Annotated[Literal["hour", "day"], Meta(description="of `series`")] = "hour"
    policy: str | None = None
    rule: str | None = None
    detector: str | None = None
    direction: Direction | None = None
    environment_id: str | None = None

    def where(self) -> dict[GuardDimension, str]:
        given: dict[GuardDimension, str | None] = {
            "policy": self.policy,
            "rule": self.rule,
            "detector": self.detector,
            "direction": self.direction,
            "environment_id": self.environment_id,
        }
        return {dimension: value for dimension, value in given.items() if value is not None}


class FalseAlarmsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Of `marked` verdicts people called `false_alarms` wrong; `rate` with its Wilson interval (95 %) is null until
    somebody marked one. Who marks chooses what to look at: it is no random sample."""

    marked: int
    false_alarms: int
    rate: float | None
    low: float | None
    high: float | None


class RuleFiguresDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule did. `looked_at`: how often its policy looked at calls, in the directions in which the rule said
    something; null where the records do not tell. `allowed` was noted because the rule was slow or failed. `shadow`:
    what it would have done -> how often. Milliseconds are of the `noted` verdicts."""

    policy: str
    rule: str
    detector: str
    looked_at: int | None
    noted: int
    allowed: int
    flagged: int
    redacted: int
    replaced: int
    held: int
    blocked: int
    shadow: Mapping[str, int]
    findings: int
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    false_alarms: FalseAlarmsDocument


class GuardPointDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An hour or a day: what followed -> how often, and what rules in shadow would have done."""

    start_at: str
    actions: Mapping[str, int]
    shadow: Mapping[str, int]
    errors: int


class GuardFiguresDocument(msgspec.Struct, frozen=True, kw_only=True):
    since: str
    until: str
    rules: Sequence[RuleFiguresDocument]
    series: Sequence[GuardPointDocument]


class MarkRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`right`, `false_alarm`, or null to take it back."""

    mark: Mark | None
    note: Annotated[str, Meta(max_length=2_000)] = ""


class MarkedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict as it is now. `case`: what became of the test case (`kept`, `dropped`, `none`; `no_content`: nothing
    of the call was kept or may be read; `forbidden`: the cases belong to others); `case_version` of the dataset."""

    verdict: Document
    score: str
    case: str
    case_version: str | None


class GuardFiguresController(Controller):
    path = "/guards"
    tags = ("Guards",)

    @get(
        "/verdicts",
        summary="List what guards said",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: VerdictQuery},
        operation_class=described(VerdictQuery),
    )
    def verdicts(self, request: Request[Any, Any, Any], services: Serving) -> Listing[Document]:
        """Newest first. A page may be short and still have a `next`: the work for one page is bounded."""
        query = read_query(request, VerdictQuery)
        page = services.telemetry.verdicts(query.filter(now_us()), cursor=query.cursor, limit=query.limit)
        return Listing([verdict_row_document(each) for each in page.rows], page.next)

    @get(
        "/figures",
        summary="What guards did, by rule and over time",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: GuardFiguresQuery},
        operation_class=described(GuardFiguresQuery),
    )
    def figures(self, request: Request[Any, Any, Any], services: Serving) -> GuardFiguresDocument:
        """Rules that said nothing are not among them."""
        query = read_query(request, GuardFiguresQuery)
        at_us = now_us()
        since_us = moment(query.since, now_us=at_us, param="since")
        until_us = at_us + 1 if query.until is None else moment(query.until, now_us=at_us, param="until")
        if until_us <= since_us:
            raise UsageError("until is not after since.", remedy="Give a later end.", param="until")
        telemetry, where = services.telemetry, query.where()
        points = guard_points(telemetry, since_us=since_us, until_us=until_us, step=query.step, where=where)
        return GuardFiguresDocument(
            since=to_iso(since_us),
            until=to_iso(until_us),
            rules=[_rule(each) for each in rule_figures(telemetry, since_us=since_us, until_us=until_us, where=where)],
            series=[
                GuardPointDocument(
                    start_at=to_iso(each.start_us), actions=each.actions, shadow=each.shadow, errors=each.errors
                )
                for each in points
            ],
        )


class MarksController(Controller):
    path = "/traces"
    tags = ("Guards",)

    @post(
        "/{trace_id:str}/verdicts/{verdict_id:str}/mark",
        summary="Say that a verdict was right, or a false alarm",
        guards=[needs("playground")],
        sync_to_thread=True,
        status_code=200,
    )
    def mark(
        self,
        trace_id: FromPath[str],
        verdict_id: FromPath[str],
        data: JSONBody[MarkRequest],
        services: Serving,
        caller: Calling,
    ) -> MarkedDocument:
        """The trace gets a score `guard:RULE`, and the call becomes a row of the dataset `guard-cases`, with addresses,
        numbers and keys exchanged for others of the same form."""
        done = mark_verdict(
            services.telemetry,
            services.blobs,
            GuardCases(services.hub, services.blobs),
            existing_trace(services, parsed_trace_id(trace_id)),
            verdict_id,
            Marking(mark=data.mark, note=data.note, at_us=now_us(), by=caller.actor.id),
        )
        return MarkedDocument(
            verdict=verdict_row_document(done.verdict),
            score=done.score.identifier,
            case=done.case,
            case_version=done.version,
        )


def _rule(figures: RuleFigures) -> RuleFiguresDocument:
    return RuleFiguresDocument(
        policy=figures.policy,
        rule=figures.rule,
        detector=figures.detector,
        looked_at=figures.looked_at,
        noted=figures.noted,
        allowed=figures.did("allow"),
        flagged=figures.did("flag"),
        redacted=figures.did("redact"),
        replaced=figures.did("replace"),
        held=figures.did("hold"),
        blocked=figures.did("block"),
        shadow=figures.shadow,
        findings=figures.findings,
        errors=figures.errors,
        p50_ms=figures.p50_ms,
        p95_ms=figures.p95_ms,
        false_alarms=FalseAlarmsDocument(**msgspec.structs.asdict(figures.false_alarms)),
    )
