"""`GET /v1/videos`: the newest jobs of an owner, each as its provider tells it now.

A provider's own list would show everybody's, for the gateway's credential is shared. So every job is asked for by
itself, a few at a time; those that their provider has forgotten are left out.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw

from genaiops.core.errors import GenaiopsError, Unavailable, UpstreamError, UsageError
from genaiops.gateway import guarding, replies
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, of_answer, of_error, of_fault, of_upstream_error
from genaiops.gateway.settle import Books, Ending
from genaiops.gateway.upstream import clock
from genaiops.gateway.videos import Opened, VideoJobs, reached
from genaiops.http1.errors import UpstreamFault
from genaiops.ports.providers import CallBody

AT_ONCE = 8
_DEFAULT, _MOST = 20, 100
_ANSWER = 1 << 20
_GONE = frozenset({404, 410})


class Told(Exception):
    """What ends the list."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


class _List(msgspec.Struct, frozen=True):
    object: str
    data: list[Raw]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VideoLists:
    """Answers lists, admitted calls like any other."""

    def __init__(self, jobs: VideoJobs, books: Books, credential_rest: float) -> None:
        self._jobs = jobs
        self._books = books
        self._rest = credential_rest

    async def run(self, call: Call) -> None:
        """Returns when the call has ended."""
        call.watch(asyncio.get_running_loop())
        try:
            body = await guarding.answered(call, await self._list(call))
        except (GenaiopsError, Told) as error:
            failure = guarding.told_failure(call, error.failure) if isinstance(error, Told) else of_error(error)
            ending = Ending(
                status="error", http_status=failure.status, error_type=failure.code, error_message=failure.message
            )
            self._books.settle(call, ending)
            replies.tell(call, failure)
        except asyncio.CancelledError:
            if not call.interrupted():
                self._books.settle(call, Ending(status="error", http_status=500, error_type="worker_stopped"))
                raise
            ending = Ending(status="cancelled", http_status=499, error_type="client_disconnected")
            self._books.settle(call, ending)
            call.exchange.abort()
        else:
            self._books.settle(call, Ending(status="ok", http_status=200, output=body))
            call.exchange.respond(200, replies.own(call), body)

    async def _list(self, call: Call) -> bytes:
        limit, after, descending = _asked(call.exchange.query.decode("latin-1"))
        found = await asyncio.to_thread(self._jobs.mine, call.key)
        page, more = _page(found[::-1] if descending else found, after, limit)
        turns = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(self._ask(call, one, turns)) for one in page]
        except* (GenaiopsError, Told) as several:
            raise several.exceptions[0] from None
        there = [(one.given, task.result()) for one, task in zip(page, asking, strict=True)]
        data = [(given, Raw(body)) for given, body in there if body is not None]
        first, last = (data[0][0], data[-1][0]) if data else (None, None)
        return msgspec.json.encode(_List("list", [body for _, body in data], first, last, more))

    async def _ask(self, call: Call, opened: Opened, turns: asyncio.Semaphore) -> bytes | None:
        """The job as it is now; None: it is gone, or not this key's to see."""
        try:
            candidate = reached(call.key, opened.where)
        except GenaiopsError:
            return None
        upstream, target = candidate.upstream, candidate.target
        async with turns:
            why = upstream.blocked(clock())
            if why is not None:
                raise Unavailable(f"The target {target.id!r} is {why}.", remedy="Try again in a moment.")
            credential = upstream.credential(clock())
            body = CallBody("video_job", b"", call.model, False, True, None, False, job=opened.job)
            wire = upstream.provider.prepare(body, target, credential.value if credential is not None else None)
            probe = upstream.enter()
            call.dispatched = True
            try:
                parent = f"traceparent: {call.traceparent()}\r\n".encode("ascii")
                reply = await upstream.transport.send(wire, target, parent)
                answer = await reply.read(_ANSWER)
                if reply.status == 200:
                    return self._jobs.renamed(opened, answer)
                if reply.status in _GONE:
                    return None
                said = upstream.provider.error(reply.status, reply.headers, answer)
                raise Told(of_answer(reply.status, said, target.id, self._rest).failure)
            except UpstreamFault as fault:
                raise Told(of_fault(fault, target.id).failure) from None
            except UpstreamError as error:
                raise Told(of_upstream_error(error, target.id).failure) from None
            finally:
                upstream.breaker.forget(probe=probe)
                upstream.leave()


def _asked(query: str) -> tuple[int, str | None, bool]:
    """How many, after which, and whether the newest come first."""
    given = {name: values[-1] for name, values in parse_qs(query[:4096]).items()}
    limit, order = given.get("limit", str(_DEFAULT)), given.get("order", "desc")
    if not (limit.isdecimal() and limit.isascii() and 1 <= int(limit[:9]) <= _MOST):
        raise UsageError(f"limit is {limit[:32]!r}.", remedy=f"Ask for 1 to {_MOST}.", param="limit")
    if order not in ("asc", "desc"):
        raise UsageError(f"order is {order[:32]!r}.", remedy="Ask for asc or desc.", param="order")
    return int(limit), given.get("after"), order == "desc"


def _page(found: Sequence[Opened], after: str | None, limit: int) -> tuple[Sequence[Opened], bool]:
    """The page, and whether there is more behind it."""
    start = 0
    if after is not None:
        start = next((at for at, one in enumerate(found, 1) if one.given == after), -1)
        if start < 0:
            raise UsageError(f"{after[:64]!r} is none of your videos.", remedy="Begin without `after`.", param="after")
    return found[start : start + limit], len(found) > start + limit
