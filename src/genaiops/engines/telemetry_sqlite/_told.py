"""Spans that other programs told of: how they stand among those that are there, decided inside the transaction that
writes them.

Only spans of the same tenant count as relatives: nobody's spans change the sums of another's.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.domain import MODEL_CALLS, Cost, Node, Span, Standing, standings
from genaiops.engines.telemetry_sqlite import _corrections
from genaiops.engines.telemetry_sqlite._names import NameTexts
from genaiops.engines.telemetry_sqlite._payloads import SpanKey
from genaiops.engines.telemetry_sqlite._placed import NOTHING, Change, Placed
from genaiops.engines.telemetry_sqlite._rows import COLUMNS, from_row

OURS = "genaiops"
"""The dialect of what the gateway wrote."""

SKEW_US = 60_000_000
"""How far the clocks of a client and of this machine may differ, where only an answer's id tells that two spans are of
one call."""

_SPAN = ", ".join(f"s.{name}" for name in COLUMNS.split(","))
_RELATIVES = (
    "SELECT s.span_id, s.parent_id, k.text, d.text, s.input_uncached IS NOT NULL, s.root, s.called, s.owns_usage"
    " FROM spans AS s JOIN names AS k ON k.id = s.kind JOIN names AS d ON d.id = s.dialect"
    " WHERE s.trace_id = ? AND s.tenant_id = ?"
)
_SAME_ANSWER = (
    "SELECT s.trace_id, s.span_id, d.text FROM spans AS s INDEXED BY spans_by_response"
    " JOIN names AS d ON d.id = s.dialect"
    " WHERE s.owns_usage = 1 AND s.response_id = ? AND s.tenant_id = ? AND s.start_us < ?"
    " AND s.start_us + s.duration_us > ?"
)
_OUR_ANSWERS = (
    "SELECT s.response_id, s.tenant_id, s.start_us, s.duration_us FROM json_each(?) AS one"
    " CROSS JOIN spans AS s INDEXED BY spans_by_response ON s.response_id = one.value"
    " WHERE s.owns_usage = 1 AND s.dialect = ?"
)


class Relations:
    """Held by the one writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts = NameTexts(connection)
        self._any: bool | None = None

    def place(self, spans: Sequence[Span]) -> Placed:
        """For spans about to be inserted, in the open transaction."""
        told = [span for span in spans if span.dialect != OURS]
        if not told and not self._has_told():
            return NOTHING
        if told and not self._has_told():
            self._connection.execute("INSERT INTO meta VALUES ('told', 1)")
            self._any = True
        traces = dict.fromkeys((span.tenant_id, span.trace_id) for span in told)
        traces |= dict.fromkeys((one.tenant_id, one.trace_id) for one in spans if one.dialect == OURS)
        placed = Placed({}, [])
        new: dict[tuple[str, bytes], dict[bytes, Span]] = {key: {} for key in traces}
        for span in spans:
            if (span.tenant_id, span.trace_id) in new:
                new[span.tenant_id, span.trace_id].setdefault(span.span_id, span)
        answered = self._answered(spans)
        for (tenant, trace_id), members in new.items():
            self._place_trace((tenant, trace_id), members, answered, placed)
        self._place_elsewhere(spans, placed)
        return placed

    def forget(self) -> None:
        """After a rollback."""
        self._any = None
        self._texts = NameTexts(self._connection)

    def _has_told(self) -> bool:
        """Whether anybody but the gateway ever told of anything: where nobody did, nothing is looked up."""
        if self._any is None:
            sql = "SELECT 1 FROM meta WHERE name = 'told'"
            self._any = self._connection.execute(sql).fetchone() is not None
        return self._any

    def _place_trace(
        self,
        trace: tuple[str, bytes],
        members: dict[bytes, Span],
        answered: set[SpanKey],
        placed: Placed,
    ) -> None:
        tenant, trace_id = trace
        there: dict[bytes, Standing] = {}
        nodes: dict[bytes, Node] = {}
        number = self._texts.number(tenant)
        rows = self._connection.execute(_RELATIVES, (trace_id, number)).fetchall() if number is not None else []
        for span_id, parent_id, kind, dialect, has_usage, root, called, owns in rows:
            nodes[span_id] = _node(parent_id, kind, dialect, has_usage=bool(has_usage))
            if dialect != OURS:
                there[span_id] = Standing(bool(root), bool(called), bool(owns))
                # What was found to be the same call as another span of elsewhere stays so.
                nodes[span_id].told = bool(has_usage) and not called and not owns
        for span_id, span in members.items():
            if span_id not in nodes:
                nodes[span_id] = _node(span.parent_id, span.kind, span.dialect, has_usage=span.usage is not None)
                nodes[span_id].told = (trace_id, span_id) in answered
        for span_id, standing in standings(nodes).items():
            before = there.get(span_id)
            if before is None:
                placed.standing[trace_id, span_id] = standing
            elif before != standing:
                placed.changes.append(self._change((trace_id, span_id), before, standing))

    def _answered(self, spans: Sequence[Span]) -> set[SpanKey]:
        """Those of them that the gateway told of already, by the id of the answer."""
        told: dict[str, list[Span]] = {}
        for span in spans:
            if span.dialect != OURS and span.usage is not None and span.response_id:
                told.setdefault(span.response_id, []).append(span)
        if not told or self._texts.number(OURS) is None:
            return set()
        ids = msgspec.json.encode(list(told)).decode()  # all in one question: each by itself takes 10 us
        answers = self._connection.execute(_OUR_ANSWERS, (ids, self._texts.number(OURS))).fetchall()
        return {
            (span.trace_id, span.span_id)
            for response_id, tenant, start_us, duration_us in answers
            for span in told.get(response_id, ())
            if self._texts[tenant] == span.tenant_id
            and start_us < span.start_us + span.duration_us + SKEW_US
            and start_us + duration_us > span.start_us - SKEW_US
        }

    def _place_elsewhere(self, spans: Sequence[Span], placed: Placed) -> None:
        """What others told, in traces of their own, of calls that the gateway tells of now."""
        changed = {(one.span.trace_id, one.span.span_id) for one in placed.changes}
        for span in spans:
            if span.dialect != OURS or not span.owns_usage or not span.response_id:
                continue
            for trace_id, span_id, dialect in self._same_answer(span):
                key = (trace_id, span_id)
                if dialect == OURS or key in changed:
                    continue
                changed.add(key)
                before = self._connection.execute(
                    "SELECT root, called, owns_usage FROM spans WHERE trace_id = ? AND span_id = ?", key
                ).fetchone()
                standing = Standing(bool(before[0]), bool(before[1]), bool(before[2]))
                now = Standing(standing.root, called=False, owns=False)
                placed.changes.append(self._change(key, standing, now))

    def _same_answer(self, span: Span) -> list[tuple[bytes, bytes, str]]:
        number = self._texts.number(span.tenant_id)
        if number is None:
            return []
        end = span.start_us + span.duration_us
        values = (span.response_id, number, end + SKEW_US, span.start_us - SKEW_US)
        return self._connection.execute(_SAME_ANSWER, values).fetchall()

    def _change(self, key: SpanKey, before: Standing, now: Standing) -> Change:
        sql = f"SELECT {_SPAN} FROM spans AS s WHERE s.trace_id = ? AND s.span_id = ?"  # noqa: S608
        span = from_row(self._connection.execute(sql, key).fetchone(), self._texts)
        corrected: Cost | None = _corrections.of_trace(self._connection, key[0]).get(key[1], (span.cost,))[0]
        self._connection.execute(
            "UPDATE spans SET root = ?, called = ?, owns_usage = ? WHERE trace_id = ? AND span_id = ?",
            (now.root, now.called, now.owns, *key),
        )
        return Change(msgspec.structs.replace(span, cost=corrected), before, now)


def _node(parent_id: bytes | None, kind: Any, dialect: str, *, has_usage: bool) -> Node:
    ours = dialect == OURS
    return Node(
        parent_id=parent_id,
        ours=ours,
        gateway=ours and kind == "gateway",
        model_call=kind in MODEL_CALLS,
        has_usage=has_usage,
    )
