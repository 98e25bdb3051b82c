"""A route or a target that a form made, changed or removed: in force, said, and undoable."""

from typing import Protocol, TypeVar

from genaiops.console._undo import Undo, if_unchanged
from genaiops.console._visit import Visit, field
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Route, Target
from genaiops.hub import Permission

Entity = TypeVar("Entity", Route, Target)


class Keeping(Protocol[Entity]):
    """A service of the hub."""

    def get(self, entity_id: str) -> Entity: ...

    def create(self, entity: Entity, /, *, by: str) -> Entity: ...

    def replace(self, entity: Entity, /, *, by: str) -> Entity: ...

    def remove(self, entity_id: str, /, *, by: str) -> None: ...


def save(visit: Visit, keeping: Keeping[Entity], former: Entity | None, entity: Entity, word: str) -> Entity:
    """Makes it, or replaces `former` with it. The hub refuses what cannot be."""
    by = visit.actor.id
    saved = keeping.create(entity, by=by) if former is None else keeping.replace(entity, by=by)
    called = f"The {word} {saved.id}"

    def restore() -> object:
        return keeping.remove(saved.id, by=by) if former is None else keeping.replace(former, by=by)

    back = if_unchanged(lambda: keeping.get(saved.id), saved, restore)
    done = f"{called} is gone again." if former is None else f"{called} is as it was."
    visit.publish()
    visit.say(f"{called} is {'made' if former is None else 'changed'}.", undo=Undo(_needed(saved), back, done))
    return saved


def remove(visit: Visit, keeping: Keeping[Entity], word: str) -> None:
    """The one whose id the form names; the person is told when it cannot go."""
    by = visit.actor.id
    gone = keeping.get(field(visit.form, "id"))
    try:
        keeping.remove(gone.id, by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return
    visit.publish()
    called = f"The {word} {gone.id}"
    again = Undo(_needed(gone), lambda: keeping.create(gone, by=by), f"{called} is there again.")
    visit.say(f"{called} is gone.", undo=again)


def _needed(entity: Route | Target) -> Permission:
    return "routes" if isinstance(entity, Route) else "targets"
