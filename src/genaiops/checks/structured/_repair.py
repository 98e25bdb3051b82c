# ruff: noqa: RUF001 (quotes that look alike are what this is about)
"""From a text that is nearly JSON to the edits that make it JSON: one pass, no recursion, linear in the text."""

import re
from typing import Final, Literal

import msgspec

RepairKind = Literal["around", "comma", "quotes", "name", "literal", "comment", "control", "escape", "truncated"]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BEGUN: Final = re.compile(r"-")
_NUMERIC: Final = re.compile(r"[\w.+-]*")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$-]*")
_PLAIN: Final = re.compile(r"[^\"'”’\\\x00-\x1f]+")
_ESCAPE: Final = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9a-fA-F]{4})")
_CUT_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_LITERALS: Final = {"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null"}
_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "‘": "’"}


class Repair(msgspec.Struct, frozen=True):
    """The characters from `start` up to `end` of the answer became `text`."""

    start: int
    end: int
    text: str
    kind: RepairKind


class NotMendable(Exception):
    """At a place of the text; `expected` says what would have been JSON there."""

    def __init__(self, at: int, expected: str) -> None:
        super().__init__(expected)
        self.at = at
        self.expected = expected


class _Container:
    """`first`: behind its bracket; `keep`: behind the last item that is whole, what a cut-off text is cut back to;
    `comma`: where the comma stands that the next item has to follow."""

    __slots__ = ("comma", "first", "is_object", "keep")

    def __init__(self, first: int, *, is_object: bool) -> None:
        self.is_object = is_object
        self.first = self.keep = first
        self.comma: int | None = None

    @property
    def closing(self) -> str:
        return "}" if self.is_object else "]"


class Mending:
    """Reads the object or array that begins at `start`, not beyond `stop`."""

    def __init__(self, text: str, start: int, stop: int) -> None:
        self._text = text
        self._at = start
        self._stop = stop
        self._open: list[_Container] = []
        self.repairs: list[Repair] = []
        """In the order of the text, once it is read."""
        self.truncated = False

    def read(self) -> int:
        """Returns where it ends. NotMendable where it would have to be guessed."""
        self._value()
        while self._open:
            self._item(self._open[-1])
        self.repairs.sort(key=lambda each: (each.start, each.end))
        return self._at

    def _item(self, container: _Container) -> None:
        """What comes next: the end of the container, or a comma, or an item."""
        if self._over_after_blank():
            return self._cut()
        char = self._text[self._at]
        is_first = container.keep == container.first
        if char == container.closing:
            if container.comma is not None:
                self._edit(container.comma, container.comma + 1, "", "comma")
            self._at += 1
            self._open.pop()
            return self._whole()
        if char == "," and container.comma is None and not is_first:
            container.comma = self._at
            self._at += 1
            return None
        if container.comma is None and not is_first:
            self._edit(container.keep, container.keep, ",", "comma")
        if container.is_object and not self._name():
            return self._cut()
        return self._value()

    def _name(self) -> bool:
        """A name and its colon. False: the text ended before a value."""
        if self._text[self._at] in _QUOTES:
            if self._string() is not None:
                return False
        elif match := _NAME.match(self._text, self._at, self._stop):
            self._edit(self._at, self._at, '"', "name")
            self._edit(match.end(), match.end(), '"', "name")
            self._at = match.end()
        else:
            raise NotMendable(self._at, "a name in quotes")
        if self._over_after_blank():
            return False
        if self._text[self._at] != ":":
            raise NotMendable(self._at, "a colon")
        self._at += 1
        return not self._over_after_blank()

    def _value(self) -> None:
        char = self._text[self._at]
        if char in "[{":
            self._at += 1
            self._open.append(_Container(self._at, is_object=char == "{"))
        elif char in _QUOTES:
            missing = self._string()
            if missing is None:
                self._whole()
            else:
                self._close(missing, '"')
        elif match := _NUMBER.match(self._text, self._at, self._stop) or _BEGUN.match(self._text, self._at, self._stop):
            self._number(match.end())
        elif match := _NAME.match(self._text, self._at, self._stop):
            self._literal(match[0])
        else:
            raise NotMendable(self._at, "a value")

    def _number(self, end: int) -> None:
        """At the end of a text that was cut off, what was read may be the beginning of another number."""
        rest = _NUMERIC.match(self._text, end, self._stop)
        if rest is not None and rest.end() == len(self._text):
            self._cut()
        elif rest is not None and rest[0]:
            raise NotMendable(self._at, "a number")
        else:
            self._at = end
            self._whole()

    def _literal(self, name: str) -> None:
        end = self._at + len(name)
        if name in _LITERALS:
            if _LITERALS[name] != name:
                self._edit(self._at, end, _LITERALS[name], "literal")
            self._at = end
            return self._whole()
        meant = {written for spelled, written in _LITERALS.items() if spelled.startswith(name)}
        if end == len(self._text) and meant:
            return self._cut() if name == "N" else self._close(self._at, meant.pop())
        raise NotMendable(self._at, "a value (words stand in quotes)")

    def _string(self) -> int | None:
        """None, or from where on the closing quote is missing."""
        text, stop = self._text, self._stop
        closing = _QUOTES[text[self._at]]
        if closing != '"':
            self._edit(self._at, self._at + 1, '"', "quotes")
        at = self._at + 1
        while at < stop:
            if plain := _PLAIN.match(text, at, stop):
                at = plain.end()
                continue
            char = text[at]
            if char == closing:
                if char != '"':
                    self._edit(at, at + 1, '"', "quotes")
                self._at = at + 1
                return None
            if char == "\\":
                if _CUT_ESCAPE.match(text, at, stop) and stop == len(text):
                    break
                at = self._escape(at)
                continue
            if char == '"':
                self._edit(at, at, "\\", "quotes")
            elif char < " ":
                self._edit(at, at + 1, f"\\u{ord(char):04x}", "control")
            at += 1
        return at

    def _escape(self, at: int) -> int:
        """Returns where what stands behind it begins."""
        if match := _ESCAPE.match(self._text, at, self._stop):
            return match.end()
        if self._text.startswith("'", at + 1):
            self._edit(at, at + 1, "", "escape")
            return at + 2
        self._edit(at, at, "\\", "escape")
        return at + 1

    def _over_after_blank(self) -> bool:
        """Whether the text has ended, blanks and comments aside."""
        blank = _BLANK.match(self._text, self._at, self._stop)
        assert blank is not None
        for comment in _COMMENT.finditer(self._text, self._at, blank.end()):
            self._edit(*comment.span(), "", "comment")
        self._at = blank.end()
        return self._at >= self._stop

    def _whole(self) -> None:
        """An item ended here."""
        if self._open:
            self._open[-1].keep = self._at
            self._open[-1].comma = None

    def _cut(self) -> None:
        """The text ended: what is not whole is dropped."""
        self._close(self._open[-1].keep, "")

    def _close(self, start: int, text: str) -> None:
        """The text ended, and goes on from `start` with `text` and all closing brackets."""
        self.repairs = [each for each in self.repairs if each.start < start]
        closing = "".join(each.closing for each in reversed(self._open))
        self._edit(start, self._stop, text + closing, "truncated")
        self._open.clear()
        self._at = self._stop
        self.truncated = True

    def _edit(self, start: int, end: int, text: str, kind: RepairKind) -> None:
        self.repairs.append(Repair(start, end, text, kind))
