"""What is kept of one person, and taking it away: content first, so that a crash leaves the way to it."""

import sqlite3
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from genaiops.core.ids import new_id
from genaiops.domain import Belongings, Content, Erasure, Person, blobs_of
from genaiops.engines.telemetry_sqlite import _rows, _verdicts
from genaiops.engines.telemetry_sqlite._connections import empty_log, store_errors, synced, transaction, vacuum
from genaiops.engines.telemetry_sqlite._files import file_named
from genaiops.engines.telemetry_sqlite._payloads import SpanKey
from genaiops.engines.telemetry_sqlite._store import SqliteTelemetry, Writer
from genaiops.ports.persons import ErasedNow, Unfinished

FIGURES = "figures.db"
_WINDOW = 50_000
"""Spans looked at in one go: only root spans stand in the index by user."""

_CONTENT = f"s.content NOT IN {_rows.WITHOUT_PAYLOAD} AND s.content <> {_rows.ERASED}"
_CLEAR = (
    "UPDATE spans SET user_id = NULL, user_verified = 0, session_id = NULL, request_id = NULL, error_message = NULL,"  # noqa: S608
    f" input_preview = NULL, output_preview = NULL, content = CASE WHEN content IN {_rows.WITHOUT_PAYLOAD}"
    f" THEN content ELSE {_rows.ERASED} END WHERE id = ?"
)


class _Open(msgspec.Struct, frozen=True):
    """What an erasure has to remember until it ends."""

    blobs: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


class _Own(NamedTuple):
    id: int
    key: SpanKey
    start_us: int


