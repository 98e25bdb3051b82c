"""Reading a request field by field, so that whatever is not understood is named instead of dropped."""

from collections.abc import Iterable
from typing import Any, Self, cast

import msgspec

from genaiops.core.errors import UsageError

CHAT = "OpenAI chat"
MESSAGES = "Anthropic Messages"
_KINDS: dict[type, str] = {str: "a string", dict: "an object", list: "a list", int: "an integer", bool: "true or false"}


def unsayable(param: str, dialect: str, remedy: str | None = None) -> UsageError:
    """The error for what the target's dialect has no words for."""
    return UsageError(
        f"{param!r} cannot be said in {dialect}, which is what the target speaks.",
        remedy=remedy or "Leave it out, or call a model whose provider speaks the dialect of your request.",
        code="not_translatable",
        param=param,
    )


def wrong(param: str, what: str) -> UsageError:
    return UsageError(f"The body is not right: {param!r} {what}.", code="invalid_value", param=param)


class Fields:
    """One JSON object of a request, at a path such as `messages.0.content.1`; `to` is the dialect it becomes.

    Every field is taken once; `close` then refuses the ones that nobody took. UsageError names the field at fault.
    """

    __slots__ = ("_left", "at", "to")

    def __init__(self, value: Any, at: str, to: str) -> None:
        if not isinstance(value, dict):
            raise wrong(at or "the body", "must be an object")
        self._left = dict(cast("dict[str, Any]", value))
        self.at = at
        self.to = to

    def path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def take(self, name: str) -> Any:
        """The field's value; None when it is not there, too."""
        return self._left.pop(name, None)

    def peek(self, name: str) -> Any:
        """The field's value, left in its place."""
        return self._left.get(name)

    def _of(self, kind: type, name: str) -> Any:
        value = self.take(name)
        if value is None or (isinstance(value, kind) and not (kind is int and isinstance(value, bool))):
            return value
        raise wrong(self.path(name), f"must be {_KINDS[kind]}")

    def text(self, name: str) -> str | None:
        value: str | None = self._of(str, name)
        return value

    def needed_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise wrong(self.path(name), "is missing")
        return value

    def integer(self, name: str) -> int | None:
        value: int | None = self._of(int, name)
        return value

    def flag(self, name: str) -> bool | None:
        value: bool | None = self._of(bool, name)
        return value

    def number(self, name: str) -> float | None:
        value = self.take(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise wrong(self.path(name), "must be a number")

    def items(self, name: str) -> list[Any] | None:
        value: list[Any] | None = self._of(list, name)
        return value

    def object(self, name: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = self._of(dict, name)
        return value

    def fields(self, name: str) -> Self | None:
        value = self.take(name)
        return None if value is None else type(self)(value, self.path(name), self.to)

    def needed_fields(self, name: str) -> Self:
        found = self.fields(name)
        if found is None:
            raise wrong(self.path(name), "is missing")
        return found

    def each(self, name: str) -> list[Self]:
        """The objects of a list; empty when it is not there."""
        path = self.path(name)
        return [type(self)(item, f"{path}.{at}", self.to) for at, item in enumerate(self.items(name) or ())]

    def only(self, name: str, *allowed: Any) -> None:
        """Take a field that says nothing new when it has one of these values (or is null)."""
        value = self.take(name)
        if value is not None and value not in allowed:
            raise unsayable(self.path(name), self.to)

    def refuse(self, name: str, remedy: str | None = None) -> None:
        """Refuse a field with words of its own."""
        if self._left.get(name) is not None:
            raise unsayable(self.path(name), self.to, remedy)

    def left(self) -> list[str]:
        """The names of what nobody took."""
        return [name for name, value in self._left.items() if value is not None]

    def close(self, hints: Iterable[str] = ()) -> None:
        """Refuse what is left, but for nulls and the named hints, which change nothing that a caller can rely on."""
        for name in hints:
            self._left.pop(name, None)
        for name, value in self._left.items():
            if value is not None:
                raise unsayable(self.path(name), self.to)


def body_fields(raw: bytes | bytearray, to: str) -> Fields:
    """The body of a request. UsageError when it is no JSON object."""
    try:
        value: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None
    return Fields(value, "", to)
