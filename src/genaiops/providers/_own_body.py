"""A body that a target takes as its client said it: only what this system decides is changed in it."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.domain import Target
from genaiops.ports.providers import CallBody

fields_of = msgspec.json.Decoder(dict[str, Raw]).decode
"""The fields of an object, each value as the bytes that it came in."""


def own_body(call: CallBody, target: Target, *, cap: str = "max_tokens") -> bytes:
    """What goes out: byte for byte what came in when nothing has to change. `cap` is the field that caps the output."""
    if call.model == target.upstream_model and not (call.inject_cap or call.extended):
        return call.raw
    return msgspec.json.encode(own_fields(call, target, cap=cap))


def own_fields(call: CallBody, target: Target, *, cap: str) -> dict[str, Any]:
    """Every value that does not have to change keeps its bytes and its place."""
    fields: dict[str, Any] = dict(fields_of(call.raw))
    fields["model"] = target.upstream_model
    fields.pop("genaiops", None)
    if call.inject_cap:
        fields[cap] = call.max_tokens
    return fields
