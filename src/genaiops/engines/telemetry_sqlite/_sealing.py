"""Copies of the store's files with what people said sealed under keys of their own, and opened again.

A sealed copy has a table `sealed` that names whose each box is; the full-text index is empty, and made anew on opening.
What no key opens becomes what an erasure leaves.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import msgspec

from genaiops.domain import Content, blobs_of
from genaiops.engines.telemetry_sqlite import _rows, _verdicts
from genaiops.engines.telemetry_sqlite._connections import store_errors, transaction
from genaiops.engines.telemetry_sqlite._payloads import BodyCodec

_COLUMNS = ("user_id", "session_id", "request_id", "error_message", "input_preview", "output_preview")
_PAGE = 500


class Sealer(Protocol):
    def person(self, user_id: str) -> bytes: ...
    def seal(self, person: bytes, tenant: str, data: bytes, about: bytes) -> bytes: ...


class Opener(Protocol):
    def open(self, person: bytes, tenant: str, box: bytes, about: bytes) -> bytes | None: ...


Owner = tuple[str, str]
"""(business unit, user id; empty: nobody's)"""


class Owners:
    """Whose spans are, by a copy of figures.db that is not sealed yet: of who is named, else of who else is in the
    trace."""

    def __init__(self, figures: sqlite3.Connection) -> None:
        self._connection = figures

    def of(self, trace_id: bytes, span_id: bytes | None) -> Owner:
        rows = self._connection.execute(
            "SELECT s.span_id, s.user_id, t.text FROM spans AS s JOIN names AS t ON t.id = s.tenant_id"
            " WHERE s.trace_id = ? ORDER BY s.start_us, s.span_id",
            (trace_id,),
        ).fetchall()
        own = next((row for row in rows if row[0] == span_id), rows[0] if rows else None)
        if own is None:
            return "", ""
        named = own[1] or next((row[1] for row in rows if row[1] and row[2] == own[2]), None)
        return own[2], named or ""


def seal_content(path: Path, owners: Owners, sealer: Sealer) -> dict[str, set[Owner]]:
    """The file at that path, which nobody else has open. Blobs that its content refers to, and whose they are."""
    blobs: dict[str, set[Owner]] = {}
    codec = BodyCodec()
    with store_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")  # it is a copy: when this fails, another is made
        connection.execute("CREATE TABLE sealed (id INTEGER PRIMARY KEY, person BLOB NOT NULL, tenant TEXT NOT NULL)")
        last = -1
        while rows := connection.execute(
            "SELECT id, trace_id, span_id, body FROM payloads WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)
        ).fetchall():
            with transaction(connection):
                for number, trace_id, span_id, body in rows:
                    owner = owners.of(trace_id, span_id)
                    for digest in blobs_of(codec.unpack(body, (trace_id, span_id), 0)):
                        blobs.setdefault(digest, set()).add(owner)
                    person = sealer.person(owner[1])
                    box = sealer.seal(person, owner[0], body, trace_id + span_id)
                    connection.execute("UPDATE payloads SET body = ? WHERE id = ?", (box, number))
                    connection.execute("INSERT INTO sealed VALUES (?, ?, ?)", (number, person, owner[0]))
            last = rows[-1][0]
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        connection.execute("VACUUM")
    return blobs


def seal_figures(path: Path, sealer: Sealer) -> None:
    """Likewise: users, sessions, previews, messages of errors, comments of scores, places of verdicts."""
    with store_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute(
            "CREATE TABLE sealed (what TEXT NOT NULL, id NOT NULL, person BLOB NOT NULL, tenant TEXT NOT NULL,"
            " box BLOB NOT NULL, PRIMARY KEY (what, id)) WITHOUT ROWID"
        )
        connection.execute("DELETE FROM erasures WHERE finished = 0")
        owners = Owners(connection)
        with transaction(connection):
            _seal_scores(connection, owners, sealer)
            _seal_verdicts(connection, owners, sealer)
            _seal_spans(connection, owners, sealer)
        connection.execute("VACUUM")


def _seal_spans(connection: sqlite3.Connection, owners: Owners, sealer: Sealer) -> None:
    """What names nobody is its trace's person's, so all are read before any is changed."""
    some = " OR ".join(f"{name} IS NOT NULL" for name in _COLUMNS)
    query = (
        f"SELECT id, trace_id, span_id, {', '.join(_COLUMNS)} FROM spans WHERE id > ?"  # noqa: S608
        f" AND ({some} OR content NOT IN {_rows.WITHOUT_PAYLOAD}) ORDER BY id LIMIT ?"
    )
    last = -1
    while rows := connection.execute(query, (last, _PAGE)).fetchall():
        for number, trace_id, span_id, *values in rows:
            tenant, user_id = owners.of(trace_id, span_id)
            person = sealer.person(user_id)
            box = sealer.seal(person, tenant, msgspec.msgpack.encode(values), str(number).encode())
            connection.execute("INSERT INTO sealed VALUES ('span', ?, ?, ?, ?)", (number, person, tenant, box))
        last = rows[-1][0]
    nothing = ", ".join(f"{name} = NULL" for name in _COLUMNS)
    connection.execute(f"UPDATE spans SET {nothing} WHERE id IN (SELECT id FROM sealed WHERE what = 'span')")  # noqa: S608


def _seal_scores(connection: sqlite3.Connection, owners: Owners, sealer: Sealer) -> None:
    rows = connection.execute("SELECT identifier, trace_id, span_id, comment FROM scores WHERE comment <> ''")
    for identifier, trace_id, span_id, comment in rows.fetchall():
        tenant, user_id = owners.of(trace_id, span_id)
        person = sealer.person(user_id)
        box = sealer.seal(person, tenant, comment.encode(), identifier.encode())
        connection.execute("INSERT INTO sealed VALUES ('score', ?, ?, ?, ?)", (identifier, person, tenant, box))
        connection.execute("UPDATE scores SET comment = '' WHERE identifier = ?", (identifier,))


def _seal_verdicts(connection: sqlite3.Connection, owners: Owners, sealer: Sealer) -> None:
    query = (
        "SELECT id, trace_id, call_id, places, error FROM guard_verdicts"
        " WHERE id > ? AND (places IS NOT NULL OR error IS NOT NULL) ORDER BY id LIMIT ?"
    )
    last = -1
    while rows := connection.execute(query, (last, _PAGE)).fetchall():
        for number, trace_id, call_id, *values in rows:
            tenant, user_id = owners.of(trace_id, call_id)
            person = sealer.person(user_id)
            box = sealer.seal(person, tenant, msgspec.msgpack.encode(values), b"verdict %d" % number)
            connection.execute("INSERT INTO sealed VALUES ('verdict', ?, ?, ?, ?)", (number, person, tenant, box))
        last = rows[-1][0]
    connection.execute(_verdicts.CLEAR_ALL)


def is_sealed(path: Path) -> bool:
    with store_errors(path), closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sealed'").fetchone() is not None


def open_content(path: Path, opener: Opener, erased: Callable[[Content], Content]) -> int:
    """Undo `seal_content`. How many contents no key opened."""
    codec, lost = BodyCodec(), 0
    with store_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        last = -1
        while rows := connection.execute(
            "SELECT p.id, p.start_us, p.trace_id, p.span_id, p.body, s.person, s.tenant FROM payloads AS p"
            " JOIN sealed AS s ON s.id = p.id WHERE p.id > ? ORDER BY p.id LIMIT ?",
            (last, _PAGE),
        ).fetchall():
            with transaction(connection):
                for number, start_us, trace_id, span_id, box, person, tenant in rows:
                    key = (trace_id, span_id)
                    body = opener.open(person, tenant, box, trace_id + span_id)
                    if body is None:
                        lost += 1
                        content = erased(Content(trace_id=trace_id, span_id=span_id, start_us=start_us))
                        body = codec.pack(content)
                    else:
                        content = codec.unpack(body, key, start_us)
                    connection.execute("UPDATE payloads SET body = ? WHERE id = ?", (body, number))
                    if content.text:
                        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, content.text))
            last = rows[-1][0]
        connection.execute("DROP TABLE sealed")
        connection.execute("VACUUM")
    return lost


