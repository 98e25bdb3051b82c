"""Blobs in a folder: `ab/cd/<64 hexadecimal digits>.zst`, each compressed by itself, named by the digest of what it
holds uncompressed.

A blob is written under a temporary name, brought to the disk and then renamed, so a name never stands for less than the
whole content.
"""

import errno
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zstandard

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, StoreError, UsageError

log = logging.getLogger(__name__)

_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")
_FILE: Final = re.compile(r"([0-9a-f]{64})\.zst")
_PAIR: Final = re.compile(r"[0-9a-f]{2}")
_TEMPORARY: Final = "tmp"
_STALE_S: Final = 3600
_LARGEST: Final = 1 << 32


class FolderBlobs:
    """Safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._temporary = folder / _TEMPORARY
        try:
            self._temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _failed(folder, error) from error
        self._sweep()

    def put(self, data: bytes) -> str:
        digest = digest_bytes(data)
        path = self._path(digest)
        try:
            os.utime(path)  # young again: see `idle`
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _failed(self._folder, error) from error
        else:
            return digest
        temporary = self._temporary / secrets.token_hex(16)
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                view = memoryview(zstandard.ZstdCompressor().compress(data))
                while view:
                    view = view[os.write(fd, view) :]
                os.fsync(fd)
            finally:
                os.close(fd)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _failed(self._folder, error) from error
        return digest

    def get(self, digest: str) -> bytes:
        path = self._path(digest)
        try:
            compressed = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"There is no blob {digest}.", remedy="It may have been dropped by retention.") from error
        except OSError as error:
            raise _failed(self._folder, error) from error
        data = _decompressed(compressed)
        if data is None or digest_bytes(data) != digest:
            raise StoreError(
                f"The blob {path} does not hold what its name says.",
                remedy="Something has damaged it: check the disk, then restore the file from a backup or delete it.",
                code="corrupt",
            )
        return data

    def exists(self, digest: str) -> bool:
        return self._path(digest).exists()

    def remove(self, digest: str) -> None:
        """Removing what is not there is no error."""
        try:
            self._path(digest).unlink(missing_ok=True)
        except OSError as error:
            raise _failed(self._folder, error) from error

    def idle(self, before_us: int) -> Iterator[str]:
        for digest in self.digests():
            found = self._stat(digest)
            if found is not None and found.st_mtime_ns < before_us * 1000:
                yield digest

    def discard(self, digest: str, before_us: int) -> int | None:
        found = self._stat(digest)
        if found is None or found.st_mtime_ns >= before_us * 1000:
            return None
        path, aside = self._path(digest), self._temporary / secrets.token_hex(16)
        try:
            path.rename(aside)  # who puts it from now on finds none, and writes it
            found = aside.stat()
            if found.st_mtime_ns >= before_us * 1000:  # another process put it since the first look
                aside.rename(path)
                return None
            aside.unlink()
        except FileNotFoundError:
            return None  # another process was quicker
        except OSError as error:
            raise _failed(self._folder, error) from error
        return found.st_blocks * 512

    def _stat(self, digest: str) -> os.stat_result | None:
        try:
            return self._path(digest).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(self._folder, error) from error

    def digests(self) -> Iterator[str]:
        """All digests, in order."""
        for outer in _names(self._folder):
            if _PAIR.fullmatch(outer):
                for inner in _names(self._folder / outer):
                    for name in _names(self._folder / outer / inner):
                        if match := _FILE.fullmatch(name):
                            yield f"sha256:{match[1]}"

    def _path(self, digest: str) -> Path:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise UsageError(f"{digest!r} is not a digest.", remedy="A digest is `sha256:` and 64 hexadecimal digits.")
        name = match[1]
        return self._folder / name[:2] / name[2:4] / f"{name}.zst"

    def _sweep(self) -> None:
        """Delete what killed processes left half written."""
        oldest = time.time() - _STALE_S
        for name in _names(self._temporary):
            path = self._temporary / name
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                continue  # another process was quicker


def open_blobs(folder: Path) -> FolderBlobs:
    """The folder is made when it is not there. StoreError when that cannot be."""
    return FolderBlobs(folder)


def _decompressed(compressed: bytes) -> bytes | None:
    """None when it is damaged."""
    try:
        if not 0 <= zstandard.frame_content_size(compressed) <= _LARGEST:
            return None
        return zstandard.ZstdDecompressor().decompress(compressed)
    except (zstandard.ZstdError, MemoryError):
        return None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _failed(folder: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"There is no room on the disk for a blob in {folder}.",
            remedy="Free some space, or shorten the retention of content.",
            code="disk_full",
        )
    return StoreError(
        f"The blob folder {folder} cannot be used: {error.strerror}.",
        remedy="Check that it exists, belongs to this user and can be written.",
        code="blobs_failed",
    )
