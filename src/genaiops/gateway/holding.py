"""Answers and requests that wait for a person: written down first, then their client is told so.

What waits is sealed, and written where it is large, by another thread: the first time that takes as long as to load a
library of ciphers.
"""

import asyncio

import msgspec

from genaiops.core.errors import GenaiopsError, StoreError
from genaiops.domain import Cost, Direction, Held, HeldBody, Usage
from genaiops.gateway import guarding, replies
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.large import LARGE
from genaiops.gateway.settle import Books, Ending, cost_of
from genaiops.gateway.trying import Try
from genaiops.gateway.waiting_answer import text_of, waiting_answer
from genaiops.ports.guard import Ruling
from genaiops.ports.providers import Answer
from genaiops.ports.seals import Seals
from genaiops.ports.spool import Aside

_JSON = b"application/json"
_encode = msgspec.msgpack.Encoder().encode


class Told(msgspec.Struct, frozen=True):
    """What a client is told about what waits."""

    id: str
    body: bytes


class Holding:
    """Of one worker. Without `seals` nothing can be held: such calls are refused."""

    def __init__(self, books: Books, seals: Seals | None) -> None:
        self._books = books
        self._seals = seals

    def takes(self, call: Call) -> bool:
        """Whether what a rule holds of that call can wait for somebody."""
        return self._seals is not None and call.holds

    async def seal(self, call: Call, ruling: Ruling, kind: bytes) -> bytes | Aside | Failure:
        """What `keep` writes down of it. A failure when it cannot be sealed."""
        work = asyncio.get_running_loop().run_in_executor(None, self._seal, call, ruling, kind)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(_discard)
            raise
        except GenaiopsError as error:
            return of_error(error)

    def _seal(self, call: Call, ruling: Ruling, kind: bytes) -> bytes | Aside:
        assert self._seals is not None
        content = HeldBody(ruling.body, kind.decode("latin-1"), ruling.parts)
        box = self._seals.seal(_encode(content), _id_of(call))
        return self._books.spool.set_aside(box) if len(box) > LARGE else box

    async def prepare(self, call: Call) -> None:
        """Seal a request that its guard holds, if it can wait; for `refuse`."""
        ruling = call.ruling
        if guarding.must_wait(call) and ruling is not None:
            call.sealed = await self.seal(call, ruling, _JSON) if self.takes(call) else b""

    async def hold(self, call: Call, attempt: Try, answer: Answer, ruling: Ruling, kind: bytes) -> None:
        """As `stop`, of an answer that may wait for a person instead."""
        if ruling.action != "hold" or not self.takes(call):
            self.stop(call, attempt, answer, ruling)
            return
        sealed = await self.seal(call, ruling, kind)
        told = self.keep(call, ruling, "out", sealed, usage=answer.usage or Usage())
        if isinstance(told, Failure):
            self.stop(call, attempt, answer, ruling, told)
            return
        cost = self._paid(call, attempt, answer)
        self._books.settle(call, Ending(status="ok", http_status=202, output=told.body))
        self.tell(call, told, cost)

    def stop(self, call: Call, attempt: Try, answer: Answer, ruling: Ruling, failure: Failure | None = None) -> None:
        """An answer that must not go out: it was made, so it is paid for."""
        failure = failure or guarding.failure_of(ruling.rule, ruling.message).failure
        self._paid(call, attempt, answer)
        self._refuse(call, failure)

    def withhold(self, call: Call, attempt: Try, answer: Answer, failure: Failure) -> None:
        """An answer that must not go out, for another reason than its policy's."""
        self._paid(call, attempt, answer)
        self._refuse(call, failure)

    def _refuse(self, call: Call, failure: Failure) -> None:
        ending = Ending(
            status="error", http_status=failure.status, error_type=failure.code, error_message=failure.message
        )
        self._books.settle(call, ending)
        replies.tell(call, failure)

    def _paid(self, call: Call, attempt: Try, answer: Answer) -> Cost:
        assert answer.usage is not None
        cost = cost_of(answer.usage, attempt.candidate, call.start_us)
        attempt.end("ok", usage=answer.usage, cost=cost, answer=answer)
        return cost

    def refuse(self, call: Call, failure: Failure) -> None:
        """Turn a call away before it went anywhere, or tell its client that it waits."""
        told: Told | Failure = failure
        if call.held is not None and failure.code == guarding.Waits.default_code:
            told = self._keep_request(call, call.held)
        if isinstance(told, Failure):
            failure = told
        if not call.traced:
            self._books.refuse(call, guarding.recordable(call, failure))
        if isinstance(told, Failure):
            replies.tell(call, told)
        else:
            self.tell(call, told, None)

    def _keep_request(self, call: Call, ruling: Ruling) -> Told | Failure:
        if not self.takes(call):
            return of_error(guarding.stopped(ruling.rule, ruling.message, "request"))
        sealed, call.sealed = call.sealed, None
        assert sealed is not None
        return self.keep(call, ruling, "in", sealed, usage=Usage(), request=guarding.request_digest(call))

    # size: what waits is of a call and its ruling, and came in some way
    def keep(
        self,
        call: Call,
        ruling: Ruling,
        direction: Direction,
        sealed: bytes | Aside | Failure,
        *,
        usage: Usage,
        request: str = "",
    ) -> Told | Failure:
        """Write it down, as `seal` gave it. A failure when it cannot be: then nothing waits, and nothing was said."""
        if isinstance(sealed, Failure):
            return sealed
        entry = call.key.entry
        held_id = _id_of(call)
        record = Held(
            held_id,
            call.trace_id,
            call.now_us(),
            entry.key_id,
            entry.actor_id,
            entry.tenant_id,
            entry.environment_id,
            entry.application,
            call.operation,
            call.model,
            direction,
            ruling.policy,
            ruling.rule,
            ruling.message,
            ruling.found,
            request,
        )
        told = Told(held_id, waiting_answer(call, held_id, text_of(held_id, direction, ruling.message), usage))
        try:
            self._books.spool.append(record, sealed)
        except StoreError as error:
            return of_error(error)
        return told

    def tell(self, call: Call, told: Told, cost: Cost | None) -> None:
        """Answer the call. A stream may have begun, with nothing but its heartbeat."""
        exchange = call.exchange
        lines = replies.held(call, told.id, cost)
        if exchange.started:
            exchange.send(told.body)
            exchange.finish()
        else:
            exchange.respond(202, lines, told.body)
        if call.idempotent is not None:
            call.answer = Kept(202, lines, told.body)


def _id_of(call: Call) -> str:
    return "held_" + call.span_hex


def _discard(work: "asyncio.Future[bytes | Aside]") -> None:
    if not work.cancelled() and work.exception() is None and isinstance(made := work.result(), Aside):
        made.discard()
