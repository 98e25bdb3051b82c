"""A key for each end user, in a file of its own: backups hold what people said sealed under these, and never this file.
Erasing a person shreds their key.

SQLite without a write-ahead log, mode 600: `keys` (one a person and business unit), `gone` (whose keys were shredded,
and when), `pepper`. A person stands in it as an HMAC of their id, so the file names nobody. A copy of it that is older
than an erasure still has that key; so whoever restores gives every copy, and what is gone in one of them is gone.
"""

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from genaiops.core.clock import now_us
from genaiops.core.errors import Conflict, NotFound, StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAME: Final = "persons.keys"
_NONCE: Final = 12
_MARK: Final = 0x67656E6B
_TABLES: Final = f"""
PRAGMA application_id = {_MARK};
CREATE TABLE keys (
  person BLOB NOT NULL, tenant TEXT NOT NULL, made_us INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (person, tenant)
) WITHOUT ROWID;
CREATE TABLE gone (
  person BLOB NOT NULL, tenant TEXT NOT NULL, at_us INTEGER NOT NULL, PRIMARY KEY (person, tenant)
) WITHOUT ROWID;
CREATE TABLE pepper (value BLOB NOT NULL);
"""
_EVERYWHERE: Final = "*"
"""The tenant of a row of `gone` that holds for all of them; none can be called so."""


