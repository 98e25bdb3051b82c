"""Writing heads. Nothing passed in can end a field early: CR, LF and NUL are refused, framing is ours to write."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from genaiops.http1.errors import InvalidField

Fields = Sequence[tuple[bytes, bytes]]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_BLOCK = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\r\n\0]*+\r\n)*+")
_VALUE = re.compile(rb"[^\r\n\0]*+")
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"date", b"host"))
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_MAX_KNOWN = 1024
_MAX_KNOWN_BLOCKS = 64
_known_lines: dict[tuple[bytes, bytes], bytes] = {}
_known_blocks: dict[bytes, bool] = {}


class Special(NamedTuple):
    """What was found among fields that bears on how a message is written."""

    length: bytes | None = None
    """The value of a content-length, which is not among the lines."""
    close: bool = False
    date: bool = False
    host: bool = False


NOTHING = Special()


def status_line(status: int) -> bytes:
    line = _STATUS_LINES.get(status)
    if line is None:
        if not 100 <= status <= 999:
            raise InvalidField(f"{status} is not an HTTP status.", remedy="Use a number from 100 to 999.")
        line = b"HTTP/1.1 %d \r\n" % status
    return line


class _Prefixes(dict[bytes, bytes]):
    """Name -> `name: `, for names that were checked; `b""` for those that bear on the framing."""

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise InvalidField(f"{name!r} is not a header name.", remedy="Use letters, digits and hyphens.")
        if len(self) >= _MAX_KNOWN:
            self.clear()
        self[name] = prefix = b"" if name.lower() in _FRAMING else name + b": "
        return prefix


_prefixes = _Prefixes()


def serialise(fields: Fields) -> tuple[bytes, Special]:
    """Check fields and join them to lines. Raises InvalidField."""
    pieces: list[bytes] = []
    for name, value in fields:
        prefix = _prefixes[name]
        if not prefix:
            return _serialise_framing(fields)
        pieces += (prefix, value, b"\r\n")
    block = b"".join(pieces)
    # Three scans of the whole are cheaper than a look at each value: a CR or LF in a value is one too many.
    if block.count(b"\n") != len(fields) or block.count(b"\r") != len(fields) or b"\0" in block:
        for name, value in fields:
            if not _VALUE.fullmatch(value):
                raise InvalidField(f"The header {name!r} has CR, LF or NUL in its value.", remedy="Remove them.")
    return block, NOTHING


def field_block(fields: Fields) -> bytes:
    """Fields as one block of checked lines, for requests that send the same ones again. Raises InvalidField, also for
    fields of the framing."""
    lines, special = serialise(fields)
    if special.length is not None:
        raise InvalidField("A block of headers sets the framing.", remedy="Leave the length to the pool.")
    return lines


def _serialise_framing(fields: Fields) -> tuple[bytes, Special]:
    length: bytes | None = None
    close = date = host = False
    lines: list[bytes] = []
    for field in fields:
        name, value = field[0].lower(), field[1]
        _prefixes[name]  # checked
        if name == b"transfer-encoding":
            raise InvalidField("transfer-encoding is not the caller's to set.", remedy="Leave it out.")
        if name == b"content-length":
            if length is not None or not value.isdigit():
                raise InvalidField("content-length is given twice, or is no number.", remedy="Give at most one.")
            length = value
            continue
        if not _VALUE.fullmatch(value):
            raise InvalidField(f"The header {name!r} has CR, LF or NUL in its value.", remedy="Remove them.")
        date = date or name == b"date"
        host = host or name == b"host"
        close = close or (name == b"connection" and b"close" in value.lower())
        lines.append(b"%b: %b\r\n" % field)
    return b"".join(lines), Special(length, close, date, host)


def check_block(lines: bytes) -> bool:
    """Check a block of lines that a caller built. Returns whether it has a `host`; raises InvalidField."""
    known = _known_blocks.get(lines)
    if known is not None:
        return known
    if not _BLOCK.fullmatch(lines):
        raise InvalidField(
            "A block of headers is not lines of `name: value`, each ended by CR LF.",
            remedy="Remove bare CR and LF, NUL, folded and empty lines.",
        )
    lower = b"\n" + lines.lower()
    if b"\ncontent-length:" in lower or b"\ntransfer-encoding:" in lower:
        raise InvalidField("A block of headers sets the framing.", remedy="Leave the length to the pool.")
    if len(_known_blocks) >= _MAX_KNOWN_BLOCKS:
        _known_blocks.clear()
    _known_blocks[lines] = host = b"\nhost:" in lower
    return host


def request_head(
    method: bytes, target: bytes, headers: Fields | bytes, length: int, host_line: bytes, lines_of_ours: bytes = b""
) -> bytes:
    """The head of a request with `length` bytes of body. Adds `host` (where it is missing) and `content-length`."""
    line = _known_lines.get((method, target)) or _request_line(method, target)
    if isinstance(headers, bytes):
        lines, has_host = headers, check_block(headers)
    else:
        lines, special = serialise(headers)
        has_host = special.host
    host = b"" if has_host else host_line
    if length or method in (b"POST", b"PUT", b"PATCH"):
        return b"%b%b%b%bcontent-length: %d\r\n\r\n" % (line, host, lines, lines_of_ours, length)
    return b"%b%b%b%b\r\n" % (line, host, lines, lines_of_ours)


def _request_line(method: bytes, target: bytes) -> bytes:
    if not _TOKEN.fullmatch(method):
        raise InvalidField(f"{method!r} is not a method.", remedy="Use a method such as POST.")
    if not _TARGET.fullmatch(target):
        raise InvalidField(f"{target!r} is not a request target.", remedy="Percent-encode it.")
    line = b"%b %b HTTP/1.1\r\n" % (method, target)
    if len(_known_lines) >= _MAX_KNOWN:
        _known_lines.clear()
    _known_lines[method, target] = line
    return line
