"""Streams: held back until content, an error or the end decides; then piece by piece, the last one after settling."""

import asyncio
import time

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.reader import TranslatedReader
from genaiops.domain import MEDIA, Status, Usage
from genaiops.gateway import guarded_readers, guarding, replies
from genaiops.gateway.call import Call
from genaiops.gateway.estimate import estimated
from genaiops.gateway.failure import AttemptFailure, Failure, of_fault, of_upstream_error
from genaiops.gateway.holding import Holding
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.large import LARGE, Stored, keep
from genaiops.gateway.marking import MarkedReader, Marking, NotMarked, refusal_of
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending, cost_of, total_of
from genaiops.gateway.tap import FOREVER, Live, Tap, guarded_in
from genaiops.gateway.trying import Try
from genaiops.gateway.waiting_answer import message_instead
from genaiops.http1.errors import Disconnected, UpstreamFault
from genaiops.ports.guard import WITHHELD, Blocked, Ruling, Withheld
from genaiops.ports.providers import Answer, CallBody, Provider, Reply, StreamPiece, StreamReader, TokenEstimator

_TICK = 0.25
_UNREAD = (b"text/event-stream", b"audio/", b"video/", b"image/", b"application/octet-stream")
"""Content types of answers that come piece by piece: events, which are guarded as such, and what has no text."""


