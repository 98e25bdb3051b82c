"""What looks at calls when they have ended: rules of guard policies that ask the guard server, one call after another.

What waits stands in the telemetry, so that nothing is forgotten when the process ends. A call whose content was not
kept cannot be looked at. What has waited for longer than an hour is let go, so that what is new is seen soon.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from genaiops.app.advice import Advice
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError, NotFound
from genaiops.domain import GuardEvent, GuardRule, PendingJudgement
from genaiops.guard import RecordedCall, judge_later, recorded_call
from genaiops.hub import Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Telemetry
from genaiops.watch import Troubles

_log = logging.getLogger("genaiops.judging")

AT_ONCE: Final = 16
IDLE_SECONDS: Final = 0.5
AWAY_SECONDS: Final = 5.0
LONGEST_US: Final = 3_600_000_000


class Judging:
    """Belongs to the control process."""

    def __init__(
        self,
        telemetry: Telemetry,
        blobs: Blobs,
        hub: Hub,
        advice: Advice,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._telemetry = telemetry
        self._blobs = blobs
        self._hub = hub
        self._advice = advice
        self._clock = clock
        self.let_go = 0
        """Calls that were not looked at: nothing of them was kept, or they waited too long."""

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                pause = IDLE_SECONDS if not await self.step() else 0.0
            except GenaiopsError:
                _log.exception("calls cannot be looked at")
                pause = AWAY_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> int:
        """Look at some calls that wait; how many were dealt with."""
        pending = await asyncio.to_thread(self._telemetry.pending, AT_ONCE)
        if not pending:
            return 0
        if not self._advice.ready:
            old = [each for each in pending if self._is_old(each)]
            await self._done(old)
            self.let_go += len(old)
            return len(old)
        for each in pending:
            await self._look(each)
        await self._done(pending)
        return len(pending)

    async def _done(self, pending: Sequence[PendingJudgement]) -> None:
        if pending:
            await asyncio.to_thread(self._telemetry.judged, pending)

    def _is_old(self, pending: PendingJudgement) -> bool:
        return self._clock() - pending.start_us > LONGEST_US

    async def _look(self, pending: PendingJudgement) -> None:
        found = None if self._is_old(pending) else await asyncio.to_thread(self._recorded, pending)
        if found is None:
            self.let_go += 1
            return
        tenant_id, call = found
        events: list[GuardEvent] = []
        for reference in pending.rules:
            policy, _, name = reference.rpartition("#")
            rule = await asyncio.to_thread(self._rule, policy, name)
            if rule is not None and self._advice.reaches(rule):
                events += await judge_later(policy, rule, call, self._advice.classifiers, self._advice.names)
        troubles = Troubles()
        troubles.failed(events, trace_id=pending.trace_id, tenant_id=tenant_id)
        await asyncio.to_thread(troubles.tell, self._hub.alerts)
        if events:
            try:
                await asyncio.to_thread(self._telemetry.add_verdicts, pending.trace_id, events, call_id=pending.call_id)
            except NotFound:  # erased meanwhile
                self.let_go += 1

    def _recorded(self, pending: PendingJudgement) -> tuple[str, RecordedCall] | None:
        """(its tenant, the call)"""
        trace = self._telemetry.trace(pending.trace_id)
        if trace is None:
            return None
        root = next((span for span in trace.spans if span.span_id == pending.call_id), None)
        if root is None:
            return None
        call = recorded_call(root, trace.contents.get(pending.call_id.hex()), self._blobs)
        return None if call is None else (root.tenant_id, call)

    def _rule(self, policy: str, name: str) -> GuardRule | None:
        """None: it is not there any more."""
        try:
            version = self._hub.guards.version(policy)
        except GenaiopsError:
            return None
        return next((rule for rule in version.policy.rules if rule.id == name), None)
