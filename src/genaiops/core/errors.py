"""The one tree of exceptions. Every error says what was wrong, with what, and (as `remedy`) what to do.

GenaiopsError                       status  exit
|-- UsageError                         400     2   the caller asked for something that cannot be
|   |-- ConfigError                    400     2   genaiops.toml, GENAIOPS_*, flags
|   |-- Unauthenticated                401     2   no key, unknown key, expired key
|   |-- Forbidden                      403     2   a known caller without the right
|   |-- NotFound                       404     2
|   |-- Conflict                       409     2   exists already, or changed meanwhile
|   |-- TooLarge                       413     2
|   `-- NotBuilt                       501     2   named in the interface, not there yet
|-- ConsentNeeded                      202     1   kept as a request: another person has to approve it
|-- LimitReached                       429     1   rate limit, budget, concurrency; carries retry_after
|-- OutsideError                       502     3   something that is not ours failed
|   |-- UpstreamError                  502     3   a provider failed (its own status in `upstream_status`)
|   |-- Unavailable                    503     3   no target can serve now, a process is down
|   `-- TimedOut                       504     3
|-- StoreError                         500     3   a store is full, locked, corrupt or of another version
`-- Http1Error                                     (genaiops.http1.errors) the wire
"""

from typing import ClassVar


class GenaiopsError(Exception):
    """The root. `code` is a stable machine word, `param` the field at fault, `remedy` one sentence on what to do."""

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self, message: str, *, remedy: str | None = None, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code or self.default_code
        self.param = param

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class UsageError(GenaiopsError):
    status = 400
    exit_code = 2
    type = "invalid_request_error"
    default_code = "invalid_request"


class ConfigError(UsageError):
    default_code = "invalid_configuration"


class Unauthenticated(UsageError):
    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class Forbidden(UsageError):
    status = 403
    type = "permission_error"
    default_code = "forbidden"


class NotFound(UsageError):
    status = 404
    type = "not_found_error"
    default_code = "not_found"


class Conflict(UsageError):
    status = 409
    type = "conflict_error"
    default_code = "conflict"


class TooLarge(UsageError):
    status = 413
    default_code = "request_too_large"


class NotBuilt(UsageError):
    status = 501
    type = "not_implemented_error"
    default_code = "not_implemented"


class ConsentNeeded(GenaiopsError):
    """Nothing has changed yet: the change waits as the approval `approval_id`, which `approvers` (names) may decide."""

    status = 202
    exit_code = 1
    type = "approval_required"
    default_code = "approval_pending"

    def __init__(
        self, message: str, *, approval_id: str, approvers: tuple[str, ...] = (), remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.approval_id = approval_id
        self.approvers = approvers


class LimitReached(GenaiopsError):
    """A limit said no. `limit` names it; `retry_after` is in seconds (None: waiting does not help)."""

    status = 429
    exit_code = 1
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        limit: str,
        retry_after: float | None,
        remedy: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.limit = limit
        self.retry_after = retry_after


class OutsideError(GenaiopsError):
    status = 502
    type = "upstream_error"
    default_code = "upstream_error"


class UpstreamError(OutsideError):
    """A provider answered with an error, or with something that is no answer. `upstream_status` is 0 when none came."""

    def __init__(
        self, message: str, *, upstream_status: int = 0, remedy: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.upstream_status = upstream_status


class Unavailable(OutsideError):
    status = 503
    type = "unavailable_error"
    default_code = "unavailable"


class TimedOut(OutsideError):
    status = 504
    type = "timeout_error"
    default_code = "timeout"


class StoreError(GenaiopsError):
    type = "server_error"
    default_code = "store_failed"
