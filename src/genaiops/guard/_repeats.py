"""Runs of words of documents, in whole texts and in those that come piece by piece.

They are looked for in what other rules have left of a text, so that nothing is cut out twice.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from genaiops.checks.verbatim import Following, Repeat
from genaiops.domain import SEVERITY, GuardRule
from genaiops.guard._edits import Edit, Editor
from genaiops.guard._notes import Notes
from genaiops.guard._repeated import Repeated
from genaiops.guard.surfaces import Part

_MARKER: Final = "document"


class Watch:
    """Of one text. Rules that take out or stop hold back what may yet become a run; those that flag hold nothing."""

    def __init__(self, rules: Sequence[Repeated], notes: Notes, editor: Editor, part: Part) -> None:
        self._notes = notes
        self._editor = editor
        self._part = part
        self._links = [_Link(one, each, notes) for one in rules if one.concerns(part) for each in one.follow()]

    def feed(self, text: str) -> str:
        for link in self._links:
            text = self._pass(link, text, *link.following.feed(text)) if text else ""
        return text

    def end(self) -> str:
        """The rest."""
        out = ""
        for link in self._links:
            before = self._pass(link, out, *link.following.feed(out)) if out else ""
            out = before + self._pass(link, "", *link.following.end())
        return out

    def _pass(self, link: "_Link", given: str, released: str, runs: list[Repeat]) -> str:
        self._note(link, runs)
        if not link.holds:
            return given
        if link.stops:
            self._note(link, link.following.certain())
        if link.rule.action != "redact":
            return released
        return "".join(_without(released, runs, self._editor, link.rule))

    def _note(self, link: "_Link", runs: Sequence[Repeat]) -> None:
        if link.told and link.stops:
            return
        link.told = bool(runs)
        note_runs(self._notes, link.number, runs, self._part.provenance, self._editor.place(self._part) if runs else "")


class _Link:
    """One index of one rule."""

    __slots__ = ("following", "holds", "number", "rule", "stops", "told")

    def __init__(self, one: Repeated, following: Following, notes: Notes) -> None:
        self.number = one.number
        self.rule = one.rule
        self.following = following
        enforced = notes.enforced(one.number)
        self.holds = enforced and SEVERITY[one.rule.action] > SEVERITY["flag"]
        self.stops = enforced and one.rule.action in ("replace", "block")
        self.told = False


def note_runs(notes: Notes, number: int, runs: Sequence[Repeat], provenance: str, place: str) -> None:
    """The documents, how many runs of each, and the words of the longest."""
    for each in runs:
        notes.add(number, each.document, provenance=provenance, place=place, score=float(each.words))


def stretches(runs: Sequence[Repeat]) -> list[tuple[int, int]]:
    """Where runs stand; those that overlap as one. They are in order."""
    found: list[tuple[int, int]] = []
    for each in runs:
        if found and each.start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], each.end))
        else:
            found.append((each.start, each.end))
    return found


def cut(text: str, runs: Sequence[Repeat], editor: Editor, rule: GuardRule) -> list[Edit]:
    """What stands there instead."""
    return [(start, end, editor.hide(text[start:end], _MARKER, rule)) for start, end in stretches(runs)]


def _without(text: str, runs: Sequence[Repeat], editor: Editor, rule: GuardRule) -> Iterator[str]:
    done = 0
    for start, end, instead in cut(text, runs, editor, rule):
        yield text[done:start]
        yield instead
        done = end
    yield text[done:]
