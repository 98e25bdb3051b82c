"""An index as columns of numbers, and as a file that can be used where it lies.

The file: magic, length of the head (4 bytes), head (JSON, blanks to a multiple of 8), hashes (8 bytes each), numbers of
documents and of words (4 bytes each), the first table, all little-endian, and the SHA-256 of all before it.
"""

import hashlib
import struct
import sys
from array import array
from typing import Final, Literal, NamedTuple

import msgspec

from genaiops.checks.verbatim._hashing import BITS
from genaiops.core.errors import StoreError

_MAGIC: Final = b"genaiops verbatim\x00\x00\x00"
_VERSION: Final = 2
_START: Final = len(_MAGIC) + 4
_Code = Literal["Q", "I"]
_DIGEST: Final = 32
_TABLE_BITS: Final = 16
"""Bits of the first table for each fingerprint: one look-up in as many goes on in vain."""


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


class Columns(NamedTuple):
    """Of every place, in order. `table`: a bit for each hash, at its bits from `shift` on."""

    hashes: memoryview
    owners: memoryview
    words: memoryview
    shift: int
    table: memoryview


class Head(msgspec.Struct, frozen=True):
    version: int
    k: int
    window: int
    places: int
    shift: int
    documents: tuple[Document, ...]


def columns_of(
    hashes: "array[int]", owners: "array[int]", words: "array[int]", shift: int, table: bytearray
) -> Columns:
    return Columns(memoryview(hashes), memoryview(owners), memoryview(words), shift, memoryview(table))


def shift_of(places: int) -> int:
    return BITS - max(3, (places * _TABLE_BITS).bit_length() - 1)


def table_of(hashes: "array[int]") -> tuple[int, bytearray]:
    """(shift, the first table)."""
    shift = shift_of(len(hashes))
    table = bytearray(1 << BITS - shift - 3)
    for each in hashes:
        slot = each >> shift
        table[slot >> 3] |= 1 << (slot & 7)
    return shift, table


def write(k: int, window: int, documents: tuple[Document, ...], columns: Columns) -> bytes:
    head = msgspec.json.encode(_head(k, window, documents, columns))
    head += b" " * (-(_START + len(head)) % 8)
    numbers = b"".join(_little(column) for column in columns[:3])
    body = b"".join((_MAGIC, struct.pack("<I", len(head)), head, numbers, columns.table))
    return body + hashlib.sha256(body).digest()


def read(data: bytes | memoryview) -> tuple[Head, Columns]:
    """StoreError for what is no index, is of another version, or is damaged."""
    whole = memoryview(data).toreadonly()
    if len(whole) < _START + _DIGEST or bytes(whole[: len(_MAGIC)]) != _MAGIC:
        raise StoreError("This is no index of documents.", remedy="Give a file that Index.write made.")
    body = whole[:-_DIGEST]
    if hashlib.sha256(body).digest() != bytes(whole[-_DIGEST:]):
        raise StoreError("The index of documents is damaged: its digest differs.", remedy="Build it again.")
    at = _START + int.from_bytes(whole[_START - 4 : _START], "little")
    version = msgspec.json.decode(body[_START:at], type=dict[str, msgspec.Raw])["version"]
    if bytes(version) != str(_VERSION).encode():
        raise StoreError(
            f"The index of documents is of version {bytes(version).decode()}, not {_VERSION}.",
            remedy="Build it again with this release.",
        )
    head = msgspec.json.decode(body[_START:at], type=Head)
    columns: list[memoryview] = []
    numbers: tuple[tuple[_Code, int], ...] = (("Q", 8), ("I", 4), ("I", 4))
    for code, size in numbers:
        columns.append(_native(body[at : at + size * head.places], code))
        at += size * head.places
    return head, Columns(columns[0], columns[1], columns[2], head.shift, body[at:])


def _head(k: int, window: int, documents: tuple[Document, ...], columns: Columns) -> Head:
    return Head(_VERSION, k, window, len(columns.hashes), columns.shift, documents)


def _little(column: memoryview) -> bytes | memoryview:
    if sys.byteorder == "little":
        return column.cast("B") if column else b""
    swapped: array[int] = array("Q" if column.format == "Q" else "I", column)
    swapped.byteswap()
    return swapped.tobytes()


def _native(column: memoryview, code: _Code) -> memoryview:
    if sys.byteorder == "little":
        return column.cast(code)
    swapped: array[int] = array(code)
    swapped.frombytes(column)
    swapped.byteswap()
    return memoryview(swapped)
