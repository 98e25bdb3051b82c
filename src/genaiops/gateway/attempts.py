"""The tries of a call: choose a target, send, judge; again elsewhere when that may help, until the deadline.

A call may go to another target until the first content of its answer (text, a tool call) has reached the client, never
after. One attempt pays: the one whose answer the client got, whole or in part. Attempts that failed before content are
charged nothing here, whatever their provider may bill. In the next turn of a conversation another target may answer:
the ids of tool calls, their number and the form of their arguments may differ from what the former would have sent,
and a prompt cache of the former does not help. The gateway runs no tools, so it repeats no effect of one.
"""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

from genaiops.core.errors import GenaiopsError, UpstreamError, UsageError
from genaiops.domain import MEDIA
from genaiops.gateway import replies
from genaiops.gateway.call import Call
from genaiops.gateway.choice import choose, reasons, soonest
from genaiops.gateway.estimate import estimated
from genaiops.gateway.failure import AttemptFailure, Failure, of_answer, of_error, of_fault, of_upstream_error
from genaiops.gateway.flight import Flight
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.relay import Streams
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending, cost_of
from genaiops.gateway.trying import Try
from genaiops.gateway.upstream import clock
from genaiops.http1.errors import UpstreamClosed, UpstreamFault
from genaiops.ports.providers import Reply, TokenEstimator, Wire

_ERROR_LIMIT = 1 << 20
_EARLY = 0.002
"""Seconds by which a timer of whole milliseconds may ring too early."""


