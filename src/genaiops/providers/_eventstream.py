"""`application/vnd.amazon.eventstream`: AWS's framing of events, cut anywhere, every checksum verified.

A message is, big-endian: its length and that of its headers (4 bytes each), the CRC-32 of these eight bytes, the
headers, the payload, the CRC-32 of all before. A header is a name (1 byte of length), a type (1 byte) and a value.
After "Event stream encoding" in the documentation of Amazon Transcribe and of the Smithy specification.
"""

import struct
from zlib import crc32

import msgspec

from genaiops.core.errors import UpstreamError

CONTENT_TYPE = b"application/vnd.amazon.eventstream"
MESSAGE_LIMIT = 24 << 20
HEADERS_LIMIT = 128 << 10
_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_LEAST = _PRELUDE.size + _CRC.size
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Header type -> bytes of its value; 6 (bytes) and 7 (text) tell their own length."""

_TEXT = 7


class Message(msgspec.Struct, frozen=True):
    """One message. `headers` holds those whose value is text, which are all that say anything."""

    headers: dict[str, str]
    payload: bytes


class MessageSplitter:
    """Bytes in, whole messages out; memory is bounded by the largest message."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def rest(self) -> bytes:
        """The beginning of a message that is not whole yet."""
        return self._rest

    def feed(self, chunk: bytes) -> list[Message]:
        """UpstreamError when a length is impossible, a checksum does not match or a header is no header."""
        data = self._rest + chunk if self._rest else bytes(chunk)
        messages: list[Message] = []
        start = 0
        while len(data) - start >= _PRELUDE.size:
            total, headers, crc = _PRELUDE.unpack_from(data, start)
            if crc32(data[start : start + 8]) != crc:
                raise _garbage("a message's beginning does not match its checksum")
            if not _LEAST + headers <= total <= MESSAGE_LIMIT or headers > HEADERS_LIMIT:
                raise _garbage(f"a message claims {total} bytes with {headers} of headers")
            if len(data) - start < total:
                break
            messages.append(_message(data[start : start + total], headers))
            start += total
        self._rest = data[start:]
        return messages


def _message(data: bytes, headers: int) -> Message:
    end = len(data) - _CRC.size
    if crc32(data[:end]) != _CRC.unpack_from(data, end)[0]:
        raise _garbage("a message does not match its checksum")
    first = _PRELUDE.size + headers
    try:
        found = _headers(data[_PRELUDE.size : first])
    except (IndexError, struct.error, UnicodeDecodeError):
        raise _garbage("a message's headers cannot be read") from None
    return Message(found, data[first:end])


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(data):
        start, place = place + 1, place + 1 + data[place]
        name = data[start:place].decode()
        kind = data[place]
        place += 1
        if kind in _SIZES:
            place += _SIZES[kind]
        elif kind in (6, _TEXT):
            start = place + _LENGTH.size
            place = start + _LENGTH.unpack_from(data, place)[0]
            if kind == _TEXT:
                found[name] = data[start:place].decode()
        else:
            raise _garbage(f"a message has a header of the unknown type {kind}")
    if place != len(data):
        raise _garbage("a message's headers are longer than it says")
    return found


def _garbage(what: str) -> UpstreamError:
    return UpstreamError(f"its stream is broken: {what}.", code="upstream_bad_stream")
