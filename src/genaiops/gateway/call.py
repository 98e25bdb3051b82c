"""One call on its way through the gateway: what is known of it so far."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, cast

from msgspec import UnsetType

from genaiops.core.clock import now_us
from genaiops.core.ids import parse_traceparent
from genaiops.domain import Admitted, Attempt, GuardAction, GuardEvent, ImageMark, InForce, Operation, PromptUse
from genaiops.gateway.admit import Grant
from genaiops.gateway.asked import NOTHING, Asked
from genaiops.gateway.body import Body, output_cap
from genaiops.gateway.deployed import Released
from genaiops.gateway.endpoints import Place
from genaiops.gateway.failure import Failure
from genaiops.gateway.idempotency import Entry, Kept
from genaiops.gateway.ids import Ids
from genaiops.gateway.limits import Amounts, Line, Windows
from genaiops.gateway.media import MediaBody
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.refusals import Lack
from genaiops.http1 import Exchange
from genaiops.ports.counters import Reservation
from genaiops.ports.guard import Guard, Ruling
from genaiops.ports.providers import CallBody
from genaiops.ports.spool import Aside

if TYPE_CHECKING:
    from genaiops.gateway.recall import Recall
    from genaiops.gateway.settle import Ending
    from genaiops.gateway.videos import Opened
    from genaiops.ports.providers import Answer

Why = Literal["client", "first_token"]
"""Why a call was interrupted: its client went away, or the first content took too long."""

_NONE: dict[str, str] = {}


class Call:
    """Times: `start_us` since the epoch (microseconds), `start_ns` of the monotonic clock (nanoseconds)."""

    # What most calls never change stands on the class.
    body: Body | None = None
    raw: bytes | bytearray = b""
    model = ""
    streamed = False
    session: str | None = None
    session_name: str | None = None
    """The session as its client named it, whatever may be recorded of it."""
    noted: tuple[GuardEvent, ...] = ()
    """What the limits of its session say of it."""
    user_id: str | None = None
    user_verified = False
    groups: tuple[str, ...] = ()
    """Those of the signed end user."""
    properties: dict[str, str] = _NONE
    prompt: PromptUse | None = None
    """What its body was made of."""
    release: Released | None = None
    """The release of the application that it named."""
    lineup: Lineup | None = None
    asked: Asked = NOTHING
    inject = False
    sequence = 0
    windows: Windows | None = None
    amounts: Amounts = ()
    energy = 0
    """Nano-Wh that its attempts used, of which it is known."""
    used: tuple[int, int, int] = (0, 0, 0)
    """Nano-Wh (low, central, high) of its attempts that were paid, where its answer tells them."""
    trailers = False
    """A stream whose client takes trailers: they tell what it cost and used."""
    energy_unknown = False
    """One of its attempts used some, and nobody knows how much."""
    reservation: Reservation | None = None
    extensions: tuple[tuple[Reservation, Amounts], ...] = ()
    """What further tries may use, and how much that is (see Books.extend)."""
    again: bytes | None = None
    """Its body with an answer and what is wrong with that, while its model is asked again."""
    tags: frozenset[str] = frozenset()
    """What a target must have to serve it."""
    refused_by: Line | None = None
    """The limit that said no last."""
    alone = False
    """What other machines have of its limits does not help it any more."""
    short: Lack | None = None
    """What its limits are short of on this machine, and may get from others."""
    limit_lines = b""
    """`x-ratelimit-*`, for the head of its response."""
    on_settled: "Callable[[Call, Ending], None] | None" = None
    traced = False
    dispatched = False
    """Something of it has gone out."""
    settled = False
    aside: Aside | None = None
    """Its large body, written before its record."""
    first_token_us: int | None = None
    began = 0.0
    """When its first try began (the loop's clock, seconds)."""
    why: Why | None = None
    idempotent: Entry | None = None
    answer: Kept | None = None
    answer_type: bytes | None = None
    """The content type of a stream that is not of chat."""
    too_large = False
    recall: "Recall | None" = None
    """What the cache knows of it."""
    video: "Opened | None" = None
    """The video job that it is about."""
    amend: "Callable[[Candidate, Answer, bytes], tuple[Answer, bytes]] | None" = None
    """What has to change in an answer before its client gets it."""
    cache_line = b"x-genaiops-cache: off\r\n"
    guard: Guard | None = None
    """What looks at what comes in and goes out; None: no policy concerns it."""
    policies: tuple[InForce, ...] | None = None
    """All that hold for it; None: nobody has looked."""
    ruling: Ruling | None = None
    """What was waited for, until it is followed."""
    holds = True
    """Somebody waits for its answer who can be told to ask again later."""
    held: Ruling | None = None
    """By which it was stopped until a person releases it."""
    sealed: bytes | Aside | Failure | None = None
    """What is held, when it may be written down."""
    guarded: GuardAction = "allow"
    """What followed from what came in."""
    looked_at = False
    """Nothing that its policies take out is in it any more."""
    guard_line = b""
    marks: tuple[ImageMark, ...] = ()
    """What became of the images of its answer."""
    provenance_line = b""
    _task: asyncio.Task[None] | None = None
    _watched = False
    _stop: Callable[[], None] | None = None

    def __init__(self, exchange: Exchange, key: Grant, place: Place, ids: Ids, traceparent: bytes | None) -> None:
        parent = parse_traceparent(traceparent) if traceparent is not None else None
        self.exchange = exchange
        assert place.operation is not None
        self.operation: Operation = place.operation
        self.speech = place.speech
        self.place = place
        self.start_us = now_us()
        self.start_ns = time.monotonic_ns()
        self.ids = ids
        self.trace_id = ids.trace() if parent is None else parent[0]
        self.parent_id = None if parent is None else parent[1]
        self.span_id = ids.span()
        self.span_hex = self.span_id.hex()
        self.trace_hex = self.trace_id.hex()
        self.request_id = "req_" + self.span_hex
        self.key = key
        self.lines = key.lines
        self.attempts: list[Attempt] = []

    def now_us(self) -> int:
        """Calendar time that never runs backwards within the call."""
        return self.start_us + (time.monotonic_ns() - self.start_ns) // 1000

    def traceparent(self, span_hex: str | None = None) -> str:
        """The W3C header's value; for a span other than the call's own, its id in hexadecimal."""
        return f"00-{self.trace_hex}-{span_hex or self.span_hex}-01"

    def admitted(self) -> Admitted:
        """The record of the call, before dispatch."""
        key = self.key
        entry = key.entry
        lineup = self.lineup
        release = self.release
        return Admitted(
            self.sequence,
            self.trace_id,
            self.span_id,
            self.parent_id,
            self.request_id,
            self.start_us,
            self.operation,
            self.model,
            lineup.route_id if lineup is not None else None,
            self.streamed,
            entry.key_id,
            entry.key_name,
            entry.actor_id,
            entry.tenant_id,
            entry.team_id,
            entry.environment_id,
            entry.application,
            self.user_id,
            self.user_verified,
            self.session,
            self.exchange.peer,
            key.plan.version,
            key.capture,
            self.windows.charges(self.amounts) if self.windows is not None else (),
            self.properties,
            None,
            self.prompt,
            release=release.digest if release is not None else "",
            deployment=release.deployment if release is not None else "",
            dialect=self.speech.dialect,
            policies=self.policies,
        )

    def for_target(self, candidate: Candidate) -> CallBody:
        """The body as a provider gets it: in a dialect that it takes, with the target's cap where one has to be put
        in. UsageError for what cannot be translated."""
        body = self.body
        assert body is not None
        target = candidate.target
        provider = candidate.upstream.provider
        extended = not isinstance(body.genaiops, UnsetType)
        if isinstance(body, MediaBody):
            raw = cast("bytes", self.raw)
            job = self.video.job if self.video is not None else None
            return CallBody(
                self.operation, raw, self.model, self.streamed, True, None, False, extended, form=body.form, job=job
            )
        cap = target.max_output_tokens if self.inject else output_cap(body)
        dialect, raw = self.speech.dialect, self.sent
        if dialect == "openai":
            options = body.stream_options
            wants_usage = options is not None and options.include_usage is True
        elif provider.takes(dialect, target):
            wants_usage = True
        else:
            raw = self.speech.to_chat(raw, strict=provider.strict(target))
            return CallBody(self.operation, raw, self.model, self.streamed, True, cap, cap is not None, extended)
        raw = cast("bytes", raw)  # a large body is a bytearray, and is sent as it is
        return CallBody(
            self.operation, raw, self.model, self.streamed, wants_usage, cap, self.inject, extended, dialect
        )

    @property
    def sent(self) -> bytes | bytearray:
        """What its model is asked at present, in the client's dialect."""
        return self.raw if self.again is None else self.again

    # -- interruption: one way out of whatever is being awaited

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the client's going away interrupts the call, which this task carries."""
        self._task = asyncio.current_task(loop)  # without the loop Python 3.11 makes a system call to find it
        self._stop = None
        self._listen()
        if self.exchange.disconnected:
            self.client_left()

    def fly(self, stop: Callable[[], None] | None) -> None:
        """From now on the client's going away calls `stop`: no task carries the call. None: it has landed."""
        self._stop = stop
        if stop is not None:
            self._listen()

    def _listen(self) -> None:
        if not self._watched:
            self._watched = True
            self.exchange.on_disconnect(self.client_left)

    def client_left(self) -> None:
        self.interrupt("client")

    def interrupt(self, why: Why) -> None:
        if self.why is not None or self.settled:
            return
        if self._task is not None:
            self.why = why
            self._task.cancel()
        elif self._stop is not None:
            self.why = why
            self._stop()

    def interrupted(self) -> bool:
        """Whether the cancellation that was just caught is our own (and now spent)."""
        if self.why is None or self._task is None:
            return False
        self._task.uncancel()
        return True