class PersonKeys:
    """One file; sealing is for one thread. Keys that sealing made are kept by `keep`: before that nothing that they
    sealed may be relied on."""

    def __init__(self, path: Path) -> None:
        """Made with its first key."""
        self._path = path
        self._since_us = now_us()
        self._keys: dict[tuple[bytes, str], bytes] | None = None
        self._new: dict[tuple[bytes, str], bytes] = {}
        self._ciphers: dict[tuple[bytes, str], AESGCM] = {}
        self._pepper = b""

    def person(self, user_id: str) -> bytes:
        """What stands for them in the file, and in backups."""
        if not self._pepper:
            with self._open() as connection:
                self._pepper = connection.execute("SELECT value FROM pepper").fetchone()[0]
        return hmac.digest(self._pepper, user_id.encode("utf-8", "replace"), hashlib.sha256)[:16]

    def seal(self, person: bytes, tenant: str, data: bytes, about: bytes) -> bytes:
        """`about` is bound to it: the box opens at its own place only."""
        cipher = self._ciphers.get((person, tenant))
        if cipher is None:
            cipher = self._ciphers[person, tenant] = _cipher(self._key(person, tenant))
        nonce = os.urandom(_NONCE)
        return nonce + cipher.encrypt(nonce, data, about)

    def shred(self, user_id: str, tenant: str | None) -> int:
        """How many keys are gone now. That they are is kept, for who restores with an older copy."""
        if not self._path.exists():
            return 0
        person = self.person(user_id)
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (person, tenant or _EVERYWHERE, now_us())
            )
            gone = connection.execute(
                "DELETE FROM keys WHERE person = ? AND (? IS NULL OR tenant = ?)", (person, tenant, tenant)
            ).rowcount
            connection.execute("COMMIT")
        self._keys = None
        self._ciphers.clear()
        return gone

    def keep(self) -> None:
        """Conflict when another backup has made a key for the same person meanwhile."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for who, key in self._new.items():
                gone = "SELECT 1 FROM gone WHERE person = ? AND tenant IN (?, ?) AND at_us >= ?"
                if connection.execute(gone, (*who, _EVERYWHERE, self._since_us)).fetchone() is not None:
                    continue  # erased while it was sealed: nobody shall open that
                connection.execute("INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)", (*who, self._since_us, key))
                kept = connection.execute("SELECT key FROM keys WHERE person = ? AND tenant = ?", who).fetchone()[0]
                if kept != key:
                    connection.execute("ROLLBACK")
                    raise Conflict(
                        "Another backup was made at the same time.", remedy="Make this one again.", code="two_backups"
                    )
            connection.execute("COMMIT")
        self._new.clear()

    def copy_to(self, target: Path) -> None:
        """A copy of this moment, mode 600. NotFound when there are no keys yet."""
        if not self._path.exists():
            raise NotFound(f"There are no keys in {self._path.parent} yet.", remedy="Make a backup first.")
        target.touch(mode=0o600, exist_ok=False)
        with self._open() as connection, closing(sqlite3.connect(target)) as made:
            connection.backup(made)

    def _key(self, person: bytes, tenant: str) -> bytes:
        if self._keys is None:
            with self._open() as connection:
                rows = connection.execute("SELECT person, tenant, key FROM keys").fetchall()
            self._keys = {(row[0], row[1]): row[2] for row in rows}
        found = self._keys.get((person, tenant))
        if found is None:
            found = self._keys[person, tenant] = self._new[person, tenant] = os.urandom(32)
        return found

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        if not self._path.exists():
            _make(self._path)
        with closing(_connected(self._path)) as connection:
            yield connection


class KeyRing:
    """Keys out of several copies of such files, to open with."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._keys: dict[tuple[bytes, str], tuple[int, bytes]] = {}
        self._gone: dict[tuple[bytes, str], int] = {}
        self._peppers: dict[bytes, None] = {}
        self._ciphers: dict[tuple[bytes, str], AESGCM | None] = {}
        for path in paths:
            self._read(path)

    def _read(self, path: Path) -> None:
        if not path.is_file():
            raise NotFound(f"There is no file of keys {path}.", remedy="Name persons.keys, or a copy of it.")
        with closing(_connected(path)) as connection:
            for person, tenant, made_us, key in connection.execute("SELECT * FROM keys"):
                if self._keys.get((person, tenant), (-1, b""))[0] < made_us:
                    self._keys[person, tenant] = (made_us, key)
            for person, tenant, at_us in connection.execute("SELECT * FROM gone"):
                self._gone[person, tenant] = max(at_us, self._gone.get((person, tenant), 0))
            self._peppers.update((row[0], None) for row in connection.execute("SELECT value FROM pepper"))

    def open(self, person: bytes, tenant: str, box: bytes, about: bytes) -> bytes | None:
        """None when that key is gone, or another one than it was sealed with."""
        from cryptography.exceptions import InvalidTag

        if (person, tenant) not in self._ciphers:
            key = self._key(person, tenant)
            self._ciphers[person, tenant] = None if key is None else _cipher(key)
        cipher = self._ciphers[person, tenant]
        if cipher is None:
            return None
        try:
            return cipher.decrypt(box[:_NONCE], box[_NONCE:], about)
        except InvalidTag:
            return None

    def is_gone(self, user_id: str) -> bool:
        """Whether that person was erased from any business unit."""
        marks = {hmac.digest(each, user_id.encode("utf-8", "replace"), hashlib.sha256)[:16] for each in self._peppers}
        return any(person in marks for person, _ in self._gone)

    def write(self, path: Path) -> None:
        """All that is valid, as one file."""
        if not self._peppers:
            return
        _make(path, next(iter(self._peppers)))
        with closing(_connected(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for (person, tenant), (made_us, _) in self._keys.items():
                key = self._key(person, tenant)
                if key is not None:
                    connection.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (person, tenant, made_us, key))
            connection.executemany("INSERT INTO gone VALUES (?, ?, ?)", [(*who, at) for who, at in self._gone.items()])
            connection.execute("COMMIT")

    def _key(self, person: bytes, tenant: str) -> bytes | None:
        found = self._keys.get((person, tenant))
        gone = max(self._gone.get((person, each), 0) for each in (tenant, _EVERYWHERE))
        return None if found is None or found[0] <= gone else found[1]


def _make(path: Path, pepper: bytes | None = None) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.executescript(_TABLES)
        connection.execute("INSERT INTO pepper VALUES (?)", (pepper or os.urandom(32),))
        connection.commit()
    try:
        os.link(fresh, path)  # two that make it at once agree on one
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _connected(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        if connection.execute("PRAGMA application_id").fetchone()[0] != _MARK:
            connection.close()
            raise StoreError(f"{path} holds no keys of persons.", remedy="Name persons.keys, or a copy of it.")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error as error:
        raise StoreError(
            f"{path} cannot be read as keys of persons: {error}.", remedy="Use another copy of it.", code="corrupt"
        ) from error
    return connection


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
