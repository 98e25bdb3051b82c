"""Errors as Cohere says them (docs.cohere.com, Errors): an id and a message, in an answer and in a stream."""

import msgspec

FAILED = "ERROR"
"""The finish reason of a generation that failed."""


class _Body(msgspec.Struct, frozen=True):
    id: str
    message: str


def error_body(message: str, request_id: str) -> bytes:
    """The body of an error answer. The official client chooses its exception by the HTTP status."""
    return msgspec.json.encode(_Body(request_id, message))


def error_event(message: str) -> bytes:
    """The event that ends a stream which cannot go on: its end, with the error in it."""
    body = {"type": "message-end", "delta": {"finish_reason": FAILED, "error": message}}
    return b"event: message-end\ndata: %b\n\n" % msgspec.json.encode(body)
