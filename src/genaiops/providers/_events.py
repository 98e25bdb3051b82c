"""Server-sent events: whole events out of a stream that is cut anywhere (WHATWG HTML, section 9.2)."""

import re

from genaiops.core.errors import UpstreamError

EVENT_LIMIT = 4 << 20
"""The largest event that is followed, bytes."""

_BOUNDARY = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class EventSplitter:
    """Bytes in, whole events out, each with the blank line that ends it. Joined they are the bytes that came in."""

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""
        """The beginning of an event that is not whole yet."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """UpstreamError when an event grows over EVENT_LIMIT."""
        data = self.rest + chunk if self.rest else bytes(chunk)
        if b"\r" in data:
            return self._split_any(data)
        pieces = data.split(b"\n\n")
        self._keep(pieces.pop())
        return [piece + b"\n\n" for piece in pieces]

    def _split_any(self, data: bytes) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        for match in _BOUNDARY.finditer(data):
            if match[0] == b"\r\r" and data[match.end() : match.end() + 1] == b"":
                break  # the second CR may be half of a CRLF
            events.append(data[start : match.end()])
            start = match.end()
        self._keep(data[start:])
        return events

    def _keep(self, rest: bytes) -> None:
        if len(rest) > EVENT_LIMIT:
            raise UpstreamError(f"an event is larger than {EVENT_LIMIT >> 20} MiB.", code="upstream_bad_stream")
        self.rest = rest


def event_data(event: bytes) -> bytes | None:
    """The data of an event, None when it has none (a comment, a lone id). UpstreamError when it is no event at all."""
    if event.startswith(b"data: ") and event.find(b"\n", 6) == len(event) - 2:
        return event[6:-2]
    found: list[bytes] = []
    for line in event.splitlines():
        name, colon, value = line.partition(b":")
        if name == b"data":
            found.append(value.removeprefix(b" "))
        elif name not in (b"", b"event", b"id", b"retry") or (line and not colon and name != b""):
            raise UpstreamError(f"its stream has a line that is none: {line[:60]!r}.", code="upstream_bad_stream")
    return b"\n".join(found) if found else None
