"""Content as rows of the content files: written before the figures, shed when it cannot be written."""

import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from genaiops.core.errors import StoreError
from genaiops.domain import Content
from genaiops.engines.telemetry_sqlite import _schema
from genaiops.engines.telemetry_sqlite._connections import (
    as_store_error,
    connect,
    store_errors,
    synced,
    transaction,
    vacuum,
)
from genaiops.engines.telemetry_sqlite._files import DAY_US, SLOT_BITS, SLOTS, ContentFile, content_files, file_of

SpanKey = tuple[bytes, bytes]
"""(trace id, span id)"""

_LEVEL = 1
_MOST_OPEN = 4
_PAGE_SIZE = 8192  # a fifth less work for the full-text index than with 4096
_LARGEST = 1 << 30
_BODY = "SELECT id, body FROM payloads WHERE trace_id = ? AND span_id = ?"

_log = logging.getLogger(__name__)


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """What a payload holds, compressed as one: the searchable text repeats what input and output say, and so costs next
    to nothing. `attributes` are JSON. Only append fields.
    """

    input: bytes | None
    output: bytes | None
    input_blob: str | None
    output_blob: str | None
    text: str
    attributes: bytes | None


class BodyCodec:
    """Not for two threads at a time."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
        self._decompressor = zstandard.ZstdDecompressor()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Body)
        self._attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def pack(self, content: Content) -> bytes:
        attributes = None if content.attributes is None else msgspec.json.encode(content.attributes)
        body = _Body(content.input, content.output, content.input_blob, content.output_blob, content.text, attributes)
        return self._compressor.compress(self._encoder.encode(body))

    def unpack(self, packed: bytes, key: SpanKey, start_us: int) -> Content:
        body = self._decoder.decode(self._decompressor.decompress(packed, max_output_size=_LARGEST))
        return Content(
            trace_id=key[0],
            span_id=key[1],
            start_us=start_us,
            input=body.input,
            output=body.output,
            input_blob=body.input_blob,
            output_blob=body.output_blob,
            text=body.text,
            attributes=None if body.attributes is None else self._attributes.decode(body.attributes),
        )


class PayloadWriter:
    """Writes contents, a file at a time. Held by the one writer, under its lock."""

    def __init__(self, folder: Path, *, floor_bytes: int) -> None:
        self._folder = folder
        self._floor = floor_bytes
        self._codec = BodyCodec()
        self._open: OrderedDict[ContentFile, sqlite3.Connection] = OrderedDict()

    def write(
        self, contents: Sequence[Content], *, arrival_us: int, kept_from_day: int, durable: bool = False
    ) -> set[SpanKey]:
        """Commit all contents, file by file, and return the keys of those shed. Contents that are there already change
        nothing; those of days that were purged are not kept, as if they had been purged with their day.
        """
        files: dict[ContentFile, list[Content]] = {}
        for content in contents:
            if content.start_us // DAY_US >= kept_from_day:
                files.setdefault(file_of(content.start_us, arrival_us), []).append(content)
        shed: set[SpanKey] = set()
        for file, members in files.items():
            shed |= _keys(members) if self._is_low() else self._write_file(file, members, durable=durable)
        return shed

    def _is_low(self) -> bool:
        # Content stops while there is room left, so that what is left goes to figures, ledger and spools.
        status = os.statvfs(self._folder)
        return status.f_bavail * status.f_frsize < self._floor

    def _write_file(self, file: ContentFile, contents: Sequence[Content], *, durable: bool) -> set[SpanKey]:
        path = file.path(self._folder)
        try:
            connection = self._connection(file, path)
            with synced(connection, durable=durable), transaction(connection):
                return self._insert(connection, file, contents)
        except sqlite3.Error as error:
            # Full, unwritable or damaged: figures and budgets matter more than texts, so the batch goes on without.
            _log.warning("content of %d spans was shed: %s", len(contents), as_store_error(error, path))
            self.release(file)
            return _keys(contents)
        except StoreError as error:
            if error.code in ("store_newer", "store_foreign"):
                raise
            _log.warning("content of %d spans was shed: %s", len(contents), error)
            return _keys(contents)

    def _insert(self, connection: sqlite3.Connection, file: ContentFile, contents: Sequence[Content]) -> set[SpanKey]:
        """Insert and return the keys of what found no place. In order of start: the full-text index must be given
        ascending ids, or it begins a new segment for each.
        """
        rows: list[tuple[int, int, bytes, bytes, bytes]] = []
        words: list[tuple[int, str]] = []
        shed: set[SpanKey] = set()
        second, number = -1, 0
        for content in sorted(contents, key=lambda content: (file.second(content.start_us), content.start_us)):
            if file.second(content.start_us) != second:
                second = file.second(content.start_us)
                number = self._next_id(connection, second)
            if number >> SLOT_BITS != second:
                _log.warning("content of a span was shed: %d payloads begin in the same second", SLOTS)
                shed.add((content.trace_id, content.span_id))
                continue
            rows.append((number, content.start_us, content.trace_id, content.span_id, self._codec.pack(content)))
            words.append((number, content.text))
            number += 1
        before = connection.total_changes
        connection.executemany(
            "INSERT INTO payloads (id, start_us, trace_id, span_id, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (trace_id, span_id) DO NOTHING",
            rows,
        )
        if connection.total_changes - before < len(rows):  # some were there: index only what is new
            taken = {row[0] for row in rows if _id_of(connection, row[2], row[3]) == row[0]}
            words = [entry for entry in words if entry[0] in taken]
        connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", [entry for entry in words if entry[1]])
        return shed

    @staticmethod
    def _next_id(connection: sqlite3.Connection, second: int) -> int:
        first = second << SLOT_BITS
        last = connection.execute("SELECT max(id) FROM payloads WHERE id < ?", (first + SLOTS,)).fetchone()[0]
        return first if last is None or last < first else last + 1

    def _connection(self, file: ContentFile, path: Path) -> sqlite3.Connection:
        connection = self._open.get(file)
        if connection is not None:
            self._open.move_to_end(file)
            return connection
        connection = connect(path, writer=True, page_size=_PAGE_SIZE)
        try:
            _schema.migrate(connection, path, _schema.CONTENT)
        except StoreError:
            connection.close()
            raise
        self._open[file] = connection
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        return connection

    def find(self, keys: Sequence[tuple[SpanKey, int]]) -> list[tuple[ContentFile, Content]]:
        """The contents of those spans (each with its start), wherever they are filed."""
        found: list[tuple[ContentFile, Content]] = []
        outside = [file for file in content_files(self._folder) if file.outside]
        for key, start_us in keys:
            for file in (ContentFile(start_us // DAY_US), *outside):
                path = file.path(self._folder)
                if not path.exists():
                    continue
                with store_errors(path):
                    row = self._connection(file, path).execute(_BODY, key).fetchone()
                if row is not None:
                    found.append((file, self._codec.unpack(row[1], key, start_us)))
        return found

    def replace(self, file: ContentFile, pairs: Sequence[tuple[Content, Content]]) -> None:
        """(what is there, what shall be there), durable. An error leaves all as it was."""
        path = file.path(self._folder)
        connection = self._connection(file, path)
        with store_errors(path), synced(connection, durable=True), transaction(connection):
            for former, now in pairs:
                number = _id_of(connection, former.trace_id, former.span_id)
                if number is None:
                    continue
                if former.text:  # an index without content must be told what it held
                    connection.execute(
                        "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (number, former.text)
                    )
                connection.execute("UPDATE payloads SET body = ? WHERE id = ?", (self._codec.pack(now), number))
                if now.text:
                    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, now.text))

    def rewrite(self, file: ContentFile) -> None:
        """Nothing of what was removed is in the file afterwards, nor in its log."""
        path = file.path(self._folder)
        if not path.exists():
            return
        connection = self._connection(file, path)
        with store_errors(path):
            connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        vacuum(connection, path)

    def release(self, file: ContentFile) -> None:
        """Close the file: before it is removed, or after it failed."""
        connection = self._open.pop(file, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()


def _keys(contents: Sequence[Content]) -> set[SpanKey]:
    return {(content.trace_id, content.span_id) for content in contents}


def _id_of(connection: sqlite3.Connection, trace_id: bytes, span_id: bytes) -> int | None:
    row = connection.execute(
        "SELECT id FROM payloads WHERE trace_id = ? AND span_id = ?", (trace_id, span_id)
    ).fetchone()
    return None if row is None else int(row[0])
