"""The gateway: an http1 handler that takes each request to its end.

/v1/..., /v1beta/..., /v2/...: the model API: key, body, name, limits, record, attempts, settlement
/healthz, /readyz    of this worker
everything else      relayed to the control process
"""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import GenaiopsError, StoreError, Unavailable
from genaiops.domain import Target
from genaiops.gateway import conditions, guarding, identity, models_api, releasing, sessions
from genaiops.gateway.admit import Grant, bearer, unknown_key
from genaiops.gateway.asked import ask
from genaiops.gateway.attempts import Attempts
from genaiops.gateway.bounds import bound, narrow
from genaiops.gateway.caching import Caching
from genaiops.gateway.call import Call
from genaiops.gateway.compose import extended
from genaiops.gateway.control_relay import Relay
from genaiops.gateway.counting import Counting
from genaiops.gateway.endpoints import ROOTS, TRACES, WrongMethod, locate, speech_at
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.gauges import Gauges
from genaiops.gateway.health import ALIVE, readiness
from genaiops.gateway.holding import Holding
from genaiops.gateway.idempotency import Idempotency, Kept
from genaiops.gateway.ids import Ids
from genaiops.gateway.in_force import InForce
from genaiops.gateway.large import LARGE, is_large, set_aside
from genaiops.gateway.marking import Marking
from genaiops.gateway.outgoing import Outgoing
from genaiops.gateway.outside import JSON, no_control, refuse_plainly
from genaiops.gateway.over_budget import OverBudget
from genaiops.gateway.plan import Lineup
from genaiops.gateway.properties import LABEL, metadata_of, properties_of
from genaiops.gateway.relay import Streams
from genaiops.gateway.sessions import Sessions
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books
from genaiops.gateway.shadow import Shadows
from genaiops.gateway.upstream import Fleet, clock
from genaiops.gateway.video_list import VideoLists
from genaiops.gateway.videos import VideoJobs
from genaiops.gateway.waiting_answer import HELD
from genaiops.http1 import Exchange
from genaiops.ports.cache import Caches
from genaiops.ports.counters import Counters
from genaiops.ports.guard import Guards
from genaiops.ports.provenance import ImageMarker
from genaiops.ports.providers import Provider, TokenEstimator, Transport
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.snapshots import SnapshotReader
from genaiops.ports.spool import SpoolWriter
from genaiops.ports.videos import Videos

_UPLOADS = frozenset({"transcription", "video_generation"})
_TRIES = 3


