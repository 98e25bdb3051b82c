"""Copies of calls to a shadow target: made when the call has ended, answered to nobody, charged to an application.

A copy is a call of its own: admitted, limited, attempted once, settled and traced (`shadow_of` is the trace of the call
that it copies). Its limits are those of the route's shadow application, of the environment and of the tenant, never
those of the key. Where it would leave the regions of the route or of the key, it is not made.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import msgspec

from genaiops.core.errors import GenaiopsError, StoreError
from genaiops.domain import Admitted, ShadowPolicy
from genaiops.gateway import guarding
from genaiops.gateway.admit import Grant
from genaiops.gateway.attempts import Attempts
from genaiops.gateway.bounds import bound, narrow
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.large import is_large, set_aside
from genaiops.gateway.plan import Candidate, Lineup, Plan
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending
from genaiops.http1 import Exchange

_log = logging.getLogger("genaiops.gateway")


class Nobody:
    """Stands where an Exchange does, for a call whose answer nobody gets."""

    started = False
    finished = False
    disconnected = False
    congested = False

    def __init__(self, peer: str) -> None:
        self.peer = peer

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes, body: bytes = b"") -> None:  # noqa: ARG002
        self.started = self.finished = True

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes) -> None:  # noqa: ARG002
        self.started = True

    def send(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.finished = True

    def on_disconnect(self, callback: Callable[[], None]) -> None: ...

    def run(self, work: Coroutine[Any, Any, None]) -> None:  # noqa: ARG002
        raise AssertionError("a copy is run as one task")


class Copy(Call):
    """The copy of a call."""

    holds = False

    def __init__(self, original: Call, grant: Grant, lineup: Lineup) -> None:
        exchange = cast("Exchange", Nobody(original.exchange.peer))
        super().__init__(exchange, grant, original.place, original.ids, None)
        self.body = original.body
        self.raw = original.raw
        self.model = original.model
        self.release = original.release
        self.streamed = original.streamed
        self.session = original.session
        self.properties = original.properties
        self.user_id = original.user_id
        self.user_verified = original.user_verified
        self.lineup: Lineup | None = lineup
        guarding.open_guard(self)
        self._original = (original.trace_id, original.key.entry.actor_id)

    def admitted(self) -> Admitted:
        trace_id, actor_id = self._original
        return msgspec.structs.replace(super().admitted(), shadow_of=trace_id, actor_id=actor_id)


class Shadows:
    """Those of one worker."""

    def __init__(self, books: Books, attempts: Attempts, settings: GatewaySettings) -> None:
        self._books = books
        self._attempts = attempts
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, int] = {}
        self._plan: Plan | None = None
        self._grants: dict[tuple[str, str, str], Grant] = {}

    def consider(self, call: Call, policy: ShadowPolicy) -> None:
        """Draw whether the call will be copied."""
        call.on_settled = self._follow if random.random() < policy.share else None

    async def aclose(self) -> None:
        """Break off those that are under way; they are settled as such."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _follow(self, call: Call, ending: Ending) -> None:
        lineup = call.lineup
        if ending.status == "cancelled" or not call.dispatched or lineup is None or lineup.shadow is None:
            return
        policy = lineup.shadow
        candidate = _allowed(call, lineup, policy)
        under_way = self._running.get(lineup.name, 0)
        if candidate is None or under_way >= policy.concurrency:
            self._books.tally.unshadowed += 1
            return
        self._running[lineup.name] = under_way + 1
        copy = Copy(call, self._grant(call.key, lineup.name, policy), lineup.alone(candidate))
        task = asyncio.get_running_loop().create_task(self._run(copy, lineup.name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, copy: Copy, name: str) -> None:
        try:
            if await self._admit(copy):
                await self._attempts.run(copy)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - nobody waits for it who could be told
            _log.exception("a shadow copy failed")
        finally:
            self._books.release(copy)
            self._running[name] -= 1

    async def _admit(self, copy: Copy) -> bool:
        try:
            failure, lines = None, copy.lines
            if lines.strict:
                narrow(copy)
            if lines.all:
                failure = self._books.reserve(copy, lines, bound(copy, self._settings.image_tokens))
        except GenaiopsError as error:
            failure = of_error(error)
        failure = failure or await self._record(copy)
        if failure is not None:
            self._books.refuse(copy, failure)
        return failure is None

    async def _record(self, copy: Copy) -> Failure | None:
        fault: StoreError | None = None
        try:
            if is_large(copy):
                copy.aside = await set_aside(self._books.spool, copy.raw)
        except StoreError as error:
            fault = error
        return self._books.admit(copy, fault)

    def _grant(self, key: Grant, name: str, policy: ShadowPolicy) -> Grant:
        """Of the copies of a route's calls: with other limits than the key's."""
        if self._plan is not key.plan:
            self._plan = key.plan
            self._grants.clear()
        entry = key.entry
        place = (name, entry.environment_id, entry.tenant_id)
        found = self._grants.get(place)
        if found is None:
            entry = msgspec.structs.replace(
                entry,
                key_id=f"shadow/{name}",
                key_name=f"shadow of {name}",
                team_id=None,
                application=policy.application,
                budgets=(),
                rate_limits=(),
            )
            found = self._grants[place] = Grant(entry, key.plan)
        return found


def _allowed(call: Call, lineup: Lineup, policy: ShadowPolicy) -> Candidate | None:
    """The shadow target, when it may get this call and a hard budget says how much the copies may use."""
    plan, entry = call.key.plan, call.key.entry
    candidate = plan.candidates.get(policy.target_id)
    if candidate is None:
        return None
    target = candidate.target
    for regions in (lineup.regions, entry.regions):
        if regions and target.region not in regions:
            return None
    if target.environments and entry.environment_id not in target.environments:
        return None
    if not target.enabled or call.operation not in target.operations:
        return None
    limited = any(line.budget is not None and line.hard for line in plan.lines("application", policy.application))
    return candidate if limited else None
