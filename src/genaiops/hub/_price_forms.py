"""Prices between records (integers) and files (decimal text), guided by the types of `NewPrice`, however deep an amount
stands."""

from collections.abc import Callable
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano, to_nano
from genaiops.domain import Price
from genaiops.hub._forms import Form, PriceForm

_WORDS = frozenset({"provider", "model", "currency", "source", "valid_from"})
"""Fields whose text is no amount."""


def price_form(price: Price) -> Form:
    """The record as a file says it."""
    fields = {
        field.name: _mapped(field.type, getattr(price, field.name), _from_nano, field.name)
        for field in msgspec.structs.fields(PriceForm)
        if field.name != "valid_from"
    }
    return PriceForm(**fields, valid_from=to_iso(price.valid_from_us))


def with_texts(raw: Any) -> Any:
    """Amounts may be written as numbers, too: `0.4` as well as `"0.40"`."""
    return _mapped(PriceForm, raw, _number_as_text, "")


def normal(form: Form) -> dict[str, Any]:
    """Its amounts in one form each: `0.40` and `0.4` are the same price."""
    return {
        field.name: _mapped(field.type, getattr(form, field.name), _normal, field.name)
        for field in msgspec.structs.fields(PriceForm)
        if field.name not in _WORDS
    }


def _mapped(kind: Any, value: Any, change: Callable[[Any, str], Any], field: str) -> Any:
    """The value with `change` made where the type is text. What does not fit the type stays as it is."""
    if get_origin(kind) in {Union, UnionType}:
        kind = next(each for each in get_args(kind) if each is not type(None))
    if value is None or field in _WORDS:
        return value
    if kind is str:
        return change(value, field)
    inner = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        mapped = [_mapped(inner[0], each, change, field) for each in cast("list[Any]", value)]
        return tuple(mapped) if isinstance(value, tuple) else mapped
    if get_origin(kind) is dict and isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        return {name: _mapped(inner[1], each, change, field) for name, each in pairs.items()}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _mapped_struct(kind, value, change)
    return value


def _mapped_struct(kind: type[msgspec.Struct], value: Any, change: Callable[[Any, str], Any]) -> Any:
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    if isinstance(value, msgspec.Struct):
        return kind(**{name: _mapped(types[name], getattr(value, name), change, name) for name in types})
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[Any, Any]", value)
    return {name: _mapped(types.get(name), each, change, name) for name, each in pairs.items()}


def _from_nano(value: Any, field: str) -> Any:
    if not isinstance(value, int):
        return value
    return from_nano(value * 1_000_000 if field == "services" else value)  # shares are stored per mille


def _number_as_text(value: Any, _: str) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _normal(value: Any, field: str) -> Any:
    try:
        return from_nano(to_nano(value, what=f"price of {field}"))
    except UsageError as error:
        raise UsageError(error.message, remedy=error.remedy, param=field) from error
