"""Answers given again: what was answered before is answered from memory, and equal calls that come together make one.

A call is looked up in this worker's own memory before anything is reserved for it: a hit there needs no more than a
call of its limits, and both its records are one. What has to be waited for (an equal call, other workers' answers,
questions that mean the same) is asked once the call is admitted, before anything goes out. A hit costs nothing and says
so. A miss goes on as if there were no cache; its answer is kept when it is complete.
"""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import MEDIA, Attempt
from genaiops.gateway import replies
from genaiops.gateway.body import answers
from genaiops.gateway.cache_answer import Remembered, seal, stream_of, unseal, whole_of
from genaiops.gateway.cache_key import LARGEST, CachedRoute, Fields, add_fields, context, fields_of
from genaiops.gateway.cache_near import Neighbours, Question, encode, question_of
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.limits import ONE_CALL
from genaiops.gateway.recall import Recall
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending
from genaiops.http1.errors import UpstreamFault
from genaiops.ports.cache import Caches

if TYPE_CHECKING:
    from genaiops.gateway.attempts import Attempts

FINISHED = frozenset({"stop", "length", "tool_calls", "end_turn", "max_tokens", "stop_sequence", "tool_use"})
"""The finish reasons of answers that are kept, in chat's words and in those of Messages."""

_MISS = b"x-genaiops-cache: miss\r\n"
_MOST_EVENTS = 1 << 19
"""Bytes of a stream that is put together."""

_FOREVER = float("inf")
_SHORT = 2048
_MOST_PLACES = 4096

_Place = tuple[bytes, tuple[bytes, str] | None]
_UNKNOWN: _Place = (b"", None)


