"""What chat completions cannot say of a Responses request, refused by the name of the field."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError

NATIVE_REMEDY = "Call a target that speaks Responses itself (its setting `responses` is `native`)."


class _Kind(msgspec.Struct, frozen=True):
    type: Any = None


_kinds = msgspec.json.Decoder(list[_Kind])


def refuse_unknown(raw: Raw, at: str, known: frozenset[str | None]) -> None:
    """UsageError when a list holds objects of a type that chat does not have."""
    try:
        kinds = _kinds.decode(raw)
    except msgspec.DecodeError:
        return
    for index, kind in enumerate(kinds):
        if isinstance(kind.type, str | None) and kind.type not in known:
            raise cannot(f"{at}[{index}].type", kind.type)


def cannot(param: str, kind: object, remedy: str = NATIVE_REMEDY) -> UsageError:
    return UsageError(
        f"{param!r} is {kind!r}, which a target that speaks chat completions cannot do.",
        remedy=remedy,
        code="not_translatable",
        param=param,
    )


def missing(param: str) -> UsageError:
    return UsageError(f"{param!r} is missing.", code="invalid_value", param=param)
