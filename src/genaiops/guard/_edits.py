"""From a finding to what follows: which rules it counts for, and what stands there instead."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from genaiops.checks.control import inside
from genaiops.checks.scanning import Scanner
from genaiops.domain import SEVERITY, Finding, GuardRule
from genaiops.guard._leading import around_label
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._tables import ENCODED, HOMOGLYPHS, looks_for_mixed, selects
from genaiops.guard._tools import ARGUMENTS, LISTED, UNTRUSTED, ToolCall, ToolCheck
from genaiops.guard._vault import Vault
from genaiops.guard.surfaces import Part, says

Edit = tuple[int, int, str]
"""From, up to, and what stands there instead."""


class Editor:
    """Of one call in one direction."""

    __slots__ = ("_known", "_tier", "_vault", "notes")

    def __init__(self, tier: Tier, notes: Notes, vault: Vault, known: frozenset[str] = frozenset()) -> None:
        """`known`: words of the conversation."""
        self._known = known
        self._tier = tier
        self.notes = notes
        self._vault = vault

    def judge(self, finding: Finding, value: str, part: Part) -> Sequence[Edit]:
        """What becomes of the value, by its own characters; empty: it stays. The finding is noted."""
        tier, notes = self._tier, self.notes
        numbers = [
            number
            for number in tier.rules.get((finding.family, finding.kind), ())
            if tier.bounds[number].concerns(part)
        ]
        if finding.kind == ENCODED and tier.within is not None and not _holds(value, *tier.within):
            return ()
        if tier.counts:
            numbers = [number for number in numbers if self._counts(number, finding, value)]
        if any(tier.bounds[number].rule.action == "allow" and notes.enforced(number) for number in numbers):
            return ()
        edits: Sequence[Edit] = ()
        place = self.place(part) if numbers else ""
        for number in numbers:
            rule = tier.bounds[number].rule
            notes.add(number, finding.kind, provenance=part.provenance, place=place)
            if rule.action == "redact" and notes.enforced(number):
                back = self._goes_back(rule)
                edits = around_label(value) if finding.family == "markup" and not back else ()
                edits = edits or ((0, len(value), self.hide(value, finding.kind, rule)),)
        return edits

    def named(self, number: int, finding: Finding, free: Iterable[tuple[int, int]], part: Part) -> list[Edit]:
        """What becomes of a name. It is noted. `free`: the stretches of it that nothing else replaces."""
        rule = self._tier.bounds[number].rule
        self.notes.add(number, finding.kind, provenance=part.provenance, place=self.place(part))
        if rule.action != "redact" or not self.notes.enforced(number):
            return []
        values = [(start, end, part.text[start:end]) for start, end in free]
        return [
            (start, end, self.hide(value, finding.kind, rule))
            for start, end, value in values
            if any(map(str.isalnum, value))
        ]

    def hide(self, value: str, kind: str, rule: GuardRule) -> str:
        """What stands instead of a value that a rule redacts."""
        return self._vault.hide(value, kind, reversible=self._goes_back(rule))

    def _goes_back(self, rule: GuardRule) -> bool:
        return rule.reversible and self._tier.direction == "in"

    def place(self, part: Part) -> str:
        """Where it was found. A name of a field that is a finding itself is not told: events are kept."""
        scanner, wanted = self._tier.scanner, self._tier.wanted
        if scanner is None:
            return part.place
        steps = ["*" if isinstance(one, str) and says(one) and scanner.find(one, wanted) else one for one in part.path]
        return part.place if tuple(steps) == part.path else replace(part, path=tuple(steps)).place

    def _counts(self, number: int, finding: Finding, value: str) -> bool:
        counts = self._tier.counts.get(number)
        return counts is None or counts(finding, value, self._known)

    def takes_out(self, findings: Sequence[Finding], part: Part) -> list[Finding]:
        """Which of what nobody sees has to go. All of it is noted."""
        for rule, number in self._control(part):
            for each in findings:
                if selects(rule, each.kind):
                    self.notes.add(number, each.kind, provenance=part.provenance, place=self.place(part))
        return [each for each in findings if self.goes(each, part)]

    def goes(self, finding: Finding, part: Part) -> bool:
        """Whether it has to go. Nothing is noted."""
        return any(
            rule.action == "redact" and self.notes.enforced(number) and selects(rule, finding.kind)
            for rule, number in self._control(part)
        )

    def mixed(self, count: int, part: Part) -> None:
        """So many words of two scripts, noted."""
        for rule, number in self._control(part):
            if looks_for_mixed(rule):
                self.notes.add(number, HOMOGLYPHS, count, provenance=part.provenance, place=self.place(part))

    def _control(self, part: Part) -> Iterator[tuple[GuardRule, int]]:
        for number in self._tier.control:
            bound = self._tier.bounds[number]
            if bound.concerns(part):
                yield bound.rule, number


def _holds(value: str, scanner: Scanner, wanted: frozenset[int]) -> bool:
    return bool(inside(value, scanner, wanted=wanted))


def severe(notes: Notes) -> bool:
    """Whether what was found stops the text."""
    return SEVERITY[notes.action] > SEVERITY["redact"]


def judge_calls(tier: Tier, notes: Notes, calls: Iterable[ToolCall], *, tainted: bool) -> None:
    """Calls of tools by their names, noted. `tainted`: untrusted text is in the context."""
    for call in calls:
        for number, check, rule in _tool_rules(tier):
            if rule == LISTED and not check.allows(call.name):
                notes.add(number, "tool_not_allowed", provenance="tool_arguments", place=call.name[:64])
            elif rule == UNTRUSTED and tainted and check.sends(call.name):
                notes.add(number, "tool_sends_after_untrusted", provenance="tool_arguments", place=call.name[:64])


def judge_arguments(tier: Tier, notes: Notes, calls: Iterable[ToolCall]) -> None:
    """Calls of tools by their arguments, which are all there."""
    for call in calls:
        for number, check, rule in _tool_rules(tier):
            if rule == ARGUMENTS and check.wrong(call.name, call.arguments) is not None:
                notes.add(number, "tool_arguments", provenance="tool_arguments", place=call.name[:64])


def _tool_rules(tier: Tier) -> Iterator[tuple[int, ToolCheck, str]]:
    for number in tier.tools:
        bound = tier.bounds[number]
        assert bound.tools is not None
        yield number, bound.tools, bound.rule.id