class Caching:
    """Stands before `Attempts` and is called as they are."""

    def __init__(self, attempts: "Attempts", books: Books, settings: GatewaySettings, caches: Caches | None) -> None:
        self._attempts = attempts
        self._books = books
        self._settings = settings
        self._own = caches.own if caches is not None else None
        self._shared = caches.shared if caches is not None else None
        self._near = Neighbours()
        self._plan: object = None
        self._places: dict[tuple[Any, ...], _Place | None] = {}
        self._leaders: dict[bytes, list[asyncio.Future[Remembered | None]]] = {}
        self._followers = 0

    async def aclose(self) -> None:
        if self._shared is not None:
            await self._shared.aclose()

    # -- a call comes

    def find(self, call: Call) -> Remembered | None:
        """What is known of the answer here and now: for `give`. None: the call has to be admitted, for `begin` or
        `run`."""
        lineup = call.lineup
        if lineup is None or lineup.cached is None or self._own is None or call.operation in MEDIA:
            return None
        if call.guard is not None and call.guard.reversible:  # its answer is of this call alone
            return None
        recall = call.recall = self._look(call, lineup.cached)
        return None if recall is None else self._recent(recall, recall.key)

    def begin(self, call: Call) -> Coroutine[Any, Any, None] | None:
        """As `Attempts.begin`, after `find`."""
        recall = call.recall
        if recall is not None:
            if self._must_ask(recall):
                return self._ask(call, recall)
            self._go(call, recall)
        return self._attempts.begin(call)

    async def run(self, call: Call) -> None:
        """As `Attempts.run`, after `find`: returns when the call has ended."""
        recall = call.recall
        if recall is not None:
            if self._must_ask(recall):
                await self._ask(call, recall)
                return
            self._go(call, recall)
        await self._attempts.run(call)

    def _must_ask(self, recall: Recall) -> bool:
        """Whether there is anything else to ask that has to be waited for."""
        return recall.key in self._leaders or self._shared is not None or recall.question is not None

    def _look(self, call: Call, cached: CachedRoute) -> Recall | None:
        """What the call is looked up by. None when it is not: its client, the route or its kind says so."""
        max_age = _max_age(call.exchange.index)
        policy, body, raw = cached.policy, call.body, call.raw
        if max_age is None or body is None or len(raw) > LARGEST or answers(body) > 1:
            return None
        options = body.stream_options
        usage = options is not None and options.include_usage is True
        chat = call.operation == "chat" and call.speech.dialect == "openai"
        place = self._place(call, cached, "" if chat else f"{call.streamed:d}{usage:d}")
        if place is None:
            return None
        recall = Recall(call, policy, place[0], max_age, self._ended)
        recall.plain = not chat
        recall.include_usage = usage
        if place[1] is not None and max_age:
            recall.question = Question(*place[1])
        return recall

    def _place(self, call: Call, cached: CachedRoute, form: str) -> _Place | None:
        """The key of a call and, for a semantic cache, where its question stands and what it is. Remembered for short
        bodies, as long as nothing is configured anew: hits are mostly of the same bytes."""
        raw, plan = call.raw, call.key.plan
        if plan is not self._plan:
            self._plan = plan
            self._places.clear()
        if len(raw) > _SHORT or not isinstance(raw, bytes):
            return self._find_place(call, cached, form)
        whose = (call.key, call.lineup, call.release, call.user_verified, call.groups)
        asked = (raw, whose, call.operation, call.speech, form)
        place = self._places.get(asked, _UNKNOWN)
        if place is _UNKNOWN:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            place = self._places[asked] = self._find_place(call, cached, form)
        return place

    def _find_place(self, call: Call, cached: CachedRoute, form: str) -> _Place | None:
        fields = fields_of(call.raw)
        if fields is None or _too_warm(fields, cached.policy.max_temperature):
            return None
        digest = context(call, cached, form)
        add_fields(digest, fields)
        semantic = cached.policy.mode == "semantic" and call.key.plan.encoder is not None
        return digest.digest(), question_of(call, cached, fields, form) if semantic else None

    def _recent(self, recall: Recall, key: bytes) -> Remembered | None:
        assert self._own is not None
        found: Remembered | None = self._own.get(key, recall.start_us) if recall.max_age else None
        return found if found is not None and recall.fits(found) else None

    def _go(self, call: Call, recall: Recall, note: str | None = None) -> None:
        """Nothing was found: its answer will be waited for by those who ask the same."""
        if recall.key not in self._leaders:
            self._leaders[recall.key] = []
            recall.leads = True
        self._books.tally.cache_misses += 1
        recall.miss(note if recall.max_age else "no-cache")
        call.cache_line = _MISS

    # -- what has to be waited for

    async def _ask(self, call: Call, recall: Recall) -> None:
        """An equal call that is under way, then the shared cache, then the neighbours; then the provider."""
        call.watch(asyncio.get_running_loop())
        try:
            found, note = await self._search(call, recall)
        except asyncio.CancelledError:
            if call.interrupted():
                ending = Ending(status="cancelled", http_status=499, error_type="client_disconnected")
                self._books.settle(call, ending)
                call.exchange.abort()
                return
            ending = Ending(status="error", http_status=500, error_type="worker_stopped")
            self._books.settle(call, ending)
            raise
        if found is not None:
            self._answer(call, recall, found)
            self._release(recall, found)
            return
        self._go(call, recall, note)
        await self._attempts.run(call)

    async def _search(self, call: Call, recall: Recall) -> tuple[Remembered | None, str | None]:
        """What was found, or what there is to say of that nothing was."""
        if recall.max_age and (waiting := self._leaders.get(recall.key)) is not None:
            if self._followers >= self._settings.cache_followers:
                return None, "too many wait"
            found = await self._follow(waiting)
            return (found, None) if found is not None else (None, "waited in vain")
        if recall.key not in self._leaders:
            self._leaders[recall.key] = []
            recall.leads = True
        if not recall.max_age:
            return None, None
        found, note = await self._ask_shared(recall)
        if found is None and recall.question is not None:
            found = await self._ask_near(call, recall)
        return found, note

    async def _follow(self, waiting: "list[asyncio.Future[Remembered | None]]") -> Remembered | None:
        future: asyncio.Future[Remembered | None] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        self._followers += 1
        try:
            async with asyncio.timeout(self._settings.cache_wait):
                return await future
        except TimeoutError:
            return None
        finally:
            self._followers -= 1

    async def _ask_shared(self, recall: Recall) -> tuple[Remembered | None, str | None]:
        if self._shared is None:
            return None, None
        try:
            sealed = await self._shared.get(recall.key)
        except GenaiopsError as error:
            self._books.tally.cache_failures = self._shared.failures
            return None, error.code
        if sealed is None:
            return None, None
        found = unseal(recall.key, sealed)
        if found is None:
            return None, "corrupt"
        self._keep_here(recall, found)
        return (found, None) if recall.fits(found) else (None, None)

    async def _ask_near(self, call: Call, recall: Recall) -> Remembered | None:
        question, encoder = recall.question, call.key.plan.encoder
        assert question is not None
        assert encoder is not None
        try:
            async with asyncio.timeout(self._settings.cache_near_deadline):
                question.vector = await encode(encoder, question.text)
        except (GenaiopsError, UpstreamFault, TimeoutError) as error:
            question.note = "encoder_late" if isinstance(error, TimeoutError) else "encoder_away"
            return None
        key = self._near.nearest(question)
        if key is None or question.similarity is None or question.similarity < recall.policy.threshold:
            return None
        found = self._recent(recall, key)
        if found is None:
            self._near.forget(question, key)
        else:
            question.matched = key
        return found

    # -- a hit

    def give(self, call: Call, found: Remembered) -> Failure | None:
        """Answer a call that is not admitted. The refusal when a limit on calls says no."""
        recall, lines = call.recall, call.lines.for_hits
        assert recall is not None
        if lines.all:
            refusal = self._books.reserve(call, lines, ONE_CALL)
            if refusal is not None:
                return refusal
            call.lines = lines
        body = _body_of(call, recall, found)
        refusal = self._books.recalled(call, body)
        if refusal is None:
            self._send(call, found, body)
        return refusal

    def _answer(self, call: Call, recall: Recall, found: Remembered) -> None:
        """Answer a call that is admitted: settled at no cost, then sent."""
        body = _body_of(call, recall, found)
        self._books.settle(call, Ending(status="ok", http_status=200, output=body))
        self._send(call, found, body)

    def _send(self, call: Call, found: Remembered, body: bytes) -> None:
        self._books.tally.cache_hits += 1
        lines = replies.remembered(call, found.cost)
        call.exchange.respond(200, lines, body)
        if call.idempotent is not None:
            call.answer = Kept(200, lines, body)

    # -- a miss has ended

    def _ended(self, call: Call, recall: Recall, ending: Ending | None) -> None:
        paid = _kept(call, ending)
        if not recall.leads and (paid is None or ending is None):
            return
        # After the client has its answer: to put a stream together takes time.
        asyncio.get_running_loop().call_soon(self._conclude, call, recall, ending, paid)

    def _conclude(self, call: Call, recall: Recall, ending: Ending | None, paid: Attempt | None) -> None:
        found: Remembered | None = None
        try:
            if ending is not None and paid is not None and paid.usage is not None:
                body = _kept_body(call, recall, ending, paid)
                if body is not None and len(body) <= recall.policy.max_bytes:
                    found = Remembered(
                        call.now_us(),
                        call.trace_id,
                        body,
                        paid.usage,
                        paid.cost,
                        paid.response_model,
                        paid.finish_reason,
                    )
                    self._keep(recall, found)
        finally:
            self._release(recall, found)

    def _keep(self, recall: Recall, found: Remembered) -> None:
        self._keep_here(recall, found)
        if self._shared is not None:
            self._shared.put(recall.key, seal(recall.key, found), recall.policy.ttl)
            self._books.tally.cache_failures = self._shared.failures
        if recall.question is not None:
            self._near.add(recall.question, recall.key)

    def _keep_here(self, recall: Recall, found: Remembered) -> None:
        assert self._own is not None
        self._own.put(recall.key, found, found.size, found.stored_us + int(recall.policy.ttl * 1_000_000))
        self._books.tally.cache_bytes, self._books.tally.cache_entries = self._own.size, len(self._own)

    def _release(self, recall: Recall, found: Remembered | None) -> None:
        """Those who waited have their answer, or go on by themselves."""
        if not recall.leads:
            return
        recall.leads = False
        for future in self._leaders.pop(recall.key, ()):
            if not future.done():
                future.set_result(found)


