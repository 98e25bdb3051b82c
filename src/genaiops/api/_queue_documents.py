"""Queues, their items and what came of them, as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from genaiops.api._access import Caller
from genaiops.api._documents import shown, time_or_none
from genaiops.api._services import Services
from genaiops.api._trace_query import TraceQuery
from genaiops.core.clock import to_iso
from genaiops.core.errors import Forbidden
from genaiops.domain import Item, ItemOrder, Label, Question, QuestionKind, Queue, QueueState
from genaiops.hub import QueueResult, allows, labels_in, progress, sees_item, shown_answers

Text = Annotated[str, Meta(max_length=200)]


class OptionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be chosen; `worth`, from 0 to 1, what a judge's verdict of the same would be worth."""

    name: str
    worth: float | None = None


class QuestionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`options`: of a choice, and verdicts of claims. `least` to `most`: of a scale, of which labels may lie
    `tolerance` apart."""

    name: str
    kind: QuestionKind
    title: str = ""
    options: tuple[OptionRequest, ...] = ()
    least: int = 1
    most: int = 5
    tolerance: int = 0
    optional: bool = False


class NewQueueRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`labellers`: names or ids of actors; none: whoever may label. `overlap` people label the `overlap_share` of the
    items. `blind`: they see neither what made an answer nor what others said."""

    name: str
    questions: tuple[QuestionRequest, ...]
    title: str = ""
    guidelines: str = ""
    labellers: tuple[str, ...] = ()
    overlap: int = 2
    overlap_share: float = 0.0
    blind: bool = True
    order: ItemOrder = "added"
    lease_minutes: int = 30


class QueueChangeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes; items that are there keep how many people label them."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    labellers: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    overlap: int | msgspec.UnsetType = msgspec.UNSET
    overlap_share: float | msgspec.UnsetType = msgspec.UNSET
    blind: bool | msgspec.UnsetType = msgspec.UNSET
    lease_minutes: int | msgspec.UnsetType = msgspec.UNSET
    state: QueueState | msgspec.UnsetType = msgspec.UNSET


class GuidelinesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Markdown."""

    guidelines: str


class RunItems(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers of the run `id`, of one `target` or of all; with `against` (and `against_run`, when it is another run's)
    duels of two. `cases`: only these. `draw`: so many of them, drawn by lot; the same again for the same run."""

    id: str
    target: str | None = None
    against: str | None = None
    against_run: str | None = None
    cases: Annotated[tuple[str, ...], Meta(max_length=10_000)] = ()
    draw: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class ItemsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of: `trace_ids`; `traces`, the conditions of `/api/traces`, the newest `limit`; `dataset`, the first
    `limit` rows, whose answer stands in the column `answers[0]` (of a duel, both columns of `answers`, called `sides`);
    `run`."""

    trace_ids: Annotated[tuple[str, ...], Meta(max_length=1_000)] = ()
    traces: TraceQuery | None = None
    dataset: str | None = None
    answers: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2)] = ("output",)
    sides: Annotated[tuple[Text, ...], Meta(max_length=2)] = ()
    run: RunItems | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


class AddedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`there`: in the queue already; `skipped`: without content."""

    added: int
    there: int
    skipped: int


class LabelRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`answers`: question -> an option, a number, a text, a list of verdicts (`{"verdict", "source"}`) for claims, or
    `left`, `right`, `tie`, `both_bad` for a duel."""

    answers: dict[str, Any]
    comment: str = ""
    seconds: float | None = None


class BesideRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`beside`: another than the item at this place."""

    beside: int | None = None


class ExportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`whole`: a version of the dataset that the items are of, with all its rows, those that were labelled as they are
    now."""

    dataset: str
    whole: bool = False
    description: Annotated[str, Meta(max_length=10_000)] = ""
    licence: str = ""


class QueueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`labellers`: names. `items` by state. `may_label`: whether whoever asks labels here."""

    id: str
    tenant_id: str
    title: str
    guidelines: str
    revision: int
    questions: Sequence[Question]
    labellers: Sequence[str]
    overlap: int
    overlap_share: float
    blind: bool
    order: str
    lease_minutes: int
    state: str
    created_at: str | None
    created_by: str
    items: Mapping[str, int]
    may_label: bool


class LabelDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`by`: a name. `answers` as they were sent; `null` texts: erased."""

    by: str
    state: str
    at: str
    answers: Mapping[str, Any]
    comment: str
    seconds: float | None
    revision: int
    edits: int


class ItemDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`answers`: as whoever asks sees them, of a duel the left one first. `content` false: it is erased. What is blind
    (`source`, `sides`, `row`, others' `labels`) is empty for who labels it."""

    place: int
    state: str
    wanted: int
    source: str
    case: str
    sides: Sequence[str]
    traces: Sequence[str]
    content: bool
    asked: Sequence[tuple[str, str]]
    answers: Sequence[str]
    expected: Sequence[str]
    context: Sequence[str]
    claims: Sequence[str]
    row: Mapping[str, Any]
    own: LabelDocument | None
    labels: Sequence[LabelDocument]
    settled: LabelDocument | None


