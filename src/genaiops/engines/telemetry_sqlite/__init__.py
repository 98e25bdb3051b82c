"""Telemetry on SQLite: `figures.db` (narrow spans, sums, rollups, scores, ledger, spool offsets) and one file of
content a day.
"""

from collections.abc import Callable
from pathlib import Path

from genaiops.core.clock import now_us
from genaiops.engines.telemetry_sqlite._copy import check, copy_files
from genaiops.engines.telemetry_sqlite._persons import SqlitePersons
from genaiops.engines.telemetry_sqlite._replays import SqliteReplays
from genaiops.engines.telemetry_sqlite._sealing import (
    Owner,
    Owners,
    is_sealed,
    open_content,
    open_figures,
    seal_content,
    seal_figures,
)
from genaiops.engines.telemetry_sqlite._store import SqliteTelemetry

__all__ = [
    "CONTENT_FLOOR_BYTES",
    "Owner",
    "Owners",
    "SqlitePersons",
    "SqliteReplays",
    "SqliteTelemetry",
    "check",
    "copy_files",
    "is_sealed",
    "open_content",
    "open_figures",
    "open_telemetry",
    "seal_content",
    "seal_figures",
]

CONTENT_FLOOR_BYTES = 64 * 1024 * 1024
"""Free space on the file system below which content is shed, so that figures, ledger and spools can go on."""


def open_telemetry(
    folder: Path, *, writer: bool, content_floor_bytes: int = CONTENT_FLOOR_BYTES, clock: Callable[[], int] = now_us
) -> SqliteTelemetry:
    """Open the store in `folder`. The one writer makes and migrates it; a reader needs it to be there.

    `clock` gives microseconds since the epoch (it decides which starts are outliers). StoreError with code
    "store_missing", "store_newer", "store_older", "store_foreign", "locked" (there is a writer already), "corrupt",
    "unreadable" or "disk_full".
    """
    return SqliteTelemetry(folder, writer=writer, content_floor_bytes=content_floor_bytes, clock=clock)
