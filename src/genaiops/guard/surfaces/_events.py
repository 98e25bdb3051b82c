"""Server-sent events: whole events out of bytes that are cut anywhere, and an event with other data
(WHATWG HTML, section 9.2)."""

import re
from typing import NamedTuple

from genaiops.core.errors import UpstreamError

EVENT_LIMIT = 48 << 20
"""The largest event, bytes: an image is one."""

_END = rb"(?:\r\n|\r(?!\n)|\n)"
_BOUNDARY = re.compile(_END + _END)
_USUAL = re.compile(rb"((?:event: ?[\w.-]{1,80}\r?\n)?data: ?)([^\r\n]*)((?:\r?\n){0,2})", re.ASCII)


class Event(NamedTuple):
    """`head`, `data` and `tail` are the bytes of the event; `others`: its lines without data, where the data lines do
    not stand together with nothing but the name of the event before them."""

    head: bytes
    data: bytes
    tail: bytes
    others: tuple[bytes, ...] = ()


class Splitter:
    """Bytes in, whole events out, each with the blank line that ends it. Joined they are the bytes that came in."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """UpstreamError when an event grows over EVENT_LIMIT."""
        rest = self._rest
        if not rest and chunk[-2:] == b"\n\n" and b"\r" not in chunk and chunk.find(b"\n\n") == len(chunk) - 2:
            return [bytes(chunk)]  # most chunks are one event
        at = max(0, len(rest) - 3)
        rest += chunk
        found: list[bytes] = []
        start = 0
        for match in _BOUNDARY.finditer(rest, at):
            if match.end() == len(rest) and rest.endswith(b"\r"):
                break  # it may be half of a CRLF
            found.append(bytes(rest[start : match.end()]))
            start = match.end()
        del rest[:start]
        if len(rest) > EVENT_LIMIT:
            raise UpstreamError(f"an event is larger than {EVENT_LIMIT >> 20} MiB.", code="upstream_bad_stream")
        return found

    def end(self) -> bytes:
        """What came without the blank line behind it."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest


def read(raw: bytes) -> Event:
    """An event by its lines."""
    if raw[:6] == b"data: " and raw.find(b"\n", 6) == len(raw) - 2 and b"\r" not in raw:
        return Event(b"data: ", raw[6:-2], b"\n\n")
    usual = _USUAL.fullmatch(raw)
    if usual is not None:
        return Event(usual[1], usual[2], usual[3])
    data: list[bytes] = []
    others: list[bytes] = []
    for line in raw.removeprefix(b"\xef\xbb\xbf").splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif line:
            others.append(line)
    return Event(b"data: ", b"\n".join(data), b"\n\n", tuple(others))
