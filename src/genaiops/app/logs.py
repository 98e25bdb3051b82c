"""The log files of the supervisor's children, rotated by size, and the last lines of each in memory."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

MAX_BYTES = 5 * 1024 * 1024
KEPT = 3
"""Older files: `worker-0.log.1` is the newest of them."""


class RotatingLog:
    """One child's output: bytes as they come, flushed at once. A full disk costs log lines, never the child."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT, tail: int = 40) -> None:
        self.path = path
        self.dropped = 0
        self._max_bytes = max_bytes
        self._kept = kept
        self._tail: deque[str] = deque(maxlen=tail)
        self._file: IO[bytes] | None = None
        self._size = 0

    def write(self, line: bytes) -> None:
        """One line (or a piece of a very long one), with its newline."""
        self._tail.append(line.decode("utf-8", "replace").rstrip())
        try:
            file = self._open()
            if self._size + len(line) > self._max_bytes and self._size:
                self._rotate()
                file = self._open()
            file.write(line)
            self._size += len(line)
        except OSError:
            self.dropped += 1

    def tail(self, lines: int) -> Sequence[str]:
        """The last lines written since the last `forget`, without empty ones."""
        return [line for line in self._tail if line][-lines:]

    def forget(self) -> None:
        self._tail.clear()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
            self._size = self._file.tell()
        return self._file

    def _rotate(self) -> None:
        self.close()
        for number in range(self._kept, 0, -1):
            source = self.path if number == 1 else Path(f"{self.path}.{number - 1}")
            if source.exists():
                source.replace(f"{self.path}.{number}")
