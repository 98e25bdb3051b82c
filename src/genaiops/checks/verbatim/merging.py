"""Indexes of documents made one, with little more memory than their numbers take.

It needs numpy, which a worker of the gateway does without: only who makes indexes imports this.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from genaiops.checks.verbatim._columns import Columns, Document, Place, columns_of, shift_of
from genaiops.checks.verbatim._hashing import BITS
from genaiops.checks.verbatim._index import Index, bounded, counted, two_texts
from genaiops.core.errors import UsageError


def merge(first: Index, *others: Index) -> Index:
    """All their documents. UsageError where k or window differ, Conflict for two texts of one id."""
    known: dict[str, Document] = {}
    for index in (first, *others):
        if (index.k, index.window) != (first.k, first.window):
            raise UsageError(
                f"An index of k {index.k} and window {index.window} does not go together with one of k {first.k} "
                f"and window {first.window}.",
                remedy="Build both with the same k and window.",
            )
        for document in index.documents:
            if known.setdefault(document.id, document).digest != document.digest:
                raise two_texts(document.id)
    ordered = [known[name] for name in sorted(known)]
    numbers = {document.id: number for number, document in enumerate(ordered)}
    owners = [[numbers[document.id] for document in index.documents] for index in (first, *others)]
    columns, marks = _merged([index.columns for index in (first, *others)], owners)
    return Index(first.k, first.window, counted(ordered, marks), columns)


def is_sound(index: Index) -> bool:
    """Whether its fingerprints are hashes in order, of documents that it has: what others made is looked at first."""
    hashes, owners = np.frombuffer(index.columns.hashes, np.uint64), np.frombuffer(index.columns.owners, np.uint32)
    if not len(hashes):
        return True
    ordered = bool((hashes[1:] >= hashes[:-1]).all())
    return ordered and int(hashes[-1]) < 1 << BITS and int(owners.max()) < len(index.documents)


def _merged(columns: Sequence[Columns], owners: Sequence[Sequence[int]]) -> tuple[Columns, list[int]]:
    """(columns, how many places each document has). `owners`: for each index the new numbers of its documents."""
    hashes = np.concatenate([np.frombuffer(one.hashes, np.uint64) for one in columns])
    renamed = [np.asarray(new, np.uint32) for new in owners]
    numbers = np.concatenate(
        [new[np.frombuffer(one.owners, np.uint32)] for one, new in zip(columns, renamed, strict=True)]
    )
    words = np.concatenate([np.frombuffer(one.words, np.uint32) for one in columns])
    order = np.lexsort((words, numbers, hashes))
    hashes, numbers, words = hashes[order], numbers[order], words[order]
    kept = _kept(hashes, numbers, words)
    hashes, numbers, words = hashes[kept], numbers[kept], words[kept]
    documents = max((max(new, default=-1) for new in owners), default=-1) + 1
    shift, table = _table(hashes)
    made = columns_of(_array("Q", hashes), _array("I", numbers), _array("I", words), shift, table)
    return made, np.bincount(numbers, minlength=documents).tolist()


def _kept(hashes: Any, numbers: Any, words: Any) -> Any:
    """A mask: each place once, and of crowded hashes what `bounded` keeps."""
    kept = np.ones(len(hashes), np.bool_)
    if not len(hashes):
        return kept
    equal = hashes[1:] == hashes[:-1]
    kept[1:] = ~(equal & (numbers[1:] == numbers[:-1]) & (words[1:] == words[:-1]))
    crowded = np.zeros(len(hashes), np.bool_)
    crowded[1:] = equal
    crowded[:-1] |= equal
    at = np.flatnonzero(crowded & kept)
    places = list(map(Place, hashes[at].tolist(), numbers[at].tolist(), words[at].tolist()))
    chosen = set(bounded(places))
    kept[at] = [place in chosen for place in places]
    return kept


def _table(hashes: Any) -> tuple[int, bytearray]:
    shift = shift_of(len(hashes))
    bits = np.zeros(1 << BITS - shift, np.bool_)
    bits[hashes >> np.uint64(shift)] = True
    return shift, bytearray(np.packbits(bits, bitorder="little").tobytes())


def _array(code: Literal["Q", "I"], column: Any) -> "array[int]":
    made: array[int] = array(code)
    made.frombytes(column.tobytes())
    return made
