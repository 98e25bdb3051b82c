"""From a decoded body to its texts, each with the place to put another one."""

import json
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from genaiops.guard.surfaces import _encoded
from genaiops.guard.surfaces._grammar import (
    ARGUMENTS,
    MODEL,
    NAME,
    OTHER,
    SEALED,
    TEXT,
    UNIT,
    URL,
    Node,
    Provenance,
    Rule,
    is_model,
    is_name,
)

MAX_DEPTH = 100
"""Objects and lists inside each other, JSON inside strings included."""

LONG_NUMBER = 1_000_000
"""From here on a number in what callers make themselves may be that of a card or a telephone."""

LOGPROBS = frozenset({"logprobs", "logprobsResult", "logprobs_result"})
_TOKENS = frozenset({"token", "text", "tokens"})
_LISTS = frozenset({"content", "refusal", "chosenCandidates", "chosen_candidates"})
_CONTAINERS = frozenset({dict, list})
_FIGURES = frozenset({int, float})
_PROMPTS = frozenset({"prompt", "input"})
_MOST_KNOWN = 1000
_SHORT = 6
_MEDIA = ("media_type", "mimeType", "mime_type", "format")
_decode = msgspec.json.Decoder().decode
Path = tuple[str | int, ...]
NAME_OF = "\0"
"""The last step of a path to the name of a field."""
_INSIDE = Rule(TEXT, UNIT)


class Part(msgspec.Struct, frozen=True, gc=False):
    """One text. `tool`: the name of the tool of arguments and results, as far as it is known. `path`: the keys and
    indexes to it."""

    text: str
    provenance: Provenance
    path: Path
    tool: str = ""

    @property
    def place(self) -> str:
        """For people: `messages[2].content[0].text`."""
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path if step != NAME_OF]
        shown = "".join(steps).removeprefix(".")
        return f"{shown} (name)" if self.path[-1:] == (NAME_OF,) else shown


class Unread(msgspec.Struct, frozen=True):
    """What is no text here: media of that type (`unknown` where nobody says), or text as numbers of tokens."""

    media: str
    path: Path


class Slot(msgspec.Struct, gc=False):
    """Where a text stands: `holder[key]`, in the JSON inside a string that is `insides[inside]`, if any. `write`: what
    makes of a new text what has to stand there. `names`: it is the key itself. `arguments`: it is JSON that was left as
    it stands. `chances`: it is made of the tokens there, 1 of those that were chosen, 2 of the others."""

    holder: Any
    key: Any
    inside: int
    write: Callable[[str], Any] | None = None
    names: bool = False
    arguments: bool = False
    chances: int = 0


class Inside(msgspec.Struct):
    """JSON inside a string: `box[0]` is its value, `slot` where the string stands."""

    box: list[Any]
    slot: Slot


class Chances(msgspec.Struct):
    """Probabilities of tokens, which repeat the texts below `path`."""

    path: Path
    slot: Slot


class Malformed(Exception):
    """What is wrong with a body, in a few words."""


_KEY = re.compile(rb'"\s*:')
_QUOTED = re.compile(rb'\\"\s*:')


