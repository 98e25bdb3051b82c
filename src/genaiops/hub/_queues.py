"""Queues: what people label, and what is put into them.

What an item shows, and what people wrote about it, are blobs of its own; the records hold what is counted. So an
erasure takes the words away, and no change of a record remembers them.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from genaiops.core.errors import Conflict, Forbidden, NotFound, StoreError, TooLarge, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Actor, Item, ItemContent, ItemOrder, ItemState, LabelTexts, Question, Queue, QueueState
from genaiops.hub._access import allows
from genaiops.hub._lineage import checked_ref
from genaiops.hub._queue_forms import LONGEST_GUIDELINES, checked_questions, is_storable
from genaiops.hub._service import Clock
from genaiops.hub._validation import changed, checked_name, checked_number, checked_text, every, existing, no_duplicates
from genaiops.ports.blobs import Blobs
from genaiops.ports.records import Records, Unit, View

MOST_ITEMS: Final = 10_000
"""At once."""
LARGEST_ITEM: Final = 8 << 20
_OPEN: tuple[ItemState, ...] = ("open",)
T = TypeVar("T")


class NewQueue(msgspec.Struct, frozen=True, kw_only=True):
    """See `Queue`. `labellers`: names or ids of actors."""

    name: str
    questions: Sequence[Question]
    title: str = ""
    guidelines: str = ""
    labellers: Sequence[str] = ()
    overlap: int = 2
    overlap_share: float = 0.0
    blind: bool = True
    order: ItemOrder = "added"
    lease_minutes: int = 30


class QueueChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is given changes."""

    title: str | msgspec.UnsetType = msgspec.UNSET
    labellers: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    overlap: int | msgspec.UnsetType = msgspec.UNSET
    overlap_share: float | msgspec.UnsetType = msgspec.UNSET
    blind: bool | msgspec.UnsetType = msgspec.UNSET
    lease_minutes: int | msgspec.UnsetType = msgspec.UNSET
    state: QueueState | msgspec.UnsetType = msgspec.UNSET


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """See `Item` and `ItemContent`, whose `item` and `claims` it is given here."""

    source: str
    sources: Sequence[str] = ()
    case: str = ""
    traces: Sequence[str] = ()
    environments: Sequence[str] = ()
    sides: Sequence[str] = ()
    content: ItemContent


class Added(msgspec.Struct, frozen=True):
    """`there`: so many were in the queue already."""

    added: int
    there: int


