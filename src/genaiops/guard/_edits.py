"""From a finding to what follows: which rules it counts for, and what stands there instead."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from genaiops.domain import SEVERITY, Finding
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._tables import selects
from genaiops.guard._tools import ARGUMENTS, LISTED, UNTRUSTED, ToolCall, ToolCheck
from genaiops.guard._vault import Vault
from genaiops.guard.surfaces import Part, says


class Editor:
    """Of one call in one direction."""

    __slots__ = ("_notes", "_tier", "_vault")

    def __init__(self, tier: Tier, notes: Notes, vault: Vault) -> None:
        self._tier = tier
        self._notes = notes
        self._vault = vault

    def judge(self, finding: Finding, value: str, part: Part) -> str | None:
        """What stands for the value from now on; None: it stays. The finding is noted."""
        tier, notes = self._tier, self._notes
        numbers = [
            number
            for number in tier.rules.get((finding.family, finding.kind), ())
            if _concerns(tier.bounds[number].rule.provenance, part)
        ]
        if any(tier.bounds[number].rule.action == "allow" and notes.enforced(number) for number in numbers):
            return None
        hidden = None
        for number in numbers:
            rule = tier.bounds[number].rule
            notes.add(number, finding.kind, provenance=part.provenance, place=self._place(part))
            if rule.action == "redact" and notes.enforced(number):
                reversible = rule.reversible and tier.direction == "in"
                hidden = self._vault.hide(value, finding.kind, reversible=reversible)
        return hidden

    def _place(self, part: Part) -> str:
        """Where it was found. A name of a field that is a finding itself is not told: events are kept."""
        scanner, wanted = self._tier.scanner, self._tier.wanted
        assert scanner is not None
        steps = ["*" if isinstance(one, str) and says(one) and scanner.find(one, wanted) else one for one in part.path]
        return part.place if tuple(steps) == part.path else replace(part, path=tuple(steps)).place

    def takes_out(self, findings: Sequence[Finding], part: Part) -> bool:
        """Whether what nobody sees has to go. It is noted."""
        redacts = False
        for number in self._tier.invisible:
            rule = self._tier.bounds[number].rule
            if not _concerns(rule.provenance, part):
                continue
            for each in findings:
                if selects(rule, each.kind):
                    place = self._place(part) if self._tier.scanner is not None else part.place
                    self._notes.add(number, each.kind, provenance=part.provenance, place=place)
                    redacts |= rule.action == "redact" and self._notes.enforced(number)
        return redacts


def _concerns(provenance: tuple[str, ...], part: Part) -> bool:
    return not provenance or part.provenance in provenance


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
