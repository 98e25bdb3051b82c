"""Policies made ready: the rules that concern a direction, the one scanner that serves all of them, who judges whole
texts, and what is asked of classifiers."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from genaiops.checks.control import invisible, mixed
from genaiops.checks.scanning import Pattern, Scanner
from genaiops.domain import SEVERITY, Direction, GuardRule, GuardVersion, Operation
from genaiops.guard._asking import Asking, asking, check_asked, finds_places
from genaiops.guard._leading import Counts, counts_of
from genaiops.guard._naming import Naming, naming
from genaiops.guard._notes import Bound
from genaiops.guard._repeated import FindIndex, Repeated, repeated
from genaiops.guard._spotlight import Manner
from genaiops.guard._tables import (
    ENCODED,
    FAMILIES,
    check_control,
    encoded_of,
    looks_for_mixed,
    patterns_of,
    scanner_of,
    selects,
)
from genaiops.guard._tools import ARGUMENTS, ToolCheck, session_limits, tool_rules
from genaiops.guard._whole import Whole, appends, mends, tells, tries_of, whole_of

CLASSIFIERS: Final = frozenset({"injection", "toxicity", "language", "topics", "names"})
"""Detectors that ask a model."""
AFTER: Final = CLASSIFIERS
"""Detectors that work behind the answer unless their rule says otherwise: what they say costs time."""


class Tier:
    """All rules of one direction."""

    def __init__(self, bounds: tuple[Bound, ...], direction: Direction, find: FindIndex | None = None) -> None:
        """UsageError for options that are none. `find`: the indexes of documents that rules name."""
        self.direction: Direction = direction
        self.bounds = tuple(
            bound for bound in bounds if bound.rule.direction in (direction, "both") and not _after(bound.rule)
        )
        self.wholes: list[tuple[int, Whole]] = []
        self.asking: list[Asking] = []
        self.naming: list[Naming] = []
        self.control: list[int] = []
        self.repeated: list[Repeated] = []
        """Rules that look for documents."""
        self.counts: dict[int, Counts] = {}
        """Rules for which not every finding counts."""
        self.tools: list[int] = []
        patterns, rules = self._sort(find)
        self.rules = {each: tuple(dict.fromkeys(numbers)) for each, numbers in rules.items()}
        self.scanner: Scanner | None = None
        self.wanted: frozenset[int] = frozenset()
        """The numbers of the scanner's patterns that some rule looks for."""
        self.within: tuple[Scanner, frozenset[int]] | None = None
        """What is looked for in encoded runs."""
        if patterns:
            self._scan(patterns)
        self.mixed = any(looks_for_mixed(self.bounds[number].rule) for number in self.control)
        """Some rule looks for words of two scripts."""
        self.tries = {number: tries for number, _ in self.wholes if (tries := tries_of(self.bounds[number].rule))}
        """Rules for which the model may be asked for another answer, and how often."""
        self.waits = bool(self.asking or self.naming) or (direction == "out" and bool(self.tries))
        """Something has to be asked elsewhere before anything goes on."""
        self.whole = any(map(_needs_all, self.bounds)) or any(
            _changes(self.bounds[number].rule) for number, _ in self.wholes
        )
        """An answer has to be there as a whole before any of it may go out. Else what `asking` asks about goes out
        piece by piece."""
        self.closing = frozenset(number for number, _ in self.wholes if appends(self.bounds[number].rule))
        """Those that only add something to the end of a text."""
        self.holds = any(bound.rule.action == "hold" for bound in self.bounds)
        self.silent = not (self.scanner or self.control or self.repeated or self.wholes or self.waits or self.tools)

    def _sort(self, find: FindIndex | None) -> tuple[dict[Pattern, None], dict[tuple[str, str], list[int]]]:
        """Each rule to those of its kind; back come the patterns to scan for, and which rules ask for which."""
        patterns: dict[Pattern, None] = {}
        rules: dict[tuple[str, str], list[int]] = {}
        for number, (_, rule, tools) in enumerate(self.bounds):
            if tools is not None:
                self.tools.append(number)
            elif finds_places(rule):
                self.naming.append(naming(number, rule, self.direction))
            elif rule.detector in FAMILIES:
                self._count(number, rule)
                for pattern in patterns_of(rule):
                    patterns[pattern] = None
                    rules.setdefault((pattern.family, pattern.kind), []).append(number)
            elif rule.detector == "control":
                check_control(rule)
                self.control.append(number)
            elif rule.detector == "verbatim":
                self.repeated.append(repeated(number, rule, find))
            elif rule.detector in CLASSIFIERS:
                check_asked(rule)
                self.asking.append(asking(number, rule))
            else:
                self.wholes.append((number, whole_of(rule)))
        return patterns, rules

    @cached_property
    def tells(self) -> bool:
        """Clients are told something beside answers."""
        return any(tells(self.bounds[number].rule) for number, _ in self.wholes)

    @cached_property
    def plain(self) -> bool:
        """All that it does follows from what is found in texts by its form."""
        return not (self.repeated or self.wholes or self.waits or self.tools)

    def finds_nothing(self, text: str) -> bool:
        """Of a tier that is plain: in a text, or in several with BETWEEN between them."""
        if self.control and (invisible(text) or (self.mixed and mixed(text))):
            return False
        return self.scanner is None or not self.scanner.find(text, self.wanted)

    def _count(self, number: int, rule: GuardRule) -> None:
        counts = counts_of(rule) if rule.detector == "markup" else None
        if counts is not None:
            self.counts[number] = counts

    def _scan(self, patterns: Collection[Pattern]) -> None:
        own = tuple(pattern for pattern in patterns if pattern.family.startswith("words:"))
        self.scanner = scanner_of(own)
        self.wanted = frozenset(at for at, one in enumerate(self.scanner.patterns) if one in patterns)
        encoding = [number for number in self.control if selects(self.bounds[number].rule, ENCODED)]
        if not encoding:
            return
        self.within = self.scanner, frozenset(at for at in self.wanted if not self._excused(self.scanner.patterns[at]))
        runs = encoded_of(own)
        self.scanner = scanner_of((*own, *runs))
        self.wanted |= frozenset(range(len(self.scanner.patterns) - len(runs), len(self.scanner.patterns)))
        self.rules[runs[0].family, ENCODED] = tuple(encoding)

    def _excused(self, pattern: Pattern) -> bool:
        """A rule says of it that it is no finding."""
        return any(self.bounds[at].rule.action == "allow" for at in self.rules[pattern.family, pattern.kind])


