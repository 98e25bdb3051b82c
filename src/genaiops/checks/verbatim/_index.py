"""The fingerprints of documents, in a form that is small, mergeable and checked when it is read."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import msgspec

from genaiops.checks.verbatim._columns import Columns, Document, Place, columns_of, read, table_of, write
from genaiops.checks.verbatim._hashing import Rolling, winnowed
from genaiops.checks.words import words
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import Conflict, UsageError

_IN_DOCUMENT: Final = 4
_IN_ALL: Final = 16
EXACT_K: Final = 8


class Index:
    """Immutable; holds hashes of runs of words, not the text (whoever guesses a run of k words can confirm it). Its
    bytes are the same whatever the order in which documents came."""

    def __init__(self, k: int, window: int, documents: tuple[Document, ...], columns: Columns) -> None:
        """Use `build`, `read`, or `merging.merge`."""
        self.k = k
        self.window = window
        self.documents = documents
        self.columns = columns

    @classmethod
    def build(cls, documents: Iterable[tuple[str, str]], *, k: int = 8, window: int = 5) -> "Index":
        """Of (id, text); every run of k + window - 1 words will be found. UsageError for a `k` below 2 or a `window`
        that is not from 1 to k (beyond, gaps within a run would go unseen); Conflict for two texts of one id."""
        _check(k, window)
        texts: dict[str, str] = {}
        marks: dict[str, list[tuple[int, int]]] = {}
        known: dict[str, Document] = {}
        for name, text in documents:
            digest = digest_bytes(text.encode("utf-8", "surrogatepass"))
            if name in known:
                if texts[name] != digest:
                    raise two_texts(name)
                continue
            found = words(text).texts
            hashes = list(Rolling(k).feed(found))
            marks[name] = [(hashes[word], word) for word in winnowed(hashes, window)]
            texts[name] = digest
            known[name] = Document(name, digest, len(found), 0)
        ordered = [known[name] for name in sorted(known)]
        places = [Place(mark, at, word) for at, each in enumerate(ordered) for mark, word in marks[each.id]]
        return cls._of(k, window, ordered, places)

    @classmethod
    def exact(cls, documents: Iterable[tuple[str, str]]) -> "Index":
        """Of (id, text), with every run of 8 words kept: runs are measured as what they are, and can be cut out whole.
        Three times as large as one that is winnowed."""
        return cls.build(documents, k=EXACT_K, window=1)

    @classmethod
    def _of(cls, k: int, window: int, documents: list[Document], places: list[Place]) -> "Index":
        places.sort()
        kept = list(bounded(places))
        marks = [0] * len(documents)
        for place in kept:
            marks[place.document] += 1
        hashes = array("Q", (each.hash for each in kept))
        columns = columns_of(
            hashes,
            array("I", (each.document for each in kept)),
            array("I", (each.word for each in kept)),
            *table_of(hashes),
        )
        return cls(k, window, counted(documents, marks), columns)

    def __len__(self) -> int:
        """Places of fingerprints."""
        return len(self.columns.hashes)

    def places(self) -> Iterator[Place]:
        """In order of hash, document, word."""
        columns = self.columns
        return map(Place, columns.hashes, columns.owners, columns.words)

    def candidates(self, hashes: Iterable[int]) -> list[tuple[int, int]]:
        """(number, hash) of those that may be in it: all that are, and one in 16 of the others."""
        table, shift = self.columns.table, self.columns.shift
        return [(at, each) for at, each in enumerate(hashes) if table[(slot := each >> shift) >> 3] >> (slot & 7) & 1]

    def at(self, hashed: int) -> list[tuple[int, int]]:
        """(document, word) of the places of a hash."""
        hashes, owners, words = self.columns.hashes, self.columns.owners, self.columns.words
        first = last = bisect_left(hashes, hashed)
        while last < len(hashes) and hashes[last] == hashed:
            last += 1
        return [(owners[number], words[number]) for number in range(first, last)]

    def write(self) -> bytes:
        """What `read` takes."""
        return write(self.k, self.window, self.documents, self.columns)

    @classmethod
    def read(cls, data: bytes | memoryview) -> "Index":
        """Without a copy: it stands on `data`, which may be the memory of a mapped file. StoreError for what is no
        index, is of another version, or is damaged."""
        head, columns = read(data)
        return cls(head.k, head.window, head.documents, columns)


def _check(k: int, window: int) -> None:
    if k < 2 or not 1 <= window <= k:
        raise UsageError(
            f"k {k} and window {window} make no index.", remedy="Take a k of at least 2 and a window from 1 to k."
        )


def two_texts(name: str) -> Conflict:
    return Conflict(f"Two different texts have the id {name!r}.", remedy="Give each document an id of its own.")


def bounded(places: list[Place]) -> Iterator[Place]:
    """What is kept of places that are in order: the first ones in each document before the second ones, and so on.
    Merging in any order keeps the same."""
    for _, same in groupby(places, key=lambda place: place.hash):
        group = list(same)
        if len(group) == 1:
            yield group[0]
            continue
        ranked: list[tuple[int, Place]] = []
        for _, owned in groupby(group, key=lambda place: place.document):
            ranked.extend(zip(range(_IN_DOCUMENT), owned, strict=False))
        ranked.sort()
        yield from sorted(place for _, place in ranked[:_IN_ALL])


def counted(documents: list[Document], marks: Iterable[int]) -> tuple[Document, ...]:
    """With their numbers of marks."""
    return tuple(msgspec.structs.replace(each, marks=count) for each, count in zip(documents, marks, strict=True))
