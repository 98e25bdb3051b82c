"""Google's Schema (a selection of OpenAPI 3.0) as JSON Schema.

Google: `type` in capitals, `nullable`, `propertyOrdering`, counts as strings (int64 in ProtoJSON). Whatever else stands
in one is JSON Schema already.
"""

from typing import Any, cast

from genaiops.dialects.fields import wrong
from genaiops.dialects.gemini.fields import camel

_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_OWN = _COUNTS | {"anyOf", "propertyOrdering", "additionalProperties"}
_DEEPEST = 64


def json_schema(given: Any, path: str, depth: int = 0) -> dict[str, Any]:
    """UsageError names the place that is no schema."""
    if not isinstance(given, dict):
        raise wrong(path, "must be an object")
    if depth > _DEEPEST:
        raise wrong(path, "is nested too deeply")
    schema = cast("dict[str, Any]", given)
    made: dict[str, Any] = {}
    for name, value in schema.items():
        known = camel(name) if camel(name) in _OWN else name
        if value is not None and known not in ("nullable", "propertyOrdering"):
            found = _value(known, value, f"{path}.{known}", depth)
            if found is not None:
                made[known] = found
    _order(made, schema.get("propertyOrdering", schema.get("property_ordering")))
    return _nullable(made) if schema.get("nullable") is True else made


def _value(name: str, value: Any, path: str, depth: int) -> Any:
    if name == "type" and isinstance(value, str):
        return None if value == "TYPE_UNSPECIFIED" else value.lower()
    if name in _COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    if name == "format" and value == "enum":
        return None  # says nothing beside `enum`
    if name == "items" or (name == "additionalProperties" and isinstance(value, dict)):
        return json_schema(value, path, depth + 1)
    if name == "anyOf" and isinstance(value, list):
        return [json_schema(one, f"{path}.{at}", depth + 1) for at, one in enumerate(cast("list[Any]", value))]
    if name == "properties" and isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: json_schema(one, f"{path}.{key}", depth + 1) for key, one in fields.items()}
    return value


def _order(made: dict[str, Any], names: Any) -> None:
    """Properties in the order in which they are to be written: chat has no other word for it."""
    properties = made.get("properties")
    if isinstance(names, list) and isinstance(properties, dict):
        fields = cast("dict[str, Any]", properties)
        first = [name for name in cast("list[Any]", names) if name in fields]
        made["properties"] = {name: fields[name] for name in dict.fromkeys([*first, *fields])}


def _nullable(made: dict[str, Any]) -> dict[str, Any]:
    if "enum" in made and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]
    if isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    elif "anyOf" in made:
        made["anyOf"] = [*made["anyOf"], {"type": "null"}]
    return made
