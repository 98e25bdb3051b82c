"""One call on its way through the gateway: what is known of it so far."""

import asyncio
import time
from typing import Literal, cast

from msgspec import UnsetType

from genaiops.core.clock import now_us
from genaiops.core.ids import format_traceparent, parse_traceparent
from genaiops.domain import Admitted, Attempt, Operation
from genaiops.gateway.admit import Grant
from genaiops.gateway.body import Body, output_cap
from genaiops.gateway.idempotency import Entry, Kept
from genaiops.gateway.ids import Ids
from genaiops.gateway.limits import Amounts, Windows
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.http1 import Exchange
from genaiops.ports.counters import Reservation
from genaiops.ports.providers import CallBody

Why = Literal["client", "first_token"]
"""Why a call was interrupted: its client went away, or the first content took too long."""


class Call:
    """Times: `start_us` since the epoch (microseconds), `start_ns` of the monotonic clock (nanoseconds)."""

    __slots__ = (
        "_task",
        "amounts",
        "answer",
        "attempts",
        "body",
        "exchange",
        "first_token_us",
        "idempotent",
        "ids",
        "inject",
        "key",
        "limit_headers",
        "lines",
        "lineup",
        "model",
        "operation",
        "parent_id",
        "raw",
        "request_id",
        "reservation",
        "sequence",
        "session",
        "settled",
        "span_id",
        "start_ns",
        "start_us",
        "streamed",
        "too_large",
        "trace_id",
        "traced",
        "user_id",
        "user_verified",
        "why",
        "windows",
    )

    def __init__(
        self, exchange: Exchange, key: Grant, operation: Operation, ids: Ids, traceparent: bytes | None
    ) -> None:
        parent = parse_traceparent(traceparent) if traceparent is not None else None
        self.exchange = exchange
        self.operation: Operation = operation
        self.start_us = now_us()
        self.start_ns = time.monotonic_ns()
        self.ids = ids
        self.trace_id = ids.trace() if parent is None else parent[0]
        self.parent_id = None if parent is None else parent[1]
        self.span_id = ids.span()
        self.request_id = "req_" + self.span_id.hex()
        self.key = key
        self.lines = key.lines
        self.body: Body | None = None
        self.raw: bytes | bytearray = b""
        self.model = ""
        self.streamed = False
        self.session: str | None = None
        self.user_id: str | None = None
        self.user_verified = False
        self.lineup: Lineup | None = None
        self.inject = False
        self.sequence = 0
        self.windows: Windows | None = None
        self.amounts: Amounts = ()
        self.reservation: Reservation | None = None
        self.limit_headers: list[tuple[bytes, bytes]] = []
        self.traced = False
        self.settled = False
        self.attempts: list[Attempt] = []
        self.first_token_us: int | None = None
        self.why: Why | None = None
        self.idempotent: Entry | None = None
        self.answer: Kept | None = None
        self.too_large = False
        self._task: asyncio.Task[None] | None = None

    def now_us(self) -> int:
        """Calendar time that never runs backwards within the call."""
        return self.start_us + (time.monotonic_ns() - self.start_ns) // 1000

    def traceparent(self, span_id: bytes | None = None) -> bytes:
        return format_traceparent(self.trace_id, span_id or self.span_id)

    def admitted(self) -> Admitted:
        """The record of the call, before dispatch."""
        key = self.key
        entry = key.entry
        lineup = self.lineup
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
        )

    def for_target(self, candidate: Candidate) -> CallBody:
        """The body as a provider gets it: with the target's cap where one has to be put in."""
        body = self.body
        assert body is not None
        cap = candidate.target.max_output_tokens if self.inject else output_cap(body)
        options = body.stream_options
        wants_usage = options is not None and options.include_usage is True
        raw = cast("bytes", self.raw)  # a large body is a bytearray, and is sent as it is
        extended = not isinstance(body.genaiops, UnsetType)
        return CallBody(self.operation, raw, self.model, self.streamed, wants_usage, cap, self.inject, extended)

    # -- interruption: one way out of whatever is being awaited

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on the client's going away interrupts the call."""
        self._task = asyncio.current_task(loop)  # without the loop Python 3.11 makes a system call to find it
        self.exchange.on_disconnect(self.client_left)

    def client_left(self) -> None:
        self.interrupt("client")

    def interrupt(self, why: Why) -> None:
        if self.why is None and not self.settled and self._task is not None:
            self.why = why
            self._task.cancel()

    def interrupted(self) -> bool:
        """Whether the cancellation that was just caught is our own (and now spent)."""
        if self.why is None or self._task is None:
            return False
        self._task.uncancel()
        return True
