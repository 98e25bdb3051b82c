"""Are the records what their last change made them?"""

from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from genaiops.ports.audit import AuditView, StoredEntity
from genaiops.ports.records import Collection

_STEP = 500


def check_records(
    log: AuditView,
    last: Mapping[tuple[str, str], tuple[int, int | None]],
    erased: Several[int],
    nouns: Mapping[str, tuple[type[Any], Collection]],
) -> Iterator[tuple[str | None, str]]:
    """(None, "") for a record that is as it should be, else (field or "", what is wrong). `last`: the last event of
    each (collection, id) and its change, None when that removed it."""
    due: dict[str, set[str]] = {}
    for (collection, entity_id), (_, change) in last.items():
        if change is not None:
            due.setdefault(collection, set()).add(entity_id)
    for name in log.collections():
        missing = due.get(name, set())
        entities = log.entities(name)
        while page := list(islice(entities, _STEP)):
            known = {each.id: last.get((name, each.id), (0, None)) for each in page}
            bodies = log.change_bodies([change for _, change in known.values() if change is not None])
            for each in page:
                missing.discard(each.id)
                seq, change = known[each.id]
                if change is None:
                    said = "was removed by its last change, and is there" if seq else "is there without any change"
                    yield "", f"The record {name}/{each.id} {said}."
                elif seq in erased:
                    continue
                else:
                    yield _compared(name, each, seq, bodies.get(change), *nouns[name])
        for entity_id in sorted(missing):
            yield "", f"The record {name}/{entity_id} is gone without a change."


def _compared(
    name: str, entity: StoredEntity, seq: int, body: str | None, noun: type[Any], how: Collection
) -> tuple[str | None, str]:
    place = f"The record {name}/{entity.id}"
    try:
        now: Any = msgspec.json.decode(entity.body)
        then: Any = now if entity.body == body else msgspec.json.decode(body or "null")
    except msgspec.DecodeError:
        now = then = None
    if not isinstance(now, dict) or not isinstance(then, dict):
        return "body", f"{place} is no JSON object, or its last change (event {seq}) is none."
    field = _first_difference(then, now)
    if field:
        return field, f"{place} differs from its last change (event {seq}) in {field}."
    try:
        read = msgspec.convert(now, noun, str_keys=True)
    except msgspec.ValidationError as error:
        return "body", f"{place} cannot be read: {error}."
    for path in (*how.index, *how.unique):
        column = path.replace(".", "_")
        if entity.columns.get(column) != _at(read, path):
            return column, f"{place}: its column {column} is not what it says itself."
    return None, ""


def _first_difference(then: Any, now: Any) -> str:
    return next((name for name in sorted({*then, *now}) if then.get(name) != now.get(name)), "")


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value