def decoded(raw: bytes | bytearray | str) -> Any:
    """Malformed when it is not JSON (as RFC 8259 and UTF-8 have it)."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise Malformed(f"it is not JSON: {error}") from None


def unique(raw: bytes | bytearray, keys: int) -> bool:
    """Whether no object has a key twice, where its value has so many keys in all: two readers could read two things.
    By counting first, which is always right when it says yes."""
    if raw.count(b":") == keys:
        return True
    found = len(_KEY.findall(raw))
    if found != keys and b'\\\\"' not in raw:
        found -= len(_QUOTED.findall(raw))  # quotes inside of texts: no key ends in a backslash here
    if found == keys:
        return True
    try:
        json.loads(raw, object_pairs_hook=_once)
    except ValueError:
        return False
    return True


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError


def says(key: str) -> bool:
    """Whether a name of a field that is none of the known words says something. Short numbers are ids of tokens."""
    return len(key) > _SHORT or (key != "" and not key.isdecimal())


class Walker:
    """Collects the texts of a body, or of the events of a stream one after the other.

    `words`: names of fields that are nobody's text, wherever they stand. `pieces`: texts may be pieces of others, so
    JSON inside of them is left as it stands.
    """

    __slots__ = ("_group", "_groups", "_inside", "_pieces", "_run", "_words", "calls", "chances", "groups",
                 "insides", "keys", "known", "parts", "slots", "tool", "unread")  # fmt: skip

    def __init__(self, words: frozenset[str], *, pieces: bool = False) -> None:
        self._words = words
        self._pieces = pieces
        self.known: set[str] = set()
        self.calls: dict[str, str] = {}
        self.parts: list[Part] = []
        self.slots: list[Slot] = []
        self.groups: list[int] = []
        self.insides: list[Inside] = []
        self.chances: list[Chances] = []
        self.unread: list[Unread] = []
        self.keys = 0
        self._group = self._groups = 0
        self._inside = -1
        self.tool = ""
        """Whose arguments or results what comes next is."""
        self._run: tuple[Node, Provenance, int] | None = None

    def reset(self) -> None:
        """Ready for the next event; what is known of names and of the calls of tools stays."""
        if self.parts:
            self.parts, self.slots, self.groups = [], [], []
        if self.insides or self.chances or self.unread:
            self.insides, self.chances, self.unread = [], [], []
        self.keys = 0
        self._group = self._groups = 0
        self._inside = -1
        self.tool = ""
        self._run = None

    # -- objects and lists

    def take(self, holder: Any, key: Any, value: Any, rule: Rule, path: Path, provenance: Provenance) -> None:
        """One value, which stands at `holder[key]`. Malformed when it is too deep."""
        kind: type = value.__class__
        if kind is str:
            if value:
                self._string(holder, key, value, rule, path, provenance)
        elif kind is dict:
            self._object(value, rule.node, path, rule.provenance or provenance)
        elif kind is list:
            self._list(value, rule, path, rule.provenance or provenance)
        elif rule.node.numbers and _is_long(value):
            self._add(str(value), path, rule.provenance or provenance, Slot(holder, key, self._inside))

    def _object(self, found: dict[str, Any], node: Node, path: Path, provenance: Provenance) -> None:
        if len(path) > MAX_DEPTH:
            raise Malformed(f"it is deeper than {MAX_DEPTH} objects and lists")
        tool, group = self.tool, self._group
        if node.enter is not None:
            provenance, self.tool = node.enter(self, found, provenance, tool)
        if node.unit:
            self._begin(node, provenance)
        self.keys += len(found)
        rules, known = node.rules, self.known
        for key, value in found.items():
            rule = rules.get(key)
            if rule is None:
                rule = node.default
                if self._unnamed(found, key, value, node, path, rule.provenance or provenance):
                    continue
            kind = value.__class__
            if kind is str:
                if not value or (rule.kind == NAME and value in known):
                    continue
                if rule.kind == TEXT:
                    self._text(found, key, value, (*path, key), rule.provenance or provenance)
                else:
                    self._string(found, key, value, rule, (*path, key), provenance)
            elif kind is dict:
                self._object(value, rule.node, (*path, key), rule.provenance or provenance)
            elif kind is list:
                self._list(value, rule, (*path, key), rule.provenance or provenance)
            elif rule.node.numbers and _is_long(value):
                slot = Slot(found, key, self._inside)
                self._add(str(value), (*path, key), rule.provenance or provenance, slot)
        self.tool, self._group = tool, group

    def _unnamed(
        self, found: dict[str, Any], key: str, value: Any, node: Node, path: Path, provenance: Provenance
    ) -> bool:
        """Takes the name of a field that has no rule, where it says something; whether that was all."""
        kind = value.__class__
        if key in LOGPROBS and node.default is OTHER and kind in _CONTAINERS:
            self._chances(found, key, value, path)
            return True
        if key in self._words:
            return kind in _FIGURES and not node.numbers
        if says(key):
            self._add(key, (*path, key, NAME_OF), provenance, Slot(found, key, self._inside, names=True))
        return False

    def _begin(self, node: Node, provenance: Provenance) -> None:
        """What is read together begins, or goes on."""
        run = self._run
        if node.run and run is not None and run[0] is node and run[1] == provenance:
            self._group = run[2]
            return
        self._groups += 1
        self._group = self._groups
        if node.run:
            self._run = (node, provenance, self._group)

    def _list(self, found: list[Any], rule: Rule, path: Path, provenance: Provenance) -> None:
        if len(path) > MAX_DEPTH:
            raise Malformed(f"it is deeper than {MAX_DEPTH} objects and lists")
        if found and found[0].__class__ in _FIGURES and set(map(type, found)) <= _FIGURES:
            if path and path[0] in _PROMPTS and rule.provenance is not None:
                self.unread.append(Unread("tokens", path))
                return
            if not rule.node.numbers or not any(map(_is_long, found)):
                return
        node = rule.node
        for at, one in enumerate(found):
            if one.__class__ is dict:
                self._object(one, node, (*path, at), provenance)
            else:
                self.take(found, at, one, rule, (*path, at), provenance)

    # -- strings

    def _string(self, holder: Any, key: Any, text: str, rule: Rule, path: Path, provenance: Provenance) -> None:
        kind = rule.kind
        if kind == NAME:
            if text in self.known:
                return
            if is_name(text):
                if len(self.known) < _MOST_KNOWN:
                    self.known.add(text)
                return
            provenance = "other"
        elif kind == MODEL:
            if is_model(text):
                return
            provenance = "other"
        elif kind == ARGUMENTS:
            if self._pieces:
                self._add(text, path, rule.provenance or provenance, Slot(holder, key, self._inside, arguments=True))
                return
            if self._within(text, path, rule.provenance or provenance, Slot(holder, key, self._inside), exact=True):
                return
        elif kind != TEXT:
            self._encoded(holder, key, text, rule, path, provenance)
            return
        self._text(holder, key, text, path, rule.provenance or provenance)

    def _text(self, holder: Any, key: Any, text: str, path: Path, provenance: Provenance) -> None:
        """A text, which may be JSON itself: escapes in it would hide what it says."""
        slot = Slot(holder, key, self._inside)
        if (
            not self._pieces
            and text[0] in "{["
            and "\\u" in text
            and self._within(text, path, provenance, slot, exact=False)
        ):
            return
        self._add(text, path, provenance, slot)

    def _encoded(self, holder: Any, key: Any, text: str, rule: Rule, path: Path, provenance: Provenance) -> None:
        fields = cast("dict[str, Any]", holder) if isinstance(holder, dict) else {}
        provenance = rule.provenance or provenance
        if rule.kind == URL or text[:5].lower() == "data:":
            read = _encoded.of_url(text)
        elif rule.kind == SEALED:
            read = _encoded.sealed(text)
        elif fields.get("type") == "text":
            read = _encoded.Read(text)
        else:
            named: Any = next((fields[name] for name in _MEDIA if name in fields), "")
            read = _encoded.of_base64(text, named) if isinstance(named, str) else _encoded.Read(text)
        if read.text is None:
            if read.media:
                self.unread.append(Unread(read.media, path))
            return
        # Media go piece by piece too, but never through the channel of a text that grows.
        write = read.write if read.write is not None or rule.kind == URL else str
        slot = Slot(holder, key, self._inside, write)
        if not read.text or (read.write and self._within(read.text, path, provenance, slot, exact=False)):
            return
        self._add(read.text, path, provenance, slot)

    def _within(self, text: str, path: Path, provenance: Provenance, slot: Slot, *, exact: bool) -> bool:
        """Whether the text is JSON; then what it says has been taken. `exact`: it has to be JSON that all readers read
        alike, if any (Malformed); otherwise such a text is just text."""
        try:
            value = decoded(text)
        except Malformed:
            return False
        before = (self.keys, self._inside, len(self.parts), len(self.insides))
        box = [value]
        self.keys, self._inside = 0, len(self.insides)
        self.insides.append(Inside(box, slot))
        self.take(box, 0, value, _INSIDE, path, provenance)
        read = unique(text.encode(), self.keys)
        self.keys, self._inside = before[0], before[1]
        if not read:
            if exact:
                raise Malformed("the arguments of a tool have the same key twice")
            del self.parts[before[2] :], self.slots[before[2] :], self.groups[before[2] :], self.insides[before[3] :]
        return read

    def _add(self, text: str, path: Path, provenance: Provenance, slot: Slot) -> None:
        self.parts.append(Part(text, provenance, path, self.tool))
        self.slots.append(slot)
        self.groups.append(self._group)

    # -- probabilities of tokens

    def _chances(self, holder: Any, key: str, found: Any, path: Path) -> None:
        """The tokens make one text, and those that were not chosen another one; they go together with what they
        repeat, when that is replaced."""
        if not found:
            return
        chosen: list[str] = []
        others: list[str] = []
        todo: list[tuple[Any, list[str]]] = [(found, chosen)]
        while todo:
            one, into = todo.pop()
            if one.__class__ is list:
                todo += [(inner, into) for inner in reversed(one)]
            elif one.__class__ is str:
                into.append(one)
            elif one.__class__ is dict:
                self.keys += len(one)
                for name, inner in reversed(one.items()):
                    apart = name not in _TOKENS and (name not in _LISTS or into is others)
                    todo.append((inner, others if apart else into))
                    if name not in self._words and name not in _TOKENS:
                        others.append(name)
        gone: list[Any] | None = [] if found.__class__ is list else None
        slots = [Slot(holder, key, self._inside, lambda _: gone, chances=at) for at in (1, 2)]
        self.chances.append(Chances(path, slots[0]))
        for slot, texts in zip(slots, (chosen, others), strict=True):
            if any(texts):
                self._add("".join(texts), (*path, key), "model_output", slot)


def _is_long(value: Any) -> bool:
    kind = value.__class__
    return (kind is int or kind is float) and (value >= LONG_NUMBER or value <= -LONG_NUMBER)
