"""Costs that were found to be others later: the rows of spans stay, sums of traces and rollups follow."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.domain import Cost, CostCorrection, Span
from genaiops.engines.telemetry_sqlite._names import NameIds, NameTexts, SeriesIds
from genaiops.engines.telemetry_sqlite._rollups import MOST_NANO, correct_cost, place_of
from genaiops.engines.telemetry_sqlite._rows import COLUMNS, WIDTH, from_row
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.telemetry import CorrectionRun, Paid

_SPAN = ", ".join(f"s.{name}" for name in COLUMNS.split(","))
_LATEST = "LEFT JOIN corrections AS c ON c.id = (SELECT max(id) FROM corrections WHERE span = s.id)"
_COST = "c.id, c.cost_nano, c.currency, c.price_id, c.price_version"
_PAID = (
    f"SELECT {_SPAN}, {_COST}, s.id, (SELECT r.start_us FROM spans AS r WHERE r.trace_id = s.trace_id"  # noqa: S608
    f" AND r.span_id = s.parent_id AND r.root = 1) FROM spans AS s NOT INDEXED {_LATEST}"
    " WHERE s.id > ? AND s.start_us >= ? AND s.start_us < ? AND s.owns_usage = 1 ORDER BY s.id LIMIT ?"
)
_ONE = f"SELECT {_SPAN}, {_COST}, s.id FROM spans AS s {_LATEST} WHERE s.trace_id = ? AND s.span_id = ?"  # noqa: S608
_OF_TRACE = (
    "SELECT s.span_id, c.cost_nano, c.currency, c.price_id, c.price_version, c.created_us, c.created_by FROM spans AS s"
    " JOIN corrections AS c ON c.id = (SELECT max(id) FROM corrections WHERE span = s.id) WHERE s.trace_id = ?"
)


def _cost(row: Sequence[Any], span: Span) -> Cost | None:
    """The cost that counts, from the columns of _COST."""
    return span.cost if row[0] is None else Cost(row[1], row[2], row[3], row[4])


def of_trace(connection: sqlite3.Connection, trace_id: bytes) -> Mapping[bytes, tuple[Cost, int, str]]:
    """Span id -> corrected cost, when and by whom."""
    rows = connection.execute(_OF_TRACE, (trace_id,)).fetchall()
    return {row[0]: (Cost(row[1], row[2], row[3], row[4]), row[5], row[6]) for row in rows}


def runs(session: Session, limit: int) -> list[CorrectionRun]:
    sql = (
        "SELECT created_us, created_by, count(*) FROM corrections GROUP BY created_us, created_by"
        " ORDER BY created_us DESC, created_by LIMIT ?"
    )
    return [CorrectionRun(*row) for row in session.figures.execute(sql, (limit,)).fetchall()]


def paid(session: Session, since_us: int, until_us: int, after: int, limit: int) -> tuple[int, list[Paid]]:
    rows = session.figures.execute(_PAID, (after, since_us, until_us, limit)).fetchall()
    found: list[Paid] = []
    for row in rows:
        span = from_row(row, session.texts)
        call_start_us = row[WIDTH + 6]
        cost = _cost(row[WIDTH : WIDTH + 5], span)
        found.append(Paid(span, cost, span.start_us if call_start_us is None else call_start_us))
    return rows[-1][WIDTH + 5] if rows else after, found


def correct(
    connection: sqlite3.Connection, corrections: Sequence[CostCorrection], ids: NameIds, series: SeriesIds
) -> int:
    """In the open transaction."""
    texts = NameTexts(connection)
    applied = 0
    for each in corrections:
        row = connection.execute(_ONE, (each.trace_id, each.span_id)).fetchone()
        if row is None:
            continue
        span = from_row(row, texts)
        former = _cost(row[WIDTH : WIDTH + 5], span)
        if not span.owns_usage or former != each.former or each.cost == former:
            continue
        cost = each.cost
        connection.execute(
            "INSERT INTO corrections (span, cost_nano, currency, price_id, price_version, created_us, created_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row[WIDTH + 5], *msgspec.structs.astuple(cost), each.created_us, each.created_by),
        )
        known_before, before = _counted(former)
        known_now, now = _counted(cost)
        nano, unknown = now - before, known_before - known_now
        connection.execute(
            "UPDATE traces SET cost_nano = cost_nano + ?, cost_unknown = cost_unknown + ? WHERE trace_id = ?",
            (nano, unknown, each.trace_id),
        )
        correct_cost(connection, place_of(span, ids, series), nano, unknown)
        applied += 1
    return applied


def _counted(cost: Cost | None) -> tuple[int, int]:
    """(1 if known else 0, nano-units) as sums took them in."""
    return (0, 0) if cost is None or cost.nano is None else (1, min(cost.nano, MOST_NANO))
