"""What a request says is read strictly: no unknown field, no unknown parameter, no text in the place of a number."""

import difflib
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
            raise UsageError(f"There is no parameter {name!r} here.", remedy=_choices(name, known), param=name)
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
        raise UsageError(f"{about}.", remedy=_known_fields(message, kind), param=param) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The body is not JSON: {error}.", remedy="Send a JSON object in UTF-8.", code="invalid_json"
        ) from error


def _known_fields(message: str, kind: Any) -> str | None:
    if "unknown field" not in message or " - at `$." in message:
        return None
    name = (field_of(message) or "").rpartition(".")[2]
    return _choices(name, getattr(kind, "__struct_fields__", ()))


def _choices(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(sorted(known))}." if known else "It takes none."