def _body_of(call: Call, recall: Recall, found: Remembered) -> bytes:
    """The answer in the form that the call asks for; the call is marked as a hit."""
    age = recall.hit(found)
    body = found.body
    if call.streamed:
        if not recall.plain:
            body = stream_of(body, found.usage, include_usage=recall.include_usage)
        call.first_token_us = call.now_us() - call.start_us
    call.cache_line = b"x-genaiops-cache: hit; age=%d\r\n" % (age // 1_000_000)
    call.dispatched = True  # it counts as a call
    recall.over = True
    return body


def _kept(call: Call, ending: Ending | None) -> Attempt | None:
    """The attempt whose answer may be kept: complete, successful, ended as an answer ends."""
    if ending is None or ending.status != "ok" or ending.http_status != 200 or ending.output_truncated:
        return None
    if call.marks and call.streamed:
        return None  # what was kept of a stream is as its images came, not as they went out
    paid = next((one for one in reversed(call.attempts) if one.pays and one.status == "ok"), None)
    if paid is None:
        return None
    return paid if call.operation == "embeddings" or paid.finish_reason in FINISHED else None


def _kept_body(call: Call, recall: Recall, ending: Ending, paid: Attempt) -> bytes | None:
    if recall.plain:
        return ending.output
    assert paid.usage is not None
    try:
        if not call.streamed:
            return ending.output if stream_of(ending.output, paid.usage, include_usage=True) else None
        return whole_of(ending.output, paid.usage) if len(ending.output) <= _MOST_EVENTS else None
    except (msgspec.MsgspecError, KeyError, IndexError, TypeError, AttributeError):
        return None  # an answer of an unusual form


def _max_age(headers: dict[bytes, bytes]) -> float | None:
    """How old an answer may be that the call takes, in seconds. None: it is to be no concern of the cache."""
    if headers.get(b"x-genaiops-cache", b"").strip().lower() == b"off":
        return None
    value = headers.get(b"cache-control")
    if value is None:
        return _FOREVER
    age = _FOREVER
    for directive in value.lower().split(b","):
        name, _, given = directive.strip().partition(b"=")
        if name == b"no-store":
            return None
        if name == b"no-cache":
            age = 0.0
        elif name == b"max-age":
            digits = given.strip(b' "')
            age = min(age, float(digits) if digits.isdigit() and len(digits) < 12 else 0.0)
    return age


def _too_warm(fields: Fields, most: float | None) -> bool:
    if most is None:
        return False
    try:
        return float(fields.get("temperature", b"1")) > most
    except ValueError:
        return most < 1.0
