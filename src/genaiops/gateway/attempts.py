"""The tries of a call: choose a target, send, judge; again elsewhere when that may help, until the deadline.

A call may go to another target until the first content of its answer (text, a tool call) has reached the client, never
after. One attempt pays: the one whose answer the client got, whole or in part. Attempts that failed before content are
charged nothing here, whatever their provider may bill. In the next turn of a conversation another target may answer:
the ids of tool calls, their number and the form of their arguments may differ from what the former would have sent,
and a prompt cache of the former does not help. The gateway runs no tools, so it repeats no effect of one.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec

from genaiops.core.errors import GenaiopsError, UpstreamError, UsageError
from genaiops.domain import MEDIA
from genaiops.gateway import guarding, replies
from genaiops.gateway.answering import Whole, error_answer
from genaiops.gateway.asking_again import AskingAgain
from genaiops.gateway.call import Call
from genaiops.gateway.choice import Pick, choose, fits
from genaiops.gateway.estimate import estimated
from genaiops.gateway.failure import AttemptFailure, Failure, of_error, of_fault, of_upstream_error, too_late
from genaiops.gateway.flight import Flight
from genaiops.gateway.hedging import Hedges
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.large import keep
from genaiops.gateway.outgoing import Outgoing
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.relay import Streams
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending, cost_of, total_of
from genaiops.gateway.trying import Try
from genaiops.gateway.upstream import clock
from genaiops.gateway.waiting import nobody, pause, place, rest
from genaiops.http1.errors import UpstreamClosed, UpstreamFault
from genaiops.ports.guard import Withheld
from genaiops.ports.providers import Reply, StreamReader, TokenEstimator, Wire


class Attempts:
    """Takes an admitted call to its end: answered (or cut off) and settled, whatever happens."""

    # size: what a try needs, each once
    def __init__(
        self,
        books: Books,
        streams: Streams,
        estimator: TokenEstimator,
        settings: GatewaySettings,
        outgoing: Outgoing,
    ) -> None:
        self._books = books
        self._outgoing = outgoing
        self._streams = streams
        self._estimator = estimator
        self._settings = settings
        self._hedges = Hedges(self, books)
        self._again = AskingAgain(self, books, settings)
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, call: Call) -> Coroutine[Any, Any, None] | None:
        """Send the first try. Most calls need no more than its answer, and are ended by it without a task (see Flight);
        what is returned, if anything, must be run."""
        lineup = call.lineup
        assert lineup is not None
        now = call.began = clock()
        pick = choose(lineup, (), (), now, call.asked) if not call.streamed and lineup.hedge is None else None
        if pick is None:
            return self.run(call)
        candidate, reason, decision = pick
        attempt = Try(call, candidate, candidate.upstream.credential(now), reason, decision)
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
        if body is None or not self._outgoing.at_once(call, body):
            step = self._reply(call, attempt, reply, body)
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
                pick = await self._next(call, lineup, tried, dead, end)
                if pick is None or isinstance(pick, Failure):
                    return self._give_up(call, last.failure if last is not None else pick or nobody(call, lineup))
                candidate, reason, decision = pick
                attempt = Try(call, candidate, candidate.upstream.credential(clock()), reason, decision)
                if lineup.hedge is not None and not tried:
                    attempt, step = await self._hedges.race(call, attempt, lineup.hedge, tried)
                else:
                    step = self._send(call, attempt)
            candidate = attempt.candidate
            last = await self._try(call, attempt, step)
            if last is None or call.settled:
                return None
            attempt = step = None
            tried.append(candidate)
            if last.futile or (last.rejects_credential and len(candidate.target.credentials) <= 1):
                dead.append(candidate)
            longer = last.too_long and self._to_longer(call, lineup, tried, candidate)
            if not (last.retryable or longer) or len(tried) >= policy.attempts or clock() >= end:
                return self._give_up(call, last.failure)

    async def _next(
        self, call: Call, lineup: Lineup, tried: list[Candidate], dead: list[Candidate], end: float
    ) -> Pick | Failure | None:
        """The next target, after waiting where that may help."""
        pick = choose(lineup, tried, dead, clock(), call.asked)
        if pick is None and tried and await rest(lineup, dead, end):
            pick = choose(lineup, tried, dead, clock(), call.asked)
        if pick is None:
            found = await place(call, lineup, tried, dead, end)
            if found is not None and not isinstance(found, Failure):
                found[0].upstream.claim()
            return found
        if pick[1] == "retry" and not await pause(lineup, len(tried), end):
            return None
        return pick

    def _to_longer(self, call: Call, lineup: Lineup, tried: list[Candidate], candidate: Candidate) -> bool:
        """A provider says that the prompt is too long for its target. Whether there is one for longer prompts."""
        target = candidate.target
        asked = call.asked = call.asked.too_long_for(target.id, target.context_window)
        return any(one not in tried and fits(one, asked, lineup) for one in lineup.all)

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
            failure = too_late(target)
        except BaseException:
            breaker.forget(probe=probe)
            raise
        finally:
            upstream.leave()
        if failure is None:
            breaker.succeed()
            return None
        if not call.settled:  # else it was told before
            failure = guarding.told(call, failure)
        attempt.blame(failure, probe=probe)
        if not attempt.ended:
            attempt.end("error", failure=failure)
        return failure

    def _compose(self, call: Call, attempt: Try) -> Wire:
        """What goes out."""
        candidate = attempt.candidate
        credential = attempt.credential
        secret = credential.value if credential is not None else None
        try:
            sent = attempt.sent = call.for_target(candidate)
            wire = attempt.wire = candidate.upstream.provider.prepare(sent, candidate.target, secret)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:  # where nobody had to look before
            raise UsageError(f"The body is not right: {error}.", code="invalid_json") from error
        return wire

    async def _send(self, call: Call, attempt: Try) -> AttemptFailure | None:
        return await self._reply(call, attempt, await self.open(call, attempt))

    # -- a try that is one of two (see Hedges)

    async def open(self, call: Call, attempt: Try) -> Reply:
        """Send it; the head of the answer."""
        wire = attempt.wire or self._compose(call, attempt)
        candidate = attempt.candidate
        call.dispatched = True
        return await candidate.upstream.transport.send(wire, candidate.target, attempt.traceparent())

    async def landing(self, call: Call, attempt: Try, opening: asyncio.Task[Reply]) -> AttemptFailure | None:
        """What remains of a try that is being opened."""
        return await self._reply(call, attempt, await opening)

    async def fell(self, call: Call, attempt: Try, opening: asyncio.Task[Reply]) -> None:
        """It failed while the other is still under way."""
        await self._try(call, attempt, self.landing(call, attempt, opening))

    async def once_more(self, call: Call, attempt: Try) -> None:
        """A try that is not the first, of a call that has an answer if this one fails."""
        await self._try(call, attempt, self._send(call, attempt))

    def dropped(self, call: Call, attempt: Try, why: str | None = None) -> None:
        """Nobody waits for it any more: the other was first, or the client left (`why` None)."""
        upstream = attempt.candidate.upstream
        upstream.breaker.forget(probe=attempt.probe)
        upstream.leave()
        self._cut_off(call, attempt, why)

    async def _reply(self, call: Call, attempt: Try, reply: Reply, here: bytes | None = None) -> AttemptFailure | None:
        """`here`: all of its body, where that was taken from it already."""
        attempt.http_status = status = reply.status
        if not 200 <= status < 300:
            return await error_answer(attempt, reply, self._settings.credential_rest)
        if call.streamed:
            wire, sent = attempt.wire, attempt.sent
            assert wire is not None
            assert sent is not None
            if call.operation in MEDIA:
                return await self._streams.relay_media(call, attempt, reply, sent)
            reader = attempt.candidate.upstream.provider.stream(sent, filter_usage=wire.filter_usage)
            if sent.dialect != call.speech.dialect:
                reader = call.speech.reader(reader, call.raw, call.model)
            return await self._stream(call, attempt, reply, reader)
        try:
            body = here if here is not None else await reply.read(self._settings.answer_limit)
        except BaseException:
            reply.abort()
            raise
        whole = await self._outgoing.whole(call, attempt, body, replies.kind_of(reply.headers), self._again)
        if whole is None:
            return None
        stored = await keep(self._books.spool, call, whole.body if whole.kept is None else whole.kept)
        self._end(call, attempt, reply, whole._replace(stored=stored))
        return None

    async def _stream(self, call: Call, attempt: Try, reply: Reply, reader: StreamReader) -> AttemptFailure | None:
        try:
            return await self._streams.relay(call, attempt, reply, reader)
        except Withheld as withheld:
            ruling = withheld.ruling
            if await self._again.ask(call, attempt, self._streams.answer_of(call, attempt), ruling.again):
                return None
            return await self._streams.follow(call, attempt, ruling)

    def _answer(self, call: Call, attempt: Try, reply: Reply, body: bytes) -> None:
        """An answer that is not a stream: guarded, settled, then sent."""
        whole = self._outgoing.now(call, attempt, body, replies.kind_of(reply.headers))
        if whole is not None:
            self._end(call, attempt, reply, whole)

    def _end(self, call: Call, attempt: Try, reply: Reply, whole: Whole) -> None:
        candidate, answer, body = attempt.candidate, whole.answer, whole.body
        assert answer.usage is not None
        cost = cost_of(answer.usage, candidate, call.start_us)
        attempt.end("ok", usage=answer.usage, cost=cost, answer=answer)
        cost = cost if call.again is None else total_of(call) or cost
        output = body if whole.kept is None else whole.kept
        self._books.settle(call, Ending(status="ok", http_status=reply.status, output=output, stored=whole.stored))
        lines = replies.whole(call, candidate, reply.headers, cost)
        call.exchange.respond(reply.status, lines, body)
        if call.idempotent is not None:
            call.answer = Kept(reply.status, lines, body)

    def _cut_off(self, call: Call, attempt: Try, why: str | None = None) -> None:
        """The client left (or the worker stops) in the middle: charge what is known or estimated so far."""
        answer = attempt.reader.finish() if attempt.reader is not None else None
        usage = answer.usage if answer is not None else None
        if usage is None:
            text = answer.text if answer is not None else ""
            usage = estimated(self._estimator, call.operation, call.raw, text)
        cost = cost_of(usage, attempt.candidate, call.start_us)
        why = why or ("client_disconnected" if call.why == "client" else "worker_stopped")
        if answer is not None:
            attempt.end("cancelled", usage=usage, cost=cost, answer=answer, error_type=why)
        else:
            attempt.end("cancelled", usage=usage, cost=cost, error_type=why)


async def _raise(error: BaseException) -> AttemptFailure | None:
    raise error
