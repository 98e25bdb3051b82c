"""Which blobs the content that is there refers to."""

from genaiops.core.errors import StoreError
from genaiops.domain import blobs_of
from genaiops.engines.telemetry_sqlite import _rows
from genaiops.engines.telemetry_sqlite._files import DAY_US, ContentFile
from genaiops.engines.telemetry_sqlite._sessions import Session


def referred(session: Session, after: int, limit: int, kept_from_day: int) -> tuple[int, set[str]]:
    """Those of `limit` spans behind the place `after`, and the place to go on from. StoreError when a file of content
    cannot be read: what it refers to is not known then."""
    existing = set(session.content_files())
    outside = sorted(file for file in existing if file.outside)
    since_us = -(1 << 62) if outside else max(kept_from_day, -100_000) * DAY_US
    rows = session.figures.execute(
        "SELECT id, trace_id, span_id, start_us FROM spans WHERE id > ? AND content = ? AND start_us >= ?"
        " ORDER BY id LIMIT ?",
        (after, _rows.WITH_BLOBS, since_us, limit),
    ).fetchall()
    found: set[str] = set()
    for _, trace_id, span_id, start_us in rows:
        for file in (ContentFile(start_us // DAY_US), *outside):
            if file in existing:
                found |= _in_file(session, file, (trace_id, span_id), start_us)
    return (rows[-1][0] if rows else after), found


def _in_file(session: Session, file: ContentFile, key: tuple[bytes, bytes], start_us: int) -> set[str]:
    connection = session.content(file)
    if connection is None:
        path = file.path(session.folder)
        if not path.exists():
            return set()
        raise StoreError(
            f"{path} cannot be read, so nobody can say which blobs it needs.",
            remedy="Start `genaiops up` with the version that wrote it.",
            code="store_older",
        )
    row = connection.execute("SELECT body FROM payloads WHERE trace_id = ? AND span_id = ?", key).fetchone()
    return set() if row is None else blobs_of(session.codec.unpack(row[0], key, start_us))
