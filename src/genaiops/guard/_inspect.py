"""A document under the rules of one direction: what is found in its parts, and their texts without what has to go."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from genaiops.checks.control import invisible, mixed
from genaiops.checks.scanning import Stream
from genaiops.checks.verbatim import Following, Repeat
from genaiops.domain import Finding
from genaiops.guard._edits import Edit, Editor
from genaiops.guard._naming import Named
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._repeated import Repeated
from genaiops.guard._repeats import Watch, cut, note_runs
from genaiops.guard._whole import Situation, judge_whole
from genaiops.guard.surfaces import BETWEEN, Document, Part

_STEP: Final = 8192
"""Characters that are looked at at once."""


class Inspection:
    """`texts`: part -> what it says now, of those that changed. `named`: names that were found before it looks."""

    __slots__ = ("_editor", "_edits", "_situation", "_tier", "named", "notes", "texts")

    def __init__(self, tier: Tier, notes: Notes, editor: Editor, situation: Situation) -> None:
        self._tier = tier
        self._situation = situation
        self._editor = editor
        self._edits: dict[int, list[Edit]] = {}
        self.notes = notes
        self.named: Named = {}
        self.texts: dict[int, str] = {}

    def look(self, document: Document) -> None:
        began = self.notes.begin()
        if self._tier.scanner is not None:
            layout = Layout(document)
            self._find(layout, self._tier.scanner.find(layout.text, self._tier.wanted))
        self._clean(document)
        for _ in self._repeats(document):
            pass
        self._wholes(document)
        self.notes.end(began)

    async def look_in_steps(self, document: Document) -> None:
        """The same, with pauses for others."""
        scanner = self._tier.scanner
        if scanner is not None:
            layout, stream, offset = Layout(document), Stream(scanner, self._tier.wanted), 0
            for begin in range(0, len(layout.text) + 1, _STEP):
                began = self.notes.begin()
                piece, found = stream.feed(layout.text[begin : begin + _STEP])
                self._find(layout, found, offset)
                offset += len(piece)
                self.notes.end(began)
                await asyncio.sleep(0)
            self._find(layout, stream.end()[1], offset)
        began = self.notes.begin()
        self._clean(document)
        for _ in self._repeats(document):
            self.notes.end(began)
            await asyncio.sleep(0)
            began = self.notes.begin()
        self._wholes(document)
        self.notes.end(began)

    def _find(self, layout: "Layout", findings: Iterable[Finding], offset: int = 0) -> None:
        for each in findings:
            begin, end = each.start + offset, each.end + offset
            pieces = list(layout.pieces(begin, end))
            if begin >= layout.apart and len(pieces) < 2:
                continue  # it was found in its part already
            number = pieces[0][0]
            for first, last, instead in self._editor.judge(each, layout.text[begin:end], layout.parts[number]):
                for later, start, stop in layout.pieces(begin + first, begin + last):
                    self._edits.setdefault(later, []).append((start, stop, instead))
                    instead = ""

    def _clean(self, document: Document) -> None:
        """Names, and what nobody sees; then the edits are made."""
        for at, names in self.named.items():
            part, edits = document.parts[at], apart(self._edits.get(at, []))
            for number, finding in names:
                free = [(start, end) for start, end, _ in outside((finding,), edits)]
                edits = sorted([*edits, *self._editor.named(number, finding, free, part)])
            self._edits[at] = edits
        for number, part in enumerate(document.parts):
            if self._tier.control and not part.text.isascii():
                found = self._editor.takes_out(invisible(part.text), part)
                if found:
                    edits = apart(self._edits.get(number, []))
                    self._edits[number] = edits + list(outside(found, edits))
                words = mixed(part.text) if self._tier.mixed else ()
                if words:
                    self._editor.mixed(len(words), part)
        for number, edits in self._edits.items():
            self.texts[number] = edited(document.parts[number].text, apart(edits))

    def _repeats(self, document: Document) -> Iterator[None]:
        """What repeats documents, in what is left; in steps."""
        rules = self._tier.repeated
        if not rules:
            return
        for at in range(len(document.parts)):
            part = self._now(document, at)
            watch, left = Watch(rules, self.notes, self._editor, part), list[str]()
            for begin in range(0, len(part.text), _STEP):
                left.append(watch.feed(part.text[begin : begin + _STEP]))
                if begin + _STEP < len(part.text):
                    yield
            text = "".join((*left, watch.end()))
            if text != part.text:
                self.texts[at] = text
        for group in document.joined():
            yield from self._across(document, group)

    def _across(self, document: Document, group: Sequence[int]) -> Iterator[None]:
        """Runs that begin in one part and end in another of those that are read as one."""
        for rule in self._tier.repeated:
            parts = [self._now(document, at) for at in group]
            if all(map(rule.concerns, parts)):
                for following in rule.follow():
                    yield from self._run_across(rule, following, group, parts)

    def _run_across(
        self, rule: Repeated, following: Following, group: Sequence[int], parts: Sequence[Part]
    ) -> Iterator[None]:
        text, starts = "\n".join(part.text for part in parts), [0]
        for part in parts:
            starts.append(starts[-1] + len(part.text) + 1)
        runs, done = list[Repeat](), 0
        for begin in range(0, len(text), _STEP):
            released, found = following.feed(text[begin : begin + _STEP])
            runs += (each._replace(start=each.start + done, end=each.end + done) for each in found)
            done += len(released)
            yield
        runs += (each._replace(start=each.start + done, end=each.end + done) for each in following.end()[1])
        runs = [each for each in runs if bisect_right(starts, each.start) != bisect_right(starts, each.end - 1)]
        note_runs(self.notes, rule.number, runs, parts[0].provenance, self._editor.place(parts[0]) if runs else "")
        if not runs or rule.rule.action != "redact" or not self.notes.enforced(rule.number):
            return
        edits = cut(text, runs, self._editor, rule.rule)
        for at, part, start in zip(group, parts, starts, strict=False):
            inside = [
                (max(first - start, 0), min(last - start, len(part.text)), instead if first >= start else "")
                for first, last, instead in edits
                if first < start + len(part.text) and last > start
            ]
            if inside:
                self.texts[at] = edited(part.text, inside)

    def _wholes(self, document: Document) -> None:
        for number, whole in self._tier.wholes:
            bound = self._tier.bounds[number]
            places = [at for at, part in enumerate(document.parts) if bound.concerns(part)]
            parts = [self._now(document, at) for at in places]
            for at, text in judge_whole(self.notes, number, whole, parts, self._situation).items():
                self.texts[places[at]] = text

    def parts(self, document: Document) -> list[Part]:
        """All of them as they are by now."""
        return [self._now(document, at) for at in range(len(document.parts))]

    def _now(self, document: Document, at: int) -> Part:
        """A part as it is by now."""
        part = document.parts[at]
        return replace(part, text=self.texts[at]) if at in self.texts else part


class Layout:
    """All parts of a document as one text: each by itself, then once more those that are read as one, side by side."""

    __slots__ = ("_numbers", "_starts", "apart", "parts", "text")

    def __init__(self, document: Document) -> None:
        self.parts: Sequence[Part] = document.parts
        self._starts: list[int] = []
        self._numbers: list[int] = []
        pieces: list[str] = []
        at = 0
        for number, part in enumerate(self.parts):
            self._starts.append(at)
            self._numbers.append(number)
            pieces += (part.text, BETWEEN)
            at += len(part.text) + len(BETWEEN)
        self.apart = at
        """From here on the joined texts."""
        for group in document.joined():
            for number in group:
                self._starts.append(at)
                self._numbers.append(number)
                pieces.append(self.parts[number].text)
                at += len(self.parts[number].text)
            pieces.append(BETWEEN)
            at += len(BETWEEN)
        self.text = "".join(pieces)

    def pieces(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(part, from, to) of the parts that a stretch of the text lies in; at least one."""
        at = bisect_right(self._starts, begin) - 1
        while at < len(self._starts) and self._starts[at] < end:
            number, start = self._numbers[at], self._starts[at]
            length = len(self.parts[number].text)
            if begin < start + length:
                yield number, max(0, begin - start), min(length, end - start)
            at += 1


def edited(text: str, edits: Iterable[Edit]) -> str:
    """With these stretches replaced, which are in order and do not overlap."""
    pieces: list[str] = []
    done = 0
    for start, end, instead in edits:
        pieces += (text[done:start], instead)
        done = end
    return "".join((*pieces, text[done:]))


def apart(edits: Iterable[Edit]) -> list[Edit]:
    """In order; those that overlap become one that stands for all of them."""
    kept: list[Edit] = []
    for start, end, instead in sorted(edits):
        if kept and start < kept[-1][1]:
            before, reach, said = kept[-1]
            kept[-1] = (before, max(reach, end), said)
        else:
            kept.append((start, end, instead))
    return kept


def outside(findings: Iterable[Finding], edits: Sequence[Edit]) -> Iterator[Edit]:
    """Cuts of what of the findings no edit replaces; edits are in order and do not overlap."""
    for each in findings:
        start = each.start
        for begin, end, _ in edits:
            if begin < each.end and start < end:
                if start < begin:
                    yield start, begin, ""
                start = end
        if start < each.end:
            yield start, each.end, ""
