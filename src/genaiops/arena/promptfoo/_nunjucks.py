"""Nunjucks by Jinja's sandbox: what the two write differently is written as Nunjucks does it.

Values print as JavaScript prints them, what is not there is nothing, lists and objects are always true, `+` joins
texts, and objects are looped over by name and value. `switch`, regular expressions and Nunjucks' asynchronous tags are
not there, and are an error.
"""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import html
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from jinja2 import ChainableUndefined, TemplateError, Undefined
from jinja2.sandbox import SandboxedEnvironment

from genaiops.arena.promptfoo._javascript import Items, Names, js_json, js_method, js_text, js_value, plain

LONGEST: Final = 1_000_000
_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_STRICT: Final = re.compile(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|([!=]==)", re.DOTALL)
_RAW: Final = re.compile(r"(\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\})", re.DOTALL)


class NotRendered(Exception):
    """Why a template gives nothing."""


class Nunjucks:
    """`environment`: what `env.NAME` reads. `filters`: of the configuration's own."""

    def __init__(self, environment: Mapping[str, str], filters: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._made = _Environment()
        globals_of(self._made)["env"] = Names(environment)
        self._made.filters.update(filters or {})

    def render(self, text: str, variables: Mapping[str, Any]) -> str:
        """NotRendered says why not."""
        if not _begins(text):
            return text
        try:
            made = self._made.from_string(_as_jinja(text))
            said = made.render({name: js_value(each) for name, each in variables.items()})
        except TemplateError as error:
            raise NotRendered(f"{error.message or type(error).__name__}".rstrip(".")) from None
        except RecursionError:
            raise NotRendered("it is nested too deep") from None
        except Exception as error:  # noqa: BLE001 (what an expression of a template raised)
            raise NotRendered(f"{type(error).__name__}: {error}") from None
        if len(said) > LONGEST:
            raise NotRendered(f"it has more than {LONGEST:,} characters")
        return said


def _begins(text: str) -> bool:
    """Whether anything of it is a template: a beginning without an end is a text, as promptfoo takes it."""
    return any(begin in text and end in text for begin, end in (("{{", "}}"), ("{%", "%}"), ("{#", "#}")))


def _as_jinja(text: str) -> str:
    """With `==` for `===`, in tags and out of texts."""
    pieces = _RAW.split(text)
    for number in range(0, len(pieces), 2):
        pieces[number] = _TAG.sub(
            lambda tag: _STRICT.sub(lambda found: found[1] or found[2][:2], tag[0]), pieces[number]
        )
    return "".join(pieces)


def globals_of(environment: SandboxedEnvironment) -> dict[str, Any]:
    return cast("dict[str, Any]", environment.globals)


class _Environment(SandboxedEnvironment):
    intercepted_binops = frozenset({"+", "/"})

    def __init__(self) -> None:
        super().__init__(undefined=ChainableUndefined, keep_trailing_newline=True, finalize=js_text, autoescape=False)
        globals_of(self).update(null=None, range=_range)
        self.filters = {name: each for name, each in self.filters.items() if name in _SAME} | dict(_FILTERS)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 (as Jinja calls it)
        if operator == "+":
            if isinstance(left, str | list | dict | Undefined) or isinstance(right, str | list | dict | Undefined):
                return js_text(left) + js_text(right)
            return (left or 0) + (right or 0)
        return left / right if right else math.nan

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._part(obj, attribute, super().getattr)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._part(obj, argument, super().getitem)

    def _part(self, obj: Any, part: Any, otherwise: Callable[[Any, Any], Any]) -> Any:
        if isinstance(obj, dict):
            fields = cast("dict[str, Any]", obj)
            return fields[part] if part in fields else self.undefined(name=str(part))
        if isinstance(obj, str | list):
            if isinstance(part, int) and not isinstance(part, bool):
                there = 0 <= part < len(cast("Sequence[Any]", obj))
                return cast("Sequence[Any]", obj)[part] if there else self.undefined(name=str(part))
            found = js_method(cast("Any", obj), str(part))
            return self.undefined(name=str(part)) if found is None else found
        if obj is None:
            return self.undefined(name=str(part))
        return otherwise(obj, part)

    def is_safe_callable(self, obj: Any) -> bool:
        return getattr(obj, "of_javascript", False) or super().is_safe_callable(obj)


def _range(start: int, stop: int | None = None, step: int = 1) -> Items:
    first, last = (0, start) if stop is None else (start, stop)
    numbers = range(first, last, step)
    if len(numbers) > 100_000:
        raise ValueError("a range of more than 100,000")
    return Items(numbers)


# --- filters ---


def _default(value: Any, other: Any = "", always: Any = False) -> Any:
    return other if isinstance(value, Undefined) or (always and not value) else value


def _dump(value: Any, spaces: Any = None) -> str:
    return js_json(value, spaces if isinstance(spaces, int) else None)


def _join(value: Any, between: str = "", attribute: str | None = None) -> str:
    items: list[Any] = list(cast("list[Any]", value)) if isinstance(value, list) else []
    return between.join(
        js_text(each.get(attribute) if attribute and isinstance(each, dict) else each) for each in items
    )


def _length(value: Any) -> int:
    return len(cast("Sequence[Any]", value)) if isinstance(value, str | list | dict) else 0


def _replace(value: Any, old: str, new: Any, most: int = -1) -> str:
    return js_text(value).replace(old, js_text(new), most)


def _truncate(value: Any, length: int = 255, kill: Any = False, end: str = "...") -> str:
    text = js_text(value)
    if len(text) <= length:
        return text
    if kill:
        return text[:length] + end
    space = text.rfind(" ", 0, length + 1)
    return text[: space if space > 0 else length] + end


def _sort(value: Any, backwards: Any = False, exact: Any = False, attribute: str | None = None) -> Items:
    def key(each: Any) -> Any:
        found = each.get(attribute) if attribute and isinstance(each, dict) else each
        return found.lower() if isinstance(found, str) and not exact else cast("Any", found)

    return Items(sorted(cast("list[Any]", value), key=key, reverse=bool(backwards)))


def _reverse(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else Items(reversed(cast("list[Any]", value)))


def _round(value: Any, digits: int = 0, how: str = "") -> float:
    scaled = float(value) * 10**digits
    whole = math.ceil(scaled) if how == "ceil" else math.floor(scaled) if how == "floor" else math.floor(scaled + 0.5)
    return whole / 10**digits


def _groupby(value: Any, attribute: str) -> Names:
    found = Names()
    for each in cast("list[Any]", value):
        found.setdefault(js_text(each.get(attribute)), Items()).append(each)
    return found


def _list(value: Any) -> Items:
    if isinstance(value, dict):
        return Items(Names(key=key, value=each) for key, each in cast("dict[str, Any]", value).items())
    return Items(value)


def _batch(value: Any, size: int, fill: Any = None) -> Items:
    items = list(value)
    rows = [Items(items[start : start + size]) for start in range(0, len(items), size)]
    if rows and fill is not None:
        rows[-1].extend([fill] * (size - len(rows[-1])))
    return Items(rows)


def _selected(keep: bool) -> Callable[[Any, str], Items]:
    def chosen(value: Any, attribute: str) -> Items:
        return Items(_with(cast("list[Any]", value), attribute, keep=keep))

    return chosen


def _with(items: Sequence[Any], attribute: str, *, keep: bool) -> Iterator[Any]:
    for each in items:
        if bool(isinstance(each, dict) and cast("dict[str, Any]", each).get(attribute)) is keep:
            yield each


def _whole(value: Any, other: int = 0) -> int:
    found = re.match(r"\s*[-+]?\d+", js_text(value))
    return int(found[0]) if found else other


def _load(value: Any) -> Any:
    return js_value(json.loads(js_text(value)))


def _string(value: Any) -> str:
    return js_text(value)


_SAME: Final = frozenset(
    {"abs", "capitalize", "center", "first", "float", "indent", "last", "random", "striptags", "sum", "title"}
    | {"urlencode", "wordcount"}
)
"""Of Jinja's filters those that do what Nunjucks' do."""
_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "batch": _batch,
    "d": _default,
    "default": _default,
    "dump": _dump,
    "escape": lambda value: html.escape(js_text(value), quote=True).replace("&#x27;", "&#39;"),
    "groupby": _groupby,
    "int": _whole,
    "join": _join,
    "length": _length,
    "list": _list,
    "load": _load,
    "lower": lambda value: js_text(value).lower(),
    "nl2br": lambda value: re.sub(r"\r\n|\n", "<br />\n", js_text(value)),
    "rejectattr": _selected(keep=False),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "safe": lambda value: value,
    "selectattr": _selected(keep=True),
    "sort": _sort,
    "string": _string,
    "tojson": _dump,
    "trim": lambda value: js_text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: js_text(value).upper(),
}


def as_plain(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables without what only templates need."""
    return {name: plain(each) for name, each in variables.items()}
