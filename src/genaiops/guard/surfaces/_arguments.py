"""Arguments of a tool that come piece by piece: JSON whose strings are read, and written, without their escapes.

Each string, each name of a field and each long number is a text of its own, as in a body that is whole. What turns out
not to be JSON is one text from there on.
"""

import re
from collections.abc import Callable
from typing import Protocol

import msgspec

from genaiops.guard.surfaces._walk import LONG_NUMBER, MAX_DEPTH, Malformed, decoded, says

_STOP = re.compile(r'["\\]')
_STRUCTURE = re.compile(r"[\s{}\[\]:,]*")
_BARE = re.compile(r"[-+.\w]+", re.ASCII)
_PLAIN = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_LITERALS = frozenset({"true", "false", "null"})
_LONGEST_BARE = 400
_encode = msgspec.json.Encoder().encode


class Channel(Protocol):
    """Judges one text that comes piece by piece."""

    def feed(self, text: str, /) -> str:
        """What may go out now."""
        ...

    def end(self) -> str:
        """The rest."""
        ...


class Arguments:
    """A Channel for JSON; `channel` makes one for each text in it, `words` are names of fields that are none."""

    __slots__ = ("_bare", "_channel", "_depth", "_escape", "_high", "_key", "_names", "_new", "_raw", "_said",
                 "_string", "_text", "_whole", "_words")  # fmt: skip

    def __init__(self, channel: Callable[[], Channel], words: frozenset[str]) -> None:
        self._new = channel
        self._words = words
        self._string = False
        """Whether a string is open, which is judged as it comes; a name of a field is held until its end instead."""
        self._channel: Channel | None = None
        self._key: list[str] | None = None
        self._raw: list[str] = []
        """Of the name that is held, as it came."""
        self._names = False
        self._depth: list[set[str] | None] = []
        """Of each object that is open the names of its fields; None for a list."""
        self._bare = ""
        self._escape = ""
        self._high = ""
        self._whole: Channel | None = None
        """Of what is no JSON."""
        self._said: list[str] = []
        self._text: list[str] = []

    def feed(self, text: str) -> str:
        """Malformed where no reader would read it like another one: the same name twice, half a character."""
        at, size = 0, len(text)
        while at < size:
            if self._whole is not None:
                self._said.append(self._whole.feed(text[at:]))
                break
            if self._string or self._key is not None:
                at = self._inside(text, at)
            else:
                at = self._outside(text, at)
        return self._take()

    def end(self) -> str:
        """The rest, also of what was cut off in the middle."""
        if self._key is not None:
            self._said.append(_escaped(_at_once(self._new, "".join(self._key))) + self._high + self._escape)
            self._key = None
        elif self._string:
            rest = self._channel.end() if self._channel is not None else ""
            self._said.append(_escaped(rest) + self._high + self._escape)
            self._string, self._channel = False, None
        elif self._whole is None:
            self._end_bare()
        if self._whole is not None:
            self._said.append(self._whole.end())
            self._whole = None
        return self._take()

    def _take(self) -> str:
        said, self._said = self._said, []
        return "".join(said)

    # -- between strings

    def _outside(self, text: str, at: int) -> int:
        found = _BARE.match(text, at)
        if found is not None:
            self._bare += found[0]
            if len(self._bare) > _LONGEST_BARE:
                self._no_json()
            return found.end()
        self._end_bare()
        if self._whole is not None:
            return at
        found = _STRUCTURE.match(text, at)
        if found is not None and found.end() > at:
            for one in found[0]:
                self._structure(one)
            self._said.append(found[0])
            return found.end()
        if text[at] != '"':
            self._no_json()
            return at
        self._said.append('"')
        if self._names:
            self._key = []
        else:
            self._string = True
        return at + 1

    def _structure(self, one: str) -> None:
        depth = self._depth
        if one in "{[":
            depth.append(set() if one == "{" else None)
            self._names = one == "{"
            if len(depth) > MAX_DEPTH:
                raise Malformed(f"it is deeper than {MAX_DEPTH} objects and lists")
        elif one in "}]":
            if depth:
                depth.pop()
            self._names = False
        elif one == ",":
            self._names = bool(depth) and depth[-1] is not None
        elif one == ":":
            self._names = False

    def _end_bare(self) -> None:
        """A number, or one of three words."""
        bare, self._bare = self._bare, ""
        if not bare or bare in _LITERALS:
            self._said.append(bare)
            return
        try:
            value = decoded(bare)
        except Malformed:
            self._bare = bare
            self._no_json()
            return
        if -LONG_NUMBER < value < LONG_NUMBER:
            self._said.append(bare)
            return
        shown = str(value)
        new = _at_once(self._new, shown)
        self._said.append(bare if new == shown else _encode(new).decode())

    def _no_json(self) -> None:
        self._whole = self._new()
        bare, self._bare = self._bare, ""
        if bare:
            self._said.append(self._whole.feed(bare))

    # -- inside of a string

    def _inside(self, text: str, at: int) -> int:
        """As far as the string goes, or the text does."""
        start = at
        size = len(text)
        closed = False
        begun = self._high + self._escape
        while at < size and not closed:
            if self._escape:
                at = self._escaped(text, at)
                continue
            stop = _STOP.search(text, at)
            end = stop.start() if stop is not None else size
            if end > at:
                self._no_half()
                self._text.append(text[at:end])
            at = end
            if stop is not None:
                at += 1
                if stop[0] == '"':
                    self._no_half()
                    closed = True
                else:
                    self._escape = "\\"
        said, self._text = "".join(self._text), []
        raw = begun + text[start : at - closed]
        raw = raw[: len(raw) - len(self._high) - len(self._escape)]
        if self._key is not None:
            self._key.append(said)
            self._raw.append(text[start : at - closed])
            if closed:
                self._end_key()
            return at
        new = ""
        if said:
            if self._channel is None:
                self._channel = self._new()
            new = self._channel.feed(said)
        if closed and self._channel is not None:
            new += self._channel.end()
            self._channel = None
        self._said.append(raw if new == said else _escaped(new))
        if closed:
            self._string = False
            self._said.append('"')
        return at

    def _escaped(self, text: str, at: int) -> int:
        """One escape, which may be cut anywhere."""
        while at < len(text):
            self._escape += text[at]
            at += 1
            escape = self._escape
            if escape[1] != "u":
                self._no_half()
                if escape[1] not in _PLAIN:
                    raise Malformed("the arguments of a tool have an escape that is none")
                self._text.append(_PLAIN[escape[1]])
                self._escape = ""
                return at
            if len(escape) == 6:
                self._escape = ""
                self._unit(escape)
                return at
        return at

    def _unit(self, escape: str) -> None:
        """A character, or half of one."""
        if _HEX.fullmatch(escape, 2) is None:
            raise Malformed("the arguments of a tool have an escape that is none")
        unit = int(escape[2:], 16)  # noqa: FURB166 - there is no 0x before it
        if self._high:
            if not 0xDC00 <= unit < 0xE000:
                raise Malformed("the arguments of a tool have half a character")
            high = int(self._high[2:], 16)  # noqa: FURB166
            self._text.append(chr(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)))
            self._high = ""
        elif 0xD800 <= unit < 0xDC00:
            self._high = escape
        elif 0xDC00 <= unit < 0xE000:
            raise Malformed("the arguments of a tool have half a character")
        else:
            self._text.append(chr(unit))

    def _no_half(self) -> None:
        if self._high:
            raise Malformed("the arguments of a tool have half a character")

    def _end_key(self) -> None:
        key = "".join(self._key or ())
        self._key = None
        self._names = False
        names = self._depth[-1] if self._depth else None
        if names is not None:
            if key in names:
                raise Malformed("the arguments of a tool have the same key twice")
            names.add(key)
        new = _at_once(self._new, key) if key not in self._words and says(key) else key
        self._said.append(("".join(self._raw) if new == key else _escaped(new)) + '"')
        self._raw = []


def _at_once(channel: Callable[[], Channel], text: str) -> str:
    one = channel()
    return one.feed(text) + one.end()


def _escaped(text: str) -> str:
    return _encode(text)[1:-1].decode() if text else ""
