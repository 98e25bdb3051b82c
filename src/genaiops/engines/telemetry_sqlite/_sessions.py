"""Reading connections: a session is used by one thread at a time, sessions are kept for the next reader."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from genaiops.core.errors import StoreError
from genaiops.engines.telemetry_sqlite import _rollups, _schema
from genaiops.engines.telemetry_sqlite._connections import connect, inode
from genaiops.engines.telemetry_sqlite._files import ContentFile, content_files
from genaiops.engines.telemetry_sqlite._names import NameTexts
from genaiops.engines.telemetry_sqlite._payloads import BodyCodec

_MOST_FILES = 8
_MOST_IDLE = 8


class Session:
    """figures.db and the content files opened lately."""

    def __init__(self, folder: Path) -> None:
        path = folder / "figures.db"
        self.folder = folder
        self.figures = connect(path, writer=False)
        try:
            _schema.check(self.figures, path, _schema.FIGURES)
        except StoreError:
            self.figures.close()
            raise
        _rollups.prepare_reader(self.figures)
        self.texts = NameTexts(self.figures)
        self.codec = BodyCodec()
        self._files: OrderedDict[ContentFile, tuple[int, sqlite3.Connection]] = OrderedDict()

    def content_files(self) -> list[ContentFile]:
        return content_files(self.folder)

    def content(self, file: ContentFile) -> sqlite3.Connection | None:
        """None when the file is not there (purged), or is being made at this moment."""
        path = file.path(self.folder)
        number = inode(path)
        known = self._files.pop(file, None)
        if known is not None:
            if known[0] == number:
                self._files[file] = known
                return known[1]
            known[1].close()
        if number is None:
            return None
        try:
            connection = connect(path, writer=False)
        except StoreError:
            if inode(path) is None:
                return None
            raise
        try:
            _schema.check(connection, path, _schema.CONTENT)
        except StoreError as error:
            connection.close()
            if error.code == "store_older" or inode(path) is None:
                return None
            raise
        self._files[file] = (number, connection)
        if len(self._files) > _MOST_FILES:
            self._files.popitem(last=False)[1][1].close()
        return connection

    def close(self) -> None:
        self.figures.close()
        while self._files:
            self._files.popitem()[1][1].close()


class SessionPool:
    """As many sessions as readers at one time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._idle: list[Session] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def session(self) -> Generator[Session]:
        with self._lock:
            if self._closed:
                raise StoreError(
                    f"The telemetry store in {self._folder} is closed.", code="closed", remedy="Open it again."
                )
            session = self._idle.pop() if self._idle else None
        session = session or Session(self._folder)
        try:
            yield session
        finally:
            with self._lock:
                keep = not self._closed and len(self._idle) < _MOST_IDLE
                if keep:
                    self._idle.append(session)
            if not keep:
                session.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()
