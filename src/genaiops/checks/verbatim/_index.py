"""The fingerprints of documents, in a form that is small, mergeable and checked when it is read."""

import hashlib
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from genaiops.checks.verbatim._hashing import BITS, Rolling, winnowed
from genaiops.checks.words import words
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import Conflict, StoreError, UsageError

_MAGIC: Final = b"genaiops verbatim\x00"
_VERSION: Final = 1
_IN_DOCUMENT: Final = 4
_IN_ALL: Final = 16
_TABLE_BITS: Final = 16
"""Bits of the first table for each fingerprint: one look-up in as many goes on in vain."""
_DIGEST: Final = 32


class Document(msgspec.Struct, frozen=True):
    """`marks`: the fingerprints that are kept of it; none of a document with fewer than k words, which is never
    found. `digest` is that of its text."""

    id: str
    digest: str
    words: int
    marks: int


class Place(NamedTuple):
    """A fingerprint, the number of a document, and at which of its words (from 0) the run begins."""

    hash: int
    document: int
    word: int


class _Head(msgspec.Struct, frozen=True):
    version: int
    k: int
    window: int
    places: int
    documents: tuple[Document, ...]


class Index:
    """Immutable; holds hashes of runs of words, not the text (whoever guesses a run of k words can confirm it). Its
    bytes are the same whatever the order in which documents came."""

    def __init__(self, k: int, window: int, documents: tuple[Document, ...], places: list[Place]) -> None:
        """`places` in order. Use `build`, `merge` or `read`."""
        self.k = k
        self.window = window
        self.documents = documents
        self._hashes = array("Q", (each.hash for each in places))
        self._owners = array("I", (each.document for each in places))
        self._words = array("I", (each.word for each in places))
        self._shift, self._table = _table(self._hashes)

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
                    raise _two_texts(name)
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
    def merge(cls, first: "Index", *others: "Index") -> "Index":
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
                    raise _two_texts(document.id)
        ordered = [known[name] for name in sorted(known)]
        numbers = {document.id: number for number, document in enumerate(ordered)}
        places = {
            Place(place.hash, numbers[index.documents[place.document].id], place.word)
            for index in (first, *others)
            for place in index.places()
        }
        return cls._of(first.k, first.window, ordered, list(places))

    @classmethod
    def _of(cls, k: int, window: int, documents: list[Document], places: list[Place]) -> "Index":
        places.sort()
        kept = list(_bounded(places))
        marks = [0] * len(documents)
        for place in kept:
            marks[place.document] += 1
        counted = tuple(
            msgspec.structs.replace(each, marks=count) for each, count in zip(documents, marks, strict=True)
        )
        return cls(k, window, counted, kept)

    def __len__(self) -> int:
        """Places of fingerprints."""
        return len(self._hashes)

    def places(self) -> Iterator[Place]:
        """In order of hash, document, word."""
        return map(Place, self._hashes, self._owners, self._words)

    def candidates(self, hashes: Iterable[int]) -> list[tuple[int, int]]:
        """(number, hash) of those that may be in it: all that are, and one in 16 of the others."""
        table, shift = self._table, self._shift
        return [(at, each) for at, each in enumerate(hashes) if table[(slot := each >> shift) >> 3] >> (slot & 7) & 1]

    def at(self, hashed: int) -> list[tuple[int, int]]:
        """(document, word) of the places of a hash."""
        first = last = bisect_left(self._hashes, hashed)
        while last < len(self._hashes) and self._hashes[last] == hashed:
            last += 1
        return list(zip(self._owners[first:last], self._words[first:last], strict=True))

    def write(self) -> bytes:
        """What `read` takes: magic, length of the head, head (JSON), hashes (8 bytes each), documents and words (4
        bytes each), all little-endian, and the SHA-256 of all before it."""
        head = msgspec.json.encode(_Head(_VERSION, self.k, self.window, len(self), self.documents))
        columns = b"".join(map(_little, (self._hashes, self._owners, self._words)))
        body = _MAGIC + struct.pack("<I", len(head)) + head + columns
        return body + hashlib.sha256(body).digest()

    @classmethod
    def read(cls, data: bytes) -> "Index":
        """StoreError for what is no index, is of another version, or is damaged."""
        body, digest = data[:-_DIGEST], data[-_DIGEST:]
        start = len(_MAGIC) + 4
        if not data.startswith(_MAGIC) or len(data) < start + _DIGEST:
            raise StoreError("This is no index of documents.", remedy="Give a file that Index.write made.")
        if hashlib.sha256(body).digest() != digest:
            raise StoreError("The index of documents is damaged: its digest differs.", remedy="Build it again.")
        size = int.from_bytes(data[start - 4 : start], "little")
        version = msgspec.json.decode(body[start : start + size], type=dict[str, msgspec.Raw])["version"]
        if bytes(version) != str(_VERSION).encode():
            raise StoreError(
                f"The index of documents is of version {bytes(version).decode()}, not {_VERSION}.",
                remedy="Build it again with this release.",
            )
        head = msgspec.json.decode(body[start : start + size], type=_Head)
        made = cls(head.k, head.window, head.documents, [])
        offset = start + size
        for column in (made._hashes, made._owners, made._words):
            length = column.itemsize * head.places
            column.frombytes(body[offset : offset + length])
            if sys.byteorder == "big":
                column.byteswap()
            offset += length
        made._shift, made._table = _table(made._hashes)
        return made


def _check(k: int, window: int) -> None:
    if k < 2 or not 1 <= window <= k:
        raise UsageError(
            f"k {k} and window {window} make no index.", remedy="Take a k of at least 2 and a window from 1 to k."
        )


def _two_texts(name: str) -> Conflict:
    return Conflict(f"Two different texts have the id {name!r}.", remedy="Give each document an id of its own.")


def _bounded(places: list[Place]) -> Iterator[Place]:
    """The first places in each document before the second ones, and so on: merging in any order keeps the same."""
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


def _table(hashes: "array[int]") -> tuple[int, bytearray]:
    """A bit for each hash, at its highest bits."""
    bits = max(3, (len(hashes) * _TABLE_BITS).bit_length() - 1)
    shift = BITS - bits
    table = bytearray(1 << bits - 3)
    for each in hashes:
        slot = each >> shift
        table[slot >> 3] |= 1 << (slot & 7)
    return shift, table


def _little(column: "array[int]") -> bytes:
    if sys.byteorder == "little":
        return column.tobytes()
    swapped = column[:]
    swapped.byteswap()
    return swapped.tobytes()
