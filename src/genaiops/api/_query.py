"""Query parameters of requests that have many of them: a struct, read strictly, and shown in the OpenAPI document."""

import difflib
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec
from litestar import Request
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from genaiops.api._errors import field_of
from genaiops.core.errors import UsageError

T = TypeVar("T")

QUERY = "query"
"""The key in a handler's `opt` that names the struct of its query."""

_TYPES = {int: OpenAPIType.INTEGER, str: OpenAPIType.STRING, bool: OpenAPIType.BOOLEAN}


def read_query(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """UsageError names the parameter at fault."""
    given: dict[str, Any] = {}
    repeatable = {field.name for field in msgspec.structs.fields(cast("type[msgspec.Struct]", kind)) if _repeats(field)}
    for name, value in request.query_params.multi_items():
        if name in repeatable:
            given.setdefault(name, []).append(value)
            continue
        if name in given:
            raise UsageError(f"{name} is given twice.", remedy="Give it once.", param=name)
        given[name] = value
    known = cast(tuple[str, ...], getattr(kind, "__struct_fields__"))  # noqa: B009  T cannot say that it is a struct
    for name in given.keys() - set(known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        remedy = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(sorted(known))}."
        raise UsageError(f"There is no parameter {name!r} here.", remedy=remedy, param=name)
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        param = field_of(str(error))
        what = str(error).partition(" - at `")[0]
        raise UsageError(f"{param}: {what}.", remedy=_allowed(kind, param), param=param) from error


def described(kind: type[Any]) -> type[Operation]:
    """The `operation_class` of a handler whose query is that struct."""

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or ()), *map(_parameter, msgspec.structs.fields(kind))]

    return Described


def _repeats(field: msgspec.structs.FieldInfo) -> bool:
    return get_origin(_plain(field.type)[1]) is tuple


def _parameter(field: msgspec.structs.FieldInfo) -> Parameter:
    description, plain = _plain(field.type)
    if _repeats(field):
        schema = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING))
        return Parameter(name=field.name, param_in="query", schema=schema, description=description, required=False)
    choices = list(get_args(plain)) if get_origin(plain) is Literal else None
    schema = Schema(
        type=_TYPES.get(plain, OpenAPIType.STRING),
        enum=choices,
        default=None if field.default is msgspec.NODEFAULT else field.default,
    )
    return Parameter(name=field.name, param_in="query", schema=schema, description=description, required=False)


def _plain(kind: Any) -> tuple[str | None, Any]:
    """(description, type without Annotated and None, whichever is around the other)."""
    description: str | None = None
    while get_origin(kind) in {Annotated, Union, types.UnionType}:
        if get_origin(kind) is Annotated:
            kind, meta = get_args(kind)[:2]
            description = meta.description
        else:
            kind = next(each for each in get_args(kind) if each is not type(None))
    return description, kind


def _allowed(kind: type[Any], param: str | None) -> str | None:
    for field in msgspec.structs.fields(kind):
        if field.name == param and get_origin(_plain(field.type)[1]) is Literal:
            return f"There are: {', '.join(get_args(_plain(field.type)[1]))}."
    return None
