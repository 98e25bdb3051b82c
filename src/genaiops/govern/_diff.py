"""What an event changed, field by field."""

from typing import Any, cast

import msgspec

from genaiops.core.errors import NotFound
from genaiops.domain import AuditEvent
from genaiops.ports.audit import AuditView

_HIDDEN = {"keys": ("digest",)}
MASK = "(kept, not shown)"


class FieldDifference(msgspec.Struct, frozen=True):
    """A field before and after; None on a side where it was not there or was null."""

    field: str
    before: Any
    after: Any


def differences(collection: str, before: str | None, after: str | None) -> list[FieldDifference]:
    """Of two JSON objects, by name; digests of keys are not shown."""
    then, now = _shown(collection, before), _shown(collection, after)
    return [
        FieldDifference(name, then.get(name), now.get(name))
        for name in dict.fromkeys([*then, *now])
        if then.get(name) != now.get(name)
    ]


def _shown(collection: str, body: str | None) -> dict[str, Any]:
    found: Any = None if body is None else msgspec.json.decode(body)
    if not isinstance(found, dict):
        return {} if found is None else {"": found}
    hidden = _HIDDEN.get(collection, ())
    fields = cast("dict[str, Any]", found)
    return {name: MASK if name in hidden else value for name, value in fields.items()}


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """An event and what it changed. `former`: the event that changed the same before. `erased`: what it was about was
    taken away, so that nothing can be compared."""

    event: AuditEvent
    former: int | None
    erased: bool
    differences: tuple[FieldDifference, ...]


def explain(log: AuditView, seq: int) -> Explained:
    """NotFound when there is no such event."""
    row = next(log.rows(seq - 1, seq), None) if 0 < seq < 1 << 62 else None
    if row is None:
        raise NotFound(f"There is no event {seq} in the audit log.", remedy="List the events.", param="seq")
    former = log.former(row) if row.event.change is not None else None
    before = None if former is None or former.payload is None else former.payload.body
    after = None if row.payload is None else row.payload.body
    changed = row.event.change is not None and row.event.action != "remove"
    erased = row.payload is None or (after is None and changed)
    return Explained(
        event=row.event,
        former=None if former is None else former.event.seq,
        erased=erased,
        differences=() if erased else tuple(differences(row.event.collection, before, after)),
    )
