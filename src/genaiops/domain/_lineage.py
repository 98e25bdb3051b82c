"""What was made from what."""

from typing import Literal

import msgspec

Relation = Literal["made_from", "includes", "pins", "trained_on", "tested_on", "deployed", "answered_with", "derived"]


class Edge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`target` was made from (or pins, includes ...) `source`; both say what they are: `prompt/x@sha256:...`,
    `release/app@sha256:...`, `trace/HEX`, `file/...`. `id` is made of the three, so an edge is written once."""

    id: str
    source: str
    target: str
    relation: Relation
    run_id: str | None = None
    created_us: int
    created_by: str = ""
