"""Rows of a dataset on its page: the first ones, and what differs from another version."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.console._visit import Visit
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Version
from genaiops.hub import RowDiff, check_rows, diff_rows

_FIRST = 8
_COMPARED = 20_000
"""Rows of both versions together, up to which they are compared while somebody waits."""
_LONGEST = 240


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """`rows`: (place, text) of the first ones, `refused` why there are none. `diff` None: not compared."""

    rows: Sequence[tuple[int, str]] = ()
    total: int = 0
    diff: RowDiff | None = None
    large: bool = False
    refused: str = ""


def rows_of(visit: Visit, shown: Version, before: Version | None) -> Shown:
    datasets = visit.services.hub.datasets(visit.services.stores.blobs)
    total = shown.manifest.get("rows", 0)
    try:
        for version in (shown, before):
            source: dict[str, Any] = version.manifest.get("source", {}) if version is not None else {}
            if source.get("kind") in ("traces", "labels"):
                check_rows(visit.services.hub, visit.reach, source.get("environments", ()))
        rows = [(each.index, text_of(each.row)) for each in datasets.rows(shown, limit=_FIRST)]
        if before is None:
            return Shown(rows=rows, total=total)
        large = total + before.manifest.get("rows", 0) > _COMPARED
        diff = None if large else diff_rows(datasets, before, shown, most=_FIRST)
        return Shown(rows=rows, total=total, diff=diff, large=large)
    except GenaiopsError as error:
        return Shown(total=total, refused=str(error))


def text_of(row: object) -> str:
    text = msgspec.json.encode(row).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