class Gateway:
    """One worker's gateway: `start`, then `handle` for each request and `poll` every 25 ms or so, then `aclose`."""

    # size: a gateway stands on eight ports, its relay and its settings; each is handed in by name, once
    def __init__(
        self,
        *,
        snapshots: SnapshotReader,
        counters: Counters,
        spool: SpoolWriter,
        providers: Callable[[str], Provider],
        transports: Callable[[Target], Transport],
        secrets: Secrets,
        estimator: TokenEstimator,
        relay: Relay | None,
        settings: GatewaySettings,
        caches: Caches | None = None,
        videos: Videos | None = None,
        guards: Guards | None = None,
        seals: Seals | None = None,
        marker: ImageMarker | None = None,
    ) -> None:
        self.settings = settings
        self._at_once = min(LARGE, settings.body_limit)
        self._counters = counters
        self._secrets = secrets
        self._relay = relay
        self._estimator = estimator
        self._fleet = Fleet(providers, transports, secrets)
        self._books = Books(counters, spool)
        self._holding = Holding(self._books, seals)
        self._marking = marking = Marking(marker)
        self._streams = Streams(self._books, estimator, settings, self._holding, marking)
        outgoing = Outgoing(self._holding, marking, estimator, settings)
        self._attempts = Attempts(self._books, self._streams, estimator, settings, outgoing)
        self._shadows = Shadows(self._books, self._attempts, settings)
        self._caching = Caching(self._attempts, self._books, settings, caches)
        self._videos = VideoJobs(videos)
        self._lists = VideoLists(self._videos, self._books, settings.credential_rest)
        self._over_budget = OverBudget(self._books, estimator, settings.image_tokens)
        self._counting = Counting(estimator, settings, counters)
        self._idempotency = Idempotency(settings)
        self._force = InForce(
            snapshots=snapshots, counters=counters, fleet=self._fleet, secrets=secrets, guards=guards, settings=settings
        )
        self._sessions = Sessions(counters, lambda: self._books.applied)
        self._gauges = Gauges(counters, self._books.tally, self._fleet)
        self._ids = Ids()

    # -- what is in force

    async def start(self) -> None:
        """Load the Snapshot and all keys. StoreError when there is no Snapshot."""
        await self._force.start()
        self._gauges.publish(clock())

    def poll(self) -> None:
        """Take up a new Snapshot, read on in the key log, acknowledge what is in force, publish the gauges."""
        self._force.poll()
        self._gauges.publish(clock())

    async def aclose(self) -> None:
        """Close every connection to targets and to the control process."""
        await self._force.aclose()
        await self._shadows.aclose()
        await self._caching.aclose()
        await self._marking.aclose()
        await self._fleet.aclose()
        if self._relay is not None:
            await self._relay.aclose()

    # -- requests

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None] | None:
        """Answer one request, or see to it that it is answered; what is returned must be run."""
        path = exchange.path
        if path.startswith(ROOTS) and path != TRACES and not path.startswith(HELD):
            return self._model_api(exchange)
        if path == "/healthz":
            exchange.respond(200, [JSON], ALIVE)
        elif path == "/readyz":
            health = readiness(self._force.plan, self.settings, clock(), self._counters.degraded())
            ready = health.status != "unready"
            exchange.respond(200 if ready else 503, [JSON], msgspec.json.encode(health))
        elif self._relay is not None:
            return self._relay.handle(exchange)
        else:
            refuse_plainly(exchange, of_error(no_control()))
        return None

    def _model_api(self, exchange: Exchange) -> Coroutine[Any, Any, None] | None:
        if self._counters.version() != self._force.version:
            self.poll()
        headers = exchange.index
        google = b"x-goog-api-key" in headers
        try:
            place = locate(exchange.method, exchange.path, exchange.query, google=google)
            grant = self._find(headers, exchange.query)
        except GenaiopsError as error:
            extra = [(b"allow", error.allowed.encode())] if isinstance(error, WrongMethod) else []
            self._books.tally.unknown_keys += error.status == 401
            refuse_plainly(exchange, of_error(error), extra, speech_at(exchange.path, google=google))
            return None
        if place.counts is not None:
            return self._counting.serve(exchange, grant, place.counts)
        if place.operation is None:
            models_api.respond(exchange, grant, place)
            return None
        call = Call(exchange, grant, place, self._ids, headers.get(b"traceparent"))
        raw = exchange.whole
        if raw is None or len(raw) > self._at_once or b"idempotency-key" in headers:
            return self._serve(call)
        try:
            admitted = self._admit(call, raw)
            if admitted:
                return self._caching.begin(call) if call.lineup is not None else self._lists.run(call)
        except BaseException:
            self._books.release(call)
            raise
        return self._serve_short(call, raw) if admitted is None else None

    async def _serve(self, call: Call) -> None:
        """What has to wait: for its body, or for the same request's first answer."""
        try:
            raw = await self._body(call)
            if raw is not None and await self._admit_at_last(call, raw):
                await self._run(call)
        finally:
            self._books.release(call)  # does nothing but after a fault of ours
            if call.idempotent is not None:
                self._idempotency.settle(call.idempotent, call.answer, too_large=call.too_large)

    async def _serve_short(self, call: Call, raw: bytes | bytearray) -> None:
        """A call whose limits need more than this machine has at hand."""
        try:
            if await self._obtain(call, raw):
                await self._run(call)
        finally:
            self._books.release(call)

    def _run(self, call: Call) -> Coroutine[Any, Any, None]:
        return self._caching.run(call) if call.lineup is not None else self._lists.run(call)

    def _find(self, headers: dict[bytes, bytes], query: bytes) -> Grant:
        plan = self._force.plan
        if plan is None:
            raise Unavailable("The gateway has no configuration yet.", remedy="Try again in a moment.")
        grant = self._force.keys.find(bearer(headers, query), plan)
        if grant is None:
            raise unknown_key()
        return grant

    # -- one call

    async def _body(self, call: Call) -> bytes | bytearray | None:
        """The body; None when the client has been answered."""
        exchange = call.exchange
        try:
            call.key.check(exchange.peer, call.start_us)
            call.raw = raw = await exchange.body(self._limit(call))
            value = exchange.index.get(b"idempotency-key")
            if value is None:
                return raw
            self._understand(call, raw)  # a request that is wrong is refused, and remembered for nobody
            claim = await self._idempotency.claim(call.key.entry.key_id, exchange.path, value, raw)
        except GenaiopsError as error:
            self._holding.refuse(call, of_error(error))
            return None
        if isinstance(claim, Kept):
            claim.repeat(exchange)
            return None
        call.idempotent = claim
        return raw

    def _limit(self, call: Call) -> int:
        return self.settings.upload_limit if call.operation in _UPLOADS else self.settings.body_limit

    async def _admit_at_last(self, call: Call, raw: bytes | bytearray) -> bool:
        if (admitted := self._admit(call, raw)) is None:
            admitted = await self._obtain(call, raw)
        return admitted and (call.sequence > 0 or await self._record_large(call))

    async def _record_large(self, call: Call) -> bool:
        """The last step of `_admit`, for a large body: it is written in another thread, then its record here."""
        fault: StoreError | None = None
        try:
            call.aside = await set_aside(self._books.spool, call.raw)
        except StoreError as error:
            fault = error
        refusal = self._books.admit(call, fault)
        if refusal is not None:
            self._holding.refuse(call, refusal)
        return refusal is None

    async def _obtain(self, call: Call, raw: bytes | bytearray) -> bool:
        """As `_admit`, after it said None: wait for the guard, ask the other machines, and try again."""
        if call.short is None:
            admitted = await self._guarded(call, raw)
            if admitted is not None:
                return admitted
        stands: Failure | None = None
        for left in reversed(range(_TRIES)):
            short, call.short = call.short, None
            if short is None:
                break
            try:
                refused = await short.obtain()
                stands = refused or short.failure
                call.alone = call.alone or refused is not None or not left
            except GenaiopsError as error:
                self._holding.refuse(call, msgspec.structs.replace(of_error(error), retry_after=1.0))
                return False
            admitted = self._admit(call, raw)
            if admitted is not None:
                return admitted
        assert stands is not None
        call.short = None
        self._holding.refuse(call, stands)
        return False

    async def _guarded(self, call: Call, raw: bytes | bytearray) -> bool | None:
        """As `_admit`, once the guard has looked at what came in."""
        try:
            await guarding.wait(call)
            await self._holding.prepare(call)
        except GenaiopsError as error:
            self._holding.refuse(call, of_error(error))
            return False
        return self._admit(call, raw)

    def _admit(self, call: Call, raw: bytes | bytearray) -> bool | None:
        """Whether the call may go out: its record is written and its limits are reserved. Else it has been answered
        from memory, or refused; None: not yet, for others may have what its limits are short of (`call.short`)."""
        try:
            self._understand(call, raw)
            if not guarding.ask(call) or not self._sessions.enter(call):
                return None
            lines, lineup = call.lines, call.lineup
            if lines.strict:
                narrow(call)
            if lineup is not None and (lineup.shadow is not None or call.release is not None):
                self._shadows.consider(call, lineup, raw)
            found = self._caching.find(call)
            if found is not None:
                refusal = self._caching.give(call, found)
            else:
                refusal = None
                if lines.all:
                    refusal = self._books.reserve(call, lines, bound(call, self.settings.image_tokens))
                    if refusal is not None:
                        refusal = self._over_budget.reserve(call, refusal)
                if refusal is None and (len(raw) <= LARGE or not is_large(call)):
                    refusal = self._books.admit(call)
        except GenaiopsError as error:
            refusal, found = of_error(error), None
        if refusal is None:
            return found is None
        if call.short is not None:
            return None
        self._holding.refuse(call, refusal)
        return False

    def _understand(self, call: Call, raw: bytes | bytearray) -> None:
        """Who asks for what. Raises what refuses the call."""
        grant, exchange = call.key, call.exchange
        grant.check(exchange.peer, call.start_us)
        call.raw = raw
        headers = exchange.index
        lineup: Lineup | None = None
        if call.place.video is None:
            body = call.speech.decode(call.operation, raw, headers.get(b"content-type"))
        else:
            body, lineup = self._videos.understand(call, raw)
        if body.genaiops:
            body = extended(call, body, body.genaiops)
        call.body = body
        call.model = body.model
        if body.stream is True:
            call.streamed = True
            call.trailers = b"te" in headers and b"trailers" in headers[b"te"].lower()
        signed, token = headers.get(identity.HEADER), headers.get(identity.TOKEN_HEADER)
        if signed is not None or token is not None:  # a signed end user is an identity
            user = self._force.identities.verify(signed, token)
            call.user_id, call.groups = user.id, user.groups
            call.user_verified = True
        elif body.user is not None:  # a `user` in the body is a label
            call.user_id = body.user[:LABEL]
        metadata = metadata_of(body.metadata) if isinstance(body.metadata, Raw) else None
        call.session = call.session or sessions.named(headers)
        found = properties_of(headers, metadata)
        if found:
            call.properties = found
            call.session = call.session or found.get("session_id")
            call.user_id = call.user_id or found.get("user_id")
        if call.session_name is None:
            call.session_name = call.session
        if call.place.video is not None:
            call.lineup = lineup
            guarding.open_guard(call)
            return
        call.lineup = lineup = releasing.resolve(call, headers.get(b"content-type"))
        if call.operation == "video_generation":
            self._videos.begin(call)
        if metadata or conditions.HEADER in headers:
            call.tags = tags = conditions.tags_of(headers.get(conditions.HEADER), metadata)
            if tags:
                call.lineup = lineup = call.key.tagged(lineup, tags)
        guarding.open_guard(call)
        if lineup.asks:
            call.asked = ask(call, self._estimator, self.settings.image_tokens)
