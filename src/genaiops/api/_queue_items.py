"""`/api/queues/{name}/items` and `next`: items as people label them."""

from typing import Any

import msgspec
from litestar import Controller, Request, delete, get, post, put
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._queue_documents import (
    BesideRequest,
    ItemDocument,
    ItemLine,
    LabelRequest,
    MomentDocument,
    NextDocument,
    check_reads,
    check_whole,
    item_document,
    may_manage,
    moment_document,
    named,
    seen_queue,
)
from genaiops.api._services import Services, Serving
from genaiops.domain import Item, ItemState
from genaiops.hub import Labelling, Said, done_labels


class ItemQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: ItemState | None = None


class QueueItemsController(Controller):
    path = "/queues/{name:str}"
    tags = ("Queues",)

    @post("/next", summary="What to label next", guards=[needs("label")], sync_to_thread=True, status_code=200)
    def next(
        self, name: FromPath[str], data: JSONBody[BesideRequest], services: Serving, caller: Calling
    ) -> NextDocument:
        """The same again until it is labelled or skipped; nobody else is given it meanwhile."""
        item = _labelling(services, caller).next(name, by=caller.actor.id, beside=data.beside)
        return NextDocument(item=None if item is None else _shown(services, caller, name, item))

    @get(
        "/items",
        summary="Items of a queue",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: ItemQuery},
        operation_class=described(ItemQuery),
    )
    def items(
        self, name: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Listing[ItemLine]:
        """In order, without what they show."""
        query = read_query(request, ItemQuery)
        check_whole(caller)
        found = services.hub.queues(services.blobs).items(name, state=query.state)
        return Listing(
            [
                ItemLine(
                    place=item.place,
                    state=item.state,
                    source=item.source,
                    wanted=item.wanted,
                    labels=len(done_labels(item)),
                )
                for item in found
            ]
        )

    @get("/items/{place:int}", summary="One item", guards=[needs("label")], sync_to_thread=True)
    def one(self, name: FromPath[str], place: FromPath[int], services: Serving, caller: Calling) -> ItemDocument:
        """What it shows, and what was said of it as far as the caller is not blind to that."""
        seen_queue(services, caller, name)
        item = services.hub.queues(services.blobs).item(name, place)
        check_reads(services, caller, item)
        return _shown(services, caller, name, item)

    @put("/items/{place:int}/label", summary="Label an item", guards=[needs("label")], sync_to_thread=True)
    def label(
        self,
        name: FromPath[str],
        place: FromPath[int],
        data: JSONBody[LabelRequest],
        services: Serving,
        caller: Calling,
    ) -> ItemDocument:
        """Again: the label changes, and remembers that. 409 when others have labelled it meanwhile."""
        item = _labelling(services, caller).label(name, place, _said(data), by=caller.actor.id)
        return _shown(services, caller, name, item)

    @delete(
        "/items/{place:int}/label",
        summary="Take a label back",
        guards=[needs("label")],
        sync_to_thread=True,
        status_code=200,
    )
    def take_back(self, name: FromPath[str], place: FromPath[int], services: Serving, caller: Calling) -> ItemDocument:
        """It is the caller's to label again. A skipped item, too."""
        item = _labelling(services, caller).take_back(name, place, by=caller.actor.id)
        return _shown(services, caller, name, item)

    @post(
        "/items/{place:int}/skip", summary="Skip an item", guards=[needs("label")], sync_to_thread=True, status_code=200
    )
    def skip(self, name: FromPath[str], place: FromPath[int], services: Serving, caller: Calling) -> ItemDocument:
        """It is left to others."""
        item = _labelling(services, caller).skip(name, place, by=caller.actor.id)
        return _shown(services, caller, name, item)

    @post(
        "/items/{place:int}/settle",
        summary="Settle an item",
        guards=[needs("label")],
        sync_to_thread=True,
        status_code=200,
    )
    def settle(
        self,
        name: FromPath[str],
        place: FromPath[int],
        data: JSONBody[LabelRequest],
        services: Serving,
        caller: Calling,
    ) -> ItemDocument:
        """What holds of it, whatever its labels say. By who has not labelled it, or makes queues."""
        item = _labelling(services, caller).settle(name, place, _said(data), by=caller.actor.id)
        return _shown(services, caller, name, item)

    @get("/items/{place:int}/history", summary="History of an item", guards=[needs("label")], sync_to_thread=True)
    def history(
        self, name: FromPath[str], place: FromPath[int], services: Serving, caller: Calling
    ) -> Listing[MomentDocument]:
        """Newest first: what was said of it and changed. Who is blind to others sees their own part."""
        queue = seen_queue(services, caller, name)
        queues = services.hub.queues(services.blobs)
        check_reads(services, caller, queues.item(name, place))
        names, manages = named(services), may_manage(caller)
        return Listing(
            [
                moment_document(services, queue, at_us, by, item, names.get(by, by))
                for at_us, by, item in queues.history(name, place)
                if manages or not queue.blind or by == caller.actor.id
            ]
        )


def _labelling(services: Services, caller: Caller) -> Labelling:
    check_whole(caller)
    return services.hub.labelling(services.blobs)


def _said(data: LabelRequest) -> Said:
    return Said(answers=data.answers, comment=data.comment, seconds=data.seconds)


def _shown(services: Services, caller: Caller, name: str, item: Item) -> ItemDocument:
    return item_document(services, caller, services.hub.queues(services.blobs).get(name), item)
