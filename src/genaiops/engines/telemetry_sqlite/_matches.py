"""Full-text search over the content files, newest first."""

import heapq
import re
from collections.abc import Iterator, Sequence
from itertools import chain, groupby

import msgspec

from genaiops.engines.telemetry_sqlite._files import DAY_US, SLOT_BITS, SLOTS, ContentFile
from genaiops.engines.telemetry_sqlite._sessions import Session

_PHRASE = re.compile(r'"([^"]*)"?|([^\s"]+)')
_FIRST_PAGE = 64
_LARGEST_PAGE = 1024


class Place(msgspec.Struct, frozen=True, order=True):
    """A place in the order of lists; descending is newest first."""

    start_us: int
    span_id: bytes


class Match(msgspec.Struct, frozen=True, order=True):
    place: Place
    trace_id: bytes


def match_expression(text: str) -> str | None:
    """What people type as an expression of FTS5: every word and every "phrase" must occur; nothing else is syntax.

    None when there is nothing to search for. Text without a letter or digit finds nothing. Never an error, whatever the
    text.
    """
    clean = text.encode("utf-8", "replace").decode().replace("\0", " ")
    terms = [phrase if phrase.strip() else word for phrase, word in _PHRASE.findall(clean)]
    quoted = [f'"{term}"' for term in terms if term.strip()]
    if not quoted:
        return None if not clean.strip(' \t\r\n\v\f"') else '""'
    return " ".join(quoted)


def matches(
    session: Session, expression: str, *, since_us: int, until_us: int, before: Place | None
) -> Iterator[Match]:
    """Spans whose content matches and whose start is in [since, until), from the newest on, below `before`.

    Lazy: what is not asked for is not read, but for the rest of a page in each file that has a share in the order at
    this place.
    """
    if before is not None:
        until_us = min(until_us, before.start_us + 1)
    files = [
        file
        for file in session.content_files()
        if file.outside or since_us // DAY_US <= file.day <= (until_us - 1) // DAY_US
    ]
    days = sorted((file for file in files if not file.outside), reverse=True)

    def stream(file: ContentFile) -> Iterator[Match]:
        return _matches_of(session, file, expression, since_us, until_us)

    streams = [chain.from_iterable(map(stream, days)), *(stream(file) for file in files if file.outside)]
    found = heapq.merge(*streams, reverse=True)
    return found if before is None else (match for match in found if match.place < before)


def matches_in(
    session: Session, expression: str, traces: Sequence[bytes], *, since_us: int, until_us: int, before: Place | None
) -> Iterator[Match]:
    """The same, but only of these traces: for few of them, while the text may be in very many."""
    wanted: dict[ContentFile, set[bytes]] = {file: set(traces) for file in session.content_files() if file.outside}
    for trace_id in traces:
        starts = session.figures.execute("SELECT start_us FROM spans WHERE trace_id = ?", (trace_id,))
        for day in {start_us // DAY_US for (start_us,) in starts}:
            wanted.setdefault(ContentFile(day), set()).add(trace_id)
    found: set[Match] = set()
    for file, members in wanted.items():
        connection = session.content(file)
        if connection is None:
            continue
        for trace_id in members:
            payloads = connection.execute("SELECT id, start_us, span_id FROM payloads WHERE trace_id = ?", (trace_id,))
            for number, start_us, span_id in payloads.fetchall():
                place = Place(start_us, span_id)
                if since_us <= start_us < until_us and (before is None or place < before):
                    sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
                    if connection.execute(sql, (expression, number)).fetchone():
                        found.add(Match(place, trace_id))
    return iter(sorted(found, reverse=True))


def _matches_of(session: Session, file: ContentFile, expression: str, since_us: int, until_us: int) -> Iterator[Match]:
    lowest, below = file.first_id(since_us), file.first_id(until_us - 1) + SLOTS
    rows = _rows(session, file, expression, lowest, below)
    for _, second in groupby(rows, key=lambda row: row[0] >> SLOT_BITS):  # ids order by second only
        members = [Match(Place(start_us, span_id), trace_id) for _, start_us, trace_id, span_id in second]
        yield from sorted((match for match in members if since_us <= match.place.start_us < until_us), reverse=True)


def _rows(
    session: Session, file: ContentFile, expression: str, lowest: int, below: int
) -> Iterator[tuple[int, int, bytes, bytes]]:
    size = _FIRST_PAGE
    while True:
        connection = session.content(file)  # each time: it may have been purged, or closed for others
        if connection is None:
            return
        rows = connection.execute(
            "SELECT p.id, p.start_us, p.trace_id, p.span_id FROM words CROSS JOIN payloads AS p ON p.id = words.rowid"
            " WHERE words MATCH ? AND words.rowid >= ? AND words.rowid < ? ORDER BY words.rowid DESC LIMIT ?",
            (expression, lowest, below, size),
        ).fetchall()
        yield from rows
        if len(rows) < size:
            return
        below = rows[-1][0]
        size = min(size * 4, _LARGEST_PAGE)
