"""What a policy says of a call that has been: for tests of a policy, and for trying a candidate on recorded calls."""

import asyncio
import threading
from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import GuardEvent, GuardPolicy, GuardRule, GuardVersion, Operation
from genaiops.guard._after import judge_later
from genaiops.guard._asking import names_engine
from genaiops.guard._guard import CallGuard, Plan
from genaiops.guard._once import classifiers_once, names_once
from genaiops.guard._program import Program
from genaiops.guard._recorded import RecordedCall
from genaiops.guard._repeated import FindIndex
from genaiops.guard._subjects import check_options
from genaiops.ports.classifiers import FindClassifiers
from genaiops.ports.guard import Blocked, Guarded, Judged, Withheld
from genaiops.ports.names import FindNames
from genaiops.ports.providers import Dialect

_Said = TypeVar("_Said")
_PATIENCE_MS: Final = 60_000
"""Nobody waits for an answer here."""
_NOBODY: Final = b"\0" * 16
_EVENTS: Final = (b"data:", b"event:", b":", b"id:", b"retry:", b"\xef\xbb\xbf")


class _Call(NamedTuple):
    operation: Operation
    dialect: Dialect
    request: bytes
    answer: bytes | None


class PolicyJudge:
    """The engine without a call (see ports.guard.Judge): no model is asked for another answer.

    Rules that ask others ask `classifiers` and `names`, in one event loop of the judge's own. Without them those that
    would have to be waited for could not say, and those that look at calls that have ended say nothing. `known`: the
    classifiers that policies may name (None: any). `lacks`: what a rule looks for that nobody here finds, and what to
    do about it. `documents`: the indexes that rules name. `leave` ends what asking has opened.
    """

    def __init__(
        self,
        classifiers: FindClassifiers | None = None,
        names: FindNames | None = None,
        documents: FindIndex | None = None,
        *,
        known: Collection[str] | None = None,
        lacks: Callable[[GuardRule], tuple[str, str] | None] | None = None,
        leave: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._classifiers = None if classifiers is None else classifiers_once(classifiers)
        self._names = None if names is None else names_once(names)
        self._documents = documents
        self._known = known
        self._lacks = lacks
        self._leave = leave
        self._ready = lru_cache(maxsize=16)(self._make_ready)
        self._thread: threading.Thread | None = None
        if classifiers is not None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="guard-judge", daemon=True)
            self._thread.start()

    def check(self, policy: GuardPolicy) -> None:
        Program((GuardVersion(name="candidate", digest="", policy=policy),), self._documents)
        for rule in policy.rules:
            lacking = None if self._lacks is None else self._lacks(rule)
            if lacking is not None:
                param = f"rules.{rule.id}.{'options.engine' if names_engine(rule) else 'detector'}"
                raise UsageError(f"The rule {rule.id!r} {lacking[0]}.", remedy=lacking[1], param=param)
            if rule.detector == "secret":  # a mistyped option would leave it to our own patterns
                check_options(rule, ("engine",))
            own = rule.options.get("classifier") if rule.detector in ("injection", "toxicity") else None
            if own is not None and self._known is not None and own not in self._known:
                there = f"There are: {', '.join(sorted(self._known))}." if self._known else "There are none."
                raise UsageError(
                    f"The rule {rule.id!r} names the classifier {own!r}, which the settings do not have.",
                    remedy=f"{there} Add it to guard.classifiers and start again.",
                    param=f"rules.{rule.id}.options.classifier",
                )

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
        return list(self._ruled(policies, _Call(operation, dialect, request, answer), shadows=shadows).events)

    def rule(
        self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
    ) -> Judged:
        return self._ruled((policy,), _Call(operation, dialect, request, answer), shadows=False)

    def _ruled(self, policies: Sequence[GuardVersion], call: "_Call", *, shadows: bool) -> Judged:
        request, answer = call.request, call.answer
        streamed = answer is not None and answer.lstrip().startswith(_EVENTS)
        plan = self._ready(msgspec.json.encode(tuple(policies)), shadows=shadows)
        references = tuple(f"{each.name}@{each.digest}" for each in policies)
        guard = plan.guard(references, Guarded(_NOBODY, call.operation, call.dialect, streamed))
        if guard is None:
            return Judged((), request, answer)
        ruling = guard.ask(request, None) or self._wait(guard.wait(request, None))
        said: bytes | None = None
        if answer is not None and not ruling.stops:
            if streamed:
                _follow(guard, answer, self._wait)
            else:
                out = guard.answer(answer, b"application/json")
                said = (out or self._wait(guard.wait_answer(answer, b"application/json"))).body
        left = RecordedCall(
            operation=call.operation,
            dialect=call.dialect,
            request=ruling.body or request,
            answer=None if ruling.stops else said or answer,
        )
        events = (*guard.events, *self._later(guard, left))
        return Judged(events, ruling.body or None, said or None)

    def _later(self, guard: CallGuard, call: RecordedCall) -> list[GuardEvent]:
        """What those say that look at calls that have ended."""
        found: list[GuardEvent] = []
        if self._classifiers is not None:
            for name, rule, _ in guard.after:
                found += self._wait(judge_later(name, rule, call, self._classifiers, self._names))
        return found

    def _wait(self, work: Coroutine[Any, Any, _Said]) -> _Said:
        """Connections belong to one event loop, and whoever judges has none or several."""
        if self._thread is None:
            return asyncio.run(work)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        if self._thread is not None:
            if self._leave is not None:
                self._wait(self._leave())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._thread = None

    def _make_ready(self, encoded: bytes, *, shadows: bool) -> Plan:
        versions = msgspec.json.decode(encoded, type=tuple[GuardVersion, ...])
        enforced = tuple(_enforced(each, shadows=shadows) for each in versions)
        return Plan(enforced, self._classifiers, self._names, self._documents)


def _follow(guard: CallGuard, answer: bytes, wait: Callable[[Coroutine[Any, Any, bytes]], bytes]) -> None:
    stream = guard.stream()
    if stream is None:
        return
    try:
        stream.feed(answer)
        if stream.waits:
            wait(stream.wait_end())
        else:
            stream.end()
    except (Blocked, Withheld):
        pass


def _enforced(version: GuardVersion, *, shadows: bool) -> GuardVersion:
    """No rule is in shadow for some calls only, so that what is said of a call is the same each time; nobody waits for
    an answer, so that classifiers have time."""
    rules = tuple(
        msgspec.structs.replace(
            rule, shadow=1.0 if shadows and rule.shadow >= 1 else 0.0, timeout_ms=max(rule.timeout_ms, _PATIENCE_MS)
        )
        for rule in version.policy.rules
    )
    return msgspec.structs.replace(version, policy=msgspec.structs.replace(version.policy, rules=rules))
