"""Values of a program as bounded JSON: what a span keeps of inputs and outputs. Nothing here raises."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast

import msgspec

from genaiops.sdk._settings import Redact

_DEEPEST = 12
_LONGEST = 1_000_000
"""Characters of one text that a redaction sees; what is kept of it is far less."""
_SHORTEST = 8
_GONE = "[not kept: the redaction failed]"

Bind = Callable[[tuple[Any, ...], dict[str, Any]], Mapping[str, Any]]


def captured(value: object, limit: int, redact: Redact | None, name: str = "") -> str:
    """Text as it is, everything else as JSON, at most about `limit` characters; what was cut off says so.

    Objects are told by `model_dump`, as data classes and structs, or by their representation. Iterators are not
    consumed."""
    walk = _Walk(limit, redact)
    found = walk.value(value, name, 0)
    if isinstance(found, str):
        return found
    try:
        return msgspec.json.encode(found).decode()
    except Exception:  # noqa: BLE001 (a value of the application must never break it)
        return _unknown(value)


class _Walk:
    def __init__(self, limit: int, redact: Redact | None) -> None:
        self._room = limit
        self._redact = redact

    def value(self, value: object, name: str, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            self._room -= 5
            return value
        if isinstance(value, str | int | float):
            return self._leaf(value, name)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"<{value.nbytes if isinstance(value, memoryview) else len(value)} bytes>"
        if depth >= _DEEPEST:
            return "<deeper>"
        try:
            return self._composed(value, name, depth)
        except Exception:  # noqa: BLE001 (properties and representations of foreign objects may raise anything)
            return _unknown(value)

    def _leaf(self, value: str | float, name: str) -> Any:
        found: object = value
        if self._redact is not None:
            # A whole text, so that nothing escapes a pattern by being cut in two.
            given = value[:_LONGEST] if isinstance(value, str) else value
            try:
                found = self._redact(name, given)
            except Exception:  # noqa: BLE001 (what a failing redaction was to hide must not be kept)
                return _GONE
        if isinstance(found, str):
            return self._text(found)
        if found is None or isinstance(found, bool | int | float):
            self._room -= 8
            return found if not isinstance(found, float) or found - found == 0 else str(found)
        return self._text(str(found))

    def _text(self, text: str) -> str:
        kept = max(self._room, _SHORTEST)
        self._room -= len(text)
        # Half a pair of surrogates is no text that could be sent.
        whole = text[:kept].encode("utf-8", "replace").decode()
        return whole if len(text) <= kept else f"{whole}... ({len(text) - kept} more characters)"

    def _composed(self, value: object, name: str, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._fields(cast("Mapping[object, object]", value), depth)
        if isinstance(value, Sequence | AbstractSet) and not isinstance(value, range):
            return self._items(cast("Sequence[object] | AbstractSet[object]", value), name, depth)
        if hasattr(value, "columns") and hasattr(value, "shape"):  # a DataFrame of any library
            return self.value(
                {"columns": list(cast(Any, value).columns), "rows": cast(Any, value).shape[0]}, name, depth
            )
        dump = None if isinstance(value, type) else getattr(value, "model_dump", None)
        if callable(dump):
            return self.value(dump(), name, depth + 1)
        if not isinstance(value, type) and (
            hasattr(value, "__dataclass_fields__") or isinstance(value, msgspec.Struct)
        ):
            names = getattr(value, "__dataclass_fields__", None) or cast(msgspec.Struct, value).__struct_fields__
            return self._fields({field: getattr(value, field) for field in names}, depth)
        try:  # times, UUIDs, decimals, enumerations
            plain = msgspec.to_builtins(value)
        except (TypeError, NotImplementedError):
            return self._leaf(repr(value), name)
        return self.value(plain, name, depth + 1)

    def _fields(self, given: Mapping[object, object], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in given.items():
            if self._room <= 0:
                found["..."] = f"{len(given) - len(found)} more"
                break
            text = str(key)[:256].encode("utf-8", "replace").decode()
            self._room -= len(text) + 4
            found[text] = self.value(value, text, depth + 1)
        return found

    def _items(self, given: Sequence[object] | AbstractSet[object], name: str, depth: int) -> list[Any]:
        found: list[Any] = []
        for item in given:
            if self._room <= 0:
                found.append(f"... ({len(given) - len(found)} more)")
                break
            self._room -= 1
            found.append(self.value(item, name, depth + 1))
        return found


def _unknown(value: object) -> str:
    return f"<{type(value).__name__}>"


def binder(function: Callable[..., Any]) -> Bind:
    """How a call's arguments become {name: value}; the object that a method belongs to is left out."""
    try:
        signature: inspect.Signature | None = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    names = list(signature.parameters) if signature else []
    owner = names[0] if names and names[0] in {"self", "cls"} else None

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
        if signature is not None:
            try:
                found = dict(signature.bind(*args, **kwargs).arguments)
            except TypeError:  # the call itself says what is wrong
                pass
            else:
                found.pop(owner or "", None)
                return found
        return {**{str(number): value for number, value in enumerate(args)}, **kwargs}

    return bind