class Attempts:
    """Takes an admitted call to its end: answered (or cut off) and settled, whatever happens."""

    def __init__(self, books: Books, streams: Streams, estimator: TokenEstimator, settings: GatewaySettings) -> None:
        self._books = books
        self._streams = streams
        self._estimator = estimator
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, call: Call) -> Coroutine[Any, Any, None] | None:
        """Send the first try. Most calls need no more than its answer, and are ended by it without a task (see Flight);
        what is returned, if anything, must be run."""
        lineup = call.lineup
        assert lineup is not None
        now = call.began = clock()
        pick = choose(lineup, (), (), now) if not call.streamed else None
        if pick is None:
            return self.run(call)
        candidate, reason = pick
        attempt = Try(call, candidate, candidate.upstream.credential(now), reason)
        try:
            wire = self._compose(call, attempt)
            flight = Flight(self, call, attempt)
            if flight.send(wire):
                return None
            return self.run(call, attempt, self._send(call, attempt))
        except Exception as error:  # noqa: BLE001 - the task's way of dealing with it is the only one
            return self.run(call, attempt, self._after(call, attempt, error))

    def landed(self, call: Call, attempt: Try, reply: Reply) -> None:
        """The answer to a first try."""
        step: Coroutine[Any, Any, AttemptFailure | None]
        body = reply.all_here() if 200 <= reply.status < 300 else None
        if body is None or len(body) > self._settings.answer_limit:
            step = self._reply(call, attempt, reply)
        else:
            attempt.http_status = reply.status
            try:
                self._answer(call, attempt, reply, body)
            except Exception as error:  # noqa: BLE001 - the task's way of dealing with it is the only one
                step = _raise(error)
            else:
                upstream = attempt.candidate.upstream
                upstream.breaker.succeed()
                upstream.leave()
                return
        call.exchange.run(self.run(call, attempt, step))

    def failed(self, call: Call, attempt: Try, error: BaseException) -> None:
        """A first try had no answer."""
        call.exchange.run(self.run(call, attempt, self._after(call, attempt, error)))

    def _after(self, call: Call, attempt: Try, error: BaseException) -> Coroutine[Any, Any, AttemptFailure | None]:
        """Once more on a fresh connection, when the one that was used had been closed before; else the error counts."""
        stale = isinstance(error, UpstreamClosed) and error.retry_safe
        return self._send(call, attempt) if stale else _raise(error)

    def left(self, call: Call, attempt: Try) -> None:
        """The client went away during a first try."""
        upstream = attempt.candidate.upstream
        upstream.breaker.forget(probe=attempt.probe)
        upstream.leave()
        self._cut_off(call, attempt)
        self._end_cancelled(call)

    async def run(
        self,
        call: Call,
        attempt: Try | None = None,
        step: Coroutine[Any, Any, AttemptFailure | None] | None = None,
    ) -> None:
        """All the tries a call needs, beginning with the one that is under way, of which `step` is what remains."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        call.watch(loop)
        if call.streamed:
            self._streams.watch(call)
        try:
            failure = await self._run(call, attempt, step)
        except asyncio.CancelledError:
            if call.interrupted():
                self._end_cancelled(call)
                return
            self._abandon(call, "worker_stopped", "The worker was stopped.")
            raise
        except BaseException:
            self._abandon(call, "internal_error", "The gateway failed.")
            raise
        finally:
            if call.streamed:
                self._streams.unwatch(call)
        if failure is not None:
            replies.tell(call, failure)

    def _end_cancelled(self, call: Call) -> None:
        self._books.settle(call, Ending(status="cancelled", http_status=499, error_type="client_disconnected"))
        call.exchange.abort()

    def _abandon(self, call: Call, code: str, message: str) -> None:
        self._books.settle(call, Ending(status="error", http_status=500, error_type=code, error_message=message))

    async def _run(
        self, call: Call, attempt: Try | None, step: Coroutine[Any, Any, AttemptFailure | None] | None
    ) -> Failure | None:
        """The failure that the client is to be told, None when it has its answer (or is gone)."""
        lineup = call.lineup
        assert lineup is not None
        policy = lineup.retry
        end = (call.began or clock()) + policy.deadline
        tried: list[Candidate] = []
        dead: list[Candidate] = []
        last: AttemptFailure | None = None
        while True:
            if attempt is None or step is None:
                pick = choose(lineup, tried, dead, clock())
                if pick is None and last is not None and await self._rest(lineup, dead, end):
                    pick = choose(lineup, tried, dead, clock())
                if pick is None:
                    return self._give_up(call, last.failure if last is not None else _nobody(lineup))
                candidate, reason = pick
                if reason == "retry" and not await self._pause(lineup, len(tried), end):
                    assert last is not None
                    return self._give_up(call, last.failure)
                attempt = Try(call, candidate, candidate.upstream.credential(clock()), reason)
                step = self._send(call, attempt)
            candidate = attempt.candidate
            last = await self._try(call, attempt, step)
            if last is None or call.settled:
                return None
            attempt = step = None
            tried.append(candidate)
            if last.futile or (last.rejects_credential and len(candidate.target.credentials) <= 1):
                dead.append(candidate)
            if not last.retryable or len(tried) >= policy.attempts or clock() >= end:
                return self._give_up(call, last.failure)

    async def _rest(self, lineup: Lineup, dead: list[Candidate], end: float) -> bool:
        """Everybody rests: wait when that is short. Whether it was worth it."""
        now = clock()
        waits = [one.upstream.wait(now) for one in lineup.all if one not in dead]
        wait = min(waits, default=-1.0)
        if wait < 0 or wait > lineup.retry.backoff_max or now + wait >= end:
            return False
        await asyncio.sleep(wait + _EARLY)
        return True

    async def _pause(self, lineup: Lineup, tries: int, end: float) -> bool:
        """Full jitter before the same target is tried again. Whether there is time for it."""
        policy = lineup.retry
        wait = random.random() * min(policy.backoff_max, policy.backoff * 2 ** (tries - 1))
        if clock() + wait >= end:
            return False
        if wait:
            await asyncio.sleep(wait)
        return True

    def _give_up(self, call: Call, failure: Failure) -> Failure | None:
        """Settle a call that found no answer. None when the client has been told inside its stream."""
        exchange = call.exchange
        status = 200 if exchange.started else failure.status
        self._books.settle(
            call,
            Ending(status="error", http_status=status, error_type=failure.code, error_message=failure.message[:2000]),
        )
        if not exchange.started:
            return failure
        self._streams.break_off(call, failure)
        return None

    # -- one try

    async def _try(
        self, call: Call, attempt: Try, step: Coroutine[Any, Any, AttemptFailure | None]
    ) -> AttemptFailure | None:
        """None: the client has its answer. What this says of the target is noted in any case."""
        candidate = attempt.candidate
        target, upstream = candidate.target, candidate.upstream
        breaker, probe = upstream.breaker, attempt.probe
        failure: AttemptFailure | None
        try:
            failure = await step
        except UpstreamFault as fault:
            failure = of_fault(fault, target.id)
        except UpstreamError as error:
            failure = of_upstream_error(error, target.id)
        except GenaiopsError as error:
            # What one provider cannot say, or take, another may.
            said = isinstance(error, UsageError)
            failure = AttemptFailure(failure=of_error(error), retryable=said, breaks=False, futile=said)
        except asyncio.CancelledError:
            breaker.forget(probe=probe)
            if call.why != "first_token" or not call.interrupted() or call.exchange.disconnected:
                self._cut_off(call, attempt)
                raise
            call.why = None
            failure = _too_late(candidate)
        except BaseException:
            breaker.forget(probe=probe)
            raise
        finally:
            upstream.leave()
        if failure is None:
            breaker.succeed()
            return None
        self._judge(attempt, failure, probe=probe)
        if not attempt.ended:
            attempt.end("error", failure=failure)
        return failure

    def _compose(self, call: Call, attempt: Try) -> Wire:
        """What goes out."""
        candidate = attempt.candidate
        credential = attempt.credential
        secret = credential.value if credential is not None else None
        sent = attempt.sent = call.for_target(candidate)
        wire = attempt.wire = candidate.upstream.provider.prepare(sent, candidate.target, secret)
        return wire

    async def _send(self, call: Call, attempt: Try) -> AttemptFailure | None:
        wire = attempt.wire or self._compose(call, attempt)
        candidate = attempt.candidate
        call.dispatched = True
        reply = await candidate.upstream.transport.send(wire, candidate.target, attempt.traceparent())
        return await self._reply(call, attempt, reply)

    async def _reply(self, call: Call, attempt: Try, reply: Reply) -> AttemptFailure | None:
        attempt.http_status = status = reply.status
        if not 200 <= status < 300:
            return await self._error_answer(attempt, reply)
        if call.streamed:
            wire, sent = attempt.wire, attempt.sent
            assert wire is not None
            assert sent is not None
            if call.operation in MEDIA:
                return await self._streams.relay_media(call, attempt, reply, sent)
            reader = attempt.candidate.upstream.provider.stream(sent, filter_usage=wire.filter_usage)
            if sent.dialect != call.speech.dialect:
                reader = call.speech.reader(reader, call.raw, call.model)
            return await self._streams.relay(call, attempt, reply, reader)
        try:
            body = await reply.read(self._settings.answer_limit)
        except BaseException:
            reply.abort()
            raise
        self._answer(call, attempt, reply, body)
        return None

    def _answer(self, call: Call, attempt: Try, reply: Reply, body: bytes) -> None:
        """An answer that is not a stream: settled, then sent."""
        candidate, sent = attempt.candidate, attempt.sent
        assert sent is not None
        answer = candidate.upstream.provider.read(sent, body)
        if answer.body is not None:
            body = answer.body
        usage = answer.usage
        if usage is None:
            usage = estimated(self._estimator, call.operation, call.raw, answer.text)
        if sent.dialect != call.speech.dialect:
            body = call.speech.answer(body, call.raw, call.model, usage)
        cost = cost_of(usage, candidate, call.start_us)
        attempt.end("ok", usage=usage, cost=cost, answer=answer)
        self._books.settle(call, Ending(status="ok", http_status=reply.status, output=body))
        lines = replies.whole(call, candidate, reply.headers, cost)
        call.exchange.respond(reply.status, lines, body)
        if call.idempotent is not None:
            call.answer = Kept(reply.status, lines, body)

    async def _error_answer(self, attempt: Try, reply: Reply) -> AttemptFailure:
        try:
            body = await reply.read(_ERROR_LIMIT)
        except BaseException:
            reply.abort()
            raise
        target = attempt.candidate.target
        error = attempt.candidate.upstream.provider.error(reply.status, reply.headers, body)
        failure = of_answer(reply.status, error, target.id, self._settings.credential_rest)
        message = attempt.redacted(failure.failure.message)
        if message == failure.failure.message:
            return failure
        told = failure.failure
        clean = Failure(
            status=told.status, type=told.type, code=told.code, message=message, retry_after=told.retry_after
        )
        return AttemptFailure(
            failure=clean,
            retryable=failure.retryable,
            breaks=failure.breaks,
            rest=failure.rest,
            limits_credential=failure.limits_credential,
            upstream_status=failure.upstream_status,
        )

    def _cut_off(self, call: Call, attempt: Try) -> None:
        """The client left (or the worker stops) in the middle: charge what is known or estimated so far."""
        answer = attempt.reader.finish() if attempt.reader is not None else None
        usage = answer.usage if answer is not None else None
        if usage is None:
            text = answer.text if answer is not None else ""
            usage = estimated(self._estimator, call.operation, call.raw, text)
        cost = cost_of(usage, attempt.candidate, call.start_us)
        why = "client_disconnected" if call.why == "client" else "worker_stopped"
        if answer is not None:
            attempt.end("cancelled", usage=usage, cost=cost, answer=answer, error_type=why)
        else:
            attempt.end("cancelled", usage=usage, cost=cost, error_type=why)

    def _judge(self, attempt: Try, failure: AttemptFailure, *, probe: bool) -> None:
        """What a failure says of the target and the credential."""
        upstream = attempt.candidate.upstream
        now = clock()
        if failure.breaks:
            upstream.breaker.fail(now)
        elif failure.upstream_status is not None:
            upstream.breaker.succeed()  # it answered, and that is all a breaker asks
        else:
            upstream.breaker.forget(probe=probe)
        credential = attempt.credential
        if failure.rejects_credential:
            upstream.refresh()
        if failure.rest is None:
            return
        if credential is not None and (failure.limits_credential or failure.rejects_credential):
            credential.rest_until = now + failure.rest
        else:
            upstream.rest_until = now + failure.rest


async def _raise(error: BaseException) -> AttemptFailure | None:
    raise error


def _too_late(candidate: Candidate) -> AttemptFailure:
    target = candidate.target
    return AttemptFailure(
        failure=Failure(
            status=504,
            type="timeout_error",
            code="upstream_first_token_timeout",
            message=f"The target {target.id!r} sent no content within {target.timeouts.first_token:g} s.",
        ),
        retryable=True,
        breaks=True,
    )


def _nobody(lineup: Lineup) -> Failure:
    now = clock()
    wait = soonest(lineup, now)
    return Failure(
        status=503,
        type="unavailable_error",
        code="no_target_available",
        message=f"No target can serve {lineup.name!r} now: {reasons(lineup, now)}. Try again in {wait:.0f} s.",
        retry_after=wait,
    )