class SqlitePersons:
    """The Persons port, on the files of a SqliteTelemetry that is open for writing."""

    def __init__(self, telemetry: SqliteTelemetry) -> None:
        self._telemetry = telemetry

    # --- reading ---

    def belongings(self, person: Person) -> Belongings:
        with self._telemetry.reading() as session:
            tenant = _tenant(session.figures, person)
            if tenant == ():
                return Belongings()
            condition = "s.user_id = ?" + (" AND s.tenant_id = ?" if tenant else "")
            values = (person.user_id, *(tenant or ()))
            row = session.figures.execute(
                f"WITH own AS MATERIALIZED (SELECT DISTINCT trace_id FROM spans AS s NOT INDEXED WHERE {condition})"  # noqa: S608
                " SELECT (SELECT count(*) FROM own), count(*), sum("
                f"{_CONTENT}), count(DISTINCT s.session_id), min(s.start_us), max(s.start_us),"
                " (SELECT count(*) FROM scores WHERE trace_id IN (SELECT trace_id FROM own)),"
                " (SELECT count(*) FROM scores WHERE comment <> '' AND trace_id IN (SELECT trace_id FROM own))"
                " FROM own AS o CROSS JOIN spans AS s INDEXED BY spans_by_trace ON s.trace_id = o.trace_id"
                " WHERE (s.user_id IS NULL OR s.user_id = ?)" + (" AND s.tenant_id = ?" if tenant else ""),
                (*values, *values),
            ).fetchone()
        return Belongings(
            traces=row[0],
            spans=row[1],
            contents=row[2] or 0,
            sessions=row[3],
            first_us=row[4],
            last_us=row[5],
            scores=row[6],
            comments=row[7],
        )

    def traces_of(self, person: Person, *, after: int = 0, limit: int = 100) -> tuple[int, Sequence[bytes]]:
        found: dict[bytes, None] = {}
        with self._telemetry.reading() as session:
            tenant = _tenant(session.figures, person)
            head = session.figures.execute("SELECT max(id) FROM spans").fetchone()[0] or 0
            while after < head and len(found) < limit and tenant != ():
                rows = session.figures.execute(
                    "SELECT id, trace_id FROM spans NOT INDEXED WHERE id > ? AND id <= ? AND user_id = ?"  # noqa: S608
                    + (" AND tenant_id = ?" if tenant else "")
                    + " ORDER BY id LIMIT ?",
                    (after, after + _WINDOW, person.user_id, *(tenant or ()), limit),
                ).fetchall()
                found |= dict.fromkeys(trace_id for _, trace_id in rows)
                after = rows[-1][0] if len(rows) == limit else min(after + _WINDOW, head)
        return after, list(found)

    def erasures(self, *, limit: int = 100) -> Sequence[Erasure]:
        with self._telemetry.reading() as session:
            rows = session.figures.execute(
                "SELECT body FROM erasures ORDER BY begun_us DESC, id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [msgspec.json.decode(row[0], type=Erasure) for row in rows]

    def unfinished(self) -> Sequence[Unfinished]:
        with self._telemetry.reading() as session:
            rows = session.figures.execute(
                "SELECT body, user_id, open FROM erasures WHERE finished = 0 ORDER BY begun_us, id"
            ).fetchall()
        found: list[Unfinished] = []
        for body, user_id, packed in rows:
            erasure, kept = msgspec.json.decode(body, type=Erasure), _unpacked(packed)
            found.append(Unfinished(erasure, Person(user_id, erasure.tenant_id), kept.blobs, kept.parts))
        return found

    # --- writing ---

    def begin(self, erasure: Erasure, person: Person) -> None:
        opened = msgspec.msgpack.encode(_Open(parts=frozenset({FIGURES})))
        with self._telemetry.writing() as writer:
            figures = writer.figures
            with store_errors(figures.path), synced(figures.connection, durable=True), transaction(figures.connection):
                figures.connection.execute(
                    "INSERT INTO erasures (id, begun_us, finished, body, user_id, open) VALUES (?, ?, 0, ?, ?, ?)",
                    (erasure.id, erasure.begun_us, _text(erasure), person.user_id, opened),
                )

    def keep(self, erasure: Erasure) -> None:
        over = erasure.finished_us is not None
        with self._telemetry.writing() as writer:
            figures = writer.figures
            with store_errors(figures.path):
                figures.connection.execute("PRAGMA secure_delete = ON")
                with synced(figures.connection, durable=True), transaction(figures.connection):
                    figures.connection.execute(
                        "UPDATE erasures SET body = ?, finished = ? WHERE id = ?", (_text(erasure), over, erasure.id)
                    )
                    if over:
                        figures.connection.execute(
                            "UPDATE erasures SET user_id = NULL, open = NULL WHERE id = ?", (erasure.id,)
                        )
            if over:
                empty_log(figures.connection, figures.path)

    def rewrite(self, part: str) -> None:
        file = file_named(part)
        with self._telemetry.writing() as writer:
            if file is not None:
                writer.payloads.rewrite(file)
            elif part == FIGURES:
                vacuum(writer.figures.connection, writer.figures.path)

    def erase(
        self, erasure_id: str, person: Person, traces: Sequence[bytes], remains: Callable[[Content], Content]
    ) -> ErasedNow:
        with self._telemetry.writing() as writer:
            figures = writer.figures
            with store_errors(figures.path):
                own = [each for trace_id in traces for each in _own(figures.connection, trace_id, person)]
            contents = writer.payloads.find([(each.key, each.start_us) for each in own])
            changed = [(file, each, now) for file, each in contents if (now := remains(each)) != each]
            if changed:
                self._remember(writer, erasure_id, _blobs_gone(changed), {file.name for file, _, _ in changed})
            for file, members in groupby(sorted(changed, key=lambda each: each[0]), key=lambda each: each[0]):
                writer.payloads.replace(file, [(former, now) for _, former, now in members])
            with store_errors(figures.path):
                figures.connection.execute("PRAGMA secure_delete = ON")
                with synced(figures.connection, durable=True), transaction(figures.connection):
                    figures.connection.executemany(_CLEAR, [(each.id,) for each in own])
                    figures.connection.executemany(_verdicts.CLEAR, [each.key for each in own])
                    comments = sum(_clear_scores(figures.connection, trace_id, own, person) for trace_id in traces)
        return ErasedNow(len(traces), len(own), len(changed), comments)

    def await_blobs(self, erasure_id: str, blobs: AbstractSet[str]) -> None:
        if blobs:
            with self._telemetry.writing() as writer:
                self._remember(writer, erasure_id, frozenset(blobs), set())

    @staticmethod
    def _remember(writer: Writer, erasure_id: str, blobs: frozenset[str], parts: set[str]) -> None:
        """Before the content goes that says so."""
        figures = writer.figures
        with store_errors(figures.path), synced(figures.connection, durable=True), transaction(figures.connection):
            row = figures.connection.execute("SELECT open FROM erasures WHERE id = ?", (erasure_id,)).fetchone()
            kept = _unpacked(row[0])
            packed = msgspec.msgpack.encode(_Open(kept.blobs | blobs, kept.parts | parts))
            figures.connection.execute("UPDATE erasures SET open = ? WHERE id = ?", (packed, erasure_id))


def _blobs_gone(changed: Sequence[tuple[Any, Content, Content]]) -> frozenset[str]:
    return frozenset(digest for _, former, now in changed for digest in blobs_of(former) - blobs_of(now))


def _tenant(connection: sqlite3.Connection, person: Person) -> tuple[int, ...] | None:
    """Its number, None for all of them; empty when nothing was ever written for that one."""
    if person.tenant_id is None:
        return None
    row = connection.execute("SELECT id FROM names WHERE text = ?", (person.tenant_id,)).fetchone()
    return () if row is None else (row[0],)


def _own(connection: sqlite3.Connection, trace_id: bytes, person: Person) -> list[_Own]:
    """The spans of the trace that are the person's: theirs, and those that name nobody."""
    rows = connection.execute(
        "SELECT s.id, s.span_id, s.start_us FROM spans AS s JOIN names AS t ON t.id = s.tenant_id"
        " WHERE s.trace_id = ? AND (s.user_id IS NULL OR s.user_id = ?) AND (? IS NULL OR t.text = ?)",
        (trace_id, person.user_id, person.tenant_id, person.tenant_id),
    ).fetchall()
    return [_Own(row[0], (trace_id, row[1]), row[2]) for row in rows]


def _clear_scores(connection: sqlite3.Connection, trace_id: bytes, own: Sequence[_Own], person: Person) -> int:
    """How many comments went. An identifier that names the person is replaced."""
    spans = {each.key[1] for each in own if each.key[0] == trace_id}
    gone = 0
    rows = connection.execute("SELECT identifier, span_id, comment FROM scores WHERE trace_id = ?", (trace_id,))
    for identifier, span_id, comment in rows.fetchall():
        if span_id is not None and span_id not in spans:
            continue
        gone += bool(comment)
        named = person.user_id in identifier
        if comment or named:
            connection.execute(
                "UPDATE scores SET comment = '', identifier = ? WHERE identifier = ?",
                (new_id("score") if named else identifier, identifier),
            )
    return gone


def _unpacked(packed: bytes | None) -> _Open:
    return _Open() if packed is None else msgspec.msgpack.decode(packed, type=_Open)


def _text(erasure: Erasure) -> str:
    return msgspec.json.encode(erasure).decode()
