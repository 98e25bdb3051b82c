"""Everything that can go wrong on the wire. The server side is the client's fault, the client side the upstream's.

Http1Error
|-- RequestError                 what a client sent; the server answers `status` with the owner's error body
|   |-- BadRequest          400  not HTTP/1.1, or ambiguous enough to smuggle a request
|   |-- RequestTimeout      408  head or body did not arrive in time
|   |-- BodyTooLarge        413  longer than the limit given to `Exchange.body`, before or after decoding
|   |-- UnsupportedCoding   415  a content-encoding other than gzip, deflate, identity
|   |-- ExpectationFailed   417  an `expect` other than 100-continue
|   |-- HeadTooLarge        431  too many bytes or lines before the body
|   |-- UnsupportedMethod   501  CONNECT
|   |-- Overloaded          503  more connections than the server takes
|   `-- UnsupportedVersion  505  neither HTTP/1.1 nor HTTP/1.0
|-- Disconnected            499  the client went away before its response was complete
|-- InvalidField            500  a header, method or target of ours that would break the message apart
|-- ResponseMisuse          500  a response sent twice, or other than its announced length
`-- UpstreamFault                what an upstream did
    |-- ConnectFailed       502  refused, unknown host, TLS, proxy
    |-- ConnectTimeout      504
    |-- PoolExhausted       503  every connection the pool may hold is in use
    |-- FirstByteTimeout    504  connected, but no response in time
    |-- IdleTimeout         504  silent in the middle of a response
    |-- TotalTimeout        504  the response is not complete in time
    |-- UpstreamClosed      502  closed before a byte of the response; `retry_safe` tells a stale connection
    |-- Truncated           502  closed in the middle of a response, or lied about its length
    |-- BadResponse         502  not HTTP/1.1, or ambiguous
    `-- UpstreamTooLarge    502  longer than the limit given to `Reply.read`
"""

from genaiops.core.errors import GenaiopsError


class Http1Error(GenaiopsError):
    default_code = "http_error"


class RequestError(Http1Error):
    status = 400
    exit_code = 2
    type = "invalid_request_error"
    default_code = "bad_request"


class BadRequest(RequestError):
    pass


class RequestTimeout(RequestError):
    status = 408
    default_code = "request_timeout"


class BodyTooLarge(RequestError):
    status = 413
    default_code = "request_too_large"


class UnsupportedCoding(RequestError):
    status = 415
    default_code = "unsupported_content_encoding"


class ExpectationFailed(RequestError):
    status = 417
    default_code = "expectation_failed"


class HeadTooLarge(RequestError):
    status = 431
    default_code = "request_head_too_large"


class UnsupportedMethod(RequestError):
    status = 501
    default_code = "method_not_supported"


class Overloaded(RequestError):
    status = 503
    type = "unavailable_error"
    default_code = "too_many_connections"


class UnsupportedVersion(RequestError):
    status = 505
    default_code = "http_version_not_supported"


class Disconnected(Http1Error):
    status = 499
    default_code = "client_disconnected"


class InvalidField(Http1Error):
    default_code = "invalid_header_field"


class ResponseMisuse(Http1Error):
    default_code = "response_misuse"


class UpstreamFault(Http1Error):
    status = 502
    type = "upstream_error"
    default_code = "upstream_error"


class ConnectFailed(UpstreamFault):
    default_code = "upstream_connect_failed"


class ConnectTimeout(UpstreamFault):
    status = 504
    type = "timeout_error"
    default_code = "upstream_connect_timeout"


class PoolExhausted(UpstreamFault):
    status = 503
    type = "unavailable_error"
    default_code = "upstream_connections_exhausted"


class FirstByteTimeout(UpstreamFault):
    status = 504
    type = "timeout_error"
    default_code = "upstream_first_byte_timeout"


class IdleTimeout(UpstreamFault):
    status = 504
    type = "timeout_error"
    default_code = "upstream_idle_timeout"


class TotalTimeout(UpstreamFault):
    status = 504
    type = "timeout_error"
    default_code = "upstream_total_timeout"


class UpstreamClosed(UpstreamFault):
    """`retry_safe`: a kept-alive connection closed before any byte of the response, so a fresh one may be tried."""

    default_code = "upstream_closed"

    def __init__(self, message: str, *, retry_safe: bool = False, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_safe = retry_safe


class Truncated(UpstreamFault):
    default_code = "upstream_truncated"


class BadResponse(UpstreamFault):
    default_code = "upstream_bad_response"


class UpstreamTooLarge(UpstreamFault):
    default_code = "upstream_response_too_large"
