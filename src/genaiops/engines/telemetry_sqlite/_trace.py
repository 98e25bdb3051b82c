"""One trace: its spans, their content across files, its scores; and the tail of new root spans."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.domain import Content, Score, Span
from genaiops.engines.telemetry_sqlite import _corrections, _verdicts
from genaiops.engines.telemetry_sqlite._files import DAY_US, ContentFile
from genaiops.engines.telemetry_sqlite._list import SELECT, to_trace_row
from genaiops.engines.telemetry_sqlite._rows import COLUMNS, from_row
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.telemetry import Recorded, Trace, TraceRow


def read_trace(session: Session, trace_id: bytes) -> Trace | None:
    rows = session.figures.execute(
        f"SELECT {COLUMNS} FROM spans WHERE trace_id = ? ORDER BY start_us, span_id",  # noqa: S608
        (trace_id,),
    ).fetchall()
    if not rows:
        return None
    spans = [from_row(row, session.texts) for row in rows]
    contents, scores = _contents(session, trace_id, spans), _scores(session, trace_id)
    corrected = _corrections.of_trace(session.figures, trace_id)
    recorded = {
        one.span_id.hex(): Recorded(one.cost, *corrected[one.span_id][1:]) for one in spans if one.span_id in corrected
    }
    if corrected:
        spans = [
            msgspec.structs.replace(one, cost=corrected[one.span_id][0]) if one.span_id in corrected else one
            for one in spans
        ]
    return Trace(trace_id, spans, contents, scores, recorded, _verdicts.of_trace(session, trace_id))


def _contents(session: Session, trace_id: bytes, spans: Sequence[Span]) -> dict[str, Content]:
    """By span id in hexadecimal. First the files of the days the spans began on; if any is missing, the outliers' files
    too.
    """
    expected = {span.span_id for span in spans if span.content not in ("none", "shed")}
    found: dict[str, Content] = {}
    if not expected:
        return found
    existing = set(session.content_files())
    days = {ContentFile(span.start_us // DAY_US) for span in spans if span.span_id in expected}
    for file in [*sorted(days & existing), *sorted(file for file in existing if file.outside)]:
        if len(found) == len(expected):
            break
        connection = session.content(file)
        if connection is None:
            continue
        rows = connection.execute(
            "SELECT span_id, start_us, body FROM payloads WHERE trace_id = ?", (trace_id,)
        ).fetchall()
        for span_id, start_us, body in rows:
            if span_id in expected and span_id.hex() not in found:
                found[span_id.hex()] = session.codec.unpack(body, (trace_id, span_id), start_us)
    return found


_SCORES = (
    "SELECT identifier, trace_id, span_id, name, value, label, source, comment, created_us, created_by FROM scores"
)
_SCORES_PLACED = _SCORES.replace(" FROM", ", rowid FROM")
_MANY = 500


def _scores(session: Session, trace_id: bytes) -> list[Score]:
    rows = session.figures.execute(f"{_SCORES} WHERE trace_id = ? ORDER BY created_us, identifier", (trace_id,))
    return [_score(row) for row in rows.fetchall()]


def score_of(session: Session, identifier: str) -> Score | None:
    row = session.figures.execute(f"{_SCORES} WHERE identifier = ?", (identifier,)).fetchone()
    return None if row is None else _score(row)


def scores(
    session: Session, period: tuple[int, int], name: str | None, after: tuple[int, str] | None, limit: int
) -> list[Score]:
    """Oldest first, behind the place `after`."""
    sql = f"{_SCORES} WHERE created_us >= ? AND created_us < ?"
    values: list[object] = [*period]
    if name is not None:
        sql += " AND name = ?"
        values.append(name)
    if after is not None:
        sql += " AND (created_us, identifier) > (?, ?)"
        values += after
    rows = session.figures.execute(f"{sql} ORDER BY created_us, identifier LIMIT ?", (*values, limit))
    return [_score(row) for row in rows.fetchall()]


def score_place(session: Session) -> int:
    """No score is ever deleted, so that places are as they were also in a file that was written anew."""
    return session.figures.execute("SELECT max(rowid) FROM scores").fetchone()[0] or 0


def scores_written(
    session: Session, period: tuple[int, int], names: Sequence[str], limit: int
) -> tuple[int, list[Score]]:
    after, until = period
    listed = ", ".join("?" * len(names))
    rows = session.figures.execute(
        f"{_SCORES_PLACED} WHERE rowid > ? AND rowid <= ? AND name IN ({listed}) ORDER BY rowid LIMIT ?",
        (after, until, *names, limit),
    ).fetchall()
    return (rows[-1][-1] if len(rows) == limit else until), [_score(row[:-1]) for row in rows]


def scores_of(session: Session, trace_ids: Sequence[bytes], names: Sequence[str]) -> list[Score]:
    listed = ", ".join("?" * len(names))
    found: list[Score] = []
    for at in range(0, len(trace_ids), _MANY):
        some = trace_ids[at : at + _MANY]
        marks = ", ".join("?" * len(some))
        rows = session.figures.execute(
            f"{_SCORES} WHERE trace_id IN ({marks}) AND name IN ({listed}) ORDER BY rowid", (*some, *names)
        )
        found += [_score(row) for row in rows.fetchall()]
    return found


def _score(row: Sequence[Any]) -> Score:
    names = ("identifier", "trace_id", "span_id", "name", "value", "label", "source", "comment")
    return Score(**dict(zip((*names, "created_us", "created_by"), row, strict=True)))


def head(session: Session) -> int:
    return session.figures.execute("SELECT max(id) FROM spans").fetchone()[0] or 0


def place_before(session: Session, start_us: int) -> int:
    """Spans of a call are written together, the parts of one before the next one's."""
    first = session.figures.execute(
        "SELECT min(id) FROM spans INDEXED BY spans_by_start WHERE root = 1 AND start_us >= ?", (start_us,)
    ).fetchone()[0]
    if first is None:
        return head(session)
    of_it = "SELECT min(id) FROM spans WHERE trace_id = (SELECT trace_id FROM spans WHERE id = ?)"
    return int(session.figures.execute(of_it, (first,)).fetchone()[0]) - 1


def rows_since(session: Session, after: int, limit: int) -> tuple[int, list[TraceRow]]:
    """Root spans with an id above `after` in order of writing, and up to where they were read."""
    reached = max(head(session), after)
    rows = session.figures.execute(
        f"{SELECT}, s.id FROM spans AS s NOT INDEXED CROSS JOIN traces AS t ON t.trace_id = s.trace_id"
        " WHERE s.id > ? AND s.id <= ? AND s.root = 1 ORDER BY s.id LIMIT ?",
        (after, reached, limit),
    ).fetchall()
    if len(rows) == limit:
        reached = rows[-1][-1]
    return reached, [to_trace_row(row, session.texts) for row in rows]


def written_since(session: Session, after: int, limit: int) -> tuple[int, list[tuple[Span, Content | None]]]:
    rows = session.figures.execute(
        f"SELECT {COLUMNS}, id FROM spans NOT INDEXED WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
        (after, limit),
    ).fetchall()
    spans = [from_row(row, session.texts) for row in rows]
    by_trace: dict[bytes, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    contents = {
        (trace_id, span_id): content
        for trace_id, members in by_trace.items()
        for span_id, content in _contents(session, trace_id, members).items()
    }
    place = rows[-1][-1] if rows else after
    return place, [(span, contents.get((span.trace_id, span.span_id.hex()))) for span in spans]