class Queues:
    """The queues of a Hub. `blobs` holds what items show."""

    def __init__(self, records: Records, blobs: Blobs, clock: Clock) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock

    # --- queues ---

    def create(self, new: NewQueue, *, by: str) -> Queue:
        """Conflict when the name is taken."""
        checked_name(new.name, word="queue")
        if "/" in new.name:
            raise UsageError(f"The name {new.name!r} has a slash.", remedy="Use - instead.", param="name")
        fields: dict[str, Any] = msgspec.structs.asdict(new)
        del fields["name"]
        fields["questions"] = checked_questions(new.questions)
        with self._records.write(by) as unit:
            fields["labellers"] = _actors(unit, new.labellers)
            queue = Queue(id=new.name, created_us=self._clock(), created_by=by, **fields)
            _check(queue)
            unit.add(queue)
        return self.get(new.name)  # of the business unit that it was made in

    def list(self) -> Sequence[Queue]:
        """In order of name."""
        with self._records.read() as view:
            return list(every(view, Queue))

    def get(self, name: str) -> Queue:
        with self._records.read() as view:
            return existing(view, Queue, name, word="queue")

    def change(self, name: str, change: QueueChange, *, by: str) -> Queue:
        with self._records.write(by) as unit:
            queue = existing(unit, Queue, name, word="queue")
            fields: dict[str, Any] = msgspec.structs.asdict(change)
            if change.labellers is not msgspec.UNSET:
                fields["labellers"] = _actors(unit, change.labellers)
            made = changed(queue, fields)
            _check(made)
            unit.replace(made)
        return made

    def guide(self, name: str, guidelines: str, *, by: str) -> Queue:
        """Guidelines from now on; labels say under which revision they were made. Forbidden for who neither labels
        there nor makes queues."""
        with self._records.write(by) as unit:
            queue = existing(unit, Queue, name, word="queue")
            actor = existing(unit, Actor, by, word="actor")
            if not allows(actor, "artifacts"):
                check_labels_in(queue, actor)
            if guidelines == queue.guidelines:
                return queue
            made = msgspec.structs.replace(queue, guidelines=guidelines, revision=queue.revision + 1)
            _check(made)
            unit.replace(made)
        return made

    def remove(self, name: str, *, by: str) -> int:
        """With all its items and labels; how many items there were."""
        with self._records.write(by) as unit:
            existing(unit, Queue, name, word="queue")
            found = [each.id for each in every(unit, Item, {"queue_id": name})]
            for item_id in found:
                unit.remove(Item, item_id)
            unit.remove(Queue, name)
        return len(found)

    # --- items ---

    def add(self, name: str, items: Sequence[NewItem], *, by: str) -> Added:
        """Those that are there already stay as they are. UsageError for an item that does not fit what is asked."""
        if len(items) > MOST_ITEMS:
            raise TooLarge(f"{len(items):,} items.", remedy=f"Add at most {MOST_ITEMS:,} at once.", param="items")
        queue = self.get(name)
        for each in items:
            _check_item(queue, each)
        new = list({each.source: each for each in items}.values())
        if queue.order == "shuffled":
            random.Random(f"{name}/{len(new)}").shuffle(new)
        now = self._clock()
        kept: dict[str, tuple[str, int]] = {}
        first = self.count(name) + 1
        with self._records.read() as view:
            known = {each.source for each in every(view, Item, {"queue_id": name})}
        fresh = [each for each in new if each.source not in known]
        for place, each in enumerate(fresh, first):
            content = msgspec.structs.replace(each.content, item=_id(name, place))
            kept[each.source] = self._put(content), len(content.claims)
        with self._records.write(by) as unit:
            if existing(unit, Queue, name, word="queue").state == "closed":
                raise Conflict(f"The queue {name} is closed.", remedy="Open it again first.", code="queue_closed")
            if unit.count(Item, {"queue_id": name}) + 1 != first:
                raise Conflict("Somebody else adds to this queue at this moment.", remedy="Add them again.")
            unit.add_all(
                [_item(queue, each, place, kept[each.source], by, now) for place, each in enumerate(fresh, first)]
            )
        return Added(len(fresh), len(items) - len(fresh))

    def count(self, name: str) -> int:
        with self._records.read() as view:
            return view.count(Item, {"queue_id": name})

    def items(self, name: str, *, state: ItemState | None = None) -> Sequence[Item]:
        """In order of place. NotFound when there is no such queue."""
        self.get(name)
        where = {"queue_id": name} if state is None else {"queue_id": name, "state": state}
        with self._records.read() as view:
            return list(every(view, Item, where))

    def item(self, name: str, place: int) -> Item:
        with self._records.read() as view:
            return existing_item(view, name, place)

    def content(self, item: Item) -> ItemContent | None:
        """None: it is erased."""
        return self._read(item.content, ItemContent)

    def texts(self, digest: str) -> LabelTexts | None:
        """None: nothing was written, or it is erased."""
        return self._read(digest, LabelTexts)

    def history(self, name: str, place: int) -> Sequence[tuple[int, str, Item]]:
        """(when, by whom, how the item was then), the newest first."""
        item = self.item(name, place)
        with self._records.read() as view:
            found = view.history(Item, item.id)
        return [
            (each.at_us, each.actor_id, msgspec.json.decode(each.body, type=Item))
            for each in found
            if each.body is not None
        ]

    # --- keeping and erasing ---

    def held(self) -> set[str]:
        """The blobs that items need which are made of nobody's calls."""
        return {digest for item in self._every_item() if not item.traces for digest in blobs_of(item)}

    def contents(self) -> Mapping[str, bytes]:
        """The other blobs that items need -> the trace that they are about."""
        return {
            digest: bytes.fromhex(item.traces[0])
            for item in self._every_item()
            if item.traces
            for digest in blobs_of(item)
        }

    def of_traces(self, traces: Collection[bytes], *, tenant_id: str | None) -> Sequence[str]:
        """Digests of what items show of these calls, and of what people ever wrote about those."""
        found = self._about(traces, tenant_id)
        with self._records.read() as view:
            changes = [each for item in found for each in view.history(Item, item.id)]
        were = [msgspec.json.decode(each.body, type=Item) for each in changes if each.body is not None]
        return list(dict.fromkeys(digest for item in (*found, *were) for digest in blobs_of(item)))

    def erase(self, traces: Collection[bytes], *, tenant_id: str | None, by: str) -> int:
        """Whose calls these were is erased, and the blobs of `of_traces` are gone: their items say so. How many."""
        found = self._about(traces, tenant_id)
        if found:
            with self._records.write(by) as unit:
                for item in (unit.get(Item, each.id) for each in found):
                    if item is not None:
                        unit.replace(_erased(item))
        return len(found)

    def _about(self, traces: Collection[bytes], tenant_id: str | None) -> Sequence[Item]:
        wanted = {trace_id.hex() for trace_id in traces}
        return [
            item
            for item in self._every_item()
            if wanted.intersection(item.traces) and tenant_id in (None, item.tenant_id) and item.state != "erased"
        ]

    def _every_item(self) -> Iterator[Item]:
        with self._records.read() as view:
            yield from every(view, Item)

    def _put(self, content: ItemContent) -> str:
        data = msgspec.json.encode(content)
        if len(data) > LARGEST_ITEM:
            raise TooLarge(
                f"An item of {len(data):,} bytes.", remedy=f"An item may have {LARGEST_ITEM:,}.", param="items"
            )
        return self._blobs.put(data)

    def _read(self, digest: str, kind: type[T]) -> T | None:
        if not digest:
            return None
        try:
            return msgspec.json.decode(self._blobs.get(digest), type=kind)
        except NotFound:
            return None
        except msgspec.MsgspecError as error:
            raise StoreError(f"The blob {digest} is not what an item shows: {error}.") from error


