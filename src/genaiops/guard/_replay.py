"""Replay: recorded calls judged by a candidate and by what is in force now, and where the two differ."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from genaiops.core.errors import GenaiopsError
from genaiops.domain import WHOLE_POLICY, GuardAction, GuardEvent, GuardVersion, Span
from genaiops.guard._cases import severest
from genaiops.guard._notes import SEVERITY
from genaiops.guard._recorded import RecordedCall, recorded_call
from genaiops.ports.blobs import Blobs
from genaiops.ports.guard import Judge
from genaiops.ports.telemetry import Telemetry, TraceFilter

_PAGE: Final = 50


class RuleDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of which a rule said something: in `both` policies the same, only by the one in force (`lost`), only by the
    candidate (`gained`), or `changed` in action or in what was found. `milder`: of those that changed or were lost,
    where less follows now; `stricter` likewise."""

    rule: str
    both: int = 0
    lost: int = 0
    gained: int = 0
    changed: int = 0
    stricter: int = 0
    milder: int = 0


class ReplayExample(msgspec.Struct, frozen=True, kw_only=True):
    """A call of which the two say something else. No word of its content is here: what was found by kinds and places,
    the rest at its trace."""

    trace_id: str
    started_us: int
    before: GuardAction
    after: GuardAction
    rules: tuple[str, ...]
    found_before: dict[str, int]
    found_after: dict[str, int]
    places: tuple[str, ...]


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """`seen` calls in the time asked for, newest first, until `complete` or the most that were wanted. `judged` had
    recorded content. Of the others `not_recorded` had none (capture off or preview, shed, erased), `foreign` came from
    other programs, `unreadable` could not be judged (`unreadable_why`: one of the reasons). `redacted`: judged calls of
    which a guard took something out before they were recorded: what is gone cannot be found again.

    `actions`: what follows in force -> what follows of the candidate -> calls. `same` calls: no rule says anything
    else.
    """

    candidate: str
    against: str
    since_us: int
    until_us: int
    seen: int = 0
    judged: int = 0
    not_recorded: int = 0
    foreign: int = 0
    unreadable: int = 0
    unreadable_why: str | None = None
    redacted: int = 0
    same: int = 0
    different: int = 0
    actions: dict[str, dict[str, int]] = {}
    rules: Sequence[RuleDifference] = ()
    examples: Sequence[ReplayExample] = ()
    complete: bool = False
    oldest_us: int | None = None


class ReplayWish(msgspec.Struct, frozen=True, kw_only=True):
    """`where` with its times: which calls; `most` of them at most, `examples` in the report."""

    candidate: GuardVersion
    against: GuardVersion
    where: TraceFilter
    most: int = 1000
    examples: int = 20


Progress = Callable[[ReplayReport], bool]
"""Gets the report so far after each page; False stops."""


def replay(telemetry: Telemetry, blobs: Blobs, judge: Judge, wish: ReplayWish, progress: Progress) -> ReplayReport:
    """Reads page by page; writes nothing."""
    work = _Work(judge, wish)
    cursor: str | None = None
    while True:
        page = telemetry.list(wish.where, cursor=cursor, limit=min(_PAGE, wish.most - work.seen))
        for row in page.rows:
            work.take(row.root, telemetry, blobs)
        cursor = page.next
        report = work.report(complete=cursor is None)
        if cursor is None or work.seen >= wish.most or not progress(report):
            return report


