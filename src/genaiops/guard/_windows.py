"""An answer that goes out piece by piece while a classifier looks at it: the events whose texts nobody has looked at.

A piece ends where an event ends a sentence, or becomes long. It is asked about by itself, so that a sentence does not
drown in what stands before it, and once more what stands on both sides of its border with the piece before it. Events
go out as they are: what waits is whole events, in order.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from genaiops.guard.surfaces import Part

LEAST: Final = 120
"""Characters from which on the end of a sentence ends a piece."""
MOST: Final = 480
"""Characters from which on any event does."""
OVERLAP: Final = 80
"""Characters on each side of a border that are looked at together: as many as a classifier reads at once."""
_ENDS: Final = (".", "!", "?", ":", ";", "\n", "…", "。", "！", "？")  # noqa: RUF001 - marks of other scripts


def pieces_of(part: Part) -> list[Part]:
    """What is asked about of a text that is there as a whole: the same as of a stream that brings it character by
    character, so that nothing passes as a whole that would be found in a stream."""
    pieces: list[Part] = []
    text, before, begin = part.text, "", 0
    for end in _ends(text):
        piece = text[begin:end]
        pieces.append(Part(piece, part.provenance, part.path, part.tool))
        if before:
            pieces.append(Part(before + piece[:OVERLAP], part.provenance, part.path, part.tool))
        before, begin = (before + piece)[-OVERLAP:], end
    return pieces


def _ends(text: str) -> Iterator[int]:
    begin = 0
    while begin < len(text):
        most = min(begin + MOST, len(text))
        end = next((at for at in range(begin + LEAST, most) if text[at - 1] in _ENDS), most)
        yield end
        begin = end


class Windows:
    """Of one stream. A text is known by the Part that its channel was opened with."""

    __slots__ = ("_fresh", "_held", "_last", "_parts", "_ready", "_size", "_tails")

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._fresh: dict[int, list[str]] = {}
        self._tails: dict[int, str] = {}
        self._held: list[bytes] = []
        self._ready: deque[tuple[list[Part], bytes]] = deque()
        self._size = 0
        self._last = ""

    def hear(self, part: Part, text: str) -> None:
        """A piece of a text, which goes out with the next `hold`."""
        if text:
            self._parts[id(part)] = part
            self._fresh.setdefault(id(part), []).append(text)
            self._size += len(text)
            self._last = text

    def hold(self, events: bytes) -> bytes:
        """What of them may go out at once: all, while nothing waits and they say nothing."""
        if not (self._size or self._held or self._ready):
            return events
        self._held.append(events)
        if self._size >= MOST or (self._size >= LEAST and self._last.rstrip(" ").endswith(_ENDS)):
            self._close()
        return b""

    @property
    def due(self) -> bool:
        """Whether it is time to ask."""
        return bool(self._ready)

    def take(self) -> tuple[list[Part], bytes] | None:
        """What is to be asked about next, and the events that go out when nothing stops them. None: nothing waits."""
        if not self._ready:
            if not self._held:
                return None
            self._close()
        return self._ready.popleft()

    def _close(self) -> None:
        parts: list[Part] = []
        for key, texts in self._fresh.items():
            part, text = self._parts[key], "".join(texts)
            before = self._tails.get(key, "")
            parts.append(Part(text, part.provenance, part.path, part.tool))
            if before:
                parts.append(Part(before + text[:OVERLAP], part.provenance, part.path, part.tool))
            self._tails[key] = (before + text)[-OVERLAP:]
        self._ready.append((parts, b"".join(self._held)))
        self._fresh, self._held, self._size, self._last = {}, [], 0, ""
