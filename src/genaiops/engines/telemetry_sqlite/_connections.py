"""Opening SQLite files, and their errors in the house's words.

Write-ahead log with synchronous=NORMAL: a commit survives the death of any process at any moment; when the machine
loses power the last commits since a checkpoint may be undone as a whole (never torn), with the spool offsets among
them, so that frames still in the spool are folded in again.
"""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from genaiops.core.errors import StoreError

_BUSY_SECONDS = 10.0

# What SQLite reports when a file cannot grow: a full file system, a quota, a limit on file sizes, its own page limit.
_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_FSYNC,
}


def connect(path: Path, *, writer: bool, page_size: int = 4096) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use. A reader never creates the file."""
    mode = "rwc" if writer else "rw"  # a reader of a write-ahead log needs write access to its shared index
    with store_errors(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            if writer:
                connection.execute(f"PRAGMA page_size = {page_size}")  # of a new file
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA cache_size = -16000")
                connection.execute("PRAGMA journal_size_limit = 67108864")
            else:
                connection.execute("PRAGMA query_only = ON")
                connection.execute("PRAGMA cache_size = -4000")
        except sqlite3.Error:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """All or nothing, also when the process dies inside."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
        raise


@contextmanager
def synced(connection: sqlite3.Connection, *, durable: bool) -> Generator[None]:
    """Commits inside are on the disk when they return, if `durable`."""
    if not durable:
        yield
        return
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.execute("PRAGMA synchronous = NORMAL")


def vacuum(connection: sqlite3.Connection, path: Path) -> None:
    """Write the database anew, without what its unused pages hold, and empty its log. StoreError when others read on in
    the log, or there is no room for a second copy."""
    with store_errors(path):
        connection.execute("PRAGMA temp_store = FILE")
        try:
            connection.execute("VACUUM")
        finally:
            connection.execute("PRAGMA temp_store = MEMORY")
    empty_log(connection, path)


def empty_log(connection: sqlite3.Connection, path: Path) -> None:
    """Bring all into the database and cut the log to nothing, waiting for readers as long as for a lock."""
    with store_errors(path):
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StoreError(
            f"The log of {path} is in use.", code="locked", remedy="End long readings of it; it is tried again."
        )


@contextmanager
def store_errors(path: Path) -> Generator[None]:
    """Raise what SQLite says as StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_store_error(error, path) from error


def is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) in _FULL


def as_store_error(error: sqlite3.Error, path: Path) -> StoreError:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if is_full(error):
        return StoreError(
            f"{path} cannot grow: the disk is full or a limit on sizes was reached ({error}).",
            code="disk_full",
            remedy="Free space on this file system; writing goes on by itself.",
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"{path} was locked by another process for {_BUSY_SECONDS:.0f} seconds.",
            code="locked",
            remedy="End other programs that write to it.",
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            f"{path} is damaged or not an SQLite database ({error}).",
            code="corrupt",
            remedy="Restore it from a backup, or move it away to begin anew.",
        )
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH):
        return StoreError(
            f"{path} cannot be opened ({error}).",
            code="unreadable",
            remedy="Check that it exists and that this user may read and write it.",
        )
    return StoreError(f"{path}: {error} (SQLite {primary}).", remedy="Run `genaiops doctor`.")


def inode(path: Path) -> int | None:
    """Which file stands at the path now; None when there is none."""
    try:
        return os.stat(path).st_ino  # noqa: PTH116 (a hot path; Path.stat does the same with more steps)
    except FileNotFoundError:
        return None