class Program:
    """What several policies say together; immutable, shared by the calls that they hold for."""

    def __init__(self, versions: Sequence[GuardVersion], find: FindIndex | None = None) -> None:
        """As of Tier."""
        bounds = tuple(bound for one in versions for bound in _bounds(one))
        self.asked = Tier(bounds, "in", find)
        self.answered = Tier(bounds, "out", find)
        self.after = tuple(bound for bound in bounds if _after(bound.rule))
        """Rules that look at a call when it has ended."""
        for bound in self.after:
            check_asked(bound.rule)
        self.longest = min((one.policy.longest for one in versions if one.policy.longest), default=None)
        manners: list[Manner] = [one.policy.spotlight for one in versions if one.policy.spotlight != "off"]
        self.spotlight: Manner = manners[0] if manners else "off"
        self.limits = tuple(limits for one in versions if (limits := session_limits(one)) is not None)
        self.names = tuple(f"{one.name}@{one.digest}" for one in versions)
        self.digest = hashlib.blake2b(
            msgspec.json.encode([(one.name, one.digest) for one in versions]), digest_size=16
        ).hexdigest()
        self.silent = (
            self.asked.silent
            and self.answered.silent
            and not self.after
            and self.longest is None
            and self.spotlight == "off"
        )
        answered = self.answered
        self.plain = (
            self.asked.plain and self.spotlight == "off" and not (answered.wholes or answered.tools or answered.counts)
        )
        """Of what came in nothing need be known but that there is nothing to find in it."""
        self.judges = tuple((f"{policy}#{rule.id}", rule.sample) for policy, rule, _ in self.after)
        """Those of `after` by their names, and the share of calls that each looks at."""

    def concerns(self, operation: Operation) -> bool:
        return not self.silent and (operation != "video_job" or not self.answered.silent)


def _bounds(version: GuardVersion) -> Iterator[Bound]:
    name = f"{version.name}@{version.digest}"
    for rule in version.policy.rules:
        yield Bound(name, rule)
    tools = version.policy.tools
    if tools is not None:
        check = ToolCheck(tools)
        for rule in tool_rules(tools):
            yield Bound(name, rule, check)


def _changes(rule: GuardRule) -> bool:
    """Whether a rule that judges whole texts may stop or change one."""
    return SEVERITY[rule.action] > SEVERITY["flag"] or mends(rule)


def _needs_all(bound: Bound) -> bool:
    """Whether a rule that does not judge whole texts needs all of an answer, too."""
    if bound.rule.action == "hold" or (bound.rule.action == "replace" and bound.rule.detector in CLASSIFIERS):
        return True
    return bound.tools is not None and bound.tools.needs_arguments and bound.rule.id == ARGUMENTS


def shadowed(bounds: Sequence[Bound], draw: Callable[[], float]) -> frozenset[int]:
    """The rules that only note for this call."""
    return frozenset(number for number, (_, rule, _) in enumerate(bounds) if rule.shadow and draw() < rule.shadow)


def _after(rule: GuardRule) -> bool:
    return rule.when == "after" or (rule.when is None and rule.detector in AFTER and SEVERITY[rule.action] <= 1)


__all__ = ["AFTER", "CLASSIFIERS", "Asking", "Program", "Tier", "shadowed"]
