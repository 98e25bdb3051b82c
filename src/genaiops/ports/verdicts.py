"""Telemetry of guards: verdicts of their rules, sums of them by the hour, what people said of them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from genaiops.core.histogram import Histogram
from genaiops.domain import Direction, GuardAction, GuardEvent, GuardVerdict, Mark, PendingJudgement


class VerdictFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions hold. `since_us` and `until_us`: when the call began. `marked`: whether a person said
    something of it."""

    since_us: int | None = None
    until_us: int | None = None
    policy: str | None = None
    rule: str | None = None
    detector: str | None = None
    action: GuardAction | None = None
    direction: Direction | None = None
    shadow: bool | None = None
    marked: bool | None = None
    tenant_id: str | None = None
    environment_id: str | None = None
    key_id: str | None = None


class VerdictPage(msgspec.Struct, frozen=True):
    """Newest first. The work for one page is bounded: it may be short, even empty, and still have a `next`."""

    rows: Sequence[GuardVerdict]
    next: str | None


GuardDimension = Literal[
    "tenant_id", "environment_id", "policy", "digest", "rule", "detector", "direction", "action", "shadow"
]


class GuardQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`step`: one row per hour, day (UTC), or one for the whole range, which is widened to whole hours. `where` equals
    ("" stands for none); `shadow` is "shadow" or "". Without `durations` none are given, which is quicker."""

    since_us: int
    until_us: int
    step: Literal["hour", "day", "all"] = "hour"
    group_by: Sequence[GuardDimension] = ()
    where: Mapping[GuardDimension, str] = {}
    durations: bool = True


class GuardSums(msgspec.Struct, frozen=True):
    """Of one bucket of time and one group. `findings`: how much was found in all; `errors`: verdicts that could not
    say. `duration` in microseconds. With rule "" (`domain.WHOLE_POLICY`) the events are looks of whole policies."""

    start_us: int
    group: Mapping[str, str]
    events: int
    findings: int
    errors: int
    duration: Histogram


class GuardMarks(msgspec.Struct, frozen=True):
    """How many verdicts of a rule people called right, how many false alarms."""

    policy: str
    rule: str
    right: int
    false_alarms: int


class Probing(msgspec.Struct, frozen=True):
    """Calls of one key that began in the minute from `start_us`: those that a rule of a guard stopped (`blocked`;
    limits of sessions are no such rules), those in which an attempt to overrule instructions was found
    (`injections`), and those that asked for, or gave away, what must not be told (`extractions`). Rules in shadow do
    not count. `trace_id` is one of theirs."""

    start_us: int
    tenant_id: str
    key_id: str
    blocked: int
    injections: int
    extractions: int
    trace_id: bytes


class Verdicts(Protocol):
    """Part of the port Telemetry."""

    def add_verdicts(self, trace_id: bytes, events: Sequence[GuardEvent], *, call_id: bytes | None = None) -> int:
        """What was found after the call had ended; how many were new. `call_id`: the root span of the call, where the
        trace has several (None: its first). NotFound while the trace is not there."""
        ...

    def verdicts(self, where: VerdictFilter, *, cursor: str | None = None, limit: int = 50) -> VerdictPage:
        """UsageError for a cursor that is none."""
        ...

    def verdicts_of(self, trace_ids: Collection[bytes]) -> Sequence[GuardVerdict]:
        """All of these traces, each trace's in order of writing."""
        ...

    def probing(self, since_us: int, until_us: int, *, key_id: str | None = None) -> Sequence[Probing]:
        """Of one key or of all, by key and minute; minutes in which nothing of it was found are left out."""
        ...

    def pending(self, limit: int) -> Sequence[PendingJudgement]:
        """Calls that rules have yet to look at, the oldest first."""
        ...

    def judged(self, done: Sequence[PendingJudgement]) -> None:
        """They need not be looked at any more."""
        ...

    def guard_rollup(self, query: GuardQuery) -> Sequence[GuardSums]: ...

    def guard_marks(self, query: GuardQuery) -> Sequence[GuardMarks]:
        """Of the verdicts of calls that began in that range, by policy and rule. Step and groups do not count."""
        ...

    def mark(self, verdict: GuardVerdict, mark: Mark | None, *, at_us: int, by: str) -> GuardVerdict:
        """What a person says of it now (None: nothing any more). NotFound when it is not there."""
        ...
