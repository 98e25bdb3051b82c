"""Heads of messages, and what decides where a message ends.

A message whose length two parsers could understand differently is how a request is smuggled past one of them. So of the
framing fields exactly one form is accepted: one decimal `content-length`, or one `transfer-encoding: chunked`.
"""

from genaiops.http1._lines import MalformedLine, RequestLine, field_lines, request_lines, status_lines
from genaiops.http1._settings import ServerLimits
from genaiops.http1.errors import BadRequest, BadResponse, ExpectationFailed, HeadTooLarge

CHUNKED = -1
UNTIL_CLOSE = -2

Headers = list[tuple[bytes, bytes]]
Index = dict[bytes, bytes]

_ONCE = frozenset((b"content-length", b"transfer-encoding", b"host"))
_MAX_LENGTH_DIGITS = 15


class _Framing(Exception):
    """The fields of a head contradict each other. Becomes BadRequest or BadResponse."""


class RequestHead:
    """A request without its body. `length` is the body's bytes or CHUNKED; `index` has each field's first value."""

    __slots__ = ("expect_continue", "headers", "index", "keep_alive", "length", "line")

    def __init__(self, line: RequestLine, headers: Headers, index: Index) -> None:
        self.line = line
        self.headers = headers
        self.index = index
        self.length = 0
        self.keep_alive = line.http11
        self.expect_continue = False


class ResponseHead:
    """A response without its body. `length` is the body's bytes, CHUNKED or UNTIL_CLOSE."""

    __slots__ = ("headers", "index", "keep_alive", "length", "status")

    def __init__(self, status: int, headers: Headers, index: Index) -> None:
        self.status = status
        self.headers = headers
        self.index = index
        self.length = UNTIL_CLOSE
        self.keep_alive = False


def parse_request_head(data: bytes, limits: ServerLimits) -> RequestHead:
    """`data` is everything before the empty line. Raises a RequestError."""
    lines = data.split(b"\r\n")
    if len(lines) > limits.header_count + 1:
        raise HeadTooLarge(f"The request has {len(lines) - 1} header lines; {limits.header_count} are taken.")
    line = request_lines[lines[0]]
    http11 = line.http11
    try:
        headers = [field_lines[raw] for raw in lines[1:]]
        index = dict(headers)
        if len(index) != len(headers):
            index = _first_of_each(headers)
        head = RequestHead(line, headers, index)
        if b"content-length" in index or b"transfer-encoding" in index:
            head.length = _body_length(index, http11=http11)
        if http11 and b"host" not in index:
            raise _Framing("A request in HTTP/1.1 must have a host field.")
    except MalformedLine as error:
        raise BadRequest(f"The request is not valid HTTP/1.1: {error}.", remedy="Send a well-formed request.") from None
    except _Framing as error:
        raise BadRequest(f"The request is ambiguous. {error}", remedy="Send one host and one length.") from None
    if b"connection" in index:
        head.keep_alive = _persists(headers, http11=http11)
    if b"expect" in index:
        if index[b"expect"].lower() != b"100-continue":
            raise ExpectationFailed("Only `expect: 100-continue` is understood.")
        head.expect_continue = http11
    return head


def parse_response_head(data: bytes, *, bodiless: bool, max_headers: int) -> ResponseHead:
    """`data` is everything before the empty line; `bodiless` when the request was HEAD. Raises BadResponse."""
    lines = data.split(b"\r\n")
    if len(lines) > max_headers + 1:
        raise BadResponse(f"The upstream's answer has {len(lines) - 1} header lines; {max_headers} are taken.")
    status, http11 = status_lines[lines[0]]
    try:
        headers = [field_lines[raw] for raw in lines[1:]]
        index = dict(headers)
        if len(index) != len(headers):
            index = _first_of_each(headers)
        head = ResponseHead(status, headers, index)
        if b"content-length" in index or b"transfer-encoding" in index:
            head.length = _body_length(index, http11=http11)
    except MalformedLine as error:
        raise BadResponse(f"The upstream's answer is not valid HTTP/1.1: {error}.") from None
    except _Framing as error:
        raise BadResponse(f"The upstream's answer has no clear end. {error}") from None
    if status < 200 or status in (204, 304) or bodiless:
        head.length = 0
    if head.length != UNTIL_CLOSE:
        head.keep_alive = _persists(headers, http11=http11) if b"connection" in index else http11
    return head


def _first_of_each(headers: Headers) -> Index:
    """For a head with repeated fields. Raises when one of them must not be."""
    names = [name for name, _ in headers if name in _ONCE]
    if len(names) != len(set(names)):
        raise _Framing("A host, content-length or transfer-encoding is there twice.")
    return dict(reversed(headers))


def _body_length(index: Index, *, http11: bool) -> int:
    """What the framing fields say. Raises when they are not in their one accepted form."""
    length = index.get(b"content-length")
    coding = index.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise _Framing("There are both a content-length and a transfer-encoding.")
        if not http11:
            raise _Framing("A transfer-encoding cannot be in HTTP/1.0.")
        if coding.lower() != b"chunked":
            raise _Framing("The only transfer-encoding that is understood is `chunked`.")
        return CHUNKED
    if length is None or not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
        raise _Framing("The content-length is not a plain decimal number.")
    return int(length)


def _persists(headers: Headers, *, http11: bool) -> bool:
    """Whether the connection may carry another message after this one."""
    tokens = b",".join([value for name, value in headers if name == b"connection"]).lower()
    return b"close" not in tokens and (http11 or b"keep-alive" in tokens)
