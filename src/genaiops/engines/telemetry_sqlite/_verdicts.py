"""Verdicts of guards: their rows, pages of them, what people said of them."""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import GuardEvent, GuardVerdict, Mark, Span
from genaiops.engines.telemetry_sqlite._list import EVER
from genaiops.engines.telemetry_sqlite._names import NameIds, NameTexts
from genaiops.engines.telemetry_sqlite._rows import COLUMNS, from_row
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.verdicts import GuardMarks, GuardQuery, VerdictFilter, VerdictPage

_WINDOW = 50_000
"""Rows looked at for one page, when no index serves all conditions."""

_COLUMNS: Final = (
    "trace_id,call_id,start_us,tenant_id,environment_id,team_id,key_id,application,policy,digest,rule,detector,direction,"
    "action,shadow,kinds,provenance,places,count,score,duration_us,error"
)
_INSERT = (
    f"INSERT INTO guard_verdicts ({_COLUMNS}) VALUES ({', '.join('?' * (_COLUMNS.count(',') + 1))})"  # noqa: S608
    " ON CONFLICT (trace_id, call_id, policy, digest, rule, direction) DO NOTHING"
)
_SELECT = f"SELECT {_COLUMNS},mark,marked_us,marked_by,id FROM guard_verdicts"  # noqa: S608
_CURSOR = re.compile(r"(-?\d{1,19})\.(\d{1,18})")

_DRIVERS: Mapping[str, str] = {
    "key_id": "verdicts_by_key",
    "rule": "verdicts_by_rule",
    "action": "verdicts_by_action",
}
"""Columns of which one has an index by time, the rarest values first."""

_NAMED = ("policy", "rule", "detector", "action", "direction", "tenant_id", "environment_id", "key_id")

_kinds = msgspec.json.Decoder(dict[str, int]).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


def add(connection: sqlite3.Connection, verdicts: Sequence[GuardVerdict], ids: NameIds) -> Sequence[GuardVerdict]:
    """Those that were not there, in the open transaction."""
    if not verdicts:
        return ()
    last = connection.execute("SELECT max(id) FROM guard_verdicts").fetchone()[0] or 0
    rows = [_to_row(each, ids) for each in verdicts]  # before counting: new names are changes, too
    before = connection.total_changes
    connection.executemany(_INSERT, rows)
    if connection.total_changes - before == len(verdicts):
        return verdicts
    known = {_identity(each): each for each in reversed(verdicts)}
    texts = NameTexts(connection)
    inserted = connection.execute(f"{_SELECT} WHERE id > ?", (last,)).fetchall()
    return [known[_identity(_from_row(row, texts))] for row in inserted]


def _identity(verdict: GuardVerdict) -> tuple[object, ...]:
    event = verdict.event
    return verdict.trace_id, verdict.call_id, event.policy, event.rule, event.direction


def _to_row(verdict: GuardVerdict, ids: NameIds) -> tuple[object, ...]:
    event = verdict.event
    return (
        verdict.trace_id,
        verdict.call_id,
        verdict.start_us,
        ids[verdict.tenant_id],
        ids[verdict.environment_id],
        ids[verdict.team_id],
        ids[verdict.key_id],
        ids[verdict.application],
        ids[verdict.policy_name],
        ids[verdict.policy_digest],
        ids[event.rule],
        ids[event.detector],
        ids[event.direction],
        ids[event.action],
        event.shadow,
        msgspec.json.encode(event.kinds).decode(),
        msgspec.json.encode(event.provenance).decode(),
        msgspec.json.encode(event.places).decode() if event.places else None,
        verdict.count,
        event.score,
        event.duration_us,
        event.error,
    )


def _from_row(row: Sequence[Any], texts: NameTexts) -> GuardVerdict:
    name, digest = texts[row[8]], texts[row[9]]
    return GuardVerdict(
        trace_id=row[0],
        call_id=row[1],
        start_us=row[2],
        tenant_id=texts[row[3]] or "",
        environment_id=texts[row[4]],
        team_id=texts[row[5]],
        key_id=texts[row[6]],
        application=texts[row[7]],
        event=GuardEvent(
            policy=f"{name}@{digest}" if digest else name or "",
            rule=texts[row[10]] or "",
            detector=texts[row[11]] or "",
            direction=cast("Any", texts[row[12]]),
            action=cast("Any", texts[row[13]]),
            shadow=bool(row[14]),
            kinds=_kinds(row[15]),
            provenance=_texts(row[16]),
            places=() if row[17] is None else _texts(row[17]),
            score=row[19],
            duration_us=row[20],
            error=row[21],
        ),
        mark=cast("Mark | None", row[22]),
        marked_us=row[23],
        marked_by=row[24],
    )


# --- reading ---


def of_trace(session: Session, trace_id: bytes) -> list[GuardVerdict]:
    rows = session.figures.execute(f"{_SELECT} WHERE trace_id = ? ORDER BY id", (trace_id,))
    return [_from_row(row, session.texts) for row in rows.fetchall()]


