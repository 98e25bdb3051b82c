"""`/api/queues`: what people label, what is put in, and what comes of it."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Caller, Calling, anybody, needs
from genaiops.api._datasets import DatasetVersionDocument, document, readable
from genaiops.api._documents import Listing
from genaiops.api._queue_documents import (
    AddedDocument,
    ExportRequest,
    GuidelinesRequest,
    ItemsRequest,
    NewQueueRequest,
    QueueChangeRequest,
    QueueDocument,
    ResultDocument,
    RunItems,
    check_whole,
    named,
    queue_document,
    seen_queue,
)
from genaiops.api._runs import check_reads_run, seen
from genaiops.api._services import Services, Serving
from genaiops.api._trace_query import parsed_trace_id
from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Item, Queue, Score
from genaiops.hub import (
    NewItem,
    NewQueue,
    QueueChange,
    allows,
    check_rows,
    fact_scores,
    judge_labels,
    label_scores,
    labelled_rows,
    labels_in,
    labels_origin,
    results,
    whole_rows,
)


class ScoredDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`scores` of `traces` traces are there now."""

    scores: int
    traces: int


class QueuesController(Controller):
    path = "/queues"
    tags = ("Queues",)

    @get(summary="List queues", guards=[anybody()], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[QueueDocument]:
        """Those that the caller reads or labels in."""
        check_whole(caller)
        names, all_of_them = named(services), allows(caller.actor, "read")
        found = services.hub.queues(services.blobs).list()
        seen_ones = [each for each in found if all_of_them or labels_in(each, caller.actor)]
        return Listing([queue_document(services, caller, each, names) for each in seen_ones])

    @post(summary="Make a queue", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def create(self, data: JSONBody[NewQueueRequest], services: Serving, caller: Calling) -> QueueDocument:
        """With what is asked of each item. Items come next."""
        check_whole(caller)
        made = services.hub.queues(services.blobs).create(
            msgspec.convert(msgspec.to_builtins(data), NewQueue), by=caller.actor.id
        )
        return queue_document(services, caller, made, named(services))

    @get("/{name:str}", summary="One queue", guards=[anybody()], sync_to_thread=True)
    def one(self, name: FromPath[str], services: Serving, caller: Calling) -> QueueDocument:
        """For who reads here, and who labels in it."""
        return queue_document(services, caller, seen_queue(services, caller, name), named(services))

    @patch("/{name:str}", summary="Change a queue", guards=[needs("artifacts")], sync_to_thread=True)
    def change(
        self, name: FromPath[str], data: JSONBody[QueueChangeRequest], services: Serving, caller: Calling
    ) -> QueueDocument:
        """Its title, who labels, how many label an item from now on, or whether it is open."""
        change = QueueChange(**msgspec.structs.asdict(data))
        made = services.hub.queues(services.blobs).change(name, change, by=caller.actor.id)
        return queue_document(services, caller, made, named(services))

    @put("/{name:str}/guidelines", summary="Write guidelines", guards=[anybody()], sync_to_thread=True)
    def guide(
        self, name: FromPath[str], data: JSONBody[GuidelinesRequest], services: Serving, caller: Calling
    ) -> QueueDocument:
        """By who labels there, or makes queues. Labels say under which revision they were made."""
        check_whole(caller)
        made = services.hub.queues(services.blobs).guide(name, data.guidelines, by=caller.actor.id)
        return queue_document(services, caller, made, named(services))

    @delete("/{name:str}", summary="Remove a queue", guards=[needs("artifacts")], sync_to_thread=True)
    def remove(self, name: FromPath[str], services: Serving, caller: Calling) -> None:
        """With its items and labels. Datasets that were made of them stay."""
        services.hub.queues(services.blobs).remove(name, by=caller.actor.id)

    @post("/{name:str}/items", summary="Add items", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def add(
        self, name: FromPath[str], data: JSONBody[ItemsRequest], services: Serving, caller: Calling
    ) -> AddedDocument:
        """Traces, rows of a dataset, or answers of a run. What is there already stays as it is. For who may read what
        people wrote there."""
        seen_queue(services, caller, name)
        items, skipped = wanted_items(services, caller, data)
        for places in {each.environments for each in items if each.environments}:
            check_rows(services.hub, caller.reach, places)
        done = services.hub.queues(services.blobs).add(name, items, by=caller.actor.id)
        return AddedDocument(added=done.added, there=done.there, skipped=skipped)

    @get("/{name:str}/results", summary="What came of a queue", guards=[anybody()], sync_to_thread=True)
    def results(self, name: FromPath[str], services: Serving, caller: Calling) -> ResultDocument:
        """Progress, agreement, labellers and, of duels, ratings and rates of winning."""
        queue = seen_queue(services, caller, name)
        names = named(services)
        found = results(queue, services.hub.queues(services.blobs).items(name))
        people = [msgspec.structs.replace(each, actor=names.get(each.actor, each.actor)) for each in found.labellers]
        fields: dict[str, Any] = {**msgspec.structs.asdict(found), "labellers": people}
        return ResultDocument(queue=name, revision=queue.revision, **fields)

    @post(
        "/{name:str}/dataset",
        summary="Make a dataset of labels",
        guards=[needs("artifacts")],
        sync_to_thread=True,
        status_code=201,
    )
    def dataset(
        self, name: FromPath[str], data: JSONBody[ExportRequest], services: Serving, caller: Calling
    ) -> DatasetVersionDocument:
        """A row for each item that is labelled, with what holds of it; its lineage names the queue and what the items
        were made from. Items that people differ in are left out until somebody settles them."""
        queue, items = _exported(services, caller, name)
        queues, names = services.hub.queues(services.blobs), named(services)
        found = labelled_rows(queues, queue, items, names)
        if not found:
            raise NotFound(f"No item of {name} has all its labels.", remedy="Label some, or settle what is disputed.")
        datasets = services.hub.datasets(services.blobs)
        rows: Sequence[dict[str, Any]] = list(found.values())
        if data.whole:
            rows = whole_rows(datasets, found)
        made_of = [each for each in items if each.source in found]
        people = sorted({names.get(actor, actor) for each in made_of for actor in each.labels})
        origin = msgspec.structs.replace(
            labels_origin(name, queue.revision, made_of, people), description=data.description, licence=data.licence
        )
        made = datasets.add(data.dataset, rows, origin, by=caller.actor.id)
        return document(made.version, created=made.created)

    @get("/{name:str}/judge-labels", summary="Labels for a judge", guards=[needs("artifacts")], sync_to_thread=True)
    def judge(
        self,
        name: FromPath[str],
        services: Serving,
        caller: Calling,
        question: Annotated[str, QueryParameter(description="a choice or a scale")],
    ) -> Listing[dict[str, Any]]:
        """Answers with what people's labels of a question are worth, as `genaiops judge calibrate` reads them."""
        queue, items = _exported(services, caller, name)
        return Listing(judge_labels(services.hub.queues(services.blobs), queue, items, question))

    @post(
        "/{name:str}/scores",
        summary="Score traces by labels",
        guards=[needs("artifacts")],
        sync_to_thread=True,
        status_code=200,
    )
    def scores(self, name: FromPath[str], services: Serving, caller: Calling) -> ScoredDocument:
        """Each label of a choice or a scale becomes a score of the trace that it is of, by who labelled it; verdicts on
        its claims become the share that is supported. Again: nothing is added twice."""
        queue, items = _exported(services, caller, name)
        found: list[Score] = [*label_scores(queue, items), *fact_scores(queue, items)]
        for score in found:
            services.telemetry.add_score(score)
        return ScoredDocument(scores=len(found), traces=len({each.trace_id for each in found}))


def _exported(services: Services, caller: Caller, name: str) -> tuple[Queue, Sequence[Item]]:
    """Forbidden for who may not read what the items were taken from."""
    queue = seen_queue(services, caller, name)
    items = services.hub.queues(services.blobs).items(name)
    check_rows(services.hub, caller.reach, {place for each in items for place in each.environments})
    return queue, items


def wanted_items(services: Services, caller: Caller, data: ItemsRequest) -> tuple[Sequence[NewItem], int]:
    """What is named, and how many traces of it have no content."""
    given = [name for name in ("trace_ids", "traces", "dataset", "run") if getattr(data, name) not in (None, ())]
    if len(given) != 1:
        what = f"{' and '.join(given)} are given." if given else "Nothing is named that could be added."
        raise UsageError(
            what,
            remedy="Give one of trace_ids, traces, dataset and run (--trace, --since or --score, --dataset, --run).",
            param="items",
        )
    sources = services.sources
    if data.trace_ids:
        return [sources.trace(services.telemetry, parsed_trace_id(each)) for each in data.trace_ids], 0
    if data.traces is not None:
        found, skipped = sources.traces(services.telemetry, data.traces.filter(now_us()), data.limit)
        if not found:
            what = f"None of {skipped} traces has content." if skipped else "No trace meets these conditions."
            raise NotFound(what, remedy="Widen the conditions.", param="traces")
        return found, skipped
    if data.run is not None:
        return _of_run(services, caller, data.run), 0
    datasets = services.hub.datasets(services.blobs)
    version = readable(services, caller, datasets.resolve(data.dataset or ""))
    if data.sides and len(data.sides) != 2:
        raise UsageError("A duel has two sides.", remedy="Name both, or none.", param="sides")
    return sources.rows(datasets, version, limit=data.limit, answers=data.answers, sides=data.sides), 0


def _of_run(services: Services, caller: Caller, wanted: RunItems) -> Sequence[NewItem]:
    run = seen(services, caller, wanted.id)
    check_reads_run(services, caller, run)
    cases = wanted.cases if wanted.draw is None else services.sources.drawn(run, wanted.cases, wanted.draw)
    if wanted.against is None and wanted.against_run is None:
        return services.sources.cases(run, target=wanted.target, cases=cases)
    if wanted.target is None:
        raise UsageError("A duel names two.", remedy="Give the target, and whom it is against.", param="target")
    other = run if wanted.against_run is None else seen(services, caller, wanted.against_run)
    check_reads_run(services, caller, other)
    pair = (run, wanted.target), (other, wanted.against or wanted.target)
    return services.sources.pairs(*pair, cases)[0]
