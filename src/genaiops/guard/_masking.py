"""One text of a stream: what is found in it as it comes, and what of it may go out."""

from collections.abc import Callable

from msgspec.structs import replace

from genaiops.checks.control_stream import InvisibleStream, MixedStream, Unseen
from genaiops.checks.scanning import Stream
from genaiops.domain import Finding
from genaiops.guard._edits import Edit, Editor
from genaiops.guard._inspect import apart, edited, outside
from genaiops.guard._program import Tier
from genaiops.guard._repeats import Watch
from genaiops.guard._windows import Windows
from genaiops.guard.surfaces import Part

_MOST_TEXT = 4 << 20


class Masking:
    """One text of the answer. Places in `_cuts` count from the beginning of what is released next. `windows` hear what
    goes out; `more` says what is added when the text has ended."""

    __slots__ = (
        "_cuts",
        "_editor",
        "_mixed",
        "_more",
        "_part",
        "_size",
        "_stream",
        "_texts",
        "_tier",
        "_unseen",
        "_watch",
        "_windows",
    )

    def __init__(
        self,
        tier: Tier,
        editor: Editor,
        part: Part,
        windows: Windows | None = None,
        more: Callable[[Part], str] | None = None,
    ) -> None:
        self._windows = windows
        self._more = more
        self._tier = tier
        self._editor = editor
        self._part = part
        self._stream = Stream(tier.scanner, tier.wanted) if tier.scanner is not None else None
        self._unseen = InvisibleStream() if tier.control else None
        self._mixed = MixedStream() if tier.mixed else None
        self._watch = Watch(tier.repeated, editor.notes, editor, part) if tier.repeated else None
        self._cuts: list[Finding] = []
        self._texts: list[str] | None = [] if tier.wholes or tier.holds else None
        self._size = 0

    def feed(self, text: str) -> str:
        out = self._cleaned(text)
        return self._heard(out if self._watch is None else self._watch.feed(out))

    def end(self) -> str:
        out = self._rest()
        rest = self._heard(out if self._watch is None else self._watch.feed(out) + self._watch.end())
        added = self._more(self.part()) if self._more is not None else ""
        return rest + self._heard(added)

    def _cleaned(self, text: str) -> str:
        if self._mixed is not None:
            words = self._mixed.feed(text)
            if words:
                self._editor.mixed(words, self._part)
        if self._unseen is not None:
            text = self._seen(self._unseen.feed(text))
        if self._stream is None:
            return self._out(text, [])
        released, found = self._stream.feed(text)
        return self._out(released, self._edits(released, found))

    def _rest(self) -> str:
        text = "" if self._unseen is None else self._seen(self._unseen.end())
        if self._stream is None:
            return self._out(text, [])
        before, found = self._stream.feed(text) if text else ("", [])
        out = self._out(before, self._edits(before, found))
        released, found = self._stream.end()
        return out + self._out(released, self._edits(released, found))

    def part(self) -> Part:
        return Part("".join(self._texts or ()), self._part.provenance, self._part.path, self._part.tool)

    def _seen(self, unseen: Unseen) -> str:
        if unseen.found or unseen.more:
            shift = 0 if self._stream is None else self._stream.held
            gone = [each for each in unseen.more if self._editor.goes(each, self._part)]
            gone += self._editor.takes_out(unseen.found, self._part)
            self._cuts += [replace(each, start=each.start + shift, end=each.end + shift) for each in gone]
        return unseen.text

    def _edits(self, text: str, found: list[Finding]) -> list[Edit]:
        return apart(
            (each.start + first, each.start + last, instead)
            for each in found
            for first, last, instead in self._editor.judge(each, text[each.start : each.end], self._part)
        )

    def _out(self, text: str, edits: list[Edit]) -> str:
        if self._cuts:
            size = len(text)
            now = [replace(each, end=min(each.end, size)) for each in self._cuts if each.start < size]
            self._cuts = [
                replace(each, start=max(0, each.start - size), end=each.end - size)
                for each in self._cuts
                if each.end > size
            ]
            edits = sorted([*edits, *outside(now, edits)])
        return edited(text, edits) if edits else text

    def _heard(self, text: str) -> str:
        """What goes out is noted as such."""
        if self._windows is not None:
            self._windows.hear(self._part, text)
        if self._texts is not None and self._size < _MOST_TEXT:
            self._texts.append(text)
            self._size += len(text)
        return text
