"""What a policy says of a call that has been: for tests of a policy, and for trying a candidate on recorded calls."""

import asyncio

from genaiops.domain import GuardEvent, GuardVersion, Operation
from genaiops.guard._guard import CallGuard, Plan
from genaiops.ports.guard import Blocked, Guarded
from genaiops.ports.providers import Dialect, Form

_NOBODY = b"\0" * 16


class PolicyJudge:
    """One policy, made ready once. Rules in shadow count as they would for the calls that they are drawn for; those
    that look at a call when it has ended are left out."""

    def __init__(self, version: GuardVersion) -> None:
        """UsageError for a policy that is not right."""
        self._plan = Plan((version,))
        self._reference = f"{version.name}@{version.digest}"

    def judge(
        self,
        operation: Operation,
        dialect: Dialect,
        request: bytes | None,
        answer: bytes | None = None,
        *,
        streamed: bool = False,
        content_type: bytes = b"application/json",
        form: Form | None = None,
    ) -> list[GuardEvent]:
        """Of a request, an answer (`streamed`: as events), or both. UsageError or UpstreamError for what cannot be
        read."""
        guard = self._plan.guard((self._reference,), Guarded(_NOBODY, operation, dialect, streamed))
        if guard is None:
            return []
        if request is not None:
            ruling = guard.ask(request, form) or asyncio.run(guard.wait(request, form))
            if not ruling.body:
                return guard.events
        if answer is not None:
            if streamed:
                _follow(guard, answer)
            elif guard.answer(answer, content_type) is None:
                asyncio.run(guard.wait_answer(answer, content_type))
        return guard.events


def _follow(guard: CallGuard, answer: bytes) -> None:
    stream = guard.stream()
    if stream is None:
        return
    try:
        stream.feed(answer)
        stream.end()
    except Blocked:
        pass
