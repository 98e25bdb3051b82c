"""Labelling: one item after another, by keyboard; the next one is ready before it is asked for."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._queue_text import Work, guide, said_in, work_of
from genaiops.console._visit import HEADERS, Visit, Visiting, field, redirect
from genaiops.core.errors import Forbidden, GenaiopsError, UsageError
from genaiops.domain import Item, Queue
from genaiops.hub import Labelling, Said, labels_in, progress, sees_item, shown_answers

_LONGEST = 86_400.0


def seen_queue(visit: Visit, name: str) -> Queue:
    """Forbidden for who neither reads nor labels there, and for a sandbox's key."""
    queue = labelling_of(visit).queues.get(name)
    if visit.reach.environment_id is not None or not (visit.can("read") or labels_in(queue, visit.actor)):
        raise Forbidden(f"The queue {name} is not yours to see.", remedy="Ask who made it to add you.")
    return queue


def labelling_of(visit: Visit) -> Labelling:
    return visit.services.hub.labelling(visit.services.stores.blobs)


def named_trace(visit: Visit) -> bytes | None:
    """The trace whose answer the form sends to a queue or a dataset. None: it names a run."""
    trace = visit.form.get("trace")
    try:
        return bytes.fromhex(trace) if trace else None
    except ValueError:
        raise UsageError(f"{str(trace)[:40]!r} is no trace.", remedy="Use its id.", param="trace") from None


