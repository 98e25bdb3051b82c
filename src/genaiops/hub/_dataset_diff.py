"""What differs between two versions of rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from genaiops.core.errors import UsageError
from genaiops.core.rows import row_digest
from genaiops.domain import Version
from genaiops.hub._datasets import Chunk, Datasets


class Changed(msgspec.Struct, frozen=True):
    """Two rows of one key."""

    key: Any
    fields: Sequence[str]
    before: dict[str, Any]
    after: dict[str, Any]


class Placed(msgspec.Struct, frozen=True):
    """A row and its place in its own version."""

    index: int
    row: dict[str, Any]


class RowDiff(msgspec.Struct, frozen=True, kw_only=True):
    """From one version to another. Rows are removed and added as whole rows; with a `key` two rows of the same key are
    one that changed. What stays stands in the same order in both, unless `reordered`. Counts are of everything; the
    rows themselves are the first ones."""

    key: str | None
    rows_before: int
    rows_after: int
    removed_count: int
    added_count: int
    changed_count: int
    reordered: bool
    removed: Sequence[Placed]
    added: Sequence[Placed]
    changed: Sequence[Changed]


class _Known(msgspec.Struct, frozen=True):
    index: int
    digest: bytes
    data: bytes


def diff_rows(
    datasets: Datasets, before: Version, after: Version, *, key: str | None = None, most: int = 100
) -> RowDiff:
    """UsageError when a row has no such key, or two rows have the same. Chunks that both begin or end with are not
    read."""
    old, new = list(datasets.pieces(before)), list(datasets.pieces(after))
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    one = list(_rows(datasets, old, head, len(old) - tail))
    two = list(_rows(datasets, new, head, len(new) - tail))
    removed, added = _only(one, two), _only(two, one)
    gone, come = {each.index for each in removed}, {each.index for each in added}
    kept = [each.digest for each in one if each.index not in gone]
    reordered = kept != [each.digest for each in two if each.index not in come]
    changed: list[Changed] = []
    count = 0
    if key is not None:
        by_key = {_key(each, key): each for each in _unique(removed, key)}
        pairs = [(by_key[text], each) for each in _unique(added, key) if (text := _key(each, key)) in by_key]
        count = len(pairs)
        changed = [_changed(was, now, key) for was, now in pairs[:most]]
        gone -= {was.index for was, _ in pairs}
        come -= {now.index for _, now in pairs}
    return RowDiff(
        key=key,
        rows_before=before.manifest["rows"],
        rows_after=after.manifest["rows"],
        removed_count=len(gone),
        added_count=len(come),
        changed_count=count,
        reordered=reordered,
        removed=[_placed(each) for each in removed if each.index in gone][:most],
        added=[_placed(each) for each in added if each.index in come][:most],
        changed=changed,
    )


def _rows(datasets: Datasets, pieces: Sequence[Chunk], first: int, last: int) -> Iterator[_Known]:
    index = sum(piece.rows for piece in pieces[:first])
    for piece in pieces[first:last]:
        for data in datasets.chunk(piece):
            yield _Known(index, row_digest(data), data)
            index += 1


def _only(rows: Sequence[_Known], other: Sequence[_Known]) -> list[_Known]:
    """Rows that the other has not, or has less often (then the last ones of them)."""
    counts = Counter(each.digest for each in other)
    found: list[_Known] = []
    for each in rows:
        if counts[each.digest] > 0:
            counts[each.digest] -= 1
        else:
            found.append(each)
    return found


def _row(known: _Known) -> dict[str, Any]:
    return msgspec.json.decode(known.data, type=dict[str, Any])


def _placed(known: _Known) -> Placed:
    return Placed(known.index, _row(known))


def _key(known: _Known, key: str) -> bytes:
    row = _row(known)
    if key not in row:
        raise UsageError(
            f"Row {known.index} has no field {key!r}.", remedy="Name a field that every row has.", param="key"
        )
    return msgspec.json.encode(row[key])


def _unique(rows: Sequence[_Known], key: str) -> Sequence[_Known]:
    seen: set[bytes] = set()
    for each in rows:
        text = _key(each, key)
        if text in seen:
            raise UsageError(
                f"Two rows have the {key} {text.decode()[:60]}.",
                remedy="Name a field that tells rows apart.",
                param="key",
            )
        seen.add(text)
    return rows


def _changed(was: _Known, now: _Known, key: str) -> Changed:
    before, after = _row(was), _row(now)
    fields = [name for name in sorted(before.keys() | after.keys()) if _field(before, name) != _field(after, name)]
    return Changed(after[key], fields, before, after)


def _field(row: Mapping[str, Any], name: str) -> bytes | None:
    """As JSON: in Python false is 0."""
    return msgspec.json.encode(row[name], order="sorted") if name in row else None
