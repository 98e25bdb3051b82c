"""Guarding, in the way of a call: what came in is looked at before anything is reserved, looked up or sent, what goes
out before the client or the record gets it.
"""

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw

from genaiops.core.errors import GenaiopsError
from genaiops.domain import SEVERITY, GuardAction
from genaiops.gateway.failure import AttemptFailure, Failure
from genaiops.gateway.media import MediaBody
from genaiops.gateway.properties import LABEL, metadata_of, properties_of
from genaiops.ports.guard import Guard, Guarded, Ruling
from genaiops.ports.providers import Dialect, Form

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
_JSON: Final = b"application/json"
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
    found = references(call)
    call.policies = guards.in_force(found)
    call.guard = guards.guard(
        found,
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
    video = call.place.video
    if guard is not None and (video is None or video.action == "remix"):
        ruling = call.ruling
        if ruling is None:
            ruling = guard.ask(call.raw, _form(call))
            if ruling is None:
                return False
            call.ruling = ruling if ruling.action == "hold" else None
        if must_wait(call):
            return False
        follow(call, ruling)
    call.looked_at = True
    return True


async def wait(call: "Call") -> None:
    """The guard's ruling on what came in, however long that takes; for the next `ask`."""
    assert call.guard is not None
    if call.ruling is None:
        call.ruling = await call.guard.wait(call.raw, _form(call))


def must_wait(call: "Call") -> bool:
    """It is to be held, and what is held of it is not sealed yet."""
    ruling = call.ruling
    return ruling is not None and ruling.action == "hold" and call.holds and call.sealed is None and not passes(call)


async def let_through(
    grant: "Grant", lineup: "Lineup", dialect: Dialect, raw: bytes | bytearray
) -> tuple[bytes | bytearray, Guard | None]:
    """What of a request that nobody answers may leave, and who looks at what is said of it. Raises Stopped."""
    guards, entry = grant.plan.guards, grant.entry
    if guards is None:
        return raw, None
    found = grant.guard if lineup.guard is None else (*grant.guard, lineup.guard)
    guard = guards.guard(found, Guarded(b"", "chat", dialect, False, entry.tenant_id, entry.environment_id))
    if guard is None:
        return raw, None
    ruling = guard.ask(raw, None) or await guard.wait(raw, None)
    if ruling.stops:
        raise stopped(ruling.rule, ruling.message, "request")
    return ruling.body, guard


async def counted(guard: Guard | None, known: bytes | Failure | None) -> bytes | Failure | None:
    """What a provider says of the size of a prompt, as its client may have it. Raises Stopped."""
    if guard is None or known is None:
        return known
    if isinstance(known, Failure):
        return _cleaned(guard, known)
    return await _ruled(guard, known)


async def _ruled(guard: Guard, body: bytes) -> bytes:
    ruling = guard.answer(body, _JSON) or await guard.wait_answer(body, _JSON)
    if ruling.stops:  # it can wait for nobody
        raise stopped(ruling.rule, ruling.message, "answer")
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
    if ruling.body != call.raw:
        call.raw = ruling.body
        if call.place.video is None:
            call.body = call.speech.decode(call.operation, call.raw, call.exchange.index.get(b"content-type"))
        _label_again(call)
    elif call.properties or call.prompt is not None or call.session is not None:
        clean_labels(call)


def _label_again(call: "Call") -> None:
    """What the record says of its client, by what was left of the body."""
    body = call.body
    metadata = metadata_of(body.metadata) if body is not None and isinstance(body.metadata, Raw) else None
    call.properties = found = properties_of(call.exchange.index, metadata)
    if not call.user_verified:
        user = body.user if body is not None else None
        call.user_id = user[:LABEL] if user is not None else found.get("user_id")
    clean_labels(call)


def clean_labels(call: "Call") -> None:
    """Take out of what the record says of its client what the rules take out: not all of it came in the body."""
    guard = call.guard
    assert guard is not None
    clean = guard.clean
    if call.user_id is not None and not call.user_verified:
        call.user_id = clean(call.user_id, "in") or None
    if call.session is not None:
        call.session = clean(call.session, "in") or None
    if call.properties:
        found = {clean(name, "in"): clean(value, "in") for name, value in call.properties.items()}
        call.properties = {name: value for name, value in found.items() if name and value}
    if call.prompt is not None and call.prompt.variables:
        said = msgspec.json.encode(call.prompt.variables).decode()
        if clean(said, "in") != said:
            call.prompt = msgspec.structs.replace(call.prompt, variables={})


def recordable(call: "Call", failure: Failure) -> Failure:
    """Why a call is refused, as it may be recorded. Of a call that the guard has not let through its labels go as they
    must; where nobody can say what must, they all go."""
    if call.looked_at or call.key.plan.guards is None:
        return failure
    try:
        open_guard(call)
    except GenaiopsError:
        call.properties, call.session = {}, None
        call.user_id = call.user_id if call.user_verified else None
        call.prompt = None
        if call.lineup is not None:
            return failure
        call.model = ""
        return msgspec.structs.replace(failure, message="")
    if call.guard is None:
        return failure
    clean_labels(call)
    if call.lineup is None:
        call.model = call.guard.clean(call.model, "in")
    return msgspec.structs.replace(failure, message=call.guard.clean(failure.message, "in"))


def told(call: "Call", failure: AttemptFailure) -> AttemptFailure:
    """What a provider says instead of an answer, as the client and the record may have it."""
    said = told_failure(call, failure.failure)
    return failure if said is failure.failure else msgspec.structs.replace(failure, failure=said)


def told_failure(call: "Call", failure: Failure) -> Failure:
    return failure if call.guard is None else _cleaned(call.guard, failure)


def _cleaned(guard: Guard, failure: Failure) -> Failure:
    message = guard.clean(failure.message, "out") or "What its provider said was withheld."
    return failure if message == failure.message else msgspec.structs.replace(failure, message=message)


def line_of(call: "Call", action: GuardAction) -> bytes:
    """What a response says of the severest of what its request and its answer met."""
    return _LINES.get(action if SEVERITY[action] > SEVERITY[call.guarded] else call.guarded, b"")


def lines_of(call: "Call", ruling: Ruling) -> bytes:
    """The same of a whole answer, with how much of it is supported where its client is told."""
    support = ruling.support
    if support is None:
        return line_of(call, ruling.action)
    told = b"x-genaiops-grounding: sentences=%d; unsupported=%d\r\n" % (support.sentences, support.unsupported)
    return line_of(call, ruling.action) + told


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


async def answered(call: "Call", body: bytes) -> bytes:
    """An answer of the gateway's own that says what providers say. Raises Stopped."""
    if call.guard is None:
        return body
    ruling = call.guard.answer(body, _JSON) or await call.guard.wait_answer(body, _JSON)
    if ruling.stops:  # it can wait for nobody
        raise stopped(ruling.rule, ruling.message, "answer")
    call.guard_line = lines_of(call, ruling)
    return ruling.body
