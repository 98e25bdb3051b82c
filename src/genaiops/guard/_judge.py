"""What a policy says of a call that has been: for tests of a policy, and for trying a candidate on recorded calls."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Final

import msgspec

from genaiops.domain import GuardEvent, GuardPolicy, GuardRule, GuardVersion, Operation
from genaiops.guard._after import judge_later
from genaiops.guard._asking import FindClassifiers
from genaiops.guard._guard import CallGuard, Plan
from genaiops.guard._program import Program
from genaiops.guard._recorded import RecordedCall
from genaiops.ports.guard import Blocked, Guarded, Judged, Withheld
from genaiops.ports.providers import Dialect

_NOBODY: Final = b"\0" * 16
_PATIENCE_MS: Final = 30_000
_EVENTS: Final = (b"data:", b"event:", b":", b"id:", b"retry:", b"\xef\xbb\xbf")


class PolicyJudge:
    """The engine without a call (see ports.guard.Judge). Rules in shadow count as if they were enforced, classifiers
    have time, and no model is asked again. `classifiers`: who is asked, from threads without a loop (None: nobody, and
    rules that work behind the answer say nothing)."""

    def __init__(self, classifiers: FindClassifiers | None = None) -> None:
        self._classifiers = classifiers
        self._ready = lru_cache(maxsize=8)(partial(_ready, classifiers))

    def check(self, policy: GuardPolicy) -> None:
        Program((GuardVersion(name="candidate", digest="", policy=policy),))

    def judge(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> list[GuardEvent]:
        return list(self.rule(policy, operation, dialect, request, answer).events)

    def rule(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> Judged:
        streamed = answer is not None and answer.lstrip().startswith(_EVENTS)
        plan = self._ready(msgspec.json.encode(policy))
        name = f"{policy.name}@{policy.digest}"
        guard = plan.guard((name,), Guarded(_NOBODY, operation, dialect, streamed))
        if guard is None:
            return Judged((), request, answer)
        ruling = guard.ask(request, None) or asyncio.run(guard.wait(request, None))
        said: bytes | None = None
        if answer is not None and not ruling.stops:
            if streamed:
                _follow(guard, answer)
            else:
                out = guard.answer(answer, b"application/json")
                said = (out or asyncio.run(guard.wait_answer(answer, b"application/json"))).body
        call = RecordedCall(
            operation=operation, dialect=dialect, request=request, answer=None if ruling.stops else answer
        )
        events = [*guard.events, *self._later(name, guard.later, call)]
        return Judged(tuple(events), ruling.body or None, said or None)

    def _later(self, name: str, rules: Sequence[GuardRule], call: RecordedCall) -> list[GuardEvent]:
        """What rules say that work behind the answer."""
        classifiers = self._classifiers() if rules and self._classifiers is not None else None
        if classifiers is None:
            return []
        found: list[GuardEvent] = []
        for rule in rules:
            found += asyncio.run(judge_later(name, rule, call, classifiers))
        return found


def _follow(guard: CallGuard, answer: bytes) -> None:
    stream = guard.stream()
    if stream is None:
        return
    try:
        stream.feed(answer)
        if stream.waits:
            asyncio.run(stream.wait_end())
        else:
            stream.end()
    except (Blocked, Withheld):
        pass


def _ready(classifiers: FindClassifiers | None, encoded: bytes) -> Plan:
    version = msgspec.json.decode(encoded, type=GuardVersion)
    rules = tuple(
        msgspec.structs.replace(rule, shadow=0.0, timeout_ms=max(rule.timeout_ms, _PATIENCE_MS))
        for rule in version.policy.rules
    )
    enforced = msgspec.structs.replace(version.policy, rules=rules)
    return Plan((msgspec.structs.replace(version, policy=enforced),), classifiers)
