"""A first try that needs no task: sent, and answered where its answer is read from the wire.

Nine calls of ten are one request to a target that is well, on a connection that is there, with an answer that comes
whole. To make a task of each, with its coroutines and futures, took a fifth of the gateway's time. Everything else (a
stream, a retry, a fault, an answer in parts, a client that leaves) goes the way of `Attempts.run`.
"""

from typing import TYPE_CHECKING

from genaiops.gateway.call import Call
from genaiops.gateway.trying import Try
from genaiops.ports.providers import Flight as Link
from genaiops.ports.providers import Reply, Wire

if TYPE_CHECKING:
    from genaiops.gateway.attempts import Attempts


class Flight:
    """Waits for the answer as a future would (see `Transport.post`)."""

    __slots__ = ("_attempt", "_attempts", "_call", "_failure", "_link", "_over", "_sending")

    def __init__(self, attempts: "Attempts", call: Call, attempt: Try) -> None:
        self._attempts = attempts
        self._call = call
        self._attempt = attempt
        self._link: Link | None = None
        self._over = False
        self._sending = True
        self._failure: BaseException | None = None

    def send(self, wire: Wire) -> bool:
        """Whether it is on its way. Raises what failed while it was sent."""
        candidate = self._attempt.candidate
        link = candidate.upstream.transport.post(wire, candidate.target, self._attempt.traceparent(), self)
        if link is None:
            return False
        self._call.dispatched = True
        self._sending = False
        if self._failure is not None:
            raise self._failure
        if not self._over:
            self._link = link
            self._call.fly(self._stop)
        return True

    def done(self) -> bool:
        return self._over

    def set_result(self, reply: Reply, /) -> None:
        self._over = True
        self._call.fly(None)
        self._attempts.landed(self._call, self._attempt, reply)

    def set_exception(self, error: BaseException, /) -> None:
        self._over = True
        self._call.fly(None)
        if self._sending:
            self._failure = error
        else:
            self._attempts.failed(self._call, self._attempt, error)

    def _stop(self) -> None:
        """The client has gone."""
        if not self._over:
            self._over = True
            if self._link is not None:
                self._link.forsake(self)
            self._attempts.left(self._call, self._attempt)
