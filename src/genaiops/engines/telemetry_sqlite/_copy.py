"""Copies of the store's files while others write: each is of one moment, made by SQLite itself."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from genaiops.core.errors import StoreError
from genaiops.engines.telemetry_sqlite._connections import store_errors
from genaiops.engines.telemetry_sqlite._files import content_files

_FIGURES = "figures.db"


def copy_files(folder: Path, target: Path) -> Iterator[Path]:
    """Copies below `target`, one at a time: the caller may remove each before it asks for the next. Figures come first,
    content after them, so that what the figures speak of is there; content that a retention drops meanwhile is not."""
    yield _copy(folder / _FIGURES, target / _FIGURES)
    for file in sorted(content_files(folder)):
        source = file.path(folder)
        if source.exists():
            yield _copy(source, target / source.name)


def check(path: Path) -> None:
    """StoreError when a copied file is not whole."""
    with store_errors(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise StoreError(f"{path} is damaged: {found}.", remedy="Restore from another backup.", code="corrupt")


def _copy(source: Path, target: Path) -> Path:
    with (
        store_errors(source),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=10.0)) as opened,
        closing(sqlite3.connect(target)) as made,
    ):
        opened.backup(made)
        made.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
    return target
