"""What a replay has found: counted call by call, told at any time, and gone on with from there."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from genaiops.domain import WHOLE_POLICY, GuardAction, GuardEvent, Span
from genaiops.guard._cases import severest
from genaiops.guard._notes import SEVERITY


class RuleDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of which a rule said something: with and without the candidate the same (`both`), only without it (`lost`),
    only with it (`gained`), or `changed` in action or in what was found. `milder`: of those that changed or were lost,
    where less follows with it; `stricter` likewise. `policy`: whose rule it is; empty where the candidate is held
    against another policy."""

    rule: str
    policy: str = ""
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

    `union`: the candidate took the place of `against` in what held for each call. Then `untouched` calls were not under
    `against`, and are not judged; of `assumed` judged ones it is not known what held, so what would hold now was
    taken. `against` is `name@alias` then, else `name@digest`.

    `actions`: what follows without the candidate -> what follows with it -> calls. `same` calls: no rule says anything
    else. `next`: where to go on from (None: that was all).
    """

    candidate: str
    against: str
    union: bool = False
    since_us: int
    until_us: int
    seen: int = 0
    judged: int = 0
    not_recorded: int = 0
    foreign: int = 0
    untouched: int = 0
    assumed: int = 0
    unreadable: int = 0
    unreadable_why: str | None = None
    redacted: int = 0
    same: int = 0
    different: int = 0
    actions: dict[str, dict[str, int]] = {}
    rules: tuple[RuleDifference, ...] = ()
    examples: tuple[ReplayExample, ...] = ()
    complete: bool = False
    oldest_us: int | None = None
    next: str | None = None


_Counted = Literal[
    "judged", "not_recorded", "foreign", "untouched", "assumed", "unreadable", "redacted", "same", "different"
]
_COUNTED: Final[tuple[_Counted, ...]] = (
    "judged",
    "not_recorded",
    "foreign",
    "untouched",
    "assumed",
    "unreadable",
    "redacted",
    "same",
    "different",
)
_RULE_COUNTS: Final = ("both", "lost", "gained", "changed", "stricter", "milder")
_Key = tuple[str, str]
"""(policy, rule)"""


class Tallies:
    """From a report on: an empty one, or one that was interrupted."""

    def __init__(self, report: ReplayReport, *, examples: int) -> None:
        self._report = report
        self._most_examples = examples
        self.seen = report.seen
        self._why = report.unreadable_why
        self._oldest_us = report.oldest_us
        self._counts: Counter[str] = Counter({name: getattr(report, name) for name in _COUNTED})
        self._actions = {before: Counter(after) for before, after in report.actions.items()}
        self._rules: dict[_Key, Counter[str]] = {
            (each.policy, each.rule): Counter({name: getattr(each, name) for name in _RULE_COUNTS})
            for each in report.rules
        }
        self._examples = list(report.examples)

    def see(self, root: Span) -> None:
        self.seen += 1
        self._oldest_us = root.start_us

    def count(self, what: _Counted) -> None:
        self._counts[what] += 1

    def fail(self, why: str) -> None:
        self.count("unreadable")
        self._why = self._why or why

    def report(self, *, next_: str | None) -> ReplayReport:
        return msgspec.structs.replace(
            self._report,
            seen=self.seen,
            unreadable_why=self._why,
            actions={before: dict(after) for before, after in self._actions.items()},
            rules=tuple(
                RuleDifference(policy=policy, rule=rule, **counts)
                for (policy, rule), counts in sorted(self._rules.items())
            ),
            examples=tuple(self._examples),
            complete=next_ is None,
            oldest_us=self._oldest_us,
            next=next_,
            **{name: self._counts[name] for name in _COUNTED},
        )

    def compare(
        self, root: Span, before: Sequence[GuardEvent], after: Sequence[GuardEvent], *, by_policy: bool
    ) -> None:
        """`by_policy`: rules of several policies are there; else the two have one each, and rules are told by name."""
        said = _by_rule(before, by_policy=by_policy), _by_rule(after, by_policy=by_policy)
        actions = _follows(before), _follows(after)
        self._actions.setdefault(actions[0], Counter())[actions[1]] += 1
        differing = [key for key in dict.fromkeys((*said[0], *said[1])) if self._count_rule(key, *said)]
        self.count("different" if differing else "same")
        if not differing or len(self._examples) >= self._most_examples:
            return
        events = [event for each in said for key in differing for event in each.get(key, ())]
        self._examples.append(
            ReplayExample(
                trace_id=root.trace_id.hex(),
                started_us=root.start_us,
                before=actions[0],
                after=actions[1],
                rules=tuple(dict.fromkeys(rule for _, rule in differing)),
                found_before=_found(said[0]),
                found_after=_found(said[1]),
                places=tuple(dict.fromkeys(place for event in events for place in event.places)),
            )
        )

    def _count_rule(
        self, key: _Key, before: Mapping[_Key, list[GuardEvent]], after: Mapping[_Key, list[GuardEvent]]
    ) -> bool:
        """Whether it says something else."""
        pair = before.get(key, []), after.get(key, [])
        word = _word(*pair)
        counts = self._rules.setdefault(key, Counter())
        counts[word] += 1
        if word == "both":
            return False
        sign = SEVERITY[_follows(pair[1])] - SEVERITY[_follows(pair[0])]
        counts.update({"stricter": 1} if sign > 0 else {"milder": 1} if sign < 0 else {})
        return True


def _by_rule(events: Iterable[GuardEvent], *, by_policy: bool) -> dict[_Key, list[GuardEvent]]:
    found: dict[_Key, list[GuardEvent]] = {}
    for event in events:
        if event.rule != WHOLE_POLICY and (event.action != "allow" or event.kinds or event.error is not None):
            policy = event.policy.partition("@")[0] if by_policy else ""
            found.setdefault((policy, event.rule), []).append(event)
    return found


def _follows(events: Iterable[GuardEvent]) -> GuardAction:
    return severest(event for event in events if not event.shadow)


def _word(before: Sequence[GuardEvent], after: Sequence[GuardEvent]) -> str:
    if not before or not after:
        return "gained" if after else "lost"
    return "both" if list(_compared(before)) == list(_compared(after)) else "changed"


def _compared(events: Sequence[GuardEvent]) -> Iterator[tuple[str, str, bool, tuple[tuple[str, int], ...]]]:
    for event in sorted(events, key=lambda one: one.direction):
        yield event.direction, event.action, event.shadow, tuple(sorted(event.kinds.items()))


def _found(said: Mapping[_Key, list[GuardEvent]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for events in said.values():
        for event in events:
            found.update(event.kinds)
    return dict(found)