def open_figures(path: Path, opener: Opener) -> int:
    """Undo `seal_figures`. How many spans no key opened: they stand as erased."""
    lost = 0
    with store_errors(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        with transaction(connection):
            place: tuple[str, Any] = ("", 0)
            while rows := connection.execute(
                "SELECT what, id, person, tenant, box FROM sealed WHERE (what, id) > (?, ?) ORDER BY what, id LIMIT ?",
                (*place, _PAGE),
            ).fetchall():
                lost += sum(not _opened(connection, row, opener) for row in rows)
                place = rows[-1][0], rows[-1][1]
            connection.execute("DROP TABLE sealed")
        connection.execute("VACUUM")
    return lost


_GIVEN = ", ".join(f"{name} = ?" for name in _COLUMNS)


def _opened(connection: sqlite3.Connection, row: tuple[Any, ...], opener: Opener) -> bool:
    """False for a span that no key opens."""
    what, identity, person, tenant, box = row
    about = b"verdict %d" % identity if what == "verdict" else str(identity).encode()
    data = opener.open(person, tenant, box, about)
    if what == "verdict":
        if data is not None:
            places_and_error: list[Any] = msgspec.msgpack.decode(data)
            connection.execute(
                "UPDATE guard_verdicts SET places = ?, error = ? WHERE id = ?", (*places_and_error, identity)
            )
    elif what == "score":
        comment = "" if data is None else data.decode()
        connection.execute("UPDATE scores SET comment = ? WHERE identifier = ?", (comment, identity))
    elif data is not None:
        values: list[Any] = msgspec.msgpack.decode(data)
        connection.execute(f"UPDATE spans SET {_GIVEN} WHERE id = ?", (*values, identity))  # noqa: S608
    else:
        connection.execute(
            f"UPDATE spans SET user_verified = 0, content = {_rows.ERASED}"  # noqa: S608
            f" WHERE id = ? AND content NOT IN {_rows.WITHOUT_PAYLOAD}",
            (identity,),
        )
        return False
    return True
