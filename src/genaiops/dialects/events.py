"""Server-sent events: the data of whole events out of bytes that are cut anywhere (WHATWG HTML, section 9.2).

Where the bytes of events go on as they came, `genaiops.providers` splits them without touching them.
"""

import re

from genaiops.core.errors import UpstreamError

EVENT_LIMIT = 4 << 20
"""The largest event that is followed, bytes."""

_LINE_END = re.compile(rb"\r\n|\r|\n")


class EventReader:
    """Bytes in, the data of each whole event out. A comment between events comes as None."""

    __slots__ = ("_after_cr", "_data", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """UpstreamError when an event grows over EVENT_LIMIT."""
        if not chunk:
            return []
        half = self._after_cr and chunk[:1] == b"\n"  # the other half of a CRLF
        self._after_cr = chunk[-1:] == b"\r"
        if half:
            chunk = chunk[1:]
        text = self._rest + chunk if self._rest else chunk
        lines = _LINE_END.split(text) if b"\r" in text else text.split(b"\n")
        self._rest = lines.pop()
        found: list[bytes | None] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._size += len(line)
            elif not line:
                if self._data:
                    found.append(b"\n".join(self._data))
                    self._data, self._size = [], 0
            elif line.startswith(b":"):
                found.append(None)
        if self._size + len(self._rest) > EVENT_LIMIT:
            raise UpstreamError(f"an event is larger than {EVENT_LIMIT >> 20} MiB.", code="upstream_bad_stream")
        return found
