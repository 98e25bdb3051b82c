"""Lines of heads, each read once.

Most lines of most messages have been seen before: a client says the same `host` and `user-agent` in every request, an
upstream the same `content-type` in every response. So a line that is new is shown to llhttp, whose judgement on a line
does not depend on the other lines, and what it means is kept. Credentials are not kept.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

import httptools

from genaiops.http1.errors import BadRequest, BadResponse, UnsupportedMethod, UnsupportedVersion

_MAX_LINES = 2048
_MAX_KEPT_LINE = 256
_TARGET = re.compile(rb"[\x21-\x7e]+")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?")
_PLAIN_SECRET = re.compile(rb"(?i:authorization|x-api-key): [\x21-\x7e]+(?: [\x21-\x7e]+)?+")
"""A credential as nearly all are sent: no parser refuses such a line, and it would be shown to one at each request."""
SECRET = frozenset((b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"x-api-key", b"api-key"))


class MalformedLine(ValueError):
    """llhttp refused a line; says why."""


class RequestLine(NamedTuple):
    """`target` as it came, `path` decoded and without the query."""

    method: str
    target: bytes
    path: str
    query: bytes
    http11: bool


class StatusLine(NamedTuple):
    status: int
    http11: bool


class _Silent:
    """What llhttp reports to, when only its judgement is asked for."""

    on_message_begin = on_url = on_header = on_headers_complete = on_body = None
    on_message_complete = on_chunk_header = on_chunk_complete = on_status = None


_SILENT = _Silent()


def _judge(head: bytes) -> None:
    try:
        httptools.HttpRequestParser(_SILENT).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # an offer that we do not take; the request goes on as HTTP/1.1
    except httptools.HttpParserError as error:
        raise MalformedLine(str(error)) from None


class _FieldLines(dict[bytes, tuple[bytes, bytes]]):
    """Line -> (name in lower case, value)."""

    def __missing__(self, line: bytes) -> tuple[bytes, bytes]:
        if not _PLAIN_SECRET.fullmatch(line):
            _judge(b"GET / HTTP/1.1\r\n%b\r\n\r\n" % line)
        name, _, value = line.partition(b":")
        field = name.lower(), value.strip(b" \t")
        if len(line) <= _MAX_KEPT_LINE and field[0] not in SECRET:
            if len(self) >= _MAX_LINES:
                self.clear()
            self[line] = field
        return field


class _RequestLines(dict[bytes, RequestLine]):
    """Line -> what it asks for. Raises a RequestError."""

    def __missing__(self, line: bytes) -> RequestLine:
        parts = line.split(b" ")
        if len(parts) != 3 or not _TARGET.fullmatch(parts[1]):
            raise BadRequest("The request line is not `METHOD target HTTP/1.1`.", remedy="Send a well-formed request.")
        method, target, version = parts
        if version not in (b"HTTP/1.1", b"HTTP/1.0") and _VERSION.fullmatch(version):
            raise UnsupportedVersion(f"{version.decode('ascii')} is not supported.", remedy="Use HTTP/1.1, not gRPC.")
        try:
            _judge(b"%b\r\nhost: x\r\n\r\n" % line)
        except MalformedLine as error:
            raise BadRequest(f"The request line is not valid: {error}.", remedy="Send another.") from None
        if version not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise BadRequest("The request is for another protocol.", remedy="Use HTTP/1.1.")
        if method == b"CONNECT":
            raise UnsupportedMethod("CONNECT is not supported: this server is not a proxy.")
        local = target
        if not target.startswith(b"/") and b"://" in target:  # absolute-form: what a client sends to a proxy
            rest = target.partition(b"://")[2]
            slash = rest.find(b"/")
            local = rest[slash:] if slash >= 0 else b"/"
        path, _, query = local.partition(b"?")
        read = RequestLine(method.decode("ascii"), target, unquote(path.decode("ascii")), query, version[-1:] == b"1")
        if len(line) <= _MAX_KEPT_LINE:
            if len(self) >= _MAX_LINES:
                self.clear()
            self[line] = read
        return read


class _StatusLines(dict[bytes, StatusLine]):
    """Line -> status and version. Raises BadResponse."""

    def __missing__(self, line: bytes) -> StatusLine:
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            raise BadResponse(f"The upstream's status line is not one of HTTP/1.1 or HTTP/1.0: {line[:32]!r}.")
        read = StatusLine(int(match[2]), match[1] == b"1")
        if len(line) <= _MAX_KEPT_LINE:
            if len(self) >= _MAX_LINES:
                self.clear()
            self[line] = read
        return read


field_lines = _FieldLines()
request_lines = _RequestLines()
status_lines = _StatusLines()
