"""Secrets from the environment, and from a file encrypted with a key file.

Where
    `get` looks for an environment variable of exactly the secret's name first (an empty one counts as absent), then in
    the store: `$GENAIOPS_HOME/secrets.enc`, encrypted with the key in `$GENAIOPS_HOME/secrets.key`. Both are made by
    the first `put`, readable by their owner only. Keep the key file out of backups that hold the store, or the
    encryption protects nothing.

How
    Every value is encrypted by itself with AES-256-GCM under a fresh random nonce; its name and time are authenticated
    with it, so values cannot be swapped between names. Names are not secret and not encrypted. The files are read
    again when they have changed; values are decrypted when asked for and not kept.

Rotation
    `rotate_key` makes a new key and encrypts every value anew: (1) the key file holds the new and the old key, (2) the
    store is replaced by one under the new key, (3) the key file holds the new key alone. Each step is atomic; after a
    crash between two of them every secret can still be read, and the next `put`, `remove` or `rotate_key` finishes the
    work.
"""

import base64
import fcntl
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound, StoreError, UsageError
from genaiops.ports.secrets import SecretInfo

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

_VERSION: Final = 1
_ATTEMPTS: Final = 3
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,127}")
_KEY_LINE: Final = re.compile(r"genaiops-key-1 ([A-Za-z0-9_-]{43}=)")
_RESTORE: Final = "Restore secrets.key from where it was kept, or move secrets.enc away and put the secrets anew."


class _Sealed(msgspec.Struct, frozen=True):
    nonce: bytes
    sealed: bytes
    updated_us: int


class _Store(msgspec.Struct, frozen=True):
    """The file secrets.enc; `key_id` names the key that all values are encrypted with."""

    version: int
    key_id: str
    secrets: Mapping[str, _Sealed]


_Stamp = tuple[int, int, int, int]
"""Which file it is, its size and its times. The files are only ever replaced: the same stamp means the same content."""


class _Key:
    """A key that shows nothing of itself."""

    __slots__ = ("id", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.id = hashlib.sha256(b"genaiops key id\0" + raw).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<key {self.id}>"

    def cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.raw)


