"""`POST /api/datasets/add`: traces and cases of runs become rows of a dataset that is there."""

from typing import Annotated

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._datasets import DatasetVersionDocument, document
from genaiops.api._queue_documents import ItemsRequest, RunItems
from genaiops.api._queues import wanted_items
from genaiops.api._services import Serving
from genaiops.core.errors import UsageError
from genaiops.hub import Origin, check_rows


class AdditionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`trace_ids`, or answers of a `run`. `name`: of the dataset; it is made where it is not there."""

    name: str
    trace_ids: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()
    run: RunItems | None = None
    description: Annotated[str, Meta(max_length=10_000)] = ""
    licence: str = ""


class DatasetAdditionsController(Controller):
    path = "/datasets"
    tags = ("Hub",)

    @post("/add", summary="Add to a dataset", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def add(self, data: JSONBody[AdditionRequest], services: Serving, caller: Calling) -> DatasetVersionDocument:
        """A version of the rows that the latest one has, and these; its lineage names that one and what was added. Rows
        that are there already stay as they are."""
        if data.run is not None and (data.run.against is not None or data.run.against_run is not None):
            raise UsageError("A duel is no case.", remedy="Name one target.", param="run.against")
        items, _ = wanted_items(services, caller, ItemsRequest(trace_ids=data.trace_ids, run=data.run))
        environments = sorted({place for each in items for place in each.environments})
        check_rows(services.hub, caller.reach, environments)
        datasets = services.hub.datasets(services.blobs)
        origin = Origin(
            kind="traces" if data.trace_ids else "labels",
            description=data.description,
            licence=data.licence,
            detail={"environments": environments},
            sources=list(dict.fromkeys(node for each in items for node in each.sources)),
        )
        made = datasets.extend(data.name, [each.content.row for each in items], origin, by=caller.actor.id)
        return document(made.version, created=made.created)
