"""What is answered outside of any call: errors before there is one, and those that http1 finds by itself."""

from genaiops.core.errors import Unavailable
from genaiops.core.ids import new_span_id
from genaiops.gateway import replies
from genaiops.gateway.failure import Failure, error_json
from genaiops.gateway.speech import OPENAI, Speech
from genaiops.http1 import Exchange

JSON = (b"content-type", b"application/json")


def identity() -> tuple[str, list[tuple[bytes, bytes]]]:
    """A request id, and the fields of a head that tell it and that JSON follows."""
    request_id = "req_" + new_span_id().hex()
    text = request_id.encode()
    return request_id, [(b"x-genaiops-request-id", text), (b"x-request-id", text), JSON]


def refuse_plainly(exchange: Exchange, failure: Failure, extra: replies.Fields = (), speech: Speech = OPENAI) -> None:
    """An error outside of any call."""
    request_id, fields = identity()
    exchange.respond(failure.status, [*fields, *replies.hints(failure), *extra], speech.error(failure, request_id))


def no_control() -> Unavailable:
    return Unavailable(
        "This installation serves the model API only.", remedy="Start it without `--only gateway`.", code="no_control"
    )


def error_body(status: int, code: str, message: str) -> tuple[replies.Fields, bytes]:
    """The body of an error that http1 finds by itself (no proper request, too slow), in the form of all others."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    request_id, fields = identity()
    failure = Failure(status=status, type=kind, code=code, message=message)
    return fields, error_json(failure, request_id)