class _Work:
    def __init__(self, judge: Judge, wish: ReplayWish) -> None:
        self._judge = judge
        self._wish = wish
        self.seen = 0
        self._counts: Counter[str] = Counter()
        self._why: str | None = None
        self._actions: dict[str, Counter[str]] = {}
        self._rules: dict[str, Counter[str]] = {}
        self._examples: list[ReplayExample] = []
        self._oldest_us: int | None = None

    def take(self, root: Span, telemetry: Telemetry, blobs: Blobs) -> None:
        self.seen += 1
        self._oldest_us = root.start_us
        if root.dialect != "genaiops" or root.kind != "gateway":
            self._counts["foreign"] += 1
            return
        trace = telemetry.trace(root.trace_id) if root.content in ("inline", "blob") else None
        content = None if trace is None else trace.contents.get(root.span_id.hex())
        call = recorded_call(root, content, blobs)
        if call is None or trace is None:
            self._counts["not_recorded"] += 1
            return
        try:
            before = self._said(self._wish.against, call)
            after = self._said(self._wish.candidate, call)
        except GenaiopsError as error:
            self._counts["unreadable"] += 1
            self._why = self._why or error.message
            return
        self._counts["judged"] += 1
        taken = {"redact", "replace", "hold", "block"}
        if any(each.event.action in taken and not each.event.shadow for each in trace.verdicts):
            self._counts["redacted"] += 1
        self._compare(root, before, after)

    def report(self, *, complete: bool) -> ReplayReport:
        wish = self._wish
        return ReplayReport(
            candidate=f"{wish.candidate.name}@{wish.candidate.digest}",
            against=f"{wish.against.name}@{wish.against.digest}",
            since_us=wish.where.since_us or 0,
            until_us=wish.where.until_us or 0,
            seen=self.seen,
            unreadable_why=self._why,
            actions={before: dict(after) for before, after in self._actions.items()},
            rules=[RuleDifference(rule=rule, **counts) for rule, counts in sorted(self._rules.items())],
            examples=tuple(self._examples),
            complete=complete,
            oldest_us=self._oldest_us,
            **{name: self._counts[name] for name in _COUNTED},
        )

    def _said(self, policy: GuardVersion, call: RecordedCall) -> dict[tuple[str, str], GuardEvent]:
        """(rule, direction) -> what it said."""
        events = self._judge.judge(policy, call.operation, call.dialect, call.request, call.answer)
        return {(event.rule, event.direction): event for event in events if _says_something(event)}

    def _compare(
        self, root: Span, before: dict[tuple[str, str], GuardEvent], after: dict[tuple[str, str], GuardEvent]
    ) -> None:
        actions = severest(before.values()), severest(after.values())
        self._actions.setdefault(actions[0], Counter())[actions[1]] += 1
        differing: list[str] = []
        for rule in dict.fromkeys(rule for rule, _ in (*before, *after)):
            pair = [[event for (name, _), event in said.items() if name == rule] for said in (before, after)]
            word = _word(*pair)
            counts = self._rules.setdefault(rule, Counter())
            counts[word] += 1
            if word != "both":
                differing.append(rule)
                sign = SEVERITY[severest(pair[1])] - SEVERITY[severest(pair[0])]
                counts.update({"stricter": 1} if sign > 0 else {"milder": 1} if sign < 0 else {})
        self._counts["different" if differing else "same"] += 1
        if differing and len(self._examples) < self._wish.examples:
            said = [event for each in (before, after) for event in each.values() if event.rule in differing]
            self._examples.append(
                ReplayExample(
                    trace_id=root.trace_id.hex(),
                    started_us=root.start_us,
                    before=actions[0],
                    after=actions[1],
                    rules=tuple(differing),
                    found_before=_found(before.values()),
                    found_after=_found(after.values()),
                    places=tuple(dict.fromkeys(place for event in said for place in event.places)),
                )
            )


_COUNTED: Final = ("judged", "not_recorded", "foreign", "unreadable", "redacted", "same", "different")


def _says_something(event: GuardEvent) -> bool:
    return event.rule != WHOLE_POLICY and (event.action != "allow" or bool(event.kinds) or event.error is not None)


def _word(before: Sequence[GuardEvent], after: Sequence[GuardEvent]) -> str:
    if not before or not after:
        return "gained" if after else "lost"
    return "both" if list(_compared(before)) == list(_compared(after)) else "changed"


def _compared(events: Sequence[GuardEvent]) -> Iterator[tuple[str, str, tuple[tuple[str, int], ...]]]:
    for event in sorted(events, key=lambda one: one.direction):
        yield event.direction, event.action, tuple(sorted(event.kinds.items()))


def _found(events: Iterable[GuardEvent]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for event in events:
        found.update(event.kinds)
    return dict(found)