class ItemLine(msgspec.Struct, frozen=True, kw_only=True):
    """An item without what it shows. `labels`: how many there are."""

    place: int
    state: str
    source: str
    wanted: int
    labels: int


class NextDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`item` null: nothing is left for whoever asks."""

    item: ItemDocument | None


class MomentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How an item was after a change: `by` whom, when, and what that person said then (null: nothing)."""

    at: str
    by: str
    state: str
    label: LabelDocument | None


class ResultDocument(QueueResult, frozen=True, kw_only=True):
    """See `QueueResult`; labellers by name."""

    queue: str
    revision: int


def named(services: Services) -> Mapping[str, str]:
    return {actor.id: actor.name for actor in services.hub.actors.list()}


def may_manage(caller: Caller) -> bool:
    return allows(caller.actor, "artifacts") or allows(caller.actor, "review")


def check_whole(caller: Caller) -> None:
    """A queue holds what was said in many environments, and a sandbox's key sees its own alone."""
    if caller.reach.environment_id is not None:
        raise Forbidden(
            "A key of a sandbox sees no queues.", remedy="Use a key of another environment.", code="sandbox_data"
        )


def seen_queue(services: Services, caller: Caller, name: str) -> Queue:
    """Forbidden for who neither reads here nor labels in it."""
    check_whole(caller)
    queue = services.hub.queues(services.blobs).get(name)
    if not allows(caller.actor, "read") and not labels_in(queue, caller.actor):
        raise Forbidden(
            f"{caller.actor.name!r} does not label in the queue {name}.",
            remedy="Ask who made it to add you: genaiops queue set --labeller.",
            code="not_a_labeller",
        )
    return queue


def queue_document(services: Services, caller: Caller, queue: Queue, names: Mapping[str, str]) -> QueueDocument:
    found = services.hub.queues(services.blobs).items(queue.id)
    return shown(
        queue,
        QueueDocument,
        labellers=[names.get(each, each) for each in queue.labellers],
        items=progress(found).items if found else {},
        may_label=labels_in(queue, caller.actor) and queue.state == "open",
    )


def label_document(services: Services, queue: Queue, item: Item, label: Label, name: str) -> LabelDocument:
    texts = services.hub.queues(services.blobs).texts(label.texts)
    return LabelDocument(
        by=name,
        state=label.state,
        at=to_iso(label.at_us),
        answers=shown_answers(queue.questions, item, label, texts.texts if texts is not None else {}),
        comment=texts.comment if texts is not None else "",
        seconds=label.seconds,
        revision=label.revision,
        edits=label.edits,
    )


def item_document(services: Services, caller: Caller, queue: Queue, item: Item) -> ItemDocument:
    """Without what is hidden from who labels it."""
    names, me = named(services), caller.actor.id
    own = item.labels.get(me)
    settles = item.state in ("disputed", "settled") and (own is None or own.state == "skipped")
    opened = not queue.blind or settles or (own is None and may_manage(caller))
    content = services.hub.queues(services.blobs).content(item)
    swapped = own.swapped if own is not None else False

    def turned(pair: Sequence[str]) -> Sequence[str]:
        return pair[::-1] if swapped and len(pair) == 2 else pair

    def document(actor: str, label: Label) -> LabelDocument:
        return label_document(services, queue, item, label, names.get(actor, actor))

    given = {actor: label for actor, label in item.labels.items() if actor != me and label.state != "assigned"}
    return ItemDocument(
        place=item.place,
        state=item.state,
        wanted=item.wanted,
        source=item.source if opened else "",
        case=item.case if opened else "",
        sides=turned(item.sides) if opened else (),
        traces=item.traces if opened else (),
        content=content is not None,
        asked=content.asked if content is not None else (),
        answers=turned(content.answers) if content is not None else (),
        expected=content.expected if content is not None else (),
        context=content.context if content is not None else (),
        claims=content.claims if content is not None else (),
        row=content.row if content is not None and opened else {},
        own=None if own is None else document(me, own),
        labels=[document(*each) for each in given.items()] if opened else (),
        settled=None if item.settled is None or not opened else document(item.settled_by, item.settled),
    )


def check_reads(services: Services, caller: Caller, item: Item) -> None:
    with services.hub.records.read() as view:
        reads = sees_item(view, caller.actor, item)
    if not reads:
        raise Forbidden(
            f"Item {item.place} is of {', '.join(item.environments)}, and your roles do not let you label there.",
            remedy="Ask who may: genaiops role list",
            code="content_not_allowed",
        )


def moment_document(services: Services, queue: Queue, at_us: int, by: str, item: Item, name: str) -> MomentDocument:
    label = item.settled if item.settled is not None and item.settled_by == by else item.labels.get(by)
    return MomentDocument(
        at=time_or_none(at_us) or "",
        by=name,
        state=item.state,
        label=None if label is None else label_document(services, queue, item, label, name),
    )
