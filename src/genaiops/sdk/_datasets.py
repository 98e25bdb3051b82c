"""Datasets from programs: push rows, files and data frames, and read them back.

with Client() as client:
    push_dataset(client, "support/questions", frame, licence="CC-BY-4.0")
    for row in dataset_rows(client, "support/questions@gold"):
        ...
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import OutsideError, UsageError
from genaiops.core.rows import TableDigest, canonical_row, chunks, joined, row_digest
from genaiops.sdk._client import Client
from genaiops.sdk._tables import frame_rows

_PAGE = 1_000
_ASKED = 32
"""Chunks of which it is asked at a time whether they are there."""

Told = Callable[[int], None]
"""Called with the number of rows that are there by now."""


def push_dataset(client: Client, name: str, rows: Any, *, told: Told | None = None, **origin: Any) -> dict[str, Any]:
    """Make the version of a dataset that has these rows: mappings, or a data frame of pandas or Polars.

    Rows are sent in chunks, and those that are there already are not: breaking off leaves no version, and beginning
    anew goes on where it ended. Memory does not grow with the number of rows. `origin`: `description`, `licence`,
    `title`, `kind`, `detail` and `sources` (nodes of lineage). What `POST /api/datasets` answers; UsageError names the
    row that cannot be one.
    """
    digests: list[str] = []
    done = 0
    pieces = iter(chunks(_canonical(frame_rows(rows))))
    while some := list(islice(pieces, _ASKED)):
        named = {digest_bytes(joined(chunk)): chunk for chunk in some}
        missing = client.post("/api/datasets/missing", {"chunks": list(named)})["data"]
        for digest in missing:
            body = msgspec.Raw(b'{"rows":[' + b",".join(named[digest]) + b"]}")
            if client.post("/api/datasets/chunks", body)["digest"] != digest:
                raise OutsideError(
                    "The installation writes rows in another way than this client.",
                    remedy="Use the client of the installation's version.",
                )
        digests += [digest_bytes(joined(chunk)) for chunk in some]
        done += sum(map(len, some))
        if told is not None:
            told(done)
    if not digests:
        raise UsageError("There are no rows.", remedy="Give at least one.", param="rows")
    return client.post("/api/datasets", {"name": name, "chunks": digests, **origin})


def dataset_rows(client: Client, reference: str, *, most: int | None = None) -> Iterator[dict[str, Any]]:
    """The rows of `NAME`, `NAME@alias` or `NAME@sha256:...` in order. OutsideError when what came, read to its end, is
    not what the version's digest says."""
    version = client.get("/api/datasets/version", {"ref": reference})
    table = TableDigest()
    place: str | None = "0"
    given = 0
    while place is not None:
        limit = _PAGE if most is None else min(_PAGE, most - given)
        if limit == 0:
            return
        page: Mapping[str, Any] = client.get(
            "/api/datasets/rows", {"ref": version["id"], "cursor": place, "limit": limit}
        )
        items: Sequence[Mapping[str, Any]] = page["data"]
        for item in items:
            table.add(row_digest(canonical_row(item["row"])))
            yield item["row"]
        given += len(items)
        place = page["next"]
    if table.text != version["digest"]:
        raise OutsideError(f"The rows of {version['id']} are damaged.", remedy="Restore the blobs from a backup.")


def _canonical(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] (a caller may not check types)
            raise UsageError(f"Row {number} is no mapping.", remedy="Give rows as dicts.", param="rows")
        try:
            yield canonical_row(row)
        except UsageError as error:
            raise type(error)(f"Row {number}: {error.message}", remedy=error.remedy, code=error.code) from error
