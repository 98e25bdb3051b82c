"""The template language of prompts: small, without code, and safe against what is put in.

    {{name}} {{customer.city}}                a declared variable, a declared field of an object
    {{#if name}} ... {{else}} ... {{/if}}     where it is not empty, 0, false or left out
    {{#each names}} {{this}} {{/each}}        for each item of a list; its fields are {{this.city}}
    {{> support/tone@prod}}                   the text of another prompt, pinned when the prompt is pushed
    {{! a remark }}     \\{{                   nothing, and two braces as they stand

A block's tag that is alone on its line takes the line with it. Values are written out and never read as templates.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from genaiops.core.errors import UsageError

MOST_TAGS: Final = 2_000
MOST_STEPS: Final = 100_000
"""Tags that one rendering carries out, those of loops each time: what bounds loops that write nothing."""
_LONGEST_TAG: Final = 256
_DEEPEST: Final = 16
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}")
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/-]*@[a-z0-9][a-z0-9._/:-]*")
_BLOCK = re.compile(r"#(if|each)\s+(.*)", re.DOTALL)

Path: TypeAlias = tuple[str, ...]


class Value(msgspec.Struct, frozen=True):
    path: Path
    line: int


class Include(msgspec.Struct, frozen=True):
    reference: str
    line: int


class Block(msgspec.Struct, frozen=True):
    """`if` or `each`: `body` where it holds or for each item, else `otherwise`."""

    kind: Literal["if", "each"]
    path: Path
    line: int
    body: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]" = ()


Node: TypeAlias = str | Value | Include | Block
Nodes: TypeAlias = tuple[Node, ...]


class _Tag(msgspec.Struct, frozen=True):
    """A tag of a text: what stands between its braces, from `start` to `end`, `escaped` by a backslash before it."""

    inner: str
    start: int
    end: int
    line: int
    escaped: bool = False


def parse(text: str) -> Nodes:
    """UsageError (code `template_invalid`) names the line and what is wrong there."""
    parser = _Parser(text)
    nodes, tag = parser.until(())
    assert tag is None
    return nodes


def expand(text: str, included: Callable[[str], str]) -> str:
    """The same template with each `{{> reference}}` replaced by the template `included` gives for it."""
    pieces: list[str] = []
    place = 0
    for tag in _tags(text):
        if not tag.escaped and tag.inner.startswith(">"):
            pieces += (text[place : tag.start], included(_reference(tag)))
            place = tag.end
    return "".join((*pieces, text[place:]))


def references(nodes: Nodes) -> Iterator[Include]:
    """What a template includes, in order."""
    for node in nodes:
        if isinstance(node, Include):
            yield node
        elif isinstance(node, Block):
            yield from references(node.body)
            yield from references(node.otherwise)


def _wrong(line: int, what: str, remedy: str) -> UsageError:
    return UsageError(f"Line {line} of the template: {what}", remedy=remedy, code="template_invalid", param="messages")


def _tags(text: str) -> Iterator[_Tag]:
    place, line, counted = 0, 1, 0
    for number in range(MOST_TAGS + 1):
        start = text.find("{{", place)
        if start < 0:
            return
        line += text.count("\n", counted, start)
        counted = start
        if number == MOST_TAGS:
            break
        if start and text[start - 1] == "\\":
            yield _Tag("", start - 1, start + 2, line, escaped=True)
            place = start + 2
            continue
        end = text.find("}}", start + 2, start + 2 + _LONGEST_TAG)
        if end < 0:
            raise _wrong(line, "'{{' begins a tag that does not end.", "Close it with }}, or write \\{{ for braces.")
        yield _Tag(text[start + 2 : end].strip(), start, end + 2, line)
        place = end + 2
    raise _wrong(line, f"there are more than {MOST_TAGS} tags.", "Make several prompts of it.")


def _reference(tag: _Tag) -> str:
    reference = tag.inner[1:].strip()
    if _REFERENCE.fullmatch(reference) is None:
        raise _wrong(
            tag.line, f"{reference!r} names no prompt's version.", "Write {{> name@alias}} or {{> name@sha256:...}}."
        )
    return reference


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tags = _tags(text)
        self._place = 0

    def until(self, ends: Sequence[str], opened: _Tag | None = None, depth: int = 0) -> tuple[Nodes, _Tag | None]:
        """The nodes up to a tag that is one of `ends`, and that tag; without `opened`, up to the end of the text."""
        if depth > _DEEPEST:
            assert opened is not None
            raise _wrong(opened.line, f"blocks are nested deeper than {_DEEPEST}.", "Make it flatter.")
        nodes: list[Node] = []
        for tag in self._tags:
            inner = tag.inner
            alone = inner[:1] in {"#", "/", "!"} or inner == "else"
            start, end = self._line_of(tag) if alone and not tag.escaped else (tag.start, tag.end)
            if start > self._place:
                nodes.append(self._text[self._place : start])
            self._place = end
            if tag.escaped:
                nodes.append("{{")
            elif inner in ends:
                return tuple(nodes), tag
            elif not inner.startswith("!"):
                nodes.append(self._node(tag, depth))
        if opened is not None:
            raise _wrong(opened.line, f"{{{{{opened.inner}}}}} is not closed.", f"Close it with {{{{{ends[-1]}}}}}.")
        if self._place < len(self._text):
            nodes.append(self._text[self._place :])
        return tuple(nodes), None

    def _node(self, tag: _Tag, depth: int) -> Node:
        inner = tag.inner
        if inner.startswith(">"):
            return Include(_reference(tag), tag.line)
        block = _BLOCK.fullmatch(inner)
        if block is None:
            if inner == "else" or inner.startswith("/"):
                raise _wrong(
                    tag.line, f"{{{{{inner}}}}} closes nothing.", "Open a block with {{#if x}} or {{#each x}}."
                )
            return Value(_path(inner, tag), tag.line)
        kind: Literal["if", "each"] = "if" if block[1] == "if" else "each"
        path = _path(block[2], tag)
        closing = f"/{kind}"
        body, end = self.until(("else", closing) if kind == "if" else (closing,), tag, depth + 1)
        otherwise: Nodes = ()
        if end is not None and end.inner == "else":
            otherwise, _ = self.until((closing,), tag, depth + 1)
        return Block(kind, path, tag.line, body, otherwise)

    def _line_of(self, tag: _Tag) -> tuple[int, int]:
        """The tag's place, its whole line where nothing else stands there."""
        text = self._text
        start = text.rfind("\n", 0, tag.start) + 1
        end = text.find("\n", tag.end)
        end = len(text) if end < 0 else end + 1
        if text[start : tag.start].strip(" \t") or text[tag.end : end].strip():
            return tag.start, tag.end
        return start, end


