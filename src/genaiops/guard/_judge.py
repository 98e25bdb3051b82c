"""What a policy says of a call that has been: for tests of a policy, and for trying a candidate on recorded calls."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from genaiops.domain import GuardEvent, GuardPolicy, GuardVersion, Operation
from genaiops.guard._guard import CallGuard, Plan
from genaiops.guard._program import Program
from genaiops.ports.guard import Blocked, Guarded, Judged, Withheld
from genaiops.ports.providers import Dialect

_NOBODY: Final = b"\0" * 16
_EVENTS: Final = (b"data:", b"event:", b":", b"id:", b"retry:", b"\xef\xbb\xbf")


class _Said(NamedTuple):
    operation: Operation
    dialect: Dialect
    request: bytes
    answer: bytes | None


class PolicyJudge:
    """The engine without a call (see ports.guard.Judge)."""

    def check(self, policy: GuardPolicy) -> None:
        Program((GuardVersion(name="candidate", digest="", policy=policy),))

    def judge(
        self,
        policies: Sequence[GuardVersion],
        operation: Operation,
        dialect: Dialect,
        request: bytes,
        answer: bytes | None,
        *,
        shadows: bool = False,
    ) -> list[GuardEvent]:
        return list(_ruled(policies, _Said(operation, dialect, request, answer), shadows=shadows).events)

    def rule(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> Judged:
        return _ruled((policy,), _Said(operation, dialect, request, answer), shadows=False)


def _ruled(policies: Sequence[GuardVersion], call: _Said, *, shadows: bool) -> Judged:
    request, answer = call.request, call.answer
    streamed = answer is not None and answer.lstrip().startswith(_EVENTS)
    plan = _ready(msgspec.json.encode(tuple(policies)), shadows=shadows)
    references = tuple(f"{each.name}@{each.digest}" for each in policies)
    guard = plan.guard(references, Guarded(_NOBODY, call.operation, call.dialect, streamed))
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
        stream.end()
    except (Blocked, Withheld):
        pass


@lru_cache(maxsize=16)
def _ready(encoded: bytes, *, shadows: bool) -> Plan:
    versions = msgspec.json.decode(encoded, type=tuple[GuardVersion, ...])
    return Plan(tuple(_enforced(each, shadows=shadows) for each in versions))


def _enforced(version: GuardVersion, *, shadows: bool) -> GuardVersion:
    """No rule is in shadow for some calls only, so that what is said of a call is the same each time."""
    rules = tuple(
        rule if shadows and rule.shadow >= 1 else msgspec.structs.replace(rule, shadow=0.0)
        for rule in version.policy.rules
    )
    return msgspec.structs.replace(version, policy=msgspec.structs.replace(version.policy, rules=rules))
