"""The chunked transfer coding, read strictly and in one pass. Extensions are bounded, trailers checked and kept
apart."""

import re

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_MAX_LINE = 4096
_MAX_TRAILERS = 16_384
_MAX_EXCESS = 16_384
_MAX_KNOWN_SIZE = 3

_SIZE, _DATA, _DATA_END, _TRAILER, _DONE = range(5)
_known_sizes: dict[bytes, int] = {}


class MalformedChunk(ValueError):
    """The bytes are not a chunked body, or one made to cost more than it carries."""


class ChunkedDecoder:
    """Feed it bytes as they come; it appends payload to `out`. After the last chunk `complete` is true."""

    __slots__ = ("_carry", "_excess", "_remaining", "_state", "_trailers", "complete", "received", "trailers")

    def __init__(self) -> None:
        self._state = _SIZE
        self._carry = b""
        self._remaining = 0
        self._excess = 0
        self._trailers = 0
        self.complete = False
        self.received = 0
        self.trailers: list[tuple[bytes, bytes]] = []

    def single(self, data: bytes) -> bytes:
        """The payload of `data` when it is one whole plain chunk; nothing when it is not, and has to go to `feed`."""
        if self._state or self._carry or self._excess:
            return b""
        line_end = data.find(b"\r\n", 0, _MAX_KNOWN_SIZE + 2)
        if line_end < 0:
            return b""
        size = _known_sizes.get(data[:line_end], 0)
        if not size or len(data) != line_end + 4 + size or not data.endswith(b"\r\n"):
            return b""
        self.received += size
        return data[line_end + 2 : -2]

    def feed(self, data: bytes, out: list[bytes]) -> bytes:
        """Returns the bytes behind the end of the body (empty before it). Raises MalformedChunk."""
        if self._carry:
            data = self._carry + data
            self._carry = b""
        pos, end = 0, len(data)
        while pos < end:
            state = self._state
            if state == _SIZE:
                line_end = self._line_end(data, pos)
                if line_end < 0:
                    return b""
                line = data[pos:line_end]
                size = _known_sizes.get(line, -1)
                if size < 0 or self._excess:
                    size = self._size(line)
                pos = line_end + 2
                if not size:
                    self._state = _TRAILER
                    continue
                stop = pos + size
                self.received += size
                if data[stop : stop + 2] == b"\r\n":  # the common case: the whole chunk is here
                    out.append(data[pos:stop])
                    pos = stop + 2
                    continue
                self._remaining = size
                self._state = _DATA
            elif state == _DATA:
                piece = data[pos : pos + self._remaining]
                out.append(piece)
                pos += len(piece)
                self._remaining -= len(piece)
                if not self._remaining:
                    self._state = _DATA_END
            elif state == _DATA_END:
                pair = data[pos : pos + 2]
                if pair != b"\r\n":
                    if pair != b"\r":
                        raise MalformedChunk("a chunk does not end with CR LF")
                    self._carry = pair
                    return b""
                pos += 2
                self._state = _SIZE
            else:
                line_end = self._line_end(data, pos)
                if line_end < 0:
                    return b""
                done = self._trailer(data[pos:line_end])
                pos = line_end + 2
                if done:
                    self._state = _DONE
                    self.complete = True
                    return data[pos:]
        return b""

    def _line_end(self, data: bytes, pos: int) -> int:
        """Where the line at `pos` ends, or -1 when its end has not come (it is then carried over)."""
        line_end = data.find(b"\r\n", pos, pos + _MAX_LINE)
        if line_end < 0:
            if len(data) - pos >= _MAX_LINE:
                raise MalformedChunk(f"a line of the chunked coding is longer than {_MAX_LINE} bytes")
            rest = data[pos:]
            if b"\n" in rest or b"\r" in rest[:-1]:
                raise MalformedChunk("a line of the chunked coding does not end with CR LF")
            self._carry = rest
        return line_end

    def _size(self, line: bytes) -> int:
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise MalformedChunk(f"{line[:32]!r} is not the size of a chunk")
        size = int(match[1], 16)
        if len(line) <= _MAX_KNOWN_SIZE and match[2] is None:
            _known_sizes[line] = size  # few: three hexadecimal digits at most
        # What a chunk costs beyond its payload: many tiny chunks, or long extensions, burn a server's time.
        self._excess = max(0, self._excess + len(line) - 16 - 2 * size)
        if self._excess > _MAX_EXCESS:
            raise MalformedChunk("the chunked coding carries more overhead than payload")
        return size

    def _trailer(self, line: bytes) -> bool:
        """Whether this was the empty line that ends the body."""
        if not line:
            return True
        if not _TRAILER_LINE.fullmatch(line):
            raise MalformedChunk("a trailer is not a header field")
        self._trailers += len(line) + 2
        if self._trailers > _MAX_TRAILERS:
            raise MalformedChunk(f"the trailers are longer than {_MAX_TRAILERS} bytes")
        name, _, value = line.partition(b":")
        self.trailers.append((name.lower(), value.strip()))
        return False