class FileSecrets:
    """Safe to use from several threads and processes; writers wait for each other at `secrets.lock`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._store_path = home / "secrets.enc"
        self._key_path = home / "secrets.key"
        self._seen_store: tuple[_Stamp, _Store] | None = None
        self._seen_keys: tuple[_Stamp, dict[str, _Key]] | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("FileSecrets is not pickled: it may hold a key. Open it anew with open_secrets.")

    def __repr__(self) -> str:
        return f"FileSecrets({str(self._home)!r})"

    def get(self, name: str) -> str | None:
        _check(name)
        value = os.environ.get(name)
        if value:
            return value
        keys: dict[str, _Key] = {}
        store = self._read_store()
        for _ in range(_ATTEMPTS):
            if name not in store.secrets:
                return None
            keys = self._read_keys()
            if store.key_id in keys:
                break
            store = self._read_store()  # the key was rotated between the two reads
        return self._open(name, store, keys)

    def put(self, name: str, value: str) -> None:
        _check(name)
        if not value:
            raise UsageError(f"The secret {name} is empty.", remedy="Give a value, or remove the secret.")
        with self._locked():
            keys, store = self._unified()
            key = keys[0] if keys else self._new_key()
            sealed = {**store.secrets, name: _seal(key, name, value, now_us())}
            self._write_store(_Store(_VERSION, key.id, sealed))

    def remove(self, name: str) -> None:
        _check(name)
        with self._locked():
            keys, store = self._unified()
            if name not in store.secrets:
                raise NotFound(f"There is no stored secret {name}.", remedy="List the secrets to see which there are.")
            self._write_store(_Store(_VERSION, keys[0].id, {n: s for n, s in store.secrets.items() if n != name}))

    def names(self) -> Sequence[SecretInfo]:
        """The stored secrets in order of name; `source` says where `get` takes each from."""
        return [
            SecretInfo(name, "environment" if os.environ.get(name) else "store", sealed.updated_us)
            for name, sealed in sorted(self._read_store().secrets.items())
        ]

    def rotate_key(self) -> None:
        with self._locked():
            keys, store = self._unified()
            new = _Key(secrets.token_bytes(32))
            self._write_keys([new, *keys])
            self._write_store(self._reseal(store, new, {key.id: key for key in keys}))
            self._write_keys([new])

    def _unified(self) -> tuple[list[_Key], _Store]:
        """All keys, newest first, and the store, once a rotation that was cut off is finished. Only under the lock."""
        store = self._read_store()
        if not store.secrets and not self._key_path.exists():
            return [], store
        keys = self._read_keys()
        ordered = list(keys.values())
        if store.secrets and store.key_id != ordered[0].id:
            store = self._reseal(store, ordered[0], keys)
            self._write_store(store)
        if len(ordered) > 1:
            self._write_keys(ordered[:1])
        return ordered[:1], store

    def _reseal(self, store: _Store, new: _Key, keys: Mapping[str, _Key]) -> _Store:
        resealed = {
            name: _seal(new, name, self._open(name, store, keys), sealed.updated_us)
            for name, sealed in store.secrets.items()
        }
        return _Store(_VERSION, new.id, resealed)

    def _new_key(self) -> _Key:
        key = _Key(secrets.token_bytes(32))
        self._write_keys([key])
        return key

    def _open(self, name: str, store: _Store, keys: Mapping[str, _Key]) -> str:
        from cryptography.exceptions import InvalidTag

        key = keys.get(store.key_id)
        if key is None:
            raise StoreError(
                f"{self._key_path} is not the key that {self._store_path} was encrypted with.",
                remedy=_RESTORE,
                code="secrets_key_wrong",
            )
        sealed = store.secrets[name]
        try:
            return key.cipher().decrypt(sealed.nonce, sealed.sealed, _bound(name, sealed.updated_us)).decode()
        except (InvalidTag, ValueError):
            raise StoreError(
                f"The secret {name} in {self._store_path} is damaged or was tampered with.",
                remedy=f"Put {name} again.",
                code="secrets_corrupt",
            ) from None

    def _read_store(self) -> _Store:
        try:
            stamp = _stamp(self._store_path)
            if self._seen_store and self._seen_store[0] == stamp:
                return self._seen_store[1]
            store = msgspec.msgpack.decode(self._store_path.read_bytes(), type=_Store)
        except FileNotFoundError:
            return _Store(_VERSION, "", {})
        except (msgspec.MsgspecError, ValueError):
            raise StoreError(
                f"{self._store_path} is damaged.",
                remedy="Restore it from a backup, or move it away and put the secrets anew.",
                code="secrets_corrupt",
            ) from None
        except OSError as error:
            raise _failed(self._store_path, error) from error
        if store.version != _VERSION:
            raise StoreError(
                f"{self._store_path} has version {store.version}; this program reads version {_VERSION}.",
                remedy="Use the genaiops that wrote it, or move it away and put the secrets anew.",
                code="store_newer",
            )
        self._seen_store = stamp, store
        return store

    def _read_keys(self) -> dict[str, _Key]:
        """Key id -> key, newest first."""
        try:
            stamp = _stamp(self._key_path)
            if self._seen_keys and self._seen_keys[0] == stamp:
                return self._seen_keys[1]
            if self._key_path.stat().st_mode & 0o077:
                log.warning("The key file %s can be read by others; make it mode 600.", self._key_path)
            lines = self._key_path.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            raise StoreError(
                f"There are secrets in {self._store_path}, but their key file {self._key_path} is missing.",
                remedy=_RESTORE,
                code="secrets_key_missing",
            ) from None
        except OSError as error:
            raise _failed(self._key_path, error) from error
        keys = [_Key(base64.urlsafe_b64decode(match[1])) for line in lines if (match := _KEY_LINE.fullmatch(line))]
        if not keys or len(keys) != len(lines):
            raise StoreError(f"{self._key_path} is not a key file.", remedy=_RESTORE, code="secrets_key_wrong")
        self._seen_keys = stamp, {key.id: key for key in keys}
        return self._seen_keys[1]

    def _write_keys(self, keys: Sequence[_Key]) -> None:
        text = "".join(f"genaiops-key-1 {base64.urlsafe_b64encode(key.raw).decode()}\n" for key in keys)
        _replace(self._key_path, text.encode())

    def _write_store(self, store: _Store) -> None:
        _replace(self._store_path, msgspec.msgpack.encode(store))

    @contextmanager
    def _locked(self) -> Generator[None]:
        path = self._home / "secrets.lock"
        try:
            self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _failed(path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            for left in self._home.glob(".secrets.*"):
                left.unlink(missing_ok=True)  # half done by a writer that was killed
            yield
        finally:
            os.close(fd)


def open_secrets(home: Path) -> FileSecrets:
    """Nothing is read or made until it is needed."""
    return FileSecrets(home)


def _check(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "This is not a secret's name (it is not repeated here, as it may be a value).",
            remedy="A name has letters, digits and `_ . / -`, at most 128, and begins with a letter or `_`.",
        )


def _stamp(path: Path) -> _Stamp:
    found = os.stat(path)  # noqa: PTH116 - on the way of a call, and twice as fast as path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _bound(name: str, updated_us: int) -> bytes:
    return f"genaiops secret 1\0{name}\0{updated_us}".encode()


def _seal(key: _Key, name: str, value: str, updated_us: int) -> _Sealed:
    nonce = secrets.token_bytes(12)
    return _Sealed(nonce, key.cipher().encrypt(nonce, value.encode(), _bound(name, updated_us)), updated_us)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be used: {error.strerror}.",
        remedy="Check that the data directory exists, belongs to this user and has room.",
        code="secrets_failed",
    )
