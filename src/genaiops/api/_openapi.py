"""`/api/openapi.json`: the API alone, with its one form of errors and its one way to say who calls."""

import re
from typing import Any

import msgspec
from litestar import Request
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "code", "param", "request_id"],
            "properties": {
                "message": {"type": "string", "description": "What was wrong, with what, and what to do."},
                "type": {"type": "string"},
                "code": {"type": "string", "description": "A stable machine word."},
                "param": {"type": ["string", "null"], "description": "The field at fault."},
                "request_id": {"type": "string"},
            },
        }
    },
}
_DONE = {"200": "Done", "201": "Made, and in force at every worker", "204": "Done, and nothing to say"}
_ROOMS = ("genaiops.api.", "genaiops.domain.", "genaiops.watch.")
_DESCRIPTION = """The management API of genaiops. Send `Authorization: Bearer KEY` with a key of the scope `api`; what
it may do is what the roles of its actor allow. Lists are `{"data": [...], "next": cursor or null}`. Every answer has
`x-genaiops-request-id`. A write answers 200 or 201 when every gateway worker has it in force, and 202 with
`x-genaiops-published: false` when it is kept and will be in force."""


class _Json(JsonRenderPlugin):
    """Without the pages beside the API, with errors as they really are, and with what the structs say of themselves."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        document = _renamed(openapi_schema)
        document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith("/api")}
        for item in document["paths"].values():
            for operation in item.values():
                operation["responses"] = _responses(operation["responses"])
        schemas: dict[str, Any] = document["components"]["schemas"]
        told = _docstrings()
        for name, schema in schemas.items():
            schema.setdefault("description", told.get(name.removesuffix("List"), ""))
        schemas["Error"] = _ERROR
        return msgspec.json.encode(document)


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    """`KeyDocumentList` instead of `Listing_genaiops.api._keys.KeyDocument_`."""
    text = msgspec.json.encode(document).decode()
    text = text.replace("Listing_dict_str_typing.Any_", "TraceList")
    return msgspec.json.decode(re.sub(r"Listing_(?:\w+\.)+(\w+?)_(?=\")", r"\1List", text))


def _responses(framework: dict[str, Any]) -> dict[str, Any]:
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    kept = {status: answer for status, answer in framework.items() if status != "400"}
    for status, answer in kept.items():
        answer["description"] = _DONE.get(status, "Done")
    return {**kept, "default": {"description": "An error", "content": {"application/json": error}}}


def _docstrings() -> dict[str, str]:
    """What the structs of requests and answers say of themselves, by name."""
    found: dict[str, str] = {}
    waiting: list[type[msgspec.Struct]] = [msgspec.Struct]
    while waiting:
        for struct in waiting.pop().__subclasses__():
            waiting.append(struct)
            if struct.__module__.startswith(_ROOMS) and struct.__doc__:
                found[struct.__name__] = " ".join(struct.__doc__.split())
    return found


def openapi_config(version: str) -> OpenAPIConfig:
    """For the whole application; no page that would load scripts from elsewhere."""
    return OpenAPIConfig(
        title="genaiops",
        version=version,
        description=_DESCRIPTION,
        path="/api/openapi.json",
        use_handler_docstrings=True,
        render_plugins=[_Json(path="/")],
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"key": []}],
    )
