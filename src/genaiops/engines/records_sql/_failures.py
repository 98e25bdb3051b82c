"""What went wrong in the database, told as a StoreError with a remedy."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from genaiops.core.errors import StoreError


class _Failure(NamedTuple):
    code: str
    what: str
    remedy: str


_LOCKED = _Failure(
    "store_locked", "another writer holds it for too long", "Try again; end the process that keeps a transaction open."
)
_FULL = _Failure("disk_full", "its disk is full", "Free space on that disk; nothing of this write was kept.")
_CORRUPT = _Failure("store_corrupt", "it is damaged or no database", "Restore it from a backup.")
_READ_ONLY = _Failure("store_read_only", "it may not be written to", "Check the permissions and the mount.")
_UNREACHABLE = _Failure(
    "store_unreachable", "it cannot be opened", "Check the address, the permissions and the server."
)
_UNPREPARED = _Failure(
    "store_not_migrated", "it lacks the tables of this program", "Bring it to this program's revision with migrate()."
)
_BROKEN = _Failure("store_failed", "the database refused", "See the message of the database.")

_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
    sqlite3.SQLITE_PERM: _UNREACHABLE,
    sqlite3.SQLITE_IOERR: _Failure("store_io", "its disk failed", "Check the disk and the system's log."),
}

# By class (two characters) or whole SQLSTATE; PostgreSQL's appendix A.
_POSTGRES = {
    "55P03": _LOCKED,
    "57014": _LOCKED,
    "40P01": _LOCKED,
    "53100": _FULL,
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "42P01": _UNPREPARED,
    "42703": _UNPREPARED,
    "08": _UNREACHABLE,
    "28": _UNREACHABLE,
    "3D": _UNREACHABLE,
    "53": _UNREACHABLE,
    "57": _UNREACHABLE,
}


def _failure(error: DBAPIError) -> _Failure:
    orig = error.orig
    if isinstance(orig, sqlite3.Error):
        if "no such table" in str(orig) or "no such column" in str(orig):
            return _UNPREPARED
        # The low byte is the primary result code.
        return _SQLITE.get(getattr(orig, "sqlite_errorcode", 0) & 0xFF, _BROKEN)
    state: str | None = getattr(orig, "sqlstate", None)
    if state is None:  # psycopg: the connection failed before the server said anything
        return _UNREACHABLE if error.connection_invalidated or type(orig).__name__ == "OperationalError" else _BROKEN
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or _BROKEN


@contextmanager
def told_as_store_error(store: str, what: str = "records") -> Generator[None]:
    """Turn the database's exceptions into StoreError; `store` names it without a password, `what` is kept there."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreError(
            f"The {what} in {store} cannot be used: all connections are taken.",
            remedy="Try again; a block that keeps a view or a unit open too long is at fault.",
            code=_LOCKED.code,
        ) from error
    except DBAPIError as error:
        failure = _failure(error)
        said = str(error.orig).strip().partition("\n")[0]
        raise StoreError(
            f"The {what} in {store} cannot be used: {failure.what} ({said}).",
            remedy=failure.remedy,
            code=failure.code,
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(
            f"The {what} in {store} cannot be used: {error}.", remedy=_BROKEN.remedy, code=_BROKEN.code
        ) from error
