"""What stays of a content when its person is erased: which release and which prompt served the call, and nothing that
anybody said."""

from typing import Final

import msgspec

from genaiops.domain import Content
from genaiops.ports.telemetry import property_word
from genaiops.watch._spans import DEPLOYMENT, PROMPT_NAME, PROMPT_VERSION, RELEASE

ERASED: Final = "genaiops.erased"
"""The attribute that says so."""

_STAYS: Final = {RELEASE: "release", DEPLOYMENT: "deployment", PROMPT_NAME: PROMPT_NAME, PROMPT_VERSION: PROMPT_VERSION}
"""Attribute -> the name that it is searched by."""

_TRUE: Final = msgspec.Raw(b"true")


def erased_content(content: Content) -> Content:
    """The same one when it is erased already."""
    given = content.attributes or {}
    if ERASED in given:
        return content
    kept = {name: given[name] for name in _STAYS if name in given}
    words = [property_word(_STAYS[name], value) for name, raw in kept.items() if (value := _word(raw)) is not None]
    return Content(
        trace_id=content.trace_id,
        span_id=content.span_id,
        start_us=content.start_us,
        text=" ".join(words),
        attributes={**kept, ERASED: _TRUE},
    )


def _word(raw: msgspec.Raw) -> str | None:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None
