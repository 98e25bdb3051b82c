"""Guarding, in the way of a call: what came in is looked at before anything is reserved, looked up or sent, what goes
out before the client or the record gets it.
"""

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import SEVERITY, GuardAction
from genaiops.gateway.failure import AttemptFailure, Failure
from genaiops.gateway.media import MediaBody
from genaiops.ports.guard import Guarded, Ruling, StreamGuard
from genaiops.ports.providers import Answer, Dialect, Form, StreamPiece, StreamReader

if TYPE_CHECKING:
    from genaiops.gateway.admit import Grant
    from genaiops.gateway.call import Call
    from genaiops.gateway.plan import Lineup

_LINES: Final[dict[GuardAction, bytes]] = {
    "flag": b"x-genaiops-guard: flagged\r\n",
    "redact": b"x-genaiops-guard: redacted\r\n",
    "replace": b"x-genaiops-guard: replaced\r\n",
    "hold": b"x-genaiops-guard: released\r\n",
}
_WITHHELD: Final = "The guard policy does not allow it."


class Stopped(GenaiopsError):
    """A call that its guard policy stops. The code is the one that OpenAI's and Azure's clients know."""

    status = 400
    type = "invalid_request_error"
    default_code = "content_filter"


class Waits(GenaiopsError):
    """A request that its guard policy keeps until a person has released it."""

    status = 202
    type = "held"
    default_code = "held_for_review"


def request_digest(call: "Call") -> str:
    """Stands for a request of its key, byte for byte."""
    hashed = hashlib.sha256(f"{call.key.entry.key_id}\0{call.operation}\0{call.speech.dialect}\0".encode())
    hashed.update(call.raw)  # apart: a body may be large
    return hashed.hexdigest()


def passes(call: "Call") -> bool:
    """Whether this very request was held before, and released."""
    known = call.key.plan.passes
    return bool(known) and known.get((call.key.entry.key_id, request_digest(call)), 0) > call.start_us


def open_guard(call: "Call") -> None:
    """Find the policies that hold for a call whose line-up is known."""
    guards = call.key.plan.guards
    if guards is None or call.guard is not None:
        return
    entry = call.key.entry
    call.guard = guards.guard(
        references(call),
        Guarded(
            call.trace_id,
            call.operation,
            call.speech.dialect,
            call.streamed,
            entry.tenant_id,
            entry.environment_id,
            entry.key_id,
            entry.application,
            call.session,
            call.user_id,
        ),
    )


def references(call: "Call") -> tuple[str, ...]:
    """Of the policies that hold for it: the key's (else its environment's, else the default), the route's, the
    release's."""
    lineup, release = call.lineup, call.release
    found = call.key.guard
    if lineup is not None and lineup.guard is not None:
        found = (*found, lineup.guard)
    if release is not None and release.guard is not None:
        found = (*found, release.guard)
    return found


def ask(call: "Call") -> bool:
    """Whether the guard has ruled on what came in; then the call goes on with what it left. Raises Stopped."""
    guard = call.guard
    if guard is None:
        return True
    ruling = call.ruling
    if ruling is None:
        ruling = guard.ask(call.raw, _form(call))
        if ruling is None:
            return False
    follow(call, ruling)
    return True


async def wait(call: "Call") -> None:
    """The guard's ruling on what came in, however long that takes; for the next `ask`."""
    assert call.guard is not None
    call.ruling = await call.guard.wait(call.raw, _form(call))


async def let_through(grant: "Grant", lineup: "Lineup", dialect: Dialect, raw: bytes | bytearray) -> bytes | bytearray:
    """What of a request that nobody answers may leave. Raises Stopped."""
    guards, entry = grant.plan.guards, grant.entry
    if guards is None:
        return raw
    found = grant.guard if lineup.guard is None else (*grant.guard, lineup.guard)
    guard = guards.guard(found, Guarded(b"", "chat", dialect, False, entry.tenant_id, entry.environment_id))
    if guard is None:
        return raw
    ruling = guard.ask(raw, None) or await guard.wait(raw, None)
    if ruling.stops:
        raise stopped(ruling.rule, ruling.message, "request")
    return ruling.body


def _form(call: "Call") -> Form | None:
    return call.body.form if isinstance(call.body, MediaBody) else None


def follow(call: "Call", ruling: Ruling) -> None:
    if not ruling.body:
        raise stopped(ruling.rule, ruling.message, "request")
    if ruling.action == "hold" and not passes(call):
        if not call.holds:
            raise stopped(ruling.rule, ruling.message, "request")
        call.held = ruling
        raise Waits("The request waits for review.")
    call.guarded = ruling.action
    call.guard_line = line_of(call, ruling.action)
    if ruling.body == call.raw:
        return
    call.raw = ruling.body
    call.body = call.speech.decode(call.operation, call.raw, call.exchange.index.get(b"content-type"))
    if call.prompt is not None and call.prompt.variables:  # the record keeps none that was taken out
        call.prompt = msgspec.structs.replace(call.prompt, variables={})
    call.properties = {}


def line_of(call: "Call", action: GuardAction) -> bytes:
    """What a response says of the severest of what its request and its answer met."""
    return _LINES.get(action if SEVERITY[action] > SEVERITY[call.guarded] else call.guarded, b"")


def stopped(rule: str, message: str, what: str) -> Stopped:
    return Stopped(
        f"The {what} was stopped by the guard rule {rule!r}. {message or _WITHHELD}",
        remedy="Its trace says what was found.",
        param="guard",
    )


def failure_of(rule: str, message: str) -> AttemptFailure:
    """An answer that must not go out: no other target is asked, and nobody is to blame."""
    error = stopped(rule, message, "answer")
    failure = Failure(status=error.status, type=error.type, code=error.code, message=str(error), param=error.param)
    return AttemptFailure(failure=failure, retryable=False, breaks=False)


class GuardedReader:
    """A stream as the client may have it. Raises Blocked."""

    def __init__(self, reader: StreamReader, guard: StreamGuard) -> None:
        self.inner = reader
        self._guard = guard

    def feed(self, chunk: bytes) -> StreamPiece | None:
        piece = self.inner.feed(chunk)
        return None if piece is None else self._guarded(piece)

    def end(self) -> StreamPiece | None:
        piece = self.inner.end()
        if piece is not None and piece.done:
            return self._guarded(piece)
        data = self._guard.feed(piece.data) if piece is not None else b""
        rest = data + self._guard.end()
        if not rest and piece is None:
            return None
        return StreamPiece(rest, content=bool(rest), done=False)

    def _guarded(self, piece: StreamPiece) -> StreamPiece:
        data = self._guard.feed(piece.data)
        if piece.done:
            data += self._guard.end()
        return StreamPiece(data, piece.content and bool(data), piece.error, piece.done)

    def finish(self) -> Answer:
        return self.inner.finish()

    def keep(self) -> bytes:
        self._guard.close()
        return self._guard.keep()

    @property
    def truncated(self) -> bool:
        return self.inner.truncated or self._guard.truncated


def guarded_reader(call: "Call", reader: StreamReader) -> StreamReader:
    """The reader, behind the guard where something looks at what goes out."""
    guard = call.guard.stream() if call.guard is not None else None
    return reader if guard is None else GuardedReader(reader, guard)
