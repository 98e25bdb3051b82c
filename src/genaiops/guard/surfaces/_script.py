"""One stream of events, whose texts are judged as they come: what the dialects have in common.

A text that grows from event to event is a Flow, judged by one channel. Any other text of an event is judged at once.
What a channel holds back goes out before the event that ends its text, in an event of its own.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.guard.surfaces._arguments import Arguments, Channel
from genaiops.guard.surfaces._document import put
from genaiops.guard.surfaces._grammar import TEXT, Node, Provenance, Rule
from genaiops.guard.surfaces._walk import Malformed, Part, Path, Slot, Walker, unique
from genaiops.guard.surfaces._words import WORDS

NewChannel = Callable[[Provenance, str, str], Channel]
"""Makes the channel of a text, by its provenance, the name of its tool, and where it stands in the answer (the same
for all pieces of a text)."""

Key = tuple[Any, ...]
_SCALARS = frozenset({int, str, type(None)})
OUTPUT_LIMIT = 16 << 20
"""Characters of an answer that is kept because later events repeat it."""

encode = msgspec.json.Encoder().encode


def scalar(value: Any) -> Any:
    """An index or an id as a part of a key, whatever the event has there."""
    return value if value.__class__ in _SCALARS else repr(value)


class Flow:
    """A text that grows. `path`: where its pieces stand in `event`, the last one that had any."""

    __slots__ = ("came", "channel", "event", "path", "provenance", "tool", "went")

    def __init__(self, channel: Channel, provenance: Provenance, tool: str) -> None:
        self.channel = channel
        self.provenance: Provenance = provenance
        self.tool = tool
        self.path: Path = ()
        self.event: dict[str, Any] = {}
        self.came: list[str] = []
        self.went: list[str] = []


class Script:
    """Follows the events of one stream. `event` changes one in place; what has to go out before it is then in
    `before`."""

    repeats = False
    """Whether later events repeat a text that has come in pieces."""

    def __init__(self, channel: NewChannel, node: Node) -> None:
        self._channel = channel
        self.growing = channel
        """Makes the channel of a text that comes piece by piece, which is no arguments of a tool."""
        self._rule = Rule(TEXT, node)
        self._walker = Walker(WORDS, pieces=True)
        self.flows: dict[Key, Flow] = {}
        self._told: dict[tuple[Provenance, str, str], str] = {}
        self._size = 0
        self._ended: Flow
        self.single: Flow | None = None
        """The text that the last event had a piece of (`said`), where it had nothing else and has not ended."""
        self.said = ""
        self.before: list[dict[str, Any]] = []

    # -- what the dialects know

    def rule(self, event: dict[str, Any]) -> Rule:  # noqa: ARG002 - for those whose events differ by type
        """The layout of an event."""
        return self._rule

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:
        """Which growing text the part is a piece of; None: it is whole."""
        raise NotImplementedError

    def ends(self, event: dict[str, Any]) -> list[Key]:
        """The growing texts whose last piece comes with this event, or came before it."""
        raise NotImplementedError

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        """An event with one more piece of the text."""
        raise NotImplementedError

    def tool(self, key: Key) -> str:  # noqa: ARG002 - for those whose pieces do not name it
        """The tool whose arguments the growing text is."""
        return ""

    def begun(self, event: dict[str, Any]) -> None:
        """Something to note of an event, before its texts are taken."""

    # -- one event

    def event(self, event: dict[str, Any], data: bytes) -> bool:
        """Whether something in it has changed. Malformed when it cannot be read alike by all."""
        walker = self._walker
        walker.reset()
        self.begun(event)
        walker.take([event], 0, event, self.rule(event), (), "other")
        if not unique(data, walker.keys):
            raise Malformed("an object has the same key twice")
        new: dict[int, str] = {}
        whole: list[int] = []
        here: dict[Key, int] = {}
        flow: Flow | None = None
        for at, part in enumerate(walker.parts):
            slot = walker.slots[at]
            key = None if slot.names or slot.chances or slot.write is not None else self.key(event, part, slot)
            if key is None:
                whole.append(at)
                continue
            flow = self._flow(key, part, slot)
            flow.path, flow.event = part.path, event
            here[key] = at
            said = self.grow(flow, part.text)
            if said != part.text:
                new[at] = said
        ends = self.ends(event)
        self.single = flow if len(walker.parts) == 1 and here and not ends else None
        self.said = walker.parts[0].text if self.single is not None else ""
        for key in ends:
            rest = self._end(key)
            if rest and (at := here.get(key, -1)) >= 0:
                new[at] = new.get(at, walker.parts[at].text) + rest
            elif rest:
                self.before.append(self.delta(key, self._ended, rest))
        for at in whole:
            slot = walker.slots[at]
            if not slot.chances and (said := self.once(walker.parts[at], slot)) != walker.parts[at].text:
                new[at] = said
        if walker.chances:
            self._drop(new)
        if new:
            names = {
                part.path[:-1]: new[at] for at, part in enumerate(walker.parts) if at in new and walker.slots[at].names
            }
            if names:
                for key in here:
                    if key in self.flows:
                        self.flows[key].path = _renamed(self.flows[key].path, names)
            put(walker, new)
        return bool(new)

    def grow(self, flow: Flow, text: str) -> str:
        """What may go out when one more piece has come."""
        said = flow.channel.feed(text)
        if self.repeats:
            self._weigh(len(text))
            flow.came.append(text)
            flow.went.append(said)
        return said

    def _end(self, key: Key) -> str:
        """What the text still holds back; its Flow is then in `_ended`."""
        flow = self.flows.pop(key, None)
        if flow is None:
            return ""
        self._ended = flow
        rest = flow.channel.end()
        if self.repeats:
            came = "".join(flow.came)
            self._told[flow.provenance, flow.tool, came] = "".join(flow.went) + rest
        return rest

    def _flow(self, key: Key, part: Part, slot: Slot) -> Flow:
        flow = self.flows.get(key)
        if flow is None:
            shown = ".".join(map(str, key))
            provenance, tool = part.provenance, part.tool or self.tool(key)

            def channel() -> Channel:
                return self._channel(provenance, tool, shown)

            made = Arguments(channel, WORDS) if slot.arguments else self.growing(provenance, tool, shown)
            flow = self.flows[key] = Flow(made, provenance, tool)
        return flow

    def once(self, part: Part, slot: Slot) -> str:
        known = (part.provenance, part.tool, part.text)
        if self.repeats and known in self._told:
            return self._told[known]
        provenance, tool, place = part.provenance, part.tool, part.place

        def channel() -> Channel:
            return self._channel(provenance, tool, place)

        one = Arguments(channel, WORDS) if slot.arguments else channel()
        said = one.feed(part.text) + one.end()
        if self.repeats:
            self._weigh(len(part.text))
            self._told[known] = said
        return said

    def _weigh(self, size: int) -> None:
        self._size += size
        if self._size > OUTPUT_LIMIT:
            raise UpstreamError(f"its answer is larger than {OUTPUT_LIMIT >> 20} MiB.", code="upstream_too_large")

    def _drop(self, new: dict[int, str]) -> None:
        """Probabilities of tokens stay where they repeat nothing but a text that has not changed."""
        walker = self._walker
        for chances in walker.chances:
            size = len(chances.path)
            mine = [at for at, part in enumerate(walker.parts) if part.path[:size] == chances.path]
            chosen = [at for at in mine if walker.slots[at].chances == 1]
            texts = [walker.parts[at].text for at in mine if not walker.slots[at].chances]
            kept = not any(at in new for at in mine) and all(walker.parts[at].text in texts for at in chosen)
            if kept:
                others = [at for at in mine if walker.slots[at].chances == 2]
                kept = all(self.once(walker.parts[at], walker.slots[at]) == walker.parts[at].text for at in others)
            if not kept:
                new.update((at, "") for at in mine if walker.slots[at].chances)

    def close(self) -> list[dict[str, Any]]:
        """What is left when the stream ends."""
        for key in list(self.flows):
            rest = self._end(key)
            if rest:
                self.before.append(self.delta(key, self._ended, rest))
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        before, self.before = self.before, []
        return before


def _renamed(path: Path, names: dict[Path, str]) -> Path:
    """A name that was hidden must not come back with the rest of its text."""
    return tuple(names.get(path[: at + 1], step) for at, step in enumerate(path))