def existing_item(view: View, name: str, place: int) -> Item:
    """NotFound when the queue has no such place."""
    item = view.get(Item, _id(name, place))
    if item is None:
        existing(view, Queue, name, word="queue")
        count = view.count(Item, {"queue_id": name})
        raise NotFound(f"The queue {name} has no item {place}.", remedy=f"It has {count}, from 1.", param="place")
    return item


def blobs_of(item: Item) -> Sequence[str]:
    """Digests of what it shows and of what people wrote about it."""
    labels = (*item.labels.values(), *(() if item.settled is None else (item.settled,)))
    return [digest for digest in (item.content, *(each.texts for each in labels)) if digest]


def labels_in(queue: Queue, actor: Actor) -> bool:
    """Whether somebody may label in a queue at all; each item is looked at, too."""
    return allows(actor, "label") and (not queue.labellers or actor.id in queue.labellers)


def check_labels_in(queue: Queue, actor: Actor) -> None:
    if not labels_in(queue, actor):
        raise Forbidden(
            f"{actor.name!r} is none of those who label in the queue {queue.id}.",
            remedy="Ask who made it to add you: genaiops queue set --labeller.",
            code="not_a_labeller",
        )


def _id(name: str, place: int) -> str:
    """In order of id they stand in order of place."""
    return f"{name}/{place:07}"


def _item(queue: Queue, new: NewItem, place: int, kept: tuple[str, int], by: str, now_us: int) -> Item:
    return Item(
        id=_id(queue.id, place),
        queue_id=queue.id,
        tenant_id=queue.tenant_id,
        place=place,
        source=new.source,
        sources=tuple(new.sources),
        case=new.case,
        traces=tuple(new.traces),
        environments=tuple(new.environments),
        sides=tuple(new.sides),
        content=kept[0],
        claims=kept[1],
        # Spread evenly: of ten with a share of 0.3 every third or fourth.
        wanted=queue.overlap if int(place * queue.overlap_share) > int((place - 1) * queue.overlap_share) else 1,
        created_us=now_us,
        created_by=by,
    )


def _erased(item: Item) -> Item:
    labels = {actor: msgspec.structs.replace(label, texts="") for actor, label in item.labels.items()}
    settled = None if item.settled is None else msgspec.structs.replace(item.settled, texts="")
    return msgspec.structs.replace(item, state="erased", content="", labels=labels, settled=settled, case="")


def _actors(unit: Unit, names: Sequence[str]) -> tuple[str, ...]:
    no_duplicates(names, param="labellers")
    known = {each.name: each for each in every(unit, Actor)} if names else {}
    by_id = {each.id: each for each in known.values()}
    found: list[str] = []
    for name in names:
        actor = by_id.get(name) or known.get(name)
        if actor is None:
            raise NotFound(f"There is no actor {name!r}.", remedy=suggestion(name, known), param="labellers")
        if not allows(actor, "label"):
            raise UsageError(
                f"{actor.name!r} may not label.",
                remedy="Give them a role that may, such as domain-expert: genaiops actor set.",
                param="labellers",
            )
        found.append(actor.id)
    return tuple(found)


def _check(queue: Queue) -> None:
    checked_text(queue.title, param="title")
    if len(queue.guidelines) > LONGEST_GUIDELINES or not is_storable(queue.guidelines):
        raise UsageError(
            f"The guidelines have {len(queue.guidelines):,} characters.",
            remedy=f"Use at most {LONGEST_GUIDELINES:,} of Unicode.",
            param="guidelines",
        )
    checked_number(queue.overlap, param="overlap", least=2, most=20)
    checked_number(queue.overlap_share, param="overlap_share", least=0, most=1)
    checked_number(queue.lease_minutes, param="lease_minutes", least=1, most=10_080)
    if queue.labellers and queue.overlap_share and len(queue.labellers) < queue.overlap:
        raise UsageError(
            f"{queue.overlap} people shall label an item, and {len(queue.labellers)} are named.",
            remedy="Name more labellers, or lower the overlap.",
            param="overlap",
        )


def _check_item(queue: Queue, new: NewItem) -> None:
    answers = len(new.content.answers)
    wanted = 2 if queue.duel is not None else 1
    if answers != wanted or len(new.sides) != (2 if wanted == 2 else 0):
        what = "two answers" if wanted == 2 else "one answer"
        raise UsageError(
            f"{new.source[:120]} has {answers or 'no'} answer{'s' if answers > 1 else ''}, and the queue {queue.id} "
            f"asks about {what}.",
            remedy="Name both sides of the duel." if wanted == 2 else "Name what the answer is.",
            param="items",
        )
    for ref in new.sources:
        checked_ref(ref, param="sources")
    if any(kind == "claims" for kind in (each.kind for each in queue.questions)) and not new.content.claims:
        raise UsageError(
            f"{new.source[:120]} makes no claim.",
            remedy="Leave out what says nothing that can be checked.",
            param="items",
        )
