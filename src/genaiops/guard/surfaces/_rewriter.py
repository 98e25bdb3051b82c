"""A stream of answers, event by event, with its texts as the guard lets them out."""

import re
from collections.abc import Callable
from typing import Any, cast

from genaiops.core.errors import UpstreamError
from genaiops.domain import Operation
from genaiops.guard.surfaces import _events
from genaiops.guard.surfaces._bodies import ANSWERED
from genaiops.guard.surfaces._events import Event, Splitter
from genaiops.guard.surfaces._grammar import FREE, Node, is_name
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script, encode
from genaiops.guard.surfaces._stream_chat import ChatScript
from genaiops.guard.surfaces._stream_cohere import CohereScript
from genaiops.guard.surfaces._stream_gemini import GeminiScript
from genaiops.guard.surfaces._stream_messages import MessagesScript
from genaiops.guard.surfaces._stream_typed import IMAGES, RESPONSES, SPEECH, TRANSCRIPTION, TypedScript
from genaiops.guard.surfaces._walk import Malformed, Part, Slot, decoded
from genaiops.ports.providers import Dialect


class _WholeEvents(Script):
    """Of streams that nobody here knows: each text is judged by itself."""

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        return None

    def ends(self, event: dict[str, Any]) -> list[Key]:  # noqa: ARG002
        return []

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        raise NotImplementedError


def _typed(node: Node) -> Callable[[NewChannel], Script]:
    return lambda channel: TypedScript(channel, node)


_SCRIPTS: dict[tuple[Operation, Dialect], Callable[[NewChannel], Script]] = {
    ("chat", "openai"): ChatScript,
    ("text_completion", "openai"): ChatScript,
    ("chat", "responses"): _typed(RESPONSES),
    ("chat", "messages"): MessagesScript,
    ("chat", "cohere"): CohereScript,
    ("chat", "gemini"): GeminiScript,
    ("transcription", "openai"): _typed(TRANSCRIPTION),
    ("speech", "openai"): _typed(SPEECH),
    ("image_generation", "openai"): _typed(IMAGES),
}


_PLAIN = re.compile(rb"[ !#-\[\]-~]+")
"""Of a JSON string what is neither escaped nor beyond ASCII."""


def _frame(raw: bytes, flow: Flow, text: str) -> tuple[bytes, bytes, Flow] | None:
    said = encode(text)
    if b"\\" in raw or raw.count(said) != 1:
        return None
    at = raw.index(said)
    return raw[: at + 1], raw[at + len(said) - 1 :], flow


class Rewriter:
    """Server-sent events in, cut anywhere; whole events out, in which every text is what its channel let out.

    `channel` makes the channel of a text (see NewChannel): one for the pieces of each text that grows, one for each
    other text; `growing` makes those of the former, where it is given. What a channel still holds goes out before the
    event that ends its text. An event in which nothing changes goes out byte for byte. UpstreamError when an event
    cannot be read alike by all: the stream must not go on.
    """

    __slots__ = ("_channel", "_frame", "_named", "_script", "_splitter", "_tail")

    def __init__(
        self, operation: Operation, dialect: Dialect, channel: NewChannel, growing: NewChannel | None = None
    ) -> None:
        made = _SCRIPTS.get((operation, dialect))
        self._channel = channel
        self._script = (
            made(channel) if made is not None else _WholeEvents(channel, ANSWERED.get((operation, dialect), FREE))
        )
        if growing is not None:
            self._script.growing = growing
        self._splitter = Splitter()
        self._named = False
        self._tail = b"\n\n"
        self._frame: tuple[bytes, bytes, Flow] | None = None
        """The bytes before and behind the text of the last event, where it had one alone: most events of a stream
        differ in nothing else, and need not be read."""

    def feed(self, data: bytes) -> bytes:
        return b"".join([self._event(raw) for raw in self._splitter.feed(data)])

    def end(self) -> bytes:
        """The rest, when the stream is over or broken."""
        rest = self._splitter.end()
        last = self._event(rest) if rest.strip() else rest
        left = self._framed(self._script.close())
        between = b"\n\n" if left and last and not last.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) else b""
        return last + between + left

    def _event(self, raw: bytes) -> bytes:
        frame = self._frame
        if frame is not None and raw.startswith(frame[0]) and raw.endswith(frame[1]):
            found = _PLAIN.fullmatch(raw, len(frame[0]), len(raw) - len(frame[1]))
            if found is not None:
                text = found[0].decode()
                said = self._script.grow(frame[2], text)
                return raw if said == text else b"%b%b%b" % (frame[0], encode(said)[1:-1], frame[1])
        self._frame = None
        return self._any(raw)

    def _any(self, raw: bytes) -> bytes:
        read = _events.read(raw)
        head = read.head
        if read.others:
            head, raw = self._lines(read, raw)
        if not read.data.strip():
            return raw
        if read.data.strip() == b"[DONE]":
            return self._framed(self._script.close()) + raw
        self._named = head.startswith(b"event:")
        if read.tail.strip(b"\r\n") == b"" and len(read.tail) >= 2:
            self._tail = read.tail
        try:
            event = decoded(read.data)
            if isinstance(event, dict):
                changed = self._script.event(cast("dict[str, Any]", event), read.data)
            else:
                raise Malformed("an event is no object")
        except Malformed as error:
            raise UpstreamError(f"its stream cannot be checked: {error}.", code="upstream_bad_stream") from None
        before = self._script.take()
        if self._script.single is not None and not read.others:
            self._frame = _frame(raw, self._script.single, self._script.said)
        if changed:
            raw = b"%b%b%b" % (head, encode(event), read.tail or self._tail)
        return self._framed(before) + raw if before else raw

    def _lines(self, read: Event, raw: bytes) -> tuple[bytes, bytes]:
        """The head of an event with lines of other kinds (comments, ids), and all of it."""
        lines: list[bytes] = []
        same = True
        for line in read.others:
            name, colon, value = line.partition(b":")
            said = value.decode("utf-8", "replace").strip()
            if said and not is_name(said):
                one = self._channel("other", "", "event")
                new = one.feed(said) + one.end()
                if new != said:
                    same = False
                    value = b" " + new.replace("\r", " ").replace("\n", " ").encode()
            lines.append(name + colon + value)
        head = b"".join([line + b"\n" for line in lines]) + read.head
        if same:
            return head, raw
        data = b"".join([b"data: %b\n" % line for line in read.data.split(b"\n")]) if read.data else b""
        return head, b"".join([line + b"\n" for line in lines]) + data + b"\n"

    def _framed(self, events: list[dict[str, Any]]) -> bytes:
        made: list[bytes] = []
        for event in events:
            if self._named:
                made.append(b"event: %b\n" % str(event.get("type", "message")).encode())
            made.append(b"data: %b%b" % (encode(event), self._tail))
        return b"".join(made)
