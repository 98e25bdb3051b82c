"""An answer that comes as a stream of events: each text in it is held back only while it may yet become a finding.

Where a rule that judges whole texts may stop the answer, nothing of it goes out before it is there as a whole.
"""

from typing import Final

from msgspec.structs import replace

from genaiops.checks.control_stream import InvisibleStream, MixedStream, Unseen
from genaiops.checks.scanning import Stream
from genaiops.domain import Finding, GuardEvent, Provenance
from genaiops.guard._edits import Edit, Editor, judge_arguments, judge_calls, severe
from genaiops.guard._held import held
from genaiops.guard._inspect import apart, edited, outside
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._repeats import Watch
from genaiops.guard._tools import Calling
from genaiops.guard._vault import Restoring, Vault
from genaiops.guard._whole import Situation, judge_whole
from genaiops.guard.surfaces import Part, Rewriter
from genaiops.ports.guard import Blocked, Guarded, Withheld

MOST_KEPT: Final = 4 << 20
"""Bytes of a stream that are kept for its record."""
_MOST_TEXT: Final = 4 << 20


class AnswerStream:
    """See ports.guard.StreamGuard."""

    # size: a stream stands between six things of its call
    def __init__(
        self,
        call: Guarded,
        tier: Tier,
        notes: Notes,
        vault: Vault,
        events: list[GuardEvent],
        situation: Situation,
        *,
        tainted: bool,
    ) -> None:
        self._tier = tier
        self._tainted = tainted
        self._situation = situation
        self._calls = Calling()
        self._notes = notes
        self._events = events
        self._editor = Editor(tier, notes, vault, situation.words)
        self._channels: list[_Masking] = []
        self._masking = Rewriter(call.operation, call.dialect, self._open)
        self._restoring = (
            Rewriter(call.operation, call.dialect, lambda provenance, tool, key: Restoring(vault))  # noqa: ARG005
            if vault.reversible
            else None
        )
        self._kept: list[bytes] = []
        self._size = 0
        self._closed = False
        self._waiting: list[bytes] | None = [] if tier.whole else None

    def _open(self, provenance: Provenance, tool: str, key: str) -> "_Masking":
        channel = _Masking(self._tier, self._editor, Part("", provenance, (key,), tool))
        self._channels.append(channel)
        return channel

    def feed(self, data: bytes) -> bytes:
        began = self._notes.begin()
        out = self._masking.feed(data)
        if self._tier.tools:
            judge_calls(self._tier, self._notes, self._calls.feed(data), tainted=self._tainted)
        self._notes.end(began)
        self._check()
        self._keep(out)
        if self._waiting is not None:
            self._waiting.append(out)
            return b""
        return out if self._restoring is None else self._restoring.feed(out)

    def end(self) -> bytes:
        began = self._notes.begin()
        out = self._masking.end()
        self._judge()
        self._notes.end(began)
        self._check()
        self._keep(out)
        if self._waiting is not None:
            out, self._waiting = b"".join((*self._waiting, out)), None
        if self._restoring is not None:
            out = self._restoring.feed(out) + self._restoring.end()
        self.close()
        if self._notes.action == "hold":
            raise Withheld(held(self._notes, self._tier, out, [channel.part() for channel in self._channels]))
        return out

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._events += self._notes.events()

    def _judge(self) -> None:
        parts = [channel.part() for channel in self._channels] if self._tier.wholes else []
        judge_arguments(self._tier, self._notes, self._calls.made())
        for number, whole in self._tier.wholes:
            bound = self._tier.bounds[number]
            concerned = [one for one in parts if bound.concerns(one)]
            judge_whole(self._notes, number, whole, concerned, self._situation)

    def _check(self) -> None:
        if severe(self._notes) and self._notes.action != "hold":  # that is decided when all of it is there
            self.close()
            raise Blocked(self._notes.action, self._notes.rule, self._notes.message)

    def _keep(self, out: bytes) -> None:
        if self._size < MOST_KEPT:
            self._kept.append(out)
        self._size += len(out)

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size >= MOST_KEPT


class _Masking:
    """One text of the answer. Places in `_cuts` count from the beginning of what is released next."""

    __slots__ = ("_cuts", "_editor", "_mixed", "_part", "_size", "_stream", "_texts", "_tier", "_unseen", "_watch")

    def __init__(self, tier: Tier, editor: Editor, part: Part) -> None:
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
        return self._kept(out if self._watch is None else self._watch.feed(out))

    def end(self) -> str:
        out = self._cleaned_end()
        return self._kept(out if self._watch is None else self._watch.feed(out) + self._watch.end())

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

    def _cleaned_end(self) -> str:
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
        if edits:
            text = edited(text, edits)
        return text

    def _kept(self, text: str) -> str:
        if self._texts is not None and self._size < _MOST_TEXT:
            self._texts.append(text)
            self._size += len(text)
        return text
