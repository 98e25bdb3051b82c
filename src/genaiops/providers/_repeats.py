"""Events that repeat: in most streams one differs from the one before it in nothing but a few characters of text.

Once an event was decoded, the place of its text is known; what comes next with the same bytes around another JSON
string says the same with another text, and need not be decoded. What is kept of such events is the text alone.
"""

import re
from collections.abc import Callable

import msgspec

_SENTINEL = "\N{SYMBOL FOR SUBSTITUTE}genaiops"
_SENTINEL_TOKEN = b'"' + _SENTINEL.encode() + b'"'
# The inside of a JSON string (RFC 8259, section 7). Halves of surrogate pairs are left to the decoder.
_PLAIN = rb'[^"\\\x00-\x1f]*+'
_ESCAPE = rb'\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})'
_string = re.compile(_PLAIN + rb"(?:" + _ESCAPE + _PLAIN + rb")*+").fullmatch
_decode_string = msgspec.json.Decoder(str).decode
_SEPARATOR = b"\n"  # no JSON string has one in it


class Frame:
    """An event without its text: the bytes up to the text's opening quote, and those from its closing quote on."""

    __slots__ = ("_margin", "prefix", "suffix")

    def __init__(self, prefix: bytes, suffix: bytes) -> None:
        self.prefix = prefix
        self.suffix = suffix
        self._margin = len(suffix)

    def text_of(self, event: bytes) -> bytes | None:
        """The text in the event as it stands there (with its escapes); None when it is another event, or has none."""
        if not (event.startswith(self.prefix) and event.endswith(self.suffix)):
            return None
        start, end = len(self.prefix), len(event) - self._margin
        if start >= end or _string(event, start, end) is None:
            return None
        text = event[start:end]
        if not event.isascii():
            try:
                text.decode()
            except UnicodeDecodeError:
                return None
        return text


def frame_of(event: bytes, text: str, read: Callable[[bytes], str | None]) -> Frame | None:
    """The frame of an event in which `text` stands once as a JSON string; `read` decodes it from such an event.

    That the place is the right one is tried out: with another string in that place, `read` must find that string.
    """
    token = msgspec.json.encode(text)
    at = event.rfind(token)
    if at < 0:
        return None
    start, end = at + 1, at + len(token) - 1
    if read(event[:at] + _SENTINEL_TOKEN + event[end + 1 :]) != _SENTINEL:
        return None
    return Frame(event[:start], event[end:])


class Log:
    """Events in their order. Those of one frame in a row take the room of their texts."""

    __slots__ = ("_frame", "_parts", "_texts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes | tuple[Frame, bytearray]] = []
        self._frame: Frame | None = None
        self._texts = bytearray()
        self.size = 0
        """Bytes of the events."""

    def add(self, event: bytes) -> None:
        self._frame = None
        self._parts.append(event)
        self.size += len(event)

    def add_text(self, frame: Frame, text: bytes, size: int) -> None:
        """The event of `size` bytes that is `text` in `frame`."""
        if frame is not self._frame:
            self._frame = frame
            self._texts = bytearray()
            self._parts.append((frame, self._texts))
        self._texts += text + _SEPARATOR
        self.size += size

    def events(self) -> bytes:
        """As they came."""
        return b"".join([part if isinstance(part, bytes) else _rebuilt(*part) for part in self._parts])

    def texts(self, read: Callable[[bytes], str]) -> str:
        """The texts of all events; `read` finds it in one that has no frame."""
        return "".join([read(part) if isinstance(part, bytes) else unescaped(part[1]) for part in self._parts])


def unescaped(texts: bytes | bytearray) -> str:
    """What the insides of JSON strings say."""
    return _decode_string(b'"%b"' % texts.replace(_SEPARATOR, b""))


def _rebuilt(frame: Frame, texts: bytearray) -> bytes:
    between = frame.suffix + frame.prefix
    return frame.prefix + texts[:-1].replace(_SEPARATOR, between) + frame.suffix
