"""A target at run time: connection, breaker, credentials, load. Outlives Snapshots that leave it unchanged."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import Target
from genaiops.gateway.breaker import Breaker
from genaiops.gateway.pace import Pace
from genaiops.gateway.queueing import Queue
from genaiops.ports.providers import Provider, Transport
from genaiops.ports.secrets import Secrets

_log = logging.getLogger("genaiops.gateway")

_LOOKS_AGAIN = 2.0
"""Seconds after which secrets that were not there are looked for once more, when a call asks for them."""


class Credential(msgspec.Struct):
    """One secret of a target. `rest_until` (monotonic seconds): the provider limited or refused it."""

    name: str
    value: str | None
    rest_until: float = 0.0


class Upstream:
    """One target as this worker sees it. `max_concurrency` is kept by each worker for itself."""

    __slots__ = (
        "_credentials",
        "_looked",
        "_next",
        "_retired",
        "_secrets",
        "_transport",
        "_transports",
        "breaker",
        "held",
        "in_flight",
        "pace",
        "provider",
        "queue",
        "rest_until",
        "target",
    )

    def __init__(
        self, target: Target, provider: Provider, transports: Callable[[Target], Transport], secrets: Secrets
    ) -> None:
        self.target = target
        self.provider = provider
        self.breaker = Breaker(target.breaker)
        self.in_flight = 0
        self.held = 0
        """Places of those who waited for one and have not begun yet."""
        self.queue: Queue[Upstream] | None = Queue(target.queue_length) if target.queue_seconds > 0 else None
        self.pace: Pace | None = None
        """None where nobody asks for it."""
        self.rest_until = 0.0
        self._secrets = secrets
        self._transports = transports
        self._transport: Transport | None = None
        self._retired = False
        self._credentials = [Credential(name, self._secret(name)) for name in target.credentials]
        self._next = 0
        self._looked = clock()

    @property
    def transport(self) -> Transport:
        if self._transport is None:
            self._transport = self._transports(self.target)
        return self._transport

    def refresh(self) -> None:
        """Read the secrets again (they may have been rotated)."""
        for credential in self._credentials:
            value = self._secret(credential.name)
            if value != credential.value:
                credential.value = value
                credential.rest_until = 0.0

    def _secret(self, name: str) -> str | None:
        try:
            return self._secrets.get(name)
        except GenaiopsError as error:
            _log.error("the credential %s of the target %s cannot be read: %s", name, self.target.id, error)
            return None

    # -- may a call go out?

    def blocked(self, now: float) -> str | None:
        """Why no call may go out now, None when one may."""
        limit = self.target.max_concurrency
        if limit is not None and self.in_flight + self.held >= limit:
            return "busy"
        return self._unfit(now)

    def _unfit(self, now: float) -> str | None:
        if not self.breaker.allows(now):
            return "failing"
        if now < self.rest_until:
            return "resting"
        return self._locked_out(now) if self._credentials else None

    def _locked_out(self, now: float) -> str | None:
        if all(one.value is None for one in self._credentials) and now - self._looked >= _LOOKS_AGAIN:
            self._looked = now
            self.refresh()  # somebody may have set it meanwhile
        missing = True
        for one in self._credentials:
            if one.value is not None:
                missing = False
                if now >= one.rest_until:
                    return None
        return "without a credential" if missing else "resting"

    def only_busy(self, now: float) -> bool:
        """Whether it is worth waiting for one of the calls under way to end."""
        return self.blocked(now) == "busy" and self._unfit(now) is None

    def only_resting(self, now: float) -> bool:
        """Whether it cannot take a call, however few are under way."""
        return self._unfit(now) is not None

    def wait(self, now: float) -> float:
        """Seconds until it is worth asking again; infinite as long as nobody gives it a credential."""
        rests = [one.rest_until - now for one in self._credentials if one.value is not None]
        if self._credentials and not rests:
            return math.inf
        return max(0.0, self.rest_until - now, self.breaker.wait(now), min(rests, default=0.0))

    def credential(self, now: float) -> Credential | None:
        """The next one in turn that is not resting; None when the target needs none."""
        credentials = self._credentials
        if not credentials:
            return None
        for step in range(len(credentials)):
            one = credentials[(self._next + step) % len(credentials)]
            if one.value is not None and one.rest_until <= now:
                self._next += step + 1
                return one
        return None

    def resting(self, now: float) -> int:
        """How many of its credentials may not be used now."""
        return sum(one.rest_until > now for one in self._credentials)

    # -- its life

    def retire(self) -> None:
        """No Snapshot names it any more: close when the last call has ended."""
        self._retired = True
        if not self.in_flight:
            self._close()

    def enter(self) -> bool:
        """A call begins. Whether it is the breaker's probe."""
        self.in_flight += 1
        return self.breaker.begin()

    def leave(self) -> None:
        """A call has ended."""
        self.in_flight -= 1
        if self.queue is not None:
            self._hand_on()
        if self._retired and not self.in_flight and not self.held:
            self._close()

    def claim(self) -> None:
        """Somebody who waited for a place is about to `enter`, or does not need it any more (see `unclaim`)."""
        self.held -= 1

    def unclaim(self) -> None:
        """Give a place that was waited for to the next."""
        self.held -= 1
        self._hand_on()
        if self._retired and not self.in_flight and not self.held:
            self._close()

    def _hand_on(self) -> None:
        queue, limit = self.queue, self.target.max_concurrency
        if queue is None or limit is None:
            return
        while queue and self.in_flight + self.held < limit:
            waiter = queue.first()
            if not waiter.done():  # it may have found a place elsewhere just now
                self.held += 1
                waiter.set_result(self)

    async def aclose(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    def _close(self) -> None:
        if self._transport is not None:
            task = asyncio.get_running_loop().create_task(self.aclose())
            _closing.add(task)
            task.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()
"""The loop keeps only weak references to tasks."""


def clock() -> float:
    return time.monotonic()


class Fleet:
    """All upstreams, by target id."""

    def __init__(
        self, providers: Callable[[str], Provider], transports: Callable[[Target], Transport], secrets: Secrets
    ) -> None:
        self._providers = providers
        self._transports = transports
        self._secrets = secrets
        self._upstreams: dict[str, Upstream] = {}

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self._upstreams.values())

    def adopt(self, targets: tuple[Target, ...]) -> dict[str, Upstream]:
        """The upstreams of a Snapshot's targets: those that have not changed keep their state, others begin anew."""
        former, kept = self._upstreams, dict[str, Upstream]()
        for target in targets:
            upstream = former.get(target.id)
            if upstream is not None and upstream.target == target:
                upstream.refresh()
            else:
                try:
                    provider = self._providers(target.provider)
                except GenaiopsError as error:
                    _log.error("the target %s is left out: %s", target.id, error)
                    continue
                upstream = Upstream(target, provider, self._transports, self._secrets)
            kept[target.id] = upstream
        self._upstreams = kept
        for name, upstream in former.items():
            if kept.get(name) is not upstream:
                upstream.retire()
        return kept

    async def aclose(self) -> None:
        for upstream in list(self._upstreams.values()):
            await upstream.aclose()
