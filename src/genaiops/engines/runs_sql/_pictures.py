"""Pictures of documents, kept once each beside the database: a document has an empty text in their places, and a column
beside it says which picture belongs where. Nothing in a document itself names one, so no text can ask for a picture."""

import base64
import binascii
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar, cast

import msgspec

from genaiops.core.errors import NotFound
from genaiops.ports.blobs import Blobs

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_MARK: Final = b"data:image/"
_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]{1,64});base64,([A-Za-z0-9+/]+={0,2})")
LEAST: Final = 1024
"""Characters of a data URL; smaller ones cost no more where they are."""
_encode: Final = msgspec.json.Encoder().encode


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """`path`: names and numbers that lead to its place in the document. `size` in bytes."""

    path: tuple[str | int, ...]
    digest: str
    media_type: str
    size: int


_PICTURES: Final = msgspec.json.Decoder(tuple[Picture, ...])


class Pictures:
    """`blobs` None: what is written keeps its pictures within the documents."""

    def __init__(self, blobs: Blobs | None) -> None:
        self._blobs = blobs

    def taken(self, body: bytes) -> tuple[bytes, bytes | None]:
        """The document without its pictures, and what says where they belong (None: it has none)."""
        if self._blobs is None or _MARK not in body:
            return body, None
        document: Any = msgspec.json.decode(body)
        found = [
            Picture(path=path, digest=self._blobs.put(data), media_type=media_type, size=len(data))
            for path, media_type, data in _in(document, ())
        ]
        if not found:
            return body, None
        for picture in found:
            _put(document, picture.path, "")
        return _encode(document), _encode(found)

    def whole(self, body: bytes, pictures: bytes | None) -> bytes:
        """The document as it was before it was taken apart."""
        if pictures is None:
            return body
        document: Any = msgspec.json.decode(body)
        for picture in _PICTURES.decode(pictures):
            _put(document, picture.path, self._url(picture))
        return _encode(document)

    def decoded(self, body: bytes, pictures: bytes | None, kind: type[_T]) -> _T:
        return msgspec.json.decode(self.whole(body, pictures), type=kind)

    def _url(self, picture: Picture) -> str:
        """One that is gone is a picture without content: the rest of the run can be read all the same."""
        data = b""
        try:
            if self._blobs is not None:
                data = self._blobs.get(picture.digest)
        except NotFound:
            log.warning("the picture %s of a run is not there", picture.digest)
        return f"data:{picture.media_type};base64,{base64.b64encode(data).decode('ascii')}"


def digests_of(columns: Iterable[bytes | None]) -> set[str]:
    """Which pictures such columns name."""
    return {picture.digest for each in columns if each is not None for picture in _PICTURES.decode(each)}


def _in(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, bytes]]:
    """Texts that are a picture and nothing else, in canonical base64: what is put back is the same text."""
    if isinstance(value, str):
        found = _URL.fullmatch(value) if len(value) >= LEAST else None
        data = None if found is None else _bytes(found[2])
        if found is not None and data is not None:
            yield path, found[1], data
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            yield from _in(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(cast("list[Any]", value)):
            yield from _in(each, (*path, number))


def _bytes(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None


def _put(document: Any, path: tuple[str | int, ...], text: str) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = text
