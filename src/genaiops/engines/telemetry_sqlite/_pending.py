"""Calls that rules of guards have yet to look at."""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from genaiops.domain import PendingJudgement
from genaiops.engines.telemetry_sqlite._sessions import Session

_ADD = "INSERT OR IGNORE INTO guard_pending (trace_id, call_id, start_us, rules) VALUES (?, ?, ?, ?)"
_REMOVE = "DELETE FROM guard_pending WHERE trace_id = ? AND call_id = ?"
_OLDEST = "SELECT trace_id, call_id, start_us, rules FROM guard_pending ORDER BY id LIMIT ?"
_rules = msgspec.json.Decoder(tuple[str, ...]).decode


def add(connection: sqlite3.Connection, pending: Sequence[PendingJudgement]) -> None:
    if pending:
        rows = [
            (each.trace_id, each.call_id, each.start_us, msgspec.json.encode(each.rules).decode()) for each in pending
        ]
        connection.executemany(_ADD, rows)


def remove(connection: sqlite3.Connection, done: Iterable[PendingJudgement]) -> None:
    connection.executemany(_REMOVE, [(each.trace_id, each.call_id) for each in done])


def oldest(session: Session, limit: int) -> Sequence[PendingJudgement]:
    rows = session.figures.execute(_OLDEST, (limit,)).fetchall()
    return [PendingJudgement(trace_id, call_id, start_us, _rules(rules)) for trace_id, call_id, start_us, rules in rows]
