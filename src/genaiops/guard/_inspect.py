"""A document under the rules of one direction: what is found in its parts, and their texts without what has to go."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from genaiops.checks.control import invisible, mixed
from genaiops.checks.scanning import Stream
from genaiops.domain import Finding
from genaiops.guard._edits import Edit, Editor
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._whole import Situation, judge_whole
from genaiops.guard.surfaces import Document, Part

_BETWEEN: Final = "\n\x00\n"
"""Between texts that have nothing to do with each other: no pattern reaches over it."""
_STEP: Final = 8192
"""Characters that are looked at at once."""


class Inspection:
    """`texts`: part -> what it says now, of those that changed."""

    __slots__ = ("_editor", "_edits", "_situation", "_tier", "notes", "texts")

    def __init__(self, tier: Tier, notes: Notes, editor: Editor, situation: Situation) -> None:
        self._tier = tier
        self._situation = situation
        self._editor = editor
        self._edits: dict[int, list[Edit]] = {}
        self.notes = notes
        self.texts: dict[int, str] = {}

    def look(self, document: Document) -> None:
        began = self.notes.begin()
        if self._tier.scanner is not None:
            layout = Layout(document)
            self._find(layout, self._tier.scanner.find(layout.text, self._tier.wanted))
        self._rest(document)
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
        self._rest(document)
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

    def _rest(self, document: Document) -> None:
        """Everything besides patterns; then the edits are made."""
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
            pieces += (part.text, _BETWEEN)
            at += len(part.text) + len(_BETWEEN)
        self.apart = at
        """From here on the joined texts."""
        for group in document.joined():
            for number in group:
                self._starts.append(at)
                self._numbers.append(number)
                pieces.append(self.parts[number].text)
                at += len(self.parts[number].text)
            pieces.append(_BETWEEN)
            at += len(_BETWEEN)
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
