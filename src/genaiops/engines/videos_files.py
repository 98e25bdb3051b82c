"""Video jobs in plain files: one key, and a file of ids for each owner, one line an id.

sealing.key              32 random bytes
videos/<owner>.ids       `+id` or `-id` a line, appended with one write; the newest KEPT remain
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from genaiops.core.errors import StoreError
from genaiops.core.sealed import KEY_BYTES

KEPT: Final = 1000
"""Ids of an owner that a list can reach back to."""

_LARGEST: Final = 1 << 20
"""Bytes of a file before its oldest lines go."""


class FileVideos:
    """Safe to use from several threads and processes."""

    def __init__(self, home: Path) -> None:
        self._key_path = home / "sealing.key"
        self._folder = home / "videos"
        self._key: bytes | None = None

    def key(self) -> bytes:
        if self._key is None:
            self._key = self._read_key() or self._make_key()
        return self._key

    def add(self, owner: bytes, video: str) -> None:
        self._append(owner, f"+{video}\n".encode("ascii"))

    def drop(self, owner: bytes, video: str) -> None:
        self._append(owner, f"-{video}\n".encode("ascii"))

    def recent(self, owner: bytes) -> Sequence[str]:
        path = self._path(owner)
        try:
            lines = path.read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failed(path, error) from error
        return _standing(lines)

    def _append(self, owner: bytes, line: bytes) -> None:
        path = self._path(owner)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with _locked(self._folder / "lock"):
                fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                try:
                    os.write(fd, line)
                    size = os.fstat(fd).st_size
                finally:
                    os.close(fd)
                if size > _LARGEST:
                    self._shorten(path)
        except OSError as error:
            raise _failed(path, error) from error

    def _shorten(self, path: Path) -> None:
        kept = _standing(path.read_text("ascii", "replace").splitlines())
        making = path.with_suffix(f".{os.getpid()}")
        making.write_text("".join(f"+{one}\n" for one in kept), "ascii")
        making.chmod(0o600)
        making.replace(path)

    def _path(self, owner: bytes) -> Path:
        return self._folder / f"{owner.hex()}.ids"

    def _read_key(self) -> bytes | None:
        try:
            found = self._key_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(self._key_path, error) from error
        if len(found) != KEY_BYTES:
            raise StoreError(
                f"{self._key_path} is no key: it has {len(found)} bytes instead of {KEY_BYTES}.",
                remedy="Restore it, or remove it: ids of videos that were made before are unknown then.",
                code="sealing_key",
            )
        return found

    def _make_key(self) -> bytes:
        """Whoever is first makes it; a link appears with its whole content."""
        making = self._key_path.with_name(f".sealing.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(fd, secrets.token_bytes(KEY_BYTES))
                os.fsync(fd)
            finally:
                os.close(fd)
            with contextlib.suppress(FileExistsError):
                os.link(making, self._key_path)
            making.unlink()
        except OSError as error:
            making.unlink(missing_ok=True)
            raise _failed(self._key_path, error) from error
        found = self._read_key()
        assert found is not None
        return found


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Held for a write of one line: without it a line could be lost while a file is shortened."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _standing(lines: Sequence[str]) -> list[str]:
    """A line that a full disk cut short is no id of ours, and is passed over by who opens it."""
    found: dict[str, None] = {}
    for line in lines:
        if line.startswith("+"):
            found[line[1:]] = None
        elif line.startswith("-"):
            found.pop(line[1:], None)
    return list(found)[-KEPT:]


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be used: {error.strerror}.",
        remedy="Check that the data directory belongs to this user, can be written and is not full.",
        code="videos_failed",
    )


def open_videos(home: Path) -> FileVideos:
    """Touches nothing until it is needed."""
    return FileVideos(home)