@get("/queues/{name:str}", sync_to_thread=True)
def work(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """What the visitor is to label; results for who does not label here. `again`: an item that was taken back."""
    queue = seen_queue(visit, name)
    if not labels_in(queue, visit.actor) or queue.state == "closed":
        return redirect(visit.link(f"/queues/{name}/results"))
    labelling = labelling_of(visit)
    item = labelling.next(name, by=visit.actor.id)
    items = labelling.queues.items(name)
    mine = [each for each in items if each.labels.get(visit.actor.id)]
    last = visit.query.get("last", "")
    return visit.page(
        "queue_work.html",
        title=queue.title or queue.id,
        nav="queues",
        knows=("again", "last"),
        queue=queue,
        work=None if item is None else _work(visit, queue, item),
        guide=guide(queue.guidelines),
        total=len(items),
        labelled=sum(each.labels[visit.actor.id].state == "done" for each in mine),
        last=last if last.isdecimal() else "",
        found=progress(items).items,
    )


@get("/queues/{name:str}/ahead/{place:int}", sync_to_thread=True)
def ahead(visit: Visiting, name: FromPath[str], place: FromPath[int]) -> Response[Any]:
    """The item after that one, for scripts: it is the visitor's from now on. 204: there is none."""
    queue = seen_queue(visit, name)
    item = labelling_of(visit).next(name, by=visit.actor.id, beside=place)
    if item is None:
        return Response(None, status_code=204, headers=HEADERS)
    return visit.fragment("queue_item.html", queue=queue, work=_work(visit, queue, item))


@post("/queues/{name:str}/label", sync_to_thread=True)
def label(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """Keep what was said, or `verb` skip; then the next one. A script (with `script` in the form) gets 204, or what is
    wrong."""
    scripted = "script" in visit.form
    place = place_of(visit.form)
    queue = seen_queue(visit, name)
    labelling = labelling_of(visit)
    try:
        if visit.form.get("verb") == "skip":
            labelling.skip(name, place, by=visit.actor.id)
        else:
            item = labelling.queues.item(name, place)
            labelling.label(name, place, said_of(visit.form, queue, item), by=visit.actor.id)
    except GenaiopsError as error:
        if scripted:
            raise
        visit.complain(error)
        return redirect(visit.link(f"/queues/{name}"))
    if scripted:
        return Response(None, status_code=204, headers=HEADERS)
    return redirect(visit.link(f"/queues/{name}", last=str(place)))


@post("/queues/{name:str}/undo", sync_to_thread=True)
def undo(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """Take back what was said last: the item is there again as it was filled in."""
    place = place_of(visit.form)
    try:
        labelling_of(visit).take_back(name, place, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/queues/{name}"))
    return redirect(visit.link(f"/queues/{name}", again=str(place)))


@get("/queues/{name:str}/items/{place:int}", sync_to_thread=True)
def one(visit: Visiting, name: FromPath[str], place: FromPath[int]) -> Response[Any]:
    """What was said of an item, as far as the visitor is not blind to that; who may, settles it."""
    queue = seen_queue(visit, name)
    labelling = labelling_of(visit)
    item = labelling.queues.item(name, place)
    with visit.services.hub.records.read() as view:
        if not sees_item(view, visit.actor, item):
            raise Forbidden(f"Item {place} is not yours to see.", remedy="Leave it to somebody whose roles let them.")
    own = item.labels.get(visit.actor.id)
    manages = visit.can("artifacts")
    third = own is None or own.state != "done"
    differs = item.state in ("disputed", "settled")
    opened = manages or visit.can("review") or not queue.blind or (third and differs)
    return visit.page(
        "queue_one.html",
        title=queue.title or queue.id,
        nav="queues",
        queue=queue,
        item=item,
        work=None if item.state == "erased" else _settling(visit, queue, item),
        labels=[(visit.name_of(actor), each) for actor, each in _said(labelling, queue, item)] if opened else [],
        opened=opened,
        settled_by=visit.name_of(item.settled_by) if item.settled_by else "",
        may_settle=item.state != "erased" and (manages or (third and differs and labels_in(queue, visit.actor))),
    )


@post("/queues/{name:str}/settle", sync_to_thread=True)
def settle(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """What holds of an item that people differ in."""
    place = place_of(visit.form)
    queue = seen_queue(visit, name)
    labelling = labelling_of(visit)
    try:
        item = labelling.queues.item(name, place)
        labelling.settle(name, place, said_of(visit.form, queue, item), by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
        return redirect(visit.link(f"/queues/{name}/items/{place}"))
    visit.say(f"Item {place} is settled.")
    return redirect(visit.link(f"/queues/{name}/results"))


def place_of(form: Mapping[str, str]) -> int:
    text = field(form, "place")
    if not text.isdecimal() or len(text) > 7:
        raise UsageError(f"{text[:40]!r} is no place.", remedy="Use a whole number from 1.", param="place")
    return int(text)


def said_of(form: Mapping[str, str], queue: Queue, item: Item) -> Said:
    seconds: float | None = None
    with suppress(ValueError):
        seconds = min(max(float(form.get("seconds", "")), 0.0), _LONGEST)
    return Said(answers=said_in(form, queue, item), comment=form.get("comment", "").strip(), seconds=seconds)


def _work(visit: Visit, queue: Queue, item: Item) -> Work:
    queues = labelling_of(visit).queues
    before: Mapping[str, Any] = {}
    if visit.query.get("again") == str(item.place):
        for _, _, earlier in queues.history(queue.id, item.place):
            said = earlier.labels.get(visit.actor.id)
            if said is not None and said.state == "done":
                texts = queues.texts(said.texts)
                before = shown_answers(queue.questions, item, said, texts.texts if texts is not None else {})
                break
    return work_of(visit, queue, item, queues, before=before)


def _settling(visit: Visit, queue: Queue, item: Item) -> Work:
    """With what holds now; of a duel the first side is left."""
    plain = {actor: label for actor, label in item.labels.items() if actor != visit.actor.id}
    queues = labelling_of(visit).queues
    before: Mapping[str, Any] = {}
    if item.settled is not None:
        texts = queues.texts(item.settled.texts)
        before = shown_answers(queue.questions, item, item.settled, texts.texts if texts is not None else {})
    return work_of(visit, queue, msgspec.structs.replace(item, labels=plain), queues, before=before)


def _said(labelling: Labelling, queue: Queue, item: Item) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    for actor, each in item.labels.items():
        if each.state == "assigned":
            continue
        texts = labelling.queues.texts(each.texts)
        upright = msgspec.structs.replace(each, swapped=False)  # sides as they are kept, not as they were seen
        plain = shown_answers(queue.questions, item, upright, texts.texts if texts is not None else {})
        found.append((actor, {"label": each, "said": plain, "comment": texts.comment if texts is not None else ""}))
    return found


HANDLERS: list[Any] = [work, ahead, label, undo, one, settle]
