"""Rows of tables as bytes that depend on nothing but their content, and how they are cut into chunks.

A row is a JSON object in canonical form: keys sorted, no spaces, UTF-8, whole numbers without fraction or exponent (as
in RFC 8785, but integers stay exact), what is not a number null. The file that it came from and the order of its keys
leave no trace. The digest of a table is SHA-256 over the digests (32 bytes each) of its rows in order.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import TooLarge, UsageError

LARGEST_ROW: Final = 4 << 20
"""Bytes of one row in canonical form."""

CHUNK_BYTES: Final = 1 << 20
_CHUNK_ROWS: Final = 2048
_MEAN_ROWS: Final = 512

_FLOATS = re.compile(rb"[0-9]\.0[,}\]]|[0-9][eE][+-]?[0-9]")
"""Where a float may stand that is a whole number; a text may hold it too, which costs time and changes nothing."""


def canonical_row(row: Mapping[str, Any]) -> bytes:
    """The row's canonical form. UsageError for what JSON has no words for, TooLarge beyond `LARGEST_ROW`."""
    try:
        data = msgspec.json.encode(row, order="sorted", enc_hook=_foreign)
        if _FLOATS.search(data):
            plain = msgspec.to_builtins(row, str_keys=True, enc_hook=_foreign)
            data = msgspec.json.encode(_whole(plain), order="sorted")
    except (TypeError, ValueError, OverflowError, UnicodeEncodeError, RecursionError) as error:
        raise UsageError(
            f"The row cannot be written as JSON: {error}.", remedy="Mend that value.", code="invalid_row"
        ) from error
    if len(data) > LARGEST_ROW:
        raise TooLarge(
            f"The row has {len(data):,} bytes.",
            remedy=f"A row may have {LARGEST_ROW:,}: keep large payloads elsewhere and refer to them.",
            code="row_too_large",
        )
    return data


def _foreign(value: Any) -> Any:
    """Scalars and arrays of numpy and pandas as Python has them."""
    for method in ("item", "tolist"):
        convert = getattr(value, method, None)
        if convert is not None:
            return convert()
    raise TypeError(f"a value of the type {type(value).__name__}")


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(each) for each in cast("list[Any]", value)]
    return value


def row_digest(row: bytes) -> bytes:
    """32 bytes, of a row in canonical form."""
    return hashlib.sha256(row).digest()


class TableDigest:
    """The digest of a table, row by row."""

    def __init__(self) -> None:
        self._state = hashlib.sha256()

    def add(self, digest: bytes) -> None:
        self._state.update(digest)

    @property
    def text(self) -> str:
        return "sha256:" + self._state.hexdigest()


def chunks(rows: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    """Rows in canonical form, cut where their own content says so: a table that differs in one row shares all other
    chunks. A chunk has about 512 rows, and at most 2,048 or (but for one larger row) 1 MiB."""
    held: list[bytes] = []
    size = 0
    for row in rows:
        if held and size + len(row) > CHUNK_BYTES:
            yield held
            held, size = [], 0
        held.append(row)
        size += len(row) + 1
        if len(held) == _CHUNK_ROWS or int.from_bytes(row_digest(row)[:4], "big") % _MEAN_ROWS == 0:
            yield held
            held, size = [], 0
    if held:
        yield held


def joined(rows: Iterable[bytes]) -> bytes:
    """A chunk as it is stored: a row a line."""
    return b"".join(row + b"\n" for row in rows)
