"""`/api/lineage`: what was made from what."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import shown, time_or_none
from genaiops.api._services import Services, Serving
from genaiops.domain import Edge, Relation
from genaiops.hub import Direction, edge
from genaiops.watch import answered_with


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """A thing in a lineage; `stage` of the life of a model that it belongs to: created, collected, curated, trained,
    adapted, deployed (null: of a kind that is not known here)."""

    ref: str
    kind: str
    stage: str | None
    depth: int


class LineageEdge(msgspec.Struct, frozen=True, kw_only=True):
    """`target` was made from `source`, or includes, pins, deploys it ..."""

    source: str
    target: str
    relation: Relation
    run_id: str | None
    created_at: str | None
    created_by: str


class LineageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk met, nearest first. `complete` false: there is more beyond."""

    ref: str
    direction: Direction
    nodes: Sequence[LineageNode]
    edges: Sequence[LineageEdge]
    complete: bool


class NewEdgeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both as `KIND/NAME` or `KIND/NAME@sha256:...`: `dataset/x@sha256:...` made from `file/raw.csv`."""

    source: str
    target: str
    relation: Relation = "made_from"
    run_id: str | None = None


class LineageController(Controller):
    path = "/lineage"
    tags = ("Hub",)

    @get("/{ref:path}", summary="Walk a lineage", guards=[needs("read")], sync_to_thread=True)
    def walk(
        self,
        ref: FromPath[str],
        services: Serving,
        direction: Annotated[Direction, QueryParameter(description="`up`: what it was made from")] = "up",
        depth: Annotated[int, QueryParameter(ge=1, le=32)] = 32,
    ) -> LineageDocument:
        """By `kind/name`, `kind/name@sha256:...` or `trace/HEX`. A trace leads to what it was answered with."""

        def further(node: str) -> Iterable[Edge]:
            return _of_trace(services, node)

        found = services.hub.lineage.walk(ref[1:], direction, depth=depth, further=further)
        return LineageDocument(
            ref=found.ref,
            direction=direction,
            nodes=[shown(node, LineageNode) for node in found.nodes],
            edges=[_edge(each) for each in found.edges],
            complete=found.complete,
        )

    @post(summary="Add an edge", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def add(self, data: JSONBody[NewEdgeRequest], services: Serving, caller: Calling) -> LineageEdge:
        """For what is made elsewhere. The same edge again changes nothing."""
        return _edge(
            services.hub.lineage.add(data.source, data.target, data.relation, by=caller.actor.id, run_id=data.run_id)
        )


def _edge(each: Edge) -> LineageEdge:
    return shown(each, LineageEdge, created_at=time_or_none(each.created_us))


def _of_trace(services: Services, node: str) -> Iterable[Edge]:
    kind, _, name = node.partition("/")
    if kind != "trace" or len(name) != 32 or not set(name) <= set("0123456789abcdef"):
        return
    trace = services.telemetry.trace(bytes.fromhex(name))
    if trace is not None:
        for source in answered_with(trace):
            yield edge(source, node, "answered_with", by="", now_us=trace.spans[0].start_us)