def _path(text: str, tag: _Tag) -> Path:
    if _PATH.fullmatch(text) is None:
        raise _wrong(
            tag.line,
            f"{{{{{tag.inner[:60]}}}}} is no tag of this language.",
            "There are {{name}}, {{#if name}}, {{else}}, {{/if}}, {{#each list}}, {{/each}}, {{> prompt@alias}}; "
            "write \\{{ for braces.",
        )
    return tuple(text.split("."))


class Writer:
    """Renders templates of one prompt: together at most `room` characters. UsageError (code `prompt_too_large`)."""

    def __init__(self, values: Mapping[str, Any], room: int) -> None:
        self._values = values
        self._most = self._room = room
        self._steps = MOST_STEPS

    def render(self, nodes: Nodes) -> str:
        pieces: list[str] = []
        self._write(nodes, None, pieces)
        return "".join(pieces)

    def _write(self, nodes: Nodes, this: Any, pieces: list[str]) -> None:
        for node in nodes:
            self._steps -= 1
            if self._steps < 0:
                raise self._too_much(f"it takes more than {MOST_STEPS} steps")
            if isinstance(node, str):
                self._put(node, pieces)
            elif isinstance(node, Value):
                self._put(written(self._find(node.path, this)), pieces)
            elif isinstance(node, Block):
                self._block(node, this, pieces)
            else:
                raise _wrong(node.line, f"{node.reference!r} is not resolved.", "Push the prompt, which pins it.")

    def _block(self, block: Block, this: Any, pieces: list[str]) -> None:
        value = self._find(block.path, this)
        if block.kind == "if":
            self._write(block.body if value else block.otherwise, this, pieces)
            return
        for item in value or ():
            self._steps -= 1
            self._write(block.body, item, pieces)

    def _find(self, path: Path, this: Any) -> Any:
        """What is declared and left out is None."""
        value = this if path[0] == "this" else self._values.get(path[0])
        for name in path[1:]:
            if not isinstance(value, dict):
                return None
            value = value.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return value  # pyright: ignore[reportUnknownVariableType]

    def _put(self, text: str, pieces: list[str]) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise self._too_much(f"it has more than {self._most} characters")
        pieces.append(text)

    def _too_much(self, what: str) -> UsageError:
        return UsageError(
            f"The prompt with these variables is too large: {what}.",
            remedy="Give shorter variables.",
            code="prompt_too_large",
            param="genaiops.variables",
        )


def render_template(text: str, values: Mapping[str, Any], room: int = 1_000_000) -> str:
    """A text that is a template, with these values. UsageError when it is none, or becomes longer than `room`."""
    return Writer(values, room).render(parse(text))


def written(value: Any) -> str:
    """How a value stands in a text: a string as it is, nothing for None, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
