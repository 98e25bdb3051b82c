"""Values as JavaScript prints, compares and cuts them, as far as templates use that."""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from jinja2 import Undefined


class Items(list[Any]):
    """A list that is always true."""

    def __bool__(self) -> bool:
        return True


class Names(dict[str, Any]):
    """An object that is always true, and looped over by name and value."""

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())


def js_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Names({str(name): js_value(each) for name, each in cast("Mapping[Any, Any]", value).items()})
    if isinstance(value, list | tuple):
        return Items(js_value(each) for each in cast("list[Any]", value))
    return value


def plain(value: Any) -> Any:
    """As JSON has it: what is not there is null, and a number without a fraction is whole."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, Undefined):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def js_json(value: Any, spaces: int | None = None) -> str:
    separators = (",", ":") if spaces is None else (",", ": ")
    return json.dumps(plain(value), ensure_ascii=False, indent=spaces, separators=separators, default=str)


def js_text(value: Any) -> str:
    """As `String(value)`, but nothing for null and undefined."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list | tuple):
        return ",".join(js_text(each) for each in cast("list[Any]", value))
    return str(value)


class _Method:
    of_javascript = True

    def __init__(self, called: Callable[..., Any], of: Any) -> None:
        self._called, self._of = called, of

    def __call__(self, *given: Any) -> Any:
        return js_value(self._called(self._of, *given))


def js_method(value: Any, name: str) -> Any:
    """A property or a method of a text or a list; None where there is none."""
    if name == "length":
        return len(value)
    found = (_OF_TEXT if isinstance(value, str) else _OF_LIST).get(name)
    return None if found is None else _Method(found, value)


def _slice(value: Any, start: int = 0, end: int | None = None) -> Any:
    return value[start:end]


def _split(text: str, between: str | None = None, most: int | None = None) -> list[str]:
    parts = [text] if between is None else text.split(between) if between else list(text)
    return parts[:most]


_BOTH: Final[Mapping[str, Callable[..., Any]]] = {
    "includes": lambda value, part: part in value,
    "indexOf": lambda value, part: value.find(part) if isinstance(value, str) else _place(value, part),
    "slice": _slice,
    "toString": js_text,
}


def _place(items: list[Any], part: Any) -> int:
    return items.index(part) if part in items else -1


_OF_TEXT: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "charAt": lambda text, at: text[at : at + 1],
    "endsWith": str.endswith,
    "repeat": lambda text, often: text * min(int(often), 10_000),
    "replace": lambda text, old, new: text.replace(old, new, 1),
    "replaceAll": lambda text, old, new: text.replace(old, new),
    "split": _split,
    "startsWith": str.startswith,
    "substring": lambda text, start, end=None: text[max(0, start) : end],
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
}
_OF_LIST: Final[Mapping[str, Callable[..., Any]]] = {
    **_BOTH,
    "concat": lambda items, other: [*items, *(other if isinstance(other, list) else [other])],
    "join": lambda items, between=",": between.join(js_text(each) for each in items),
    "reverse": lambda items: items[::-1],
}
