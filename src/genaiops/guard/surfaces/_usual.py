"""The texts of bodies as most calls have them, read at a fraction of the cost.

What is read here is read as `asked` and `answered` read it, or not at all: the texts, as one, are at least those of the
parts and of those that are read together. No places are known, so that this is for asking whether there is anything to
find.
"""

from typing import Any, Final, cast

from genaiops.domain import Operation
from genaiops.guard.surfaces import _chat
from genaiops.guard.surfaces._grammar import AMOUNTS, MODEL, NAME, OTHER, TEXT, Node, is_model, is_name
from genaiops.guard.surfaces._walk import LOGPROBS, LONG_NUMBER, Malformed, decoded, says, unique
from genaiops.guard.surfaces._words import WORDS
from genaiops.ports.providers import Dialect

BETWEEN: Final = "\n\x00\n"
"""Between texts that have nothing to do with each other: no pattern reaches over it."""
_ROLES: Final = frozenset({"system", "developer", "user", "assistant"})
_SAID: Final = frozenset({"content", "refusal", "reasoning_content", "reasoning"})
_NAMES: Final = frozenset({"assistant", "chat.completion", "stop", "length", "tool_calls", "default", "auto"})
"""Names that most bodies have."""
_NUMBERS: Final = frozenset({int, float})
_NOTHING: Final = frozenset({bool, type(None)})
_DEPTH: Final = 8


class _Unusual(Exception):
    """It has something that has to be read with more care."""


def usual_request(operation: Operation, dialect: Dialect, raw: bytes | bytearray) -> str | None:
    """The texts of a request, with BETWEEN between them. None: it has to be read with `asked`."""
    if operation != "chat" or dialect != "openai":
        return None
    texts: list[str] = []
    try:
        body = _object(decoded(raw))
        keys = _fields(body, _chat.CHAT, texts, "messages") + _messages(body.get("messages"), texts)
    except (Malformed, _Unusual):
        return None
    return BETWEEN.join(texts) if unique(raw, keys) else None


def usual_answer(operation: Operation, dialect: Dialect, raw: bytes | bytearray) -> str | None:
    """The texts of an answer, likewise. None: it has to be read with `answered`."""
    if operation != "chat" or dialect != "openai":
        return None
    texts: list[str] = []
    try:
        body = _object(decoded(raw))
        keys = _fields(body, _chat.ANSWER, texts, "choices") + _choices(body.get("choices"), texts)
    except (Malformed, _Unusual):
        return None
    return BETWEEN.join(texts) if unique(raw, keys) else None


def _object(value: Any) -> dict[str, Any]:
    if value.__class__ is not dict:
        raise _Unusual
    return cast("dict[str, Any]", value)


def _fields(found: dict[str, Any], node: Node, texts: list[str], but: str) -> int:
    """How many keys are in it and in the objects in it. `but`: a key whose value is read elsewhere."""
    keys, rules = len(found), node.rules
    for key, value in found.items():
        if key == but:
            continue
        rule, kind = rules.get(key), value.__class__
        if rule is None:
            if key not in WORDS and says(key):
                texts.append(key)
            rule = OTHER
        if kind is str:
            _string(value, rule.kind, texts)
        elif kind in _NOTHING:
            continue
        elif kind in _NUMBERS:
            if not -LONG_NUMBER < value < LONG_NUMBER and not (key in WORDS and key not in rules):
                raise _Unusual
        elif kind is dict:
            counts = rule.node is AMOUNTS
            if not counts and (rule is not OTHER or key in LOGPROBS):
                raise _Unusual
            keys += _figures(cast("dict[str, Any]", value), texts, _DEPTH, free=not counts)
        elif value:
            raise _Unusual
    return keys


def _string(value: str, kind: int, texts: list[str]) -> None:
    if kind == NAME:
        if value in _NAMES or not value or is_name(value):
            return
    elif kind == MODEL:
        if not value or is_model(value):
            return
    elif kind != TEXT:
        raise _Unusual
    if value:
        _text(value, texts)


def _text(value: str, texts: list[str]) -> None:
    if value[0] in "{[" and "\\u" in value:
        raise _Unusual  # it may be JSON itself
    texts.append(value)


def _figures(found: dict[str, Any], texts: list[str], depth: int, *, free: bool) -> int:
    """An object of names and numbers. `free`: its strings are texts, and long numbers, too."""
    keys = len(found)
    for key, value in found.items():
        kind = value.__class__
        if key not in WORDS and says(key):
            texts.append(key)
        if kind is dict and depth:
            keys += _figures(value, texts, depth - 1, free=free)
        elif kind is str:
            _string(value, TEXT if free else NAME, texts)
        elif kind in _NUMBERS:
            if free and not -LONG_NUMBER < value < LONG_NUMBER:
                raise _Unusual
        elif kind not in _NOTHING:
            raise _Unusual
    return keys


def _messages(found: Any, texts: list[str]) -> int:
    """Of each its role and its content, and nothing else; neighbours of the same role are one text as well."""
    if found.__class__ is not list:
        raise _Unusual
    keys, role, run = 0, "", list[str]()
    for message in cast("list[Any]", found):
        if message.__class__ is not dict or len(message) != 2 or "role" not in message or "content" not in message:
            raise _Unusual
        said, content = message["role"], message["content"]
        if said.__class__ is not str or said not in _ROLES:
            raise _Unusual
        if said != role:
            _together(run, texts)
            role, run = said, []
        keys += 2
        if content.__class__ is str:
            if content:
                _text(content, texts)
                run.append(content)
        else:
            keys += _parts(content, texts, run)
    _together(run, texts)
    return keys


def _parts(found: Any, texts: list[str], run: list[str]) -> int:
    if found.__class__ is not list:
        raise _Unusual
    for part in cast("list[Any]", found):
        if part.__class__ is not dict or len(part) != 2 or part.get("type") != "text":
            raise _Unusual
        text = part.get("text")
        if text.__class__ is not str:
            raise _Unusual
        if text:
            _text(text, texts)
            run.append(text)
    return 2 * len(cast("list[Any]", found))


def _together(run: list[str], texts: list[str]) -> None:
    if len(run) > 1:
        texts.append("".join(run))


def _choices(found: Any, texts: list[str]) -> int:
    if found.__class__ is not list:
        raise _Unusual
    keys = 0
    for choice in cast("list[Any]", found):
        if choice.__class__ is not dict:
            raise _Unusual
        keys += _fields(cast("dict[str, Any]", choice), _chat.CHOICE, texts, "message")
        keys += _message(choice.get("message"), texts)
    return keys


def _message(found: Any, texts: list[str]) -> int:
    """A role and texts, and nothing else that says something."""
    if found.__class__ is not dict:
        raise _Unusual
    run: list[str] = []
    rules = _chat.SAID.rules
    for key, value in cast("dict[str, Any]", found).items():
        if key not in rules:
            raise _Unusual
        if not value:
            continue
        if value.__class__ is str and key in _SAID:
            _text(value, texts)
            run.append(value)
        elif key != "role" or value not in ("assistant", "model"):
            raise _Unusual
    _together(run, texts)
    return len(cast("dict[str, Any]", found))
