"""Reading Google's requests: JSON of protocol buffers, where each field has two spellings.

ProtoJSON (protobuf.dev, JSON Mapping): a parser takes `maxOutputTokens` and `max_output_tokens`. Google's own examples
also have one object where the reference has a list.
"""

from typing import Any, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.dialects.fields import Fields, wrong


def camel(name: str) -> str:
    """A field's name as Google's reference spells it."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest) if head and rest else name


class ProtoFields(Fields):
    """Fields, in either spelling. UsageError when a field is there in both: nobody could tell which one counts."""

    __slots__ = ()

    def __init__(self, value: Any, at: str, to: str) -> None:
        if isinstance(value, dict):
            given = cast("dict[str, Any]", value)
            if any("_" in name for name in given):
                value = _one_spelling(given, at)
        super().__init__(value, at, to)

    def items(self, name: str) -> list[Any] | None:
        one = self.peek(name)
        return [self.take(name)] if isinstance(one, dict) else super().items(name)


def _one_spelling(given: dict[str, Any], at: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in given.items():
        known = camel(name)
        if known in made:
            raise wrong(f"{at}.{known}" if at else known, "is there in two spellings")
        made[known] = value
    return made


def proto_fields(raw: bytes | bytearray, to: str) -> ProtoFields:
    """The body of a request. UsageError when it is no JSON object."""
    try:
        value: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None
    return ProtoFields(value, "", to)
