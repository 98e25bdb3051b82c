"""Lists of root spans by the text of their content, with all other filters.

A row stands where its newest matching span stands (for calls through the gateway: the root span itself carries the
content), and `since` and `until` hold for both. A matching span belongs to the nearest root span above it; where a
parent is missing, to the first root span of its trace. A row occurs once, however many of its spans match.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from genaiops.engines.telemetry_sqlite._files import DAY_US, ContentFile
from genaiops.engines.telemetry_sqlite._list import SELECT, conditions, encode_cursor, few_traces, period, to_trace_row
from genaiops.engines.telemetry_sqlite._matches import Match, Place, match_expression, matches, matches_in
from genaiops.engines.telemetry_sqlite._payloads import SpanKey
from genaiops.engines.telemetry_sqlite._rows import WIDTH, WITHOUT_PAYLOAD
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.telemetry import Page, TraceFilter, TraceRow

_BUDGET = 10_000
"""Matches looked at for one page. A page may so be short, or empty, and still have a `next`."""

_CHUNK = 64
_DEEPEST = 256
"""Parents followed upwards; a chain that is longer, or a ring, counts as broken."""


def list_by_text(session: Session, where: TraceFilter, before: Place | None, limit: int) -> Page:
    expression = match_expression(where.text or "")
    assert expression is not None
    reading = _Reading(session, where, expression, before)
    since_us, until_us = period(where)
    if reading.impossible or since_us >= until_us:
        return Page((), None)
    few = few_traces(session, where)
    if few is None:
        stream = matches(session, expression, since_us=since_us, until_us=until_us, before=before)
    else:
        stream = matches_in(session, expression, few, since_us=since_us, until_us=until_us, before=before)
    rows: list[TraceRow] = []
    looked_at, place = 0, before
    while chunk := list(islice(stream, _CHUNK)):
        for match, row in reading.rows(chunk):
            if len(rows) == limit:  # there is one more, so the page has a next
                return Page(rows, None if place is None else encode_cursor(place))
            rows.append(row)
            place = match.place
        looked_at += len(chunk)
        if looked_at >= _BUDGET:
            return Page(rows, encode_cursor(chunk[-1].place))
    return Page(rows, None)


class _Reading:
    """From matching spans to the rows they stand for."""

    def __init__(self, session: Session, where: TraceFilter, expression: str, before: Place | None) -> None:
        self._session = session
        self._expression = expression
        self._before = before
        wanted = conditions(where, session.texts)
        self.impossible = wanted is None
        sql, values = "", list[object]()
        for condition in wanted or ():
            sql += f" AND {condition.sql}"
            values += condition.values
        self._sql = (
            f"{SELECT} FROM spans AS s INDEXED BY spans_by_trace JOIN traces AS t ON t.trace_id = s.trace_id"
            f" WHERE s.trace_id = ? AND s.span_id = ? AND s.root = 1{sql} AND s.start_us >= ? AND s.start_us < ?"
        )
        self._values = [*values, *period(where)]
        self._until_us = period(where)[1]
        self._roots: dict[SpanKey, SpanKey | None] = {}
        self._shown: set[SpanKey] = set()

    def rows(self, chunk: Sequence[Match]) -> list[tuple[Match, TraceRow]]:
        found: list[tuple[Match, TraceRow]] = []
        for match in chunk:
            root = self._root((match.trace_id, match.place.span_id))
            if root is None or root in self._shown:
                continue
            values = (*root, *self._values)
            row = self._session.figures.execute(self._sql, values).fetchone()
            if row is None or self._shown_before(root, row):
                continue
            self._shown.add(root)
            found.append((match, to_trace_row(row, self._session.texts)))
        return found

    def _root(self, key: SpanKey) -> SpanKey | None:
        """The root span that the span belongs to; None when no figures of it are there (a writer died before they were
        written).
        """
        if key not in self._roots:
            self._roots[key] = self._find_root(key)
        return self._roots[key]

    def _find_root(self, key: SpanKey) -> SpanKey | None:
        trace_id, span_id = key
        for depth in range(_DEEPEST):
            span = self._one(
                "SELECT root, parent_id FROM spans WHERE trace_id = ? AND span_id = ?", (trace_id, span_id)
            )
            if span is None:
                if depth == 0:
                    return None
                break
            if span[0]:
                return trace_id, span_id
            span_id = span[1]
        first = self._one(
            "SELECT span_id FROM spans WHERE trace_id = ? AND root = 1 ORDER BY start_us, span_id LIMIT 1", (trace_id,)
        )
        return None if first is None else (trace_id, first[0])

    def _shown_before(self, root: SpanKey, row: Sequence[Any]) -> bool:
        """Whether a newer span of the same root matches too, on a page before this one: it has shown the row."""
        if self._before is None or row[WIDTH + 5] == 1:  # the trace's only span
            return False
        newer = self._session.figures.execute(
            "SELECT span_id, start_us FROM spans WHERE trace_id = ? AND start_us >= ? AND start_us < ?"  # noqa: S608
            f" AND content NOT IN {WITHOUT_PAYLOAD}",
            (root[0], self._before.start_us, self._until_us),
        ).fetchall()
        return any(
            Place(start_us, span_id) >= self._before
            and self._root((root[0], span_id)) == root
            and self._matches((root[0], span_id), start_us)
            for span_id, start_us in newer
        )

    def _matches(self, key: SpanKey, start_us: int) -> bool:
        files = [ContentFile(start_us // DAY_US), *(file for file in self._session.content_files() if file.outside)]
        for file in files:
            connection = self._session.content(file)
            if connection is None:
                continue
            payload = connection.execute("SELECT id FROM payloads WHERE trace_id = ? AND span_id = ?", key).fetchone()
            if payload is not None:
                sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
                return connection.execute(sql, (self._expression, payload[0])).fetchone() is not None
        return False

    def _one(self, sql: str, values: Sequence[object]) -> Any:
        return self._session.figures.execute(sql, values).fetchone()
