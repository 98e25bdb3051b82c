"""An answer that comes as a stream of events: each text in it is held back only while it may yet become a finding.

Where a rule that judges whole texts may stop or change the answer, nothing of it goes out before all of it is there.
Where a classifier is asked about it, it goes out piece by piece, each when it was looked at (see `_windows`).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from genaiops.core.errors import UpstreamError
from genaiops.domain import GuardEvent, Provenance
from genaiops.guard._asking import ask_of_answer
from genaiops.guard._edits import Editor, judge_arguments, judge_calls, severe
from genaiops.guard._held import held
from genaiops.guard._masking import Masking
from genaiops.guard._mending import heard, saying
from genaiops.guard._notes import Notes
from genaiops.guard._program import Tier
from genaiops.guard._telling import Telling, restored
from genaiops.guard._tools import Calling
from genaiops.guard._vault import Restoring, Vault
from genaiops.guard._whole import Situation, judge_whole
from genaiops.guard._windows import Windows
from genaiops.guard.surfaces import Part, Rewriter, Splitter
from genaiops.ports.classifiers import FindClassifiers
from genaiops.ports.guard import Again, Blocked, Guarded, Ruling, Support, Withheld

MOST_KEPT: Final = 4 << 20
"""Bytes of a stream that are kept for its record."""
_MOST_WAITING: Final = 16 << 20
"""Bytes of an answer that waits until it is whole."""


class Setting(NamedTuple):
    """What a stream stands between. `tries`: how often the model may still be asked for another answer, by the numbers
    of the rules that want one; `events` gets what was said."""

    call: Guarded
    tier: Tier
    notes: Notes
    vault: Vault
    events: list[GuardEvent]
    situation: Situation
    tainted: bool
    classifiers: FindClassifiers | None
    tries: dict[int, int]


class AnswerStream:
    """See ports.guard.StreamGuard."""

    def __init__(self, setting: Setting) -> None:
        call, tier, vault = setting.call, setting.tier, setting.vault
        self._setting = setting
        self._tier = tier
        self._notes = setting.notes
        self._calls = Calling()
        self._editor = Editor(tier, setting.notes, vault, setting.situation.words)
        self._channels: list[Masking] = []
        self._waiting: list[bytes] | None = [] if tier.whole else None
        self._splitter = Splitter()
        self._windows = Windows() if tier.asking and not tier.whole else None
        self._judged: set[int] = set()
        self._masking = Rewriter(call.operation, call.dialect, self._open, self._open_growing)
        self._restoring = (
            Rewriter(call.operation, call.dialect, lambda provenance, tool, key: Restoring(vault))  # noqa: ARG005
            if vault.reversible
            else None
        )
        self._telling = Telling(call.dialect, self._support) if tier.tells else None
        self._kept: list[bytes] = []
        self._size = 0
        self._closed = False

    def _open(self, provenance: Provenance, tool: str, key: str) -> Masking:
        channel = Masking(self._tier, self._editor, Part("", provenance, (key,), tool), self._windows)
        self._channels.append(channel)
        return channel

    def _open_growing(self, provenance: Provenance, tool: str, key: str) -> Masking:
        more = self._more if self._tier.closing and self._waiting is None and provenance == "model_output" else None
        channel = Masking(self._tier, self._editor, Part("", provenance, (key,), tool), self._windows, more)
        self._channels.append(channel)
        return channel

    @property
    def waits(self) -> bool:
        return self._tier.waits

    @property
    def due(self) -> bool:
        return self._windows is not None and self._windows.due

    def feed(self, data: bytes) -> bytes:
        if self._windows is not None:
            return b"".join([self._fed(event) for event in self._splitter.feed(data)])
        return self._fed(data)

    def _fed(self, data: bytes) -> bytes:
        began = self._notes.begin()
        out = self._masking.feed(data)
        if self._tier.tools:
            judge_calls(self._tier, self._notes, self._calls.feed(data), tainted=self._setting.tainted)
        self._notes.end(began)
        self._check()
        if self._waiting is None:
            return self._release(out if self._windows is None else self._windows.hold(out))
        self._waiting.append(out)
        self._size += len(out)
        if self._size > _MOST_WAITING:
            raise UpstreamError(
                f"its answer has to be looked at as a whole, and is larger than {_MOST_WAITING >> 20} MiB.",
                code="upstream_too_large",
            )
        return b""

    async def wait(self) -> bytes:
        assert self._windows is not None
        waiting = self._windows.take()
        if waiting is None:
            return b""
        await self._ask(waiting[0])
        return self._release(waiting[1])

    def end(self) -> bytes:
        out = self._last()
        if self._waiting is not None:
            out = b"".join((*self._waiting, out))
            return self._whole(out, self._heard(out))
        self._judge()
        return self._end(out)

    async def wait_end(self) -> bytes:
        out = self._last()
        if self._waiting is not None:
            out = b"".join((*self._waiting, out))
            parts = self._heard(out)
            await self._ask_of(parts, whole=True)
            return self._whole(out, parts)
        if self._windows is not None:
            out = await self._rest(self._windows, out)
        self._judge()
        return self._end(out)

    async def _rest(self, windows: Windows, out: bytes) -> bytes:
        """All that waits, with the last of it."""
        pieces = [windows.hold(out)]
        while (waiting := windows.take()) is not None:
            await self._ask(waiting[0])
            pieces.append(waiting[1])
        return b"".join(pieces)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._setting.events.extend(self._notes.events())

    async def _ask(self, parts: Sequence[Part]) -> None:
        await self._ask_of(parts, whole=False)
        self._check()

    async def _ask_of(self, parts: Sequence[Part], *, whole: bool) -> None:
        rules, find, scope = self._tier.asking, self._setting.classifiers, self._setting.call.key_id
        await ask_of_answer(rules, parts, find, self._notes, scope=scope, whole=whole)

    def _last(self) -> bytes:
        rest = self._fed(self._splitter.end()) if self._windows is not None else b""
        began = self._notes.begin()
        out = rest + self._masking.end()
        judge_arguments(self._tier, self._notes, self._calls.made())
        self._notes.end(began)
        return out

    def _release(self, out: bytes) -> bytes:
        self._keep(out)
        out = out if self._restoring is None or not out else self._restoring.feed(out)
        return out if self._telling is None else self._telling.feed(out)

    def _end(self, out: bytes) -> bytes:
        """The rest of an answer that goes out as it came."""
        self._check()
        out = self._release(out)
        if self._restoring is not None:
            out += self._restoring.end()
        if self._telling is not None:
            out += self._telling.end()
        self.close()
        return out

    def _support(self) -> Support | None:
        support, vault = self._notes.support, self._setting.vault
        return restored(support, vault) if support is not None and vault.reversible else support

    def _judge(self) -> None:
        """Rules of whole texts that only note."""
        began = self._notes.begin()
        parts = [channel.part() for channel in self._channels] if self._tier.wholes else []
        for number, whole in self._tier.wholes:
            if number not in self._judged:
                judge_whole(self._notes, number, whole, self._concerned(number, parts), self._setting.situation)
        self._notes.end(began)

    def _concerned(self, number: int, parts: Sequence[Part]) -> list[Part]:
        bound = self._tier.bounds[number]
        return [one for one in parts if bound.concerns(one)]

    def _more(self, part: Part) -> str:
        """What rules add to the end of a text; to that of the first one that says something."""
        text = part.text
        if not text.strip():
            return ""
        for number, whole in self._tier.wholes:
            if number in self._tier.closing and number not in self._judged and self._concerned(number, [part]):
                self._judged.add(number)
                said = judge_whole(self._notes, number, whole, [replace(part, text=text)], self._setting.situation)
                text = said.get(0, text)
        return text[len(part.text) :]

    # -- an answer that is there as a whole

    def _heard(self, data: bytes) -> list[Part]:
        return heard(self._setting.call.operation, self._setting.call.dialect, data)

    def _whole(self, data: bytes, parts: list[Part]) -> bytes:
        """Raises Blocked, or Withheld where it does not go out as it is."""
        notes, call, setting = self._notes, self._setting.call, self._setting
        began = notes.begin()
        texts: dict[int, str] = {}
        for number, whole in self._tier.wholes:
            bound = self._tier.bounds[number]
            places = [at for at, part in enumerate(parts) if bound.concerns(part)]
            said = judge_whole(notes, number, whole, [parts[at] for at in places], setting.situation)
            for at, text in said.items():
                texts[places[at]] = text
                parts[places[at]] = replace(parts[places[at]], text=text)
        if texts:
            data = saying(call.operation, call.dialect, data, texts)
        notes.end(began)
        self._keep(data)
        if self._restoring is not None:
            data = self._restoring.feed(data) + self._restoring.end()
        if self._telling is not None:
            data = self._telling.feed(data) + self._telling.end()
        self.close()
        again = again_of(notes, self._tier, setting.tries)
        if notes.action == "hold":
            raise Withheld(replace(held(notes, self._tier, data, parts), again=again))
        if again is not None or notes.action == "replace":
            body = b"" if severe(notes) else data
            raise Withheld(Ruling(notes.action, body, None, notes.rule, notes.message, again=again))
        if severe(notes):
            raise Blocked(notes.action, notes.rule, notes.message)
        return data

    def _check(self) -> None:
        action = self._notes.action
        if not severe(self._notes) or (self._waiting is not None and action in ("hold", "replace")):
            return  # those are followed when all of it is there
        self.close()
        raise Blocked(action, self._notes.rule, self._notes.message)

    def _keep(self, out: bytes) -> None:
        if self._waiting is not None:
            self._size = 0
        if self._size < MOST_KEPT:
            self._kept.append(out)
        self._size += len(out)

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size >= MOST_KEPT


def again_of(notes: Notes, tier: Tier, tries: dict[int, int]) -> Again | None:
    """What its model is to be asked again for, if a rule wants that and nothing severer follows from another one.
    `tries`: how often it was, by the number of the rule."""
    if severe(notes) and notes.follows not in notes.again:
        return None
    for number, (said, told) in notes.again.items():
        if tries.get(number, 0) < tier.tries.get(number, 0):
            return Again(tier.bounds[number].rule.id, said, told)
    return None
