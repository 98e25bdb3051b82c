"""Answers and requests that wait for a person: written down first, then their client is told so."""

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import Cost, Direction, Held, HeldBody, Usage
from genaiops.gateway import guarding, replies
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.settle import Books, Ending, cost_of
from genaiops.gateway.trying import Try
from genaiops.gateway.waiting_answer import text_of, waiting_answer
from genaiops.ports.guard import Ruling
from genaiops.ports.providers import Answer
from genaiops.ports.seals import Seals

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

    def stop(self, call: Call, attempt: Try, answer: Answer, ruling: Ruling, kind: bytes) -> None:
        """An answer that its policy withholds, or keeps for a person: it was made, so it is paid for."""
        failure = guarding.failure_of(ruling.rule, ruling.message).failure
        assert answer.usage is not None
        cost = cost_of(answer.usage, attempt.candidate, call.start_us)
        attempt.end("ok", usage=answer.usage, cost=cost, answer=answer)
        if ruling.action == "hold" and self.takes(call):
            told = self.keep(call, ruling, "out", usage=answer.usage, content_type=kind)
            if isinstance(told, Told):
                self._books.settle(call, Ending(status="ok", http_status=202, output=told.body))
                self.tell(call, told, cost)
                return
            failure = told
        self._refuse(call, failure)

    def withhold(self, call: Call, attempt: Try, answer: Answer, failure: Failure) -> None:
        """An answer that must not go out, for another reason than its policy's."""
        assert answer.usage is not None
        cost = cost_of(answer.usage, attempt.candidate, call.start_us)
        attempt.end("ok", usage=answer.usage, cost=cost, answer=answer)
        self._refuse(call, failure)

    def _refuse(self, call: Call, failure: Failure) -> None:
        ending = Ending(
            status="error", http_status=failure.status, error_type=failure.code, error_message=failure.message
        )
        self._books.settle(call, ending)
        replies.tell(call, failure)

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
        digest = guarding.request_digest(call)
        return self.keep(call, ruling, "in", usage=Usage(), content_type=b"application/json", request=digest)

    # size: what waits is of a call and its ruling, and came in some way
    def keep(
        self, call: Call, ruling: Ruling, direction: Direction, *, usage: Usage, content_type: bytes, request: str = ""
    ) -> Told | Failure:
        """Write it down, sealed. A failure when it cannot be: then nothing waits, and nothing was said."""
        assert self._seals is not None
        entry = call.key.entry
        held_id = "held_" + call.span_hex
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
        content = HeldBody(ruling.body, content_type.decode("latin-1"), ruling.parts)
        try:
            self._books.spool.append(record, self._seals.seal(_encode(content), held_id))
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
