"""What people said, sealed in backups and opened by a restore.

Everything of the telemetry that a person wrote or that names them is sealed under that person's key; what names nobody
under a key for that. A large payload has a key of its own, which stands in its file once for each person whose calls
refer to it, sealed under theirs: it is readable as long as one of them is not erased.
"""

import secrets
import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from genaiops.core.errors import NotFound, StoreError
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.person_keys import KeyRing, PersonKeys
from genaiops.engines.telemetry_sqlite import (
    Owner,
    Owners,
    copy_files,
    is_sealed,
    open_content,
    open_figures,
    seal_content,
    seal_figures,
)
from genaiops.ports.blobs import Blobs
from genaiops.watch import erased_content

SEALED: Final = "sealed"
_FIGURES: Final = "figures.db"
_NONCE: Final = 12
Owned = dict[str, set[Owner]]
"""Digest of a blob -> whose calls refer to it."""


class _Lock(msgspec.Struct, frozen=True, array_like=True):
    person: bytes
    tenant: str
    key: bytes


class _Envelope(msgspec.Struct, frozen=True, array_like=True):
    """`box` holds the payload under a key of its own, `locks` that key under the persons'."""

    locks: list[_Lock]
    box: bytes


def sealed_files(
    telemetry: Path, scratch: Path, keys: PersonKeys, waiting: Mapping[str, bytes]
) -> Iterator[tuple[Path, Owned]]:
    """Sealed copies below `scratch`, one at a time, the figures last; and the blobs that were found so far. `waiting`:
    blobs of what waits for a person -> the trace that it is about."""
    owned: Owned = {}
    copies = copy_files(telemetry, scratch)
    figures = next(copies)
    with closing(sqlite3.connect(figures)) as connection:
        owners = Owners(connection)
        for digest, trace_id in waiting.items():
            owned.setdefault(digest, set()).add(owners.of(trace_id, None))
        for path in copies:
            for digest, found in seal_content(path, owners, keys).items():
                owned.setdefault(digest, set()).update(found)
            yield path, owned
            path.unlink()
    seal_figures(figures, keys)
    yield figures, owned
    figures.unlink()


@contextmanager
def owners_in(telemetry: Path) -> Generator[Owners | None]:
    """Whose the traces are, all as of its beginning: who is erased meanwhile is known still. None: there are none."""
    figures = telemetry / _FIGURES
    if not figures.exists():
        yield None
        return
    opened = sqlite3.connect(f"file:{figures}?mode=ro", uri=True, timeout=10.0, isolation_level=None)
    with closing(opened) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM spans LIMIT 1").fetchone()
        yield Owners(connection)


def sealed_blobs(blobs: Blobs, owned: Mapping[str, set[Owner]], keys: PersonKeys, scratch: Path) -> Iterator[Path]:
    """A file for each; its name says nothing."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for digest, owners in sorted(owned.items()):
        try:
            data = blobs.get(digest)
        except NotFound:
            continue  # dropped meanwhile, or before
        key, nonce, name = secrets.token_bytes(32), secrets.token_bytes(_NONCE), secrets.token_hex(16)
        locks = [
            _Lock(person, tenant, keys.seal(person, tenant, key, name.encode()))
            for tenant, user_id in sorted(owners)
            for person in (keys.person(user_id),)
        ]
        box = nonce + AESGCM(key).encrypt(nonce, data, name.encode())
        path = scratch / name
        path.touch(mode=0o600)
        path.write_bytes(msgspec.msgpack.encode(_Envelope(locks, box)))
        yield path


def unseal(home: Path, ring: KeyRing) -> int:
    """Open what was unpacked there, in place. How many spans no key opened."""
    lost = 0
    for path in sorted(home.glob("telemetry/*.db")):
        if is_sealed(path):
            if path.name == _FIGURES:
                lost = open_figures(path, ring)
            else:
                open_content(path, ring, erased_content)
    folder = home / SEALED
    if folder.is_dir():
        blobs = open_blobs(home / "blobs")
        for path in sorted(folder.iterdir()):
            data = _opened(path, ring)
            if data is not None:
                blobs.put(data)
            path.unlink()
        folder.rmdir()
    return lost


def _opened(path: Path, ring: KeyRing) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    envelope = msgspec.msgpack.decode(path.read_bytes(), type=_Envelope)
    about = path.name.encode()
    for lock in envelope.locks:
        key = ring.open(lock.person, lock.tenant, lock.key, about)
        if key is not None:
            try:
                return AESGCM(key).decrypt(envelope.box[:_NONCE], envelope.box[_NONCE:], about)
            except InvalidTag as error:
                raise StoreError(
                    f"The sealed payload {path.name} is damaged.", remedy="Use another backup.", code="backup_damaged"
                ) from error
    return None