class Streams:
    """Relays streams. One coarse timer serves all of them, for heartbeats and for the time to the first content."""

    # size: what a stream needs, each once
    def __init__(
        self,
        books: Books,
        estimator: TokenEstimator,
        settings: GatewaySettings,
        holding: Holding,
        marking: Marking,
    ) -> None:
        self._books = books
        self._holding = holding
        self._marking = marking
        self._estimator = estimator
        self._settings = settings
        self._live: dict[bytes, Live] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._silence_ns = int(settings.heartbeat * 1e9)

    # -- one timer for all

    def watch(self, call: Call) -> None:
        self._live[call.span_id] = Live(call)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._sweep)

    def unwatch(self, call: Call) -> None:
        self._live.pop(call.span_id, None)

    def _sweep(self) -> None:
        self._timer = None
        now = time.monotonic_ns()
        for live in list(self._live.values()):
            if now >= live.content_by_ns:
                live.content_by_ns = FOREVER
                live.call.interrupt("first_token")
            elif self._silence_ns and now - live.last_ns >= self._silence_ns:
                live.last_ns = now
                self._beat(live.call)
        if self._live:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._sweep)

    def _beat(self, call: Call) -> None:
        """Something that means nothing, so that nobody on the way takes the silence for the end. Begins the response if
        need be."""
        exchange = call.exchange
        if exchange.finished or exchange.disconnected or call.operation in MEDIA:
            return
        if not exchange.started:
            exchange.start(200, replies.stream(call, None, ()))
        exchange.send(call.speech.heartbeat)

    # -- one stream

    async def relay(self, call: Call, attempt: Try, reply: Reply, reader: StreamReader) -> AttemptFailure | None:
        """None: the client has the whole stream. A failure with `call.settled`: it was broken off after content.
        Without: nothing of its content has reached the client, and another target may serve it. Withheld: its model is
        to be asked again, else `follow` ends it."""
        live = self._live[call.span_id]
        reader = self._marking.reader(call, guarded_readers.guarded_reader(call, reader))
        try:
            target = attempt.candidate.target
            if call.operation not in MEDIA:
                _check(reply, attempt.candidate.upstream.provider)
            attempt.reader = reader
            if target.timeouts.first_token:
                live.content_by_ns = attempt.start_ns + int(target.timeouts.first_token * 1e9)
            piece = await self._hold_back(live, reply, reader)
            if piece.error is not None and not piece.content:
                raise UpstreamError(piece.error, code="upstream_stream_error")
            live.content_by_ns = FOREVER
            if self._marking.concerns(call, piece.data):
                piece = await self._marking.piece(call, attempt, piece)
            if not call.exchange.started:
                call.exchange.start(200, replies.stream(call, attempt.candidate, reply.headers))
            return await self._pass_on(call, attempt, reply, piece)
        except Blocked as blocked:
            reply.abort()
            return self._stop(call, attempt, guarding.failure_of(blocked.rule, blocked.message))
        except NotMarked as error:
            reply.abort()
            failure = AttemptFailure(failure=refusal_of(error), retryable=False, breaks=False)
            return self._stop(call, attempt, failure)
        except Withheld as withheld:
            reply.leave()
            if withheld.ruling.again is not None:
                raise
            return await self.follow(call, attempt, withheld.ruling)
        except Disconnected:
            call.why = "client"
            raise asyncio.CancelledError from None
        finally:
            live.content_by_ns = FOREVER
            reply.release()

    async def relay_media(self, call: Call, attempt: Try, reply: Reply, sent: CallBody) -> AttemptFailure | None:
        """As `relay`, for an answer that is not of text: it says itself what it is."""
        kind = replies.kind_of(reply.headers)
        reader = attempt.candidate.upstream.provider.media(sent, kind)
        if reader is None:
            reply.abort()
            shown = kind.decode("latin-1")[:100]
            raise UpstreamError(f"it sent {shown}, which answers no such call.", code="upstream_bad_answer")
        call.answer_type = kind
        if call.guard is not None and not kind.startswith(_UNREAD):
            body = await reply.read(self._settings.answer_limit)
            ruling = call.guard.answer(body, kind) or await call.guard.wait_answer(body, kind)
            reader = guarded_readers.RuledReader(reader, body, ruling)
        return await self.relay(call, attempt, reply, reader)

    async def _hold_back(self, live: Live, reply: Reply, reader: StreamReader) -> StreamPiece:
        """Everything up to the first piece that decides, as one piece."""
        held: list[bytes] = []
        size = 0
        guarded = guarded_in(reader)
        while True:
            chunk = await reply.chunk()
            piece = reader.feed(chunk) if chunk is not None else await _end(reader)
            if guarded is not None and guarded.begun:
                live.content_by_ns = FOREVER  # it has come, though it may wait here
            while guarded is not None and guarded.due and not (piece is not None and piece.content):
                piece = _joined(piece, await guarded.wait())
            if piece is None:
                continue
            held.append(piece.data)
            size += len(piece.data)
            if piece.content or piece.done or piece.error is not None or size > self._settings.hold_back:
                return StreamPiece(b"".join(held), piece.content, piece.error, piece.done)

    async def _pass_on(self, call: Call, attempt: Try, reply: Reply, first: StreamPiece) -> AttemptFailure | None:
        exchange, reader = call.exchange, attempt.reader
        assert reader is not None
        tap = Tap(self._live[call.span_id], attempt, reader, self._marking)
        try:
            tap.pass_on(first)
            while tap.last is None:
                await exchange.drain()
                if tap.guarded is not None and tap.guarded.due:
                    asked = await tap.guarded.wait()
                    if self._marking.concerns(call, asked.data):
                        asked = await self._marking.piece(call, attempt, asked)
                    tap.pass_on(asked)
                    continue
                over = await reply.pump(tap.take)
                if tap.unmarked is not None:
                    unmarked, tap.unmarked = tap.unmarked, None
                    tap.pass_on(await self._marking.piece(call, attempt, unmarked))
                elif over and tap.last is None:
                    last = await _end(reader)
                    if self._marking.concerns(call, last.data):
                        last = await self._marking.piece(call, attempt, last)
                    tap.pass_on(last)
        except NotMarked:
            raise  # it says nothing of the target
        except UpstreamFault as fault:
            return self._broken(call, attempt, of_fault(fault, attempt.candidate.target.id))
        except UpstreamError as error:
            return self._broken(call, attempt, of_upstream_error(error, attempt.candidate.target.id))
        output = reader.keep()
        stored = await keep(self._books.spool, call, output) if len(output) > LARGE else None
        self._close(call, attempt, "ok", None, (output, stored))
        exchange.send(tap.last.data)
        exchange.finish(replies.trailers(call, total_of(call)) if call.trailers else b"")
        reply.leave()  # many servers send the end of the body apart from the last event
        if call.idempotent is not None:
            if reader.truncated:
                call.too_large = True
            else:
                call.answer = Kept(200, replies.stream(call, None, ()), output)
        return None

    async def follow(self, call: Call, attempt: Try, ruling: Ruling) -> AttemptFailure | None:
        """End a stream that is there as a whole, and of which nothing has gone out, as its policy has it. Its images
        are signed before."""
        if self._marking.concerns(call, ruling.body):
            try:
                (body,) = await self._marking.marked(call, attempt, (ruling.body,))
            except NotMarked as error:
                failure = AttemptFailure(failure=refusal_of(error), retryable=False, breaks=False)
                return self._stop(call, attempt, failure)
            ruling = msgspec.structs.replace(ruling, body=body)
        if ruling.action == "hold":
            return await self._hold(call, attempt, ruling)
        return self._let_out(call, attempt, ruling)

    def _let_out(self, call: Call, attempt: Try, ruling: Ruling) -> AttemptFailure | None:
        call.guard_line = guarding.line_of(call, ruling.action)
        output, usage = ruling.body, self.answer_of(call, attempt).usage
        if ruling.action == "replace" and call.operation in ("chat", "text_completion"):
            output = message_instead(call, ruling.message or WITHHELD, usage or Usage())
        if not output:
            return self._stop(call, attempt, guarding.failure_of(ruling.rule, ruling.message))
        assert attempt.reader is not None
        if isinstance(attempt.reader, MarkedReader):
            attempt.reader.sent(output)
        kept = output if ruling.action == "replace" else attempt.reader.keep()
        self._close(call, attempt, "ok", None, (kept, None))
        if not call.exchange.started:
            call.exchange.start(200, replies.stream(call, attempt.candidate, ()))
        call.exchange.send(output)
        call.exchange.finish(replies.trailers(call, total_of(call)) if call.trailers else b"")
        if call.idempotent is not None:
            call.answer = Kept(200, replies.stream(call, None, ()), kept)
        return None

    def answer_of(self, call: Call, attempt: Try) -> Answer:
        """What a stream said of itself, with its usage or an estimate of it."""
        assert attempt.reader is not None
        answer = attempt.reader.finish()
        if answer.usage is not None:
            return answer
        usage = estimated(self._estimator, call.operation, call.sent, answer.text)
        return msgspec.structs.replace(answer, usage=usage)

    async def _hold(self, call: Call, attempt: Try, ruling: Ruling) -> AttemptFailure | None:
        """All of it is there and waits for a person: it is charged, and the client is told."""
        if not self._holding.takes(call):
            return self._stop(call, attempt, guarding.failure_of(ruling.rule, ruling.message))
        assert attempt.reader is not None
        usage = attempt.reader.finish().usage or Usage()
        sealed = await self._holding.seal(call, ruling, call.answer_type or b"text/event-stream")
        told = self._holding.keep(call, ruling, "out", sealed, usage=usage)
        if isinstance(told, Failure):
            return self._stop(call, attempt, AttemptFailure(failure=told, retryable=False, breaks=False))
        self._close(call, attempt, "ok", None, (told.body, None), http_status=202)
        self._holding.tell(call, told, total_of(call))
        return None

    def _stop(self, call: Call, attempt: Try, failure: AttemptFailure) -> AttemptFailure | None:
        """What goes out must not go on: what came is charged, and the client is told."""
        begun = call.exchange.started
        self._close(call, attempt, "error", failure)
        if begun:
            self.break_off(call, failure.failure)
        else:
            replies.tell(call, failure.failure)
        return None

    def _broken(self, call: Call, attempt: Try, failure: AttemptFailure) -> AttemptFailure:
        """After content there is no other target: what came is charged, and the client sees an error and a cut."""
        failure = guarding.told(call, failure)
        reader, told = attempt.reader, failure.failure
        if isinstance(reader, guarded_readers.GuardedReader):
            reader = reader.inner
        last = reader.fail(told.message, told.code) if isinstance(reader, TranslatedReader) else None
        self._close(call, attempt, "error", failure)
        self.break_off(call, told, last)
        return failure

    def break_off(self, call: Call, failure: Failure, last: bytes | None = None) -> None:
        """End a response that has begun: an error event (or what its translation says instead), and no proper end."""
        exchange = call.exchange
        kind = call.answer_type
        if kind is None or kind.startswith(b"text/event-stream"):
            exchange.send(call.speech.broken(failure, call.request_id) if last is None else last)
        exchange.abort()

    def _close(
        self,
        call: Call,
        attempt: Try,
        status: Status,
        failure: AttemptFailure | None,
        said: tuple[bytes, Stored | None] | None = None,
        *,
        http_status: int = 200,
    ) -> None:
        """Settle by what the stream said of itself, or by estimate where it did not."""
        reader = attempt.reader
        assert reader is not None
        answer = self.answer_of(call, attempt)
        usage = answer.usage
        assert usage is not None
        cost = cost_of(usage, attempt.candidate, call.start_us)
        attempt.end(status, usage=usage, cost=cost, answer=answer, failure=failure)
        told = failure.failure if failure is not None else None
        output, stored = said or (reader.keep(), None)
        ending = Ending(
            status=status,
            http_status=http_status,
            error_type=told.code if told is not None else None,
            error_message=attempt.redacted(told.message)[:2000] if told is not None else None,
            output=output,
            output_truncated=reader.truncated,
            stored=stored,
        )
        self._books.settle(call, ending)


def _check(reply: Reply, provider: Provider) -> None:
    """A stream has the type that its provider's streams have: server-sent events unless it says otherwise."""
    kind = reply.header(b"content-type") or b"no content-type"
    if not kind.lower().startswith(provider.stream_types):
        raise UpstreamError(f"it sent {kind.decode('latin-1')[:100]} instead of a stream of events.")


async def _end(reader: StreamReader) -> StreamPiece:
    """The upstream has ended its stream without a terminal event: after a finish reason that is an end, too."""
    over = reader.finish().finish_reason is not None
    piece = reader.end()
    guarded = guarded_in(reader)
    if not over and (piece is None or not piece.done) and not (guarded is not None and guarded.ended):
        raise UpstreamError("its stream ended before the answer did.", code="upstream_truncated")
    while guarded is not None and guarded.due:
        piece = _joined(piece, await guarded.wait())
    return StreamPiece(piece.data if piece is not None else b"", piece is not None and piece.content, done=True)


def _joined(first: StreamPiece | None, more: StreamPiece) -> StreamPiece:
    if first is None:
        return more
    return StreamPiece(first.data + more.data, first.content or more.content, first.error or more.error, more.done)
