"""A stream that is there as a whole: its texts, and the same events with other texts."""

from collections.abc import Mapping
from itertools import count

from genaiops.domain import Operation
from genaiops.guard.surfaces import Part, Provenance, Rewriter
from genaiops.ports.providers import Dialect


def heard(operation: Operation, dialect: Dialect, events: bytes) -> list[Part]:
    """Every text of it, in the order in which they begin."""
    channels: list[Hearing] = []

    def opened(provenance: Provenance, tool: str, key: str) -> Hearing:
        channels.append(Hearing(provenance, tool, key))
        return channels[-1]

    rewriter = Rewriter(operation, dialect, opened)
    rewriter.feed(events)
    rewriter.end()
    return [each.part() for each in channels]


def saying(operation: Operation, dialect: Dialect, events: bytes, texts: Mapping[int, str]) -> bytes:
    """The same events, in which the texts of these numbers (see `heard`) say something else. Each comes in one piece,
    where its first piece came."""
    numbers = count()

    def opened(provenance: Provenance, tool: str, key: str) -> _Saying:  # noqa: ARG001 - its number tells which it is
        return _Saying(texts.get(next(numbers)))

    rewriter = Rewriter(operation, dialect, opened)
    return rewriter.feed(events) + rewriter.end()


class Hearing:
    """A text of a stream, as it went."""

    __slots__ = ("_key", "_provenance", "_texts", "_tool")

    def __init__(self, provenance: Provenance, tool: str, key: str) -> None:
        self._provenance: Provenance = provenance
        self._tool = tool
        self._key = key
        self._texts: list[str] = []

    def feed(self, text: str) -> str:
        self._texts.append(text)
        return text

    def end(self) -> str:
        return ""

    def part(self) -> Part:
        return Part("".join(self._texts), self._provenance, (self._key,), self._tool)


class _Saying:
    """None: as it comes."""

    __slots__ = ("_instead",)

    def __init__(self, instead: str | None) -> None:
        self._instead = instead

    def feed(self, text: str) -> str:
        if self._instead is None:
            return text
        said, self._instead = self._instead, ""
        return said

    def end(self) -> str:
        return self._instead or ""
