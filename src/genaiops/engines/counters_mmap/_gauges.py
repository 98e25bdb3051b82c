"""Gauges: figures of a column that others may read. Each is one word, written by its column alone, without the lock."""

import logging
from collections.abc import Iterator
from typing import Final

from genaiops.core.errors import UsageError
from genaiops.engines.counters_mmap._file import COLUMNS, GAUGE_COUNT, GAUGE_WORDS, GAUGES, CountersFile
from genaiops.ports.counters import Gauge

log = logging.getLogger(__name__)

_NAME_BYTES: Final = (GAUGE_WORDS - 2) * 8


class Gauges:
    """An entry is: value, length of the name, name. The column's count is raised last, so that a reader sees whole
    names."""

    def __init__(self, file: CountersFile) -> None:
        self._file = file
        self.place: dict[str, int] = {}

    def register(self, column: int, name: str) -> int | None:
        """The word of a new gauge; None (and a warning) when the column has no room left. Only under the lock."""
        words = self._file.words
        count = words[GAUGE_COUNT + column]
        encoded = name.encode()
        if not encoded or len(encoded) > _NAME_BYTES:
            raise UsageError(f"The gauge name {name!r} must have 1 to {_NAME_BYTES} bytes.")
        if count == GAUGES:
            log.warning("There are %d gauges already; %r is left out.", GAUGES, name)
            return None
        at = self._entry(column, count)
        words[at] = 0
        words[at + 1] = len(encoded)
        self._file.map[(at + 2) * 8 : (at + 2) * 8 + len(encoded)] = encoded
        words[GAUGE_COUNT + column] = count + 1
        return at

    def all(self) -> Iterator[Gauge]:
        """Only under the lock (a column's entries are cleared under it)."""
        words = self._file.words
        for column in range(COLUMNS):
            for index in range(words[GAUGE_COUNT + column]):
                at = self._entry(column, index)
                name = self._file.map[(at + 2) * 8 : (at + 2) * 8 + words[at + 1]].decode()
                yield Gauge(name, column, words[at])

    def _entry(self, column: int, index: int) -> int:
        return self._file.gauges_at + (column * GAUGES + index) * GAUGE_WORDS
