"""What a request says is read strictly: no unknown field, no unknown parameter, no text in the place of a number."""

import difflib
import re
from collections.abc import Collection
from typing import Any

import msgspec
from litestar import Request
from litestar.handlers import BaseRouteHandler

from genaiops.api._errors import field_of
from genaiops.api._query import QUERY
from genaiops.core.errors import UsageError

_NOT_QUERY = frozenset({"data", "request", "services", "caller", "status"})


async def check_request(request: Request[Any, Any, Any]) -> None:
    """A `before_request` hook: UsageError names the field or the parameter at fault, and never shows a value."""
    handler: BaseRouteHandler = request.route_handler
    parameters = handler.parsed_fn_signature.parameters
    known = parameters.keys() - _NOT_QUERY - request.path_params.keys()
    for name in request.query_params:
        if QUERY not in handler.opt and name not in known:
            raise UsageError(f"There is no parameter {name!r} here.", remedy=choices(name, known), param=name)
    if "data" in parameters:
        check_body(await request.body(), parameters["data"].annotation)


def check_body(body: bytes, kind: Any) -> None:
    """UsageError unless the body is JSON of that kind."""
    if not body:
        raise UsageError("The request has no body.", remedy="Send a JSON object.")
    try:
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        message = str(error)
        param = field_of(message)
        what = message.partition(" - at `")[0]
        about = f"{param}: {what}" if param and f"`{param}`" not in what else what
        remedy = _known_fields(message, kind) or _allowed(message, kind)
        raise UsageError(f"{about}.", remedy=remedy, param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The body is not JSON: {error}.", remedy="Send a JSON object in UTF-8.", code="invalid_json"
        ) from error


def _known_fields(message: str, kind: Any) -> str | None:
    if "unknown field" not in message or " - at `$." in message:
        return None
    name = (field_of(message) or "").rpartition(".")[2]
    return choices(name, getattr(kind, "__struct_fields__", ()))


def _allowed(message: str, kind: Any) -> str | None:
    """The values of an enumeration, of which `Invalid enum value 'x' - at `$.scopes[0]`` names none."""
    place = _PLACE.search(message)
    if not message.startswith("Invalid enum value") or place is None:
        return None
    found: list[Any] = [msgspec.inspect.type_info(kind)]
    for name in _STEP.findall(place[1]):
        found = [inner for outer in found for each in _members(outer) for inner in _step(each, name)]
    values = [str(value) for outer in found for each in _members(outer) for value in getattr(each, "values", ())]
    return f"There are: {', '.join(values)}." if values else None


_PLACE = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


def _members(found: Any) -> Collection[Any]:
    return found.types if isinstance(found, msgspec.inspect.UnionType) else (found,)


def _step(found: Any, name: str) -> list[Any]:
    """What stands at a field's name, or in a list or a dict (`[...]`)."""
    if name.startswith("["):
        return [inner for field in ("item_type", "value_type") if (inner := getattr(found, field, None)) is not None]
    return [field.type for field in getattr(found, "fields", ()) if name in {field.name, field.encode_name}]


def choices(name: str, known: Collection[str]) -> str:
    """The nearest of them, or all."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(sorted(known))}." if known else "It takes none."
