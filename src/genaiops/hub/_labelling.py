"""Labelling: who is given which item, what they say of it, and what holds where people differ."""

from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from typing import Any, Final

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import Conflict, Forbidden
from genaiops.domain import Actor, Environment, EnvironmentKind, Item, Label, LabelTexts, Queue
from genaiops.hub._access import allows, require
from genaiops.hub._queue_forms import Given, checked_long, differ, read_answers
from genaiops.hub._queues import Queues, check_labels_in, existing_item
from genaiops.hub._service import Clock
from genaiops.hub._validation import every, existing
from genaiops.ports.blobs import Blobs
from genaiops.ports.records import Records, Unit, View

_MINUTE_US: Final = 60_000_000
_PAGE: Final = 100
LONGEST_SECONDS: Final = 86_400.0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of an item. `answers`: question -> an option, a number, a text, verdicts and sources of
    claims, or `left`, `right`, `tie`, `both_bad`. `seconds`: how long it took."""

    answers: Mapping[str, Any]
    comment: str = ""
    seconds: float | None = None


class Labelling:
    """Gives items to people and takes what they say, one after another, so that no two get the same by chance."""

    def __init__(self, records: Records, blobs: Blobs, clock: Clock) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock
        self.queues = Queues(records, blobs, clock)

    def next(self, name: str, *, by: str, beside: int | None = None) -> Item | None:
        """What somebody is to label now: what they were given already, else what is open, in order. It is theirs alone
        for a while. `beside`: another than the item at that place, to have it ready. None: nothing is left for them."""
        with self._records.write(by) as unit:
            queue, actor = self._may(unit, name, by)
            now = self._clock()
            kinds = _kinds(unit)
            free: Item | None = None
            for item in _open_items(unit, name):
                own = item.labels.get(by)
                if item.place == beside or (own is not None and own.state != "assigned"):
                    continue
                if not _sees(actor, item, kinds):
                    continue
                if own is not None and (own.until_us > now or _taken(item, now, by) < item.wanted):
                    free = item
                    break
                if free is None and _taken(item, now, by) < item.wanted:
                    free = item
            return None if free is None else self._assign(unit, queue, free, by, now)

    def label(self, name: str, place: int, said: Said, *, by: str) -> Item:
        """Keep what somebody says; again: it takes the place of what they said before. Conflict when enough others have
        labelled it meanwhile, and when it is settled."""
        with self._records.write(by) as unit:
            queue, actor = self._may(unit, name, by)
            item = self._open_to(unit, queue, actor, place)
            now, own = self._clock(), item.labels.get(by)
            fresh = own is None or own.state != "done"
            if fresh and _done(item) >= item.wanted:
                raise Conflict(
                    f"Item {place} has all its labels.", remedy="Go on with the next one.", code="item_labelled"
                )
            swapped = own.swapped if own is not None else _swapped(item, by)
            made = self._said(queue, item, said, swapped, now)
            edits = own.edits + 1 if own is not None and own.state == "done" else 0
            made = msgspec.structs.replace(made, revision=queue.revision, edits=edits)
            return _kept(unit, queue, msgspec.structs.replace(item, labels={**item.labels, by: made}))

    def skip(self, name: str, place: int, *, by: str) -> Item:
        """Leave it to others."""
        with self._records.write(by) as unit:
            queue, actor = self._may(unit, name, by)
            item = self._open_to(unit, queue, actor, place)
            own = item.labels.get(by)
            if own is not None and own.state == "done":
                raise Conflict(f"You have labelled item {place}.", remedy="Take the label back first.")
            skipped = Label(state="skipped", at_us=self._clock(), revision=queue.revision)
            return _kept(unit, queue, msgspec.structs.replace(item, labels={**item.labels, by: skipped}))

    def take_back(self, name: str, place: int, *, by: str) -> Item:
        """What somebody said of it, or that they skipped it, is undone: it is theirs to label again. What they said
        stays in its history. Conflict when they have said nothing."""
        with self._records.write(by) as unit:
            queue, actor = self._may(unit, name, by)
            item = self._open_to(unit, queue, actor, place)
            own = item.labels.get(by)
            if own is None or own.state == "assigned":
                raise Conflict(f"You have not labelled item {place}.", remedy="There is nothing to take back.")
            rest = {actor_id: label for actor_id, label in item.labels.items() if actor_id != by}
            reopened = _kept(unit, queue, msgspec.structs.replace(item, labels=rest, state="open"))
            return self._assign(unit, queue, reopened, by, self._clock())

    def settle(self, name: str, place: int, said: Said, *, by: str) -> Item:
        """What holds of an item, whatever its labels say. For who makes queues; where labels differ, also for who
        labels there and has not labelled it themselves."""
        with self._records.write(by) as unit:
            queue = existing(unit, Queue, name, word="queue")
            actor = existing(unit, Actor, by, word="actor")
            item = existing_item(unit, name, place)
            own = item.labels.get(by)
            if not allows(actor, "artifacts"):
                check_labels_in(queue, actor)
                if own is not None and own.state == "done":
                    raise Forbidden(
                        f"You have labelled item {place} yourself.",
                        remedy="Let a third person settle it.",
                        code="own_label",
                    )
                if item.state not in ("disputed", "settled"):
                    raise Conflict(f"Nobody differs in item {place}.", remedy="Label it.", code="not_disputed")
            _check_sees(unit, actor, item)
            _check_there(item)
            made = self._said(queue, item, said, False, self._clock())
            made = msgspec.structs.replace(made, revision=queue.revision)
            settled = msgspec.structs.replace(item, settled=made, settled_by=by, state="settled")
            unit.replace(settled)
        return settled

    def _may(self, unit: Unit, name: str, by: str) -> tuple[Queue, Actor]:
        queue = existing(unit, Queue, name, word="queue")
        actor = existing(unit, Actor, by, word="actor")
        require(actor, "label")
        check_labels_in(queue, actor)
        if queue.state == "closed":
            raise Conflict(f"The queue {name} is closed.", remedy="Ask who made it.", code="queue_closed")
        return queue, actor

    def _open_to(self, unit: Unit, queue: Queue, actor: Actor, place: int) -> Item:
        item = existing_item(unit, queue.id, place)
        _check_sees(unit, actor, item)
        _check_there(item)
        if item.state == "settled":
            raise Conflict(f"Item {place} is settled.", remedy="Go on with the next one.", code="item_settled")
        return item

    def _assign(self, unit: Unit, queue: Queue, item: Item, by: str, now_us: int) -> Item:
        own = item.labels.get(by)
        lease = queue.lease_minutes * _MINUTE_US
        if own is not None and own.until_us - now_us > lease // 2:
            return item  # theirs for long enough
        swapped = own.swapped if own is not None else _swapped(item, by)
        given = Label(state="assigned", at_us=now_us, until_us=now_us + lease, swapped=swapped)
        assigned = msgspec.structs.replace(item, labels={**item.labels, by: given})
        unit.replace(assigned)
        return assigned

    def _said(self, queue: Queue, item: Item, said: Said, swapped: bool, now_us: int) -> Label:
        given = read_answers(queue.questions, item, said.answers, swapped=swapped)
        comment = checked_long(said.comment, "comment") if said.comment else ""
        seconds = said.seconds
        if seconds is not None:
            seconds = None if isnan(seconds) else round(min(max(seconds, 0.0), LONGEST_SECONDS), 1)
        return Label(
            state="done",
            at_us=now_us,
            values=given.values,
            texts=self._written(item, given, comment),
            seconds=seconds,
            swapped=swapped,
        )

    def _written(self, item: Item, given: Given, comment: str) -> str:
        if not given.texts and not comment:
            return ""
        return self._blobs.put(msgspec.json.encode(LabelTexts(item=item.id, texts=given.texts, comment=comment)))


def _open_items(view: View, name: str) -> Iterator[Item]:
    """In order; in small pages, for the first that is free is mostly near."""
    after: str | None = None
    while page := view.find(Item, {"queue_id": name, "state": "open"}, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def sees_item(view: View, actor: Actor, item: Item) -> bool:
    """Whether somebody may label, or read, what was written where the item is from."""
    return _sees(actor, item, _kinds(view))


def _kinds(view: View) -> Mapping[str, EnvironmentKind]:
    return {each.id: each.kind for each in every(view, Environment)}


def _check_sees(view: View, actor: Actor, item: Item) -> None:
    if not sees_item(view, actor, item):
        raise Forbidden(
            f"Item {item.place} is of {', '.join(item.environments)}, and your roles do not let you label there.",
            remedy="Leave it to somebody whose roles do: genaiops role list",
            code="content_not_allowed",
        )


def _sees(actor: Actor, item: Item, kinds: Mapping[str, EnvironmentKind]) -> bool:
    """What nobody knows the environment of counts as prod."""
    return all(allows(actor, "label", kinds.get(each, "prod")) for each in item.environments)


def _check_there(item: Item) -> None:
    if item.state == "erased":
        raise Conflict(
            f"What item {item.place} showed is erased.", remedy="Go on with the next one.", code="item_erased"
        )


def _done(item: Item) -> int:
    return len(done_labels(item))


def done_labels(item: Item) -> Mapping[str, Label]:
    """Actor -> what they said."""
    return {actor: label for actor, label in item.labels.items() if label.state == "done"}


def _taken(item: Item, now_us: int, by: str) -> int:
    """How many others have labelled it, or are about to."""
    return sum(
        label.state == "done" or (label.state == "assigned" and label.until_us > now_us)
        for actor, label in item.labels.items()
        if actor != by
    )


def _swapped(item: Item, by: str) -> bool:
    """Which side is left is drawn anew for each person and item."""
    return len(item.sides) == 2 and int(digest_bytes(f"{item.id}\n{by}".encode())[-1], 16) % 2 == 1


def _kept(unit: Unit, queue: Queue, item: Item) -> Item:
    labels: Iterable[Label] = done_labels(item).values()
    found = list(labels)
    state = "open"
    if len(found) >= item.wanted:
        state = "disputed" if differ(queue.questions, found) else "done"
    kept = msgspec.structs.replace(item, state=state)
    unit.replace(kept)
    return kept
