"""Indexes of registered documents as files that processes map into their memory, which they share.

The control process lays them out of the blobs before a Snapshot names them; workers only read. A file is named by the
digest of the index and written whole or not at all.
"""

import logging
import mmap
import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from genaiops.checks.verbatim import Index
from genaiops.core.errors import GenaiopsError, NotFound, StoreError
from genaiops.ports.blobs import Blobs

_log = logging.getLogger(__name__)
_YOUNG_S: Final = 3600.0


class DocumentFiles:
    """Safe to use from several threads. `blobs`: where what is not in the folder comes from (None: from nowhere)."""

    def __init__(self, folder: Path, blobs: Blobs | None = None) -> None:
        self._folder = folder
        self._blobs = blobs
        self._lock = threading.Lock()
        self._open: WeakValueDictionary[str, Index] = WeakValueDictionary()

    def find(self, digest: str) -> Index:
        """The index with that digest, which several rules and policies share. NotFound when it is nowhere, StoreError
        for one that is damaged."""
        with self._lock:
            found = self._open.get(digest)
            if found is None:
                path = self._lay(digest)
                found = self._open[digest] = Index.read(_mapped(path))
        return found

    def lay(self, digests: Collection[str]) -> None:
        """See that these are in the folder; what nobody has needed for an hour goes. One that is lost is told in the
        log: the policies that name it stop calls."""
        for digest in digests:
            try:
                with self._lock:
                    os.utime(self._lay(digest))
            except GenaiopsError as error:
                _log.error("registered documents %s cannot be laid out: %s", digest, error)
        self._clear({_name(digest) for digest in digests})

    def _lay(self, digest: str) -> Path:
        path = self._folder / _name(digest)
        if path.exists():
            return path
        if self._blobs is None:
            raise NotFound(f"The registered documents {digest} are not there.", remedy="Make them again.")
        data = self._blobs.get(digest)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _failed(path, error) from error
        return path

    def _clear(self, needed: Collection[str]) -> None:
        try:
            for path in self._folder.iterdir():
                if path.name not in needed and path.stat().st_mtime < time.time() - _YOUNG_S:
                    path.unlink()
        except FileNotFoundError:
            return  # nothing was ever laid out, or another process was quicker
        except OSError as error:
            _log.warning("%s", _failed(self._folder, error))


def _name(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _mapped(path: Path) -> memoryview:
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"The registered documents in {path} cannot be used: {error}.",
        remedy="Check that the folder belongs to this user and the disk is not full; genaiops makes the files again.",
        code="documents_failed",
    )
