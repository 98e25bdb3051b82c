"""How far somebody reaches: the whole installation or one business unit, the environment of a sandbox's key, and in
what kinds of environment what people wrote. Traces and figures are cut to it here, records in `hub/_confined.py`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import msgspec

from genaiops.core.errors import Forbidden, NotFound
from genaiops.domain import Actor, ApiKey, Content, CostCorrection, EnvironmentKind, GuardVerdict, Mark, Score, Span
from genaiops.hub._access import ORGANISATION_TENANT, allows, sees_all
from genaiops.hub._hub import Hub
from genaiops.ports.telemetry import (
    CorrectionRun,
    Dimension,
    Page,
    Paid,
    Rollup,
    RollupQuery,
    Tallies,
    Telemetry,
    Trace,
    TraceFilter,
    TraceRow,
)
from genaiops.ports.verdicts import (
    GuardDimension,
    GuardMarks,
    GuardQuery,
    GuardSums,
    VerdictFilter,
    VerdictPage,
)


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """`tenant_id` None: all business units. `environment_id`: only traces of that one (a sandbox's keys see no other
    data). `content`: kinds of environment whose prompts and answers may be read."""

    tenant_id: str | None = None
    environment_id: str | None = None
    content: frozenset[EnvironmentKind] = frozenset(get_args(EnvironmentKind))

    @property
    def whole(self) -> bool:
        return self == Reach()

    def require(self, environment_id: str) -> None:
        """Forbidden for a sandbox's key that would make or renew a key of another environment."""
        if self.environment_id not in (None, environment_id):
            raise Forbidden(
                f"This key is of the sandbox {self.environment_id!r}, and has to do with keys of that one alone.",
                remedy=f"Use a key of {environment_id!r}, or leave it to an administrator.",
                code="sandbox_key",
            )


def reach_of(hub: Hub, actor: Actor, key: ApiKey | None) -> Reach:
    """How far an actor reaches, with that key (None: logged in at the console)."""
    kinds: Sequence[EnvironmentKind] = get_args(EnvironmentKind)
    kind_of_key = None
    if key is not None:
        kind_of_key = {each.id: each.kind for each in hub.environments.list()}.get(key.environment_id)
    return Reach(
        tenant_id=None if sees_all(actor) else actor.tenant_id,
        environment_id=key.environment_id if key is not None and kind_of_key == "sandbox" else None,
        content=frozenset(kind for kind in kinds if allows(actor, "content", kind)),
    )


