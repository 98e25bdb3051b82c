"""A person in the records: saved views and datasets' sources that name them, and payloads of the audit log that do. The
log's chain holds without those payloads, and an event tells which were taken away."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qsl

import msgspec

from genaiops.domain import Artifact, Edge, HeldRows, SavedView, Version
from genaiops.hub._validation import every
from genaiops.ports.audit import AuditView
from genaiops.ports.records import Records, View

_NAMING = frozenset({"user", "user_id", "end_user"})
"""Fields whose value is an end user."""

_QUERIES = frozenset({"query", "page", "path"})
"""Fields that hold addresses of the console."""

GONE = "[erased]"


def held_rows(records: Records, traces: Collection[bytes]) -> Sequence[HeldRows]:
    """Versions of datasets that were made of some of these traces, with how many rows."""
    found: dict[str, int] = {}
    if traces:
        with records.read() as view:
            for edge in every(view, Edge):
                if edge.target.startswith("dataset/") and _is_of(edge.source, traces):
                    found[edge.target] = found.get(edge.target, 0) + 1
    return [HeldRows(version, rows) for version, rows in sorted(found.items())]


def _is_of(source: str, traces: Collection[bytes]) -> bool:
    kind, _, name = source.partition("/")
    if kind != "trace":
        return False
    try:
        return bytes.fromhex(name) in traces
    except ValueError:
        return False


def erase_from_records(records: Records, is_them: Callable[[str], bool], *, by: str) -> tuple[int, int]:
    """(saved views that went, events whose payload was erased). `is_them` knows the id of an end user. Again: changes
    nothing more."""
    with records.read() as view:
        size = view.audit.size()
        numbers = _events(view.audit, 0, size, is_them)
        views, versions = _naming(view, is_them)
    if not numbers and not views and not versions:
        return 0, 0
    with records.write(by) as unit:
        for view_id in views:
            if unit.get(SavedView, view_id) is not None:
                unit.remove(SavedView, view_id)
        for version in versions:
            unit.replace(msgspec.structs.replace(version, manifest=_without(version.manifest, is_them)))
        numbers += _events(unit.audit, size, unit.audit.size(), is_them)
        if numbers:
            unit.audit.erase(numbers)
            unit.note("erase", "audit", "log", {"events": numbers})
    return len(views), len(numbers)


def _events(log: AuditView, after: int, until: int, is_them: Callable[[str], bool]) -> list[int]:
    found: list[int] = []
    for row in log.rows(after, until):
        body = None if row.payload is None else row.payload.body
        # Escapes differ between encoders: what may name somebody is decoded, and then compared.
        if body and any(f'"{name}"' in body for name in (*_NAMING, *_QUERIES)):
            try:
                value: Any = msgspec.json.decode(body)
            except (msgspec.DecodeError, RecursionError):
                continue
            if names(value, is_them):
                found.append(row.event.seq)
    return found


def _naming(view: View, is_them: Callable[[str], bool]) -> tuple[list[str], list[Version]]:
    views = [each.id for each in every(view, SavedView) if names({"query": each.query}, is_them)]
    datasets = [each.id for each in every(view, Artifact, {"kind": "dataset"})]
    versions = [each for name in datasets for each in every(view, Version, {"artifact_id": name})]
    return views, [each for each in versions if names(each.manifest, is_them)]


def names(value: Any, is_them: Callable[[str], bool]) -> bool:
    """Whether a field for an end user holds that one, at any depth."""
    if isinstance(value, list):
        return any(names(one, is_them) for one in cast("list[Any]", value))
    if not isinstance(value, Mapping):
        return False
    for name, one in cast("Mapping[str, Any]", value).items():
        if name in _NAMING and isinstance(one, str) and is_them(one):
            return True
        if name in _QUERIES and isinstance(one, str) and _asks_for(one, is_them):
            return True
        if names(one, is_them):
            return True
    return False


def _asks_for(address: str, is_them: Callable[[str], bool]) -> bool:
    query = address.rpartition("?")[2]
    return any(name in {*_NAMING, "id"} and is_them(value) for name, value in parse_qsl(query))


def _without(value: Any, is_them: Callable[[str], bool]) -> Any:
    if isinstance(value, list):
        return [_without(one, is_them) for one in cast("list[Any]", value)]
    if isinstance(value, Mapping):
        given = cast("Mapping[str, Any]", value)
        return {
            name: GONE if name in _NAMING and isinstance(one, str) and is_them(one) else _without(one, is_them)
            for name, one in given.items()
        }
    return value
