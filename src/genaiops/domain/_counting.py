"""Which spans of a trace count, when more than one program told of it: every call, token and charge once.

Programs that send their spans here say the same call several times: a framework's span repeats what the client
library's span below it says, and a call through the gateway is told by both sides. Spans come in any order, so the rule
looks at what is there, and what counted may cease to when more arrives; never the other way round.
"""

from collections.abc import Iterable, Mapping

import msgspec

MODEL_CALLS = frozenset({"llm", "embedding", "rerank"})
"""Kinds of span that are a call of a model."""


class Node(msgspec.Struct, kw_only=True):
    """What the rule asks of a span. `ours`: the gateway wrote it; `gateway`: it is the span of a whole call there;
    `told`: another span elsewhere is known to be the same call."""

    parent_id: bytes | None
    ours: bool
    gateway: bool
    model_call: bool
    has_usage: bool
    told: bool = False


class Standing(msgspec.Struct, frozen=True):
    """`root`: a list shows it. `called`: it is one call in sums; `owns`: its tokens and its cost are in them."""

    root: bool
    called: bool
    owns: bool


def standings(nodes: Mapping[bytes, Node]) -> dict[bytes, Standing]:
    """How the spans of one trace stand, by span id; those of the gateway stand as it wrote them and are left out.

    The lowest span that is a call of a model is the call, and the lowest that has usage owns it. A span above or below
    the gateway's span of a call never does, nor does one below a call of a model that went through the gateway. A
    span whose parent is not there (yet) is a root. The spans of a ring have no root: they are found by their trace's
    id only.
    """
    over_calls, over_usage, over_gateway = set[bytes](), set[bytes](), set[bytes]()
    for span_id, node in nodes.items():
        if node.gateway:
            _mark_above(nodes, span_id, over_gateway)
        if node.gateway or node.model_call or (node.has_usage and not node.ours):
            _mark_above(nodes, span_id, over_calls)
        if node.gateway or (node.has_usage and not node.ours):
            _mark_above(nodes, span_id, over_usage)
    found: dict[bytes, Standing] = {}
    for span_id, node in nodes.items():
        if node.ours:
            continue
        free = not node.told and not any(
            nodes[above].ours or (nodes[above].model_call and above in over_gateway) for above in _above(nodes, span_id)
        )
        owns = node.has_usage and free and span_id not in over_usage
        called = (node.model_call or node.has_usage) and free and span_id not in over_calls
        found[span_id] = Standing(node.parent_id is None or node.parent_id not in nodes, called, owns)
    return found


def _above(nodes: Mapping[bytes, Node], span_id: bytes) -> Iterable[bytes]:
    """Its ancestors that are there, each once: parents may form a ring."""
    seen = {span_id}
    above = nodes[span_id].parent_id
    while above is not None and above in nodes and above not in seen:
        seen.add(above)
        yield above
        above = nodes[above].parent_id


def _mark_above(nodes: Mapping[bytes, Node], span_id: bytes, marked: set[bytes]) -> None:
    for above in _above(nodes, span_id):
        if above in marked:
            return  # and so is everything above it
        marked.add(above)