def page(session: Session, where: VerdictFilter, cursor: str | None, limit: int) -> VerdictPage:
    conditions: dict[str, object] = {}
    for column in _NAMED:
        text: str | None = getattr(where, column)
        if text is None:
            continue
        number = session.texts.number(text)
        if number is None:
            return VerdictPage((), None)
        conditions[f"{column} = ?"] = number
    if where.shadow is not None:
        conditions["shadow = ?"] = where.shadow
    rest = [f"mark IS {'NOT ' if where.marked else ''}NULL"] if where.marked is not None else []
    column = next((each for each in _DRIVERS if f"{each} = ?" in conditions), None)
    index = "verdicts_by_start" if column is None else _DRIVERS[column]
    first = [] if column is None else [(f"{column} = ?", conditions.pop(f"{column} = ?"))]
    since, until = (bound or 0 for bound in (where.since_us, where.until_us))
    bounds: list[tuple[str, object]] = [
        ("start_us >= ?", EVER[0] if where.since_us is None else max(EVER[0], since)),
        ("start_us < ?", EVER[1] if where.until_us is None else min(EVER[1], until)),
    ]
    place = None if cursor is None else _place(cursor)
    after = "" if place is None else " AND (start_us, id) < (?, ?)"
    window = (
        f"SELECT id, start_us FROM guard_verdicts INDEXED BY {index}"  # noqa: S608
        f" WHERE {' AND '.join(sql for sql, _ in (*first, *bounds))}{after} ORDER BY start_us DESC, id DESC"
    )
    values = [*(value for _, value in (*first, *bounds)), *(place or ())]
    more = "".join(f" AND v.{sql}" for sql in (*conditions, *rest))
    rows = session.figures.execute(
        f"SELECT {', '.join(f'v.{name}' for name in _COLUMNS.split(','))}, v.mark, v.marked_us, v.marked_by, v.id"  # noqa: S608
        f" FROM ({window} LIMIT ?) AS w CROSS JOIN guard_verdicts AS v ON v.id = w.id WHERE 1{more}"
        " ORDER BY v.start_us DESC, v.id DESC LIMIT ?",
        (*values, _WINDOW, *conditions.values(), limit + 1),
    ).fetchall()
    found = [_from_row(row, session.texts) for row in rows[:limit]]
    if len(rows) > limit:
        return VerdictPage(found, f"{rows[limit - 1][2]}.{rows[limit - 1][25]}")
    last = session.figures.execute(f"{window} LIMIT 1 OFFSET ?", (*values, _WINDOW - 1)).fetchone()
    return VerdictPage(found, None if last is None else f"{last[1]}.{last[0]}")


def _place(cursor: str) -> tuple[int, int]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise UsageError(
            f"{cursor[:40]!r} is not a cursor of a list of verdicts.",
            remedy="Use `next` of the page before, unchanged.",
            param="cursor",
        )
    return max(EVER[0], min(int(match[1]), EVER[1])), int(match[2])


def marks(session: Session, query: GuardQuery) -> list[GuardMarks]:
    sql = ""
    values: list[object] = []
    for name, text in query.where.items():
        if name == "shadow":
            sql, values = f"{sql} AND shadow = ?", [*values, text != ""]
            continue
        number = session.texts.number(text) if text else None
        sql, values = f"{sql} AND {name} IS ?", [*values, number]
        if text and number is None:
            return []
    rows = session.figures.execute(
        "SELECT policy, rule, sum(mark = 'right'), sum(mark = 'false_alarm') FROM guard_verdicts"  # noqa: S608
        f" INDEXED BY verdicts_marked WHERE mark IS NOT NULL AND start_us >= ? AND start_us < ?{sql}"
        " GROUP BY policy, rule",
        (max(EVER[0], query.since_us), min(EVER[1], query.until_us), *values),
    ).fetchall()
    texts = session.texts
    return [GuardMarks(texts[row[0]] or "", texts[row[1]] or "", row[2], row[3]) for row in rows]


def call_of(connection: sqlite3.Connection, trace_id: bytes, call_id: bytes | None) -> Span:
    """The root span of a call of the gateway's. NotFound when there is none."""
    row = connection.execute(
        f"SELECT {', '.join(f's.{name}' for name in COLUMNS.split(','))} FROM spans AS s"  # noqa: S608
        " JOIN names AS k ON k.id = s.kind WHERE s.trace_id = :trace AND k.text = 'gateway'"
        " AND (:call IS NULL OR s.span_id = :call) ORDER BY s.start_us, s.span_id LIMIT 1",
        {"call": call_id, "trace": trace_id},
    ).fetchone()
    if row is None:
        raise NotFound(
            f"There is no call of the gateway in the trace {trace_id.hex()}.",
            remedy="A call becomes a trace within a second of its end; try again.",
            param="trace_id",
        )
    return from_row(row, NameTexts(connection))


# --- what people say ---


def mark(connection: sqlite3.Connection, verdict: GuardVerdict, said: Mark | None, at_us: int, by: str) -> GuardVerdict:
    """In the open transaction."""
    texts = NameTexts(connection)
    rows = connection.execute(f"{_SELECT} WHERE trace_id = ? AND call_id = ?", (verdict.trace_id, verdict.call_id))
    number = next((row[25] for row in rows.fetchall() if _from_row(row, texts).id == verdict.id), None)
    if number is None:
        raise NotFound(
            f"The trace {verdict.trace_id.hex()} has no verdict {verdict.id}.",
            remedy="Look at `verdicts` of the trace.",
            param="verdict",
        )
    values = (None, None, None) if said is None else (said, at_us, by)
    connection.execute(
        "UPDATE guard_verdicts SET mark = ?, marked_us = ?, marked_by = ? WHERE id = ?", (*values, number)
    )
    return msgspec.structs.replace(verdict, mark=values[0], marked_us=values[1], marked_by=values[2])


CLEAR_ALL: Final = (
    "UPDATE guard_verdicts SET places = NULL, error = CASE WHEN error IS NULL THEN NULL ELSE 'erased' END"
)
CLEAR: Final = f"{CLEAR_ALL} WHERE trace_id = ? AND call_id = ?"
"""What an erasure takes away: places may hold names of fields that people chose."""
