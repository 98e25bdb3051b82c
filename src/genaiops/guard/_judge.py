"""What a policy says of a call that has been: for tests of a policy, and for trying a candidate on recorded calls."""

import asyncio
from functools import lru_cache
from typing import Final

import msgspec

from genaiops.domain import GuardEvent, GuardPolicy, GuardVersion, Operation
from genaiops.guard._guard import CallGuard, Plan
from genaiops.guard._program import Program
from genaiops.ports.guard import Blocked, Guarded, Judged, Withheld
from genaiops.ports.providers import Dialect

_NOBODY: Final = b"\0" * 16
_EVENTS: Final = (b"data:", b"event:", b":", b"id:", b"retry:", b"\xef\xbb\xbf")


class PolicyJudge:
    """The engine without a call (see ports.guard.Judge). Rules in shadow count as if they were enforced."""

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
        plan = _ready(msgspec.json.encode(policy))
        guard = plan.guard((f"{policy.name}@{policy.digest}",), Guarded(_NOBODY, operation, dialect, streamed))
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
        return Judged(tuple(guard.events), ruling.body or None, said or None)


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


@lru_cache(maxsize=8)
def _ready(encoded: bytes) -> Plan:
    version = msgspec.json.decode(encoded, type=GuardVersion)
    rules = tuple(msgspec.structs.replace(rule, shadow=0.0) for rule in version.policy.rules)
    enforced = msgspec.structs.replace(version.policy, rules=rules)
    return Plan((msgspec.structs.replace(version, policy=enforced),))
