"""Server-sent events: the data of whole events out of bytes that are cut anywhere (WHATWG HTML, section 9.2)."""

import re

from genaiops.core.errors import UpstreamError

EVENT_LIMIT = 4 << 20
"""The largest event that is followed, bytes."""

_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")


class EventReader:
    """Bytes in, the data of each whole event out. A comment between events comes as None."""

    __slots__ = ("_data", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """UpstreamError when an event grows over EVENT_LIMIT."""
        text = self._rest + chunk
        if b"\r" in text:
            lines = _LINE_END.split(text)
        else:
            lines = text.split(b"\n")
        self._rest = lines.pop()
        out: list[bytes | None] = []
        for line in lines:
            if not line:
                if self._data:
                    out.append(b"\n".join(self._data))
                    self._data = []
            elif line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line.startswith(b":"):
                out.append(None)
        if len(self._rest) + sum(map(len, self._data)) > EVENT_LIMIT:
            raise UpstreamError(f"an event is larger than {EVENT_LIMIT >> 20} MiB.", code="upstream_bad_stream")
        return out
