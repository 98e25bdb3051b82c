"""Queues: the list, what came of one, its guidelines, and how things get into it and out of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.checks.fact_errors import FactErrors, fact_errors
from genaiops.console._queue_text import guide, rating_chart
from genaiops.console._visit import Visit, Visiting, field, own_path, redirect
from genaiops.console.pages import queue_work
from genaiops.console.pages.queue_work import labelling_of, named_trace, seen_queue
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Item, Option, Question, Queue, QueueState
from genaiops.hub import (
    NewItem,
    NewQueue,
    Origin,
    QueueChange,
    check_rows,
    decided_claims,
    done_labels,
    labelled_rows,
    labels_in,
    labels_origin,
    progress,
    results,
)

_SHOWN: Final = 200
ASKS: Final[Mapping[str, tuple[str, tuple[Question, ...]]]] = {
    "grade": (
        "Good or bad, and the answer as it should be",
        (
            Question(name="grade", kind="choice", options=(Option(name="good", worth=1), Option(name="bad", worth=0))),
            Question(name="correction", kind="correction", optional=True),
        ),
    ),
    "stars": ("One to five", (Question(name="stars", kind="scale", tolerance=1),)),
    "claims": ("A verdict and a source for each claim", (Question(name="facts", kind="claims"),)),
    "duel": ("Which of two answers is better", (Question(name="better", kind="preference"),)),
}
"""What a queue that is made here may ask; others are made at the command line."""


@get("/queues", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    return _list(visit)


def _list(visit: Visit, *, status: int = 200) -> Response[str]:
    """Those that the visitor reads or labels in; after a fault with what was written."""
    queues = labelling_of(visit).queues
    found = [each for each in queues.list() if visit.can("read") or labels_in(each, visit.actor)]
    lines: list[Any] = []
    for queue in found if visit.reach.environment_id is None else ():
        items = queues.items(queue.id)
        done = sum(visit.actor.id in done_labels(item) for item in items)
        may = labels_in(queue, visit.actor) and queue.state == "open"
        lines.append((queue, progress(items) if items else None, done, may))
    may_make = visit.can("artifacts")
    return visit.page(
        "queues.html",
        status=status,
        title="Queues",
        nav="queues",
        lines=lines,
        asks=ASKS,
        may=may_make,
        draft=visit.form,
    )


@post("/queues", sync_to_thread=True)
def create(visit: Visiting) -> Response[Any]:
    visit.require("artifacts")
    try:
        asks = field(visit.form, "asks")
        if asks not in ASKS:
            raise UsageError(f"{asks[:40]!r} is nothing that is asked.", remedy=f"Use {', '.join(ASKS)}.", param="asks")
        share = 1.0 if "twice" in visit.form else 0.0
        new = NewQueue(name=field(visit.form, "name"), questions=ASKS[asks][1], overlap_share=share)
        made = labelling_of(visit).queues.create(new, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return _list(visit, status=error.status)
    visit.say(f"The queue {made.id} is there. Traces and cases of runs have a button that puts them into it.")
    return redirect(visit.link(f"/queues/{made.id}/results"))


@get("/queues/{name:str}/results", sync_to_thread=True)
def outcome(visit: Visiting, name: FromPath[str]) -> Response[str]:
    queue = seen_queue(visit, name)
    items = labelling_of(visit).queues.items(name)
    found = results(queue, items)
    state = visit.query.get("state")
    chart = rating_chart(found)
    return visit.page(
        "queue_results.html",
        title=queue.title or queue.id,
        nav="queues",
        knows=("state",),
        queue=queue,
        result=found,
        total=len(items),
        names={each.actor: visit.name_of(each.actor) for each in found.labellers},
        guide=guide(queue.guidelines),
        items=_listed(items, state),
        charts=[chart] if chart is not None else [],
        errors=_fact_errors(visit, queue, items),
        may=visit.can("artifacts"),
        labels_here=labels_in(queue, visit.actor) and queue.state == "open",
        writes=visit.can("artifacts") or labels_in(queue, visit.actor),
        reads=visit.can("artifacts") or visit.can("review") or not queue.blind,
    )


def _fact_errors(visit: Visit, queue: Queue, items: Sequence[Item]) -> FactErrors | None:
    """None: nobody has decided a claim that a program had judged."""
    if all(question.kind != "claims" for question in queue.questions):
        return None
    decided = decided_claims(labelling_of(visit).queues, queue, items)
    return fact_errors(decided) if decided else None


def _listed(items: Sequence[Item], state: str | None) -> Sequence[Item]:
    """What is disputed first, without a filter."""
    chosen = [item for item in items if state in (None, item.state)]
    return sorted(chosen, key=lambda item: (item.state != "disputed", item.place))[:_SHOWN]


@post("/queues/{name:str}/guidelines", sync_to_thread=True)
def guidelines(visit: Visiting, name: FromPath[str]) -> Response[None]:
    text = visit.form.get("guidelines", "").replace("\r\n", "\n")
    try:
        made = labelling_of(visit).queues.guide(name, text, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.say(f"{name} has revision {made.revision} of its guidelines.")
    return redirect(visit.link(f"/queues/{quote(name)}/results"))


@post("/queues/{name:str}/state", sync_to_thread=True)
def state(visit: Visiting, name: FromPath[str]) -> Response[None]:
    """Close it, or open it again."""
    visit.require("artifacts")
    wanted: QueueState = "closed" if visit.form.get("state") == "closed" else "open"
    try:
        labelling_of(visit).queues.change(name, QueueChange(state=wanted), by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.say(f"The queue {name} is {wanted}.")
    return redirect(visit.link(f"/queues/{quote(name)}/results"))


@post("/queues/{name:str}/dataset", sync_to_thread=True)
def export(visit: Visiting, name: FromPath[str]) -> Response[None]:
    """A version of a dataset of what is labelled."""
    visit.require("artifacts")
    back = visit.link(f"/queues/{quote(name)}/results")
    try:
        queue = seen_queue(visit, name)
        queues = labelling_of(visit).queues
        items = queues.items(name)
        check_rows(visit.services.hub, visit.reach, {place for item in items for place in item.environments})
        people = {actor for item in items for actor in item.labels}
        names = {actor: visit.name_of(actor) for actor in people}
        found = labelled_rows(queues, queue, items, names)
        if not found:
            raise NotFound(f"No item of {name} has all its labels.", remedy="Label some, or settle what is disputed.")
        made_of = [item for item in items if item.source in found]
        origin = labels_origin(name, queue.revision, made_of, sorted(names.values()))
        datasets = visit.services.hub.datasets(visit.services.stores.blobs)
        made = datasets.add(field(visit.form, "dataset"), list(found.values()), origin, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(back)
    rows = made.version.manifest["rows"]
    visit.say(f"{made.version.id[:60]}… has {rows} rows." if made.created else "These rows were a version already.")
    return redirect(visit.link(f"/hub/{made.version.artifact_id}"))


@post("/queues/add", sync_to_thread=True)
def add(visit: Visiting) -> Response[None]:
    """A trace, or a case of a run, into a queue (`queue`) or a dataset (`dataset`)."""
    visit.require("artifacts")
    back = own_path(visit.form.get("back", "/queues"))
    try:
        items = _named(visit)
        for item in items:
            check_rows(visit.services.hub, visit.reach, item.environments)
        said, place = _put(visit, items)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(back)
    visit.say(f"{said}: {place}")
    return redirect(back)


def _named(visit: Visit) -> Sequence[NewItem]:
    sources, stores = visit.services.sources, visit.services.stores
    if (trace := named_trace(visit)) is not None:
        return [sources.trace(stores.telemetry, trace)]
    run = stores.runs.get(field(visit.form, "run"))
    case, target = field(visit.form, "case"), visit.form.get("target") or None
    against = visit.form.get("against")
    if target is not None and against:
        return sources.pairs((run, target), (run, against), [case])[0]
    return sources.cases(run, target=target, cases=[case])


def _put(visit: Visit, items: Sequence[NewItem]) -> tuple[str, str]:
    if dataset := visit.form.get("dataset", "").strip():
        origin = Origin(
            kind="traces" if visit.form.get("trace") else "labels",
            detail={"environments": sorted({place for item in items for place in item.environments})},
            sources=list(dict.fromkeys(node for item in items for node in item.sources)),
        )
        rows = [item.content.row for item in items]
        datasets = visit.services.hub.datasets(visit.services.stores.blobs)
        made = datasets.extend(dataset, rows, origin, by=visit.actor.id)
        return "It was in the dataset already" if not made.created else "Added to the dataset", dataset
    name = field(visit.form, "queue")
    done = labelling_of(visit).queues.add(name, items, by=visit.actor.id)
    return "Added to the queue" if done.added else "It was in the queue already", name


HANDLERS: list[Any] = [show, create, outcome, guidelines, state, export, add, *queue_work.HANDLERS]
