"""Copies of calls to a shadow target or to a release in shadow: made when the call has ended, answered to nobody,
charged to an application.

A copy is a call of its own: admitted, limited, settled and traced (`shadow_of` is the trace of the call that it
copies). Its limits are those of the shadow's application, of the environment and of the tenant, never those of the key.
A shadow target is asked once, and not where it would leave the regions of the route or of the key; a release in shadow
is asked as it would serve (`release_shadow.py`).
"""

import asyncio
import logging
import random
from functools import partial

import msgspec

from genaiops.core.errors import GenaiopsError, StoreError
from genaiops.domain import ShadowPolicy
from genaiops.gateway.admit import Grant
from genaiops.gateway.attempts import Attempts
from genaiops.gateway.bounds import bound, narrow
from genaiops.gateway.call import Call
from genaiops.gateway.copied import Copied, Copy
from genaiops.gateway.deployed import PREFIX, Deployed
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.large import is_large, set_aside
from genaiops.gateway.plan import Candidate, Lineup, Plan
from genaiops.gateway.release_shadow import ReleaseCopy
from genaiops.gateway.settings import GatewaySettings
from genaiops.gateway.settle import Books, Ending

_log = logging.getLogger("genaiops.gateway")


class Shadows:
    """Those of one worker."""

    def __init__(self, books: Books, attempts: Attempts, settings: GatewaySettings) -> None:
        self._books = books
        self._attempts = attempts
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, int] = {}
        self._plan: Plan | None = None
        self._grants: dict[tuple[str, str, str, object], Grant] = {}

    def consider(self, call: Call, lineup: Lineup, raw: bytes | bytearray) -> None:
        """Draw whether the call will be copied. `raw`: as its client sent it. A release in shadow goes before a shadow
        target of the route."""
        if call.release is not None and call.operation == "chat":
            deployed = call.key.plan.deployments.serving.get(PREFIX + call.release.deployment)
            if deployed is not None and deployed.shadow is not None:
                drawn = random.random() < deployed.shadow.share
                call.on_settled = partial(self._follow_release, deployed, raw) if drawn else None
                return
        if lineup.shadow is not None:
            call.on_settled = self._follow if random.random() < lineup.shadow.share else None

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
        self._begin(
            Copy(call, self._grant(call.key, lineup.name, policy.application), lineup.alone(candidate)), lineup.name
        )

    def _follow_release(self, deployed: Deployed, raw: bytes | bytearray, call: Call, ending: Ending) -> None:
        policy, name = deployed.shadow, deployed.name
        if ending.status == "cancelled" or not call.dispatched or policy is None or deployed.heard is None:
            return
        limited = _limited(call.key.plan, policy.application)
        if not limited or self._running.get(name, 0) >= policy.concurrency:
            self._books.tally.unshadowed += 1
            return
        self._begin(ReleaseCopy(call, self._grant(call.key, name, policy.application), deployed.heard, raw), name)

    def _begin(self, copy: Copied, name: str) -> None:
        self._running[name] = self._running.get(name, 0) + 1
        task = asyncio.get_running_loop().create_task(self._run(copy, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, copy: Copied, name: str) -> None:
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

    async def _admit(self, copy: Copied) -> bool:
        try:
            await copy.prepare()
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

    async def _record(self, copy: Copied) -> Failure | None:
        fault: StoreError | None = None
        try:
            if is_large(copy):
                copy.aside = await set_aside(self._books.spool, copy.raw)
        except StoreError as error:
            fault = error
        return self._books.admit(copy, fault)

    def _grant(self, key: Grant, name: str, application: str) -> Grant:
        """Of the copies of a route's or an application's calls: with other limits than the key's."""
        if self._plan is not key.plan:
            self._plan = key.plan
            self._grants.clear()
        entry = key.entry
        limits = (entry.models, entry.routes, entry.regions, entry.guard)  # of these the key's own hold
        place = (name, entry.environment_id, entry.tenant_id, limits)
        found = self._grants.get(place)
        if found is None:
            entry = msgspec.structs.replace(
                entry,
                key_id=f"shadow/{name}",
                key_name=f"shadow of {name}",
                team_id=None,
                application=application,
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
    return candidate if _limited(plan, policy.application) else None


def _limited(plan: Plan, application: str) -> bool:
    """Whether a hard budget says how much the copies may use."""
    return any(line.budget is not None and line.hard for line in plan.lines("application", application))
