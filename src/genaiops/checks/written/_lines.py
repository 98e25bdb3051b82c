"""On which line of a file everything stands: `rules[2].action` -> 14. For TOML, which its reader does not tell, and for
YAML, of which JSON is a part."""

import re
from collections import Counter
from typing import Any, Final, cast

from genaiops.core.errors import UsageError

_MOST_PLACES: Final = 200_000
_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = re.compile(rf"[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*=")
_TABLE = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_PART}(?:[ \t]*\.[ \t]*{_PART})*)[ \t]*\]")
_PARTS = re.compile(_PART)
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*',
    re.DOTALL,
)
"""A string, or a comment: brackets and ends of lines in it mean nothing."""


def toml_lines(text: str) -> dict[str, int]:
    """Of a text that tomllib reads; in inline tables only the table itself has a line."""
    return _Toml(text.replace("\r\n", "\n")).read()


class _Toml:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: dict[str, int] = {}
        self._tables: Counter[str] = Counter()

    def read(self) -> dict[str, int]:
        at, line, table = 0, 1, ""
        while at < len(self._text):
            start = at
            if (header := _TABLE.match(self._text, at)) is not None:
                table = self._table(header[2], line, repeated=header[1] == "[[")
                at = self._end(header.end(), line, "")
            elif (key := _KEY.match(self._text, at)) is not None:
                path = _joined(table, key[1])
                self._lines.setdefault(path, line)
                at = self._end(key.end(), line, path)
            else:  # an empty line, or a comment
                at = self._text.find("\n", at) + 1 or len(self._text)
            line += self._text.count("\n", start, at)
        return self._lines

    def _table(self, key: str, line: int, *, repeated: bool) -> str:
        path = ""
        parts = _PARTS.findall(key)
        for number, part in enumerate(parts):
            path = _joined(path, part)
            if repeated and number == len(parts) - 1:
                self._tables[path] += 1
                self._lines.setdefault(path, line)
            if self._tables[path]:
                path = f"{path}[{self._tables[path] - 1}]"
        self._lines.setdefault(path, line)
        return path

    def _end(self, at: int, line: int, path: str) -> int:
        """Where the next line begins after a value. Items of an array get their lines."""
        open_: list[str] = []
        start, items, awaited = at, 0, False
        while at < len(self._text):
            char = self._text[at]
            quoted = _STRING.match(self._text, at) if char in "\"'#" else None
            if awaited and len(open_) == 1 and char not in " \t\n#]":
                self._lines.setdefault(f"{path}[{items}]", line + self._text.count("\n", start, at))
                items, awaited = items + 1, False
            if quoted is not None:
                at = quoted.end()
                continue
            if char in "[{":
                open_.append(char)
                awaited = open_ == ["["] and bool(path)
            elif char in "]}" and open_:
                open_.pop()
            elif char == "," and open_ == ["["]:
                awaited = bool(path)
            elif char == "\n" and not open_:
                return at + 1
            at += 1
        return at


def _joined(table: str, key: str) -> str:
    path = table
    for part in _PARTS.findall(key):
        name = part[1:-1] if part[0] in "\"'" else part
        path = f"{path}.{name}" if path else name
    return path


def yaml_lines(node: Any, what: str = "document") -> dict[str, int]:
    """Of the root node of a document. UsageError for a key that stands twice, and for what grows without end."""
    lines: dict[str, int] = {}
    _walk(node, "", lines, [0], what)
    return lines


def _walk(node: Any, path: str, lines: dict[str, int], steps: list[int], what: str) -> None:
    steps[0] += 1
    if steps[0] > _MOST_PLACES:  # aliases of aliases
        raise UsageError(f"The {what} is too large.", remedy="Write it without aliases.")
    lines.setdefault(path, node.start_mark.line + 1)
    if node.id == "sequence":
        for number, item in enumerate(cast("list[Any]", node.value)):
            _walk(item, f"{path}[{number}]", lines, steps, what)
    elif node.id == "mapping":
        seen: set[str] = set()
        for key, value in cast("list[tuple[Any, Any]]", node.value):
            name = str(key.value)
            inner = f"{path}.{name}" if path else name
            if name in seen:
                raise UsageError(
                    f"line {key.start_mark.line + 1}: {inner} stands here for the second time.",
                    remedy="Keep one of them.",
                    param=inner,
                )
            seen.add(name)
            lines[inner] = key.start_mark.line + 1
            _walk(value, inner, lines, steps, what)