class ConfinedTelemetry:
    """Traces and figures within a reach. Reading only; scores may be added to traces that are seen."""

    def __init__(self, telemetry: Telemetry, reach: Reach, hub: Hub) -> None:
        self._telemetry = telemetry
        self._reach = reach
        self._hub = hub

    @cached_property
    def _kinds(self) -> Mapping[str, EnvironmentKind]:
        return {each.id: each.kind for each in self._hub.environments.list()}

    def __getattr__(self, name: str) -> Any:
        if name in ("add_score", "head"):
            return getattr(self._telemetry, name)
        raise AttributeError(name)

    def list(self, where: TraceFilter, *, cursor: str | None = None, limit: int = 50) -> Page:
        page = self._telemetry.list(where, cursor=cursor, limit=limit)
        rows = [self._cut_row(row) for row in page.rows if self._sees(row.root)]
        if where.text is not None:  # that a word was found says what is in the content
            rows = [row for row in rows if self._reads(row.root)]
        return Page(rows, page.next)

    def trace(self, trace_id: bytes) -> Trace | None:
        trace = self._telemetry.trace(trace_id)
        if trace is None or not all(self._sees(span) for span in trace.spans):
            return None
        readable = {span.span_id.hex() for span in trace.spans if self._reads(span)}
        contents: Mapping[str, Content] = {name: each for name, each in trace.contents.items() if name in readable}
        scores = trace.scores if len(readable) == len(trace.spans) else [_wordless(each) for each in trace.scores]
        spans = [self._cut(span) for span in trace.spans]
        verdicts = [each if each.call_id.hex() in readable else _bare(each) for each in trace.verdicts]
        return msgspec.structs.replace(trace, contents=contents, spans=spans, scores=scores, verdicts=verdicts)

    def verdicts(self, where: VerdictFilter, *, cursor: str | None = None, limit: int = 50) -> VerdictPage:
        own, tenant = self._reach.environment_id, self._reach.tenant_id
        if own not in (None, where.environment_id or own) or tenant not in (None, where.tenant_id or tenant):
            return VerdictPage((), None)
        narrowed = msgspec.structs.replace(
            where, environment_id=own or where.environment_id, tenant_id=tenant or where.tenant_id
        )
        page = self._telemetry.verdicts(narrowed, cursor=cursor, limit=limit)
        return VerdictPage([each if self._reads(each) else _bare(each) for each in page.rows], page.next)

    def guard_rollup(self, query: GuardQuery) -> Sequence[GuardSums]:
        narrowed = self._narrowed(query)
        return () if narrowed is None else self._telemetry.guard_rollup(narrowed)

    def guard_marks(self, query: GuardQuery) -> Sequence[GuardMarks]:
        narrowed = self._narrowed(query)
        return () if narrowed is None else self._telemetry.guard_marks(narrowed)

    def mark(self, verdict: GuardVerdict, mark: Mark | None, *, at_us: int, by: str) -> GuardVerdict:
        """NotFound for one of a trace that is not seen."""
        trace = self.trace(verdict.trace_id)
        if trace is None or verdict.id not in {each.id for each in trace.verdicts}:
            raise NotFound(f"There is no verdict {verdict.id}.", remedy="Look at `verdicts` of the trace.")
        return self._telemetry.mark(verdict, mark, at_us=at_us, by=by)

    def _narrowed(self, query: GuardQuery) -> GuardQuery | None:
        """None: nothing of what is asked for is seen."""
        where: dict[GuardDimension, str] = dict(query.where)
        own: list[tuple[GuardDimension, str | None]] = [
            ("tenant_id", self._reach.tenant_id),
            ("environment_id", self._reach.environment_id),
        ]
        for dimension, value in own:
            if value is not None and where.setdefault(dimension, value) != value:
                return None
        return msgspec.structs.replace(query, where=where)

    def tallies(self, by: Literal["session_id", "user_id"], where: TraceFilter, **page: Any) -> Tallies:
        own = self._reach.environment_id
        if own is not None and where.environment_id not in (None, own):
            return Tallies((), 0)
        fields = {"tenant_id": self._reach.tenant_id, "environment_id": own}
        kept = {name: value for name, value in fields.items() if value is not None}
        return self._telemetry.tallies(by, msgspec.structs.replace(where, **kept), **page)

    def scores(
        self, since_us: int, until_us: int, *, name: str | None = None, after: tuple[int, str] | None = None, limit: int
    ) -> Sequence[Score]:
        """Of the traces that are seen."""
        found: list[Score] = []
        while True:
            page = self._telemetry.scores(since_us, until_us, name=name, after=after, limit=limit)
            traces = {each.trace_id: self.trace(each.trace_id) for each in page}
            for each in page:
                trace = traces[each.trace_id]
                if trace is not None:
                    read = all(self._reads(span) for span in trace.spans)
                    found.append(each if read else _wordless(each))
            if len(page) < limit or len(found) >= limit:
                return found[:limit]
            after = page[-1].created_us, page[-1].identifier

    def rollup(self, query: RollupQuery) -> Sequence[Rollup]:
        where: dict[Dimension, str] = dict(query.where)
        own: list[tuple[Dimension, str | None]] = [
            ("tenant_id", self._reach.tenant_id),
            ("environment_id", self._reach.environment_id),
        ]
        for dimension, value in own:
            if value is not None:
                if where.get(dimension, value) != value:
                    return ()
                where[dimension] = value
        return self._telemetry.rollup(msgspec.structs.replace(query, where=where))

    def since(self, head: int, *, limit: int = 500) -> tuple[int, Sequence[TraceRow]]:
        head, rows = self._telemetry.since(head, limit=limit)
        return head, [self._cut_row(row) for row in rows if self._sees(row.root)]

    def paid(self, since_us: int, until_us: int, *, after: int = 0, limit: int = 1000) -> tuple[int, Sequence[Paid]]:
        while True:
            after, found = self._telemetry.paid(since_us, until_us, after=after, limit=limit)
            own = [each for each in found if self._sees(each.span)]
            if own or not found:  # an empty answer says that this was all
                return after, own

    def corrections(self, *, limit: int = 20) -> Sequence[CorrectionRun]:
        return self._telemetry.corrections(limit=limit) if self._reach.tenant_id is None else ()

    def correct(self, corrections: Sequence[CostCorrection]) -> int:
        if self._reach.tenant_id not in (None, ORGANISATION_TENANT):
            raise Forbidden("Costs are corrected for all business units.", remedy="Ask an administrator.")
        return self._telemetry.correct(corrections)

    def _sees(self, span: Span) -> bool:
        reach = self._reach
        if reach.tenant_id is not None and span.tenant_id != reach.tenant_id:
            return False
        return reach.environment_id is None or span.environment_id == reach.environment_id

    def _cut_row(self, row: TraceRow) -> TraceRow:
        return msgspec.structs.replace(row, root=self._cut(row.root))

    def _cut(self, span: Span) -> Span:
        """Without what people wrote, where the caller may not read it."""
        if self._reads(span):
            return span
        return msgspec.structs.replace(span, input_preview="", output_preview="", content="none", error_message=None)

    def _reads(self, span: Span | GuardVerdict) -> bool:
        """What nobody knows the environment of counts as prod."""
        return self._kinds.get(span.environment_id or "", "prod") in self._reach.content


def check_rows(hub: Hub, reach: Reach, environments: Iterable[str]) -> None:
    """Rows that were made of traces of these environments, within a reach: as the traces are. Forbidden for a sandbox's
    key where they are of another environment, for other business units, and for whoever may not read what people
    wrote there."""
    own, named = reach.environment_id, set(environments)
    if own is not None and named - {own}:
        raise Forbidden(
            f"These rows are of traces of {', '.join(sorted(named - {own}))}, and a key of the sandbox {own!r} reads "
            "only its own.",
            remedy="Push rows that hold nothing that people wrote there, or use a key of another environment.",
            code="sandbox_data",
        )
    kinds: Mapping[str, EnvironmentKind] = {each.id: each.kind for each in hub.environments.list()} if named else {}
    others = reach.tenant_id is not None  # what is not among its own environments is another business unit's
    closed = sorted(
        each for each in named if (others and each not in kinds) or kinds.get(each, "prod") not in reach.content
    )
    if closed:
        raise Forbidden(
            f"These rows are of traces of {', '.join(closed)}, and your roles do not let you read what people wrote "
            "there.",
            remedy="Ask a data owner for rows that may be read outside of it: genaiops role list",
            code="content_not_allowed",
        )


def _bare(verdict: GuardVerdict) -> GuardVerdict:
    """Without names of fields that people chose, and what an error quotes."""
    event = verdict.event
    error = None if event.error is None else "not shown"
    return msgspec.structs.replace(verdict, event=msgspec.structs.replace(event, places=(), error=error))


def _wordless(score: Score) -> Score:
    return msgspec.structs.replace(score, comment="")
