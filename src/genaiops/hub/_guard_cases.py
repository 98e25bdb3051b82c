"""Cases that guard policies are tested with: rows of a dataset, kept when people mark verdicts."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from genaiops.core.errors import NotFound
from genaiops.domain import Version
from genaiops.hub._access import ORGANISATION_TENANT
from genaiops.hub._datasets import Origin
from genaiops.hub._hub import Hub
from genaiops.ports.blobs import Blobs

GUARD_CASES: Final = "guard-cases"
CURRENT: Final = "current"
"""The alias of the cases that hold: a mark taken back leads to rows that were a version before, so the newest version
may be an older one than that."""

_UNKNOWN = "unknown"
_PAGE = 1000
_WRITING = threading.Lock()
"""A version is made of the one before: two people who mark at one time must not lose each other's."""


class GuardCases:
    """Of the organisation `guard-cases@current`, of a business unit `UNIT/guard-cases@current`."""

    def __init__(self, hub: Hub, blobs: Blobs) -> None:
        self._artifacts = hub.artifacts
        self._datasets = hub.datasets(blobs)

    def keep(self, row: dict[str, Any], *, tenant_id: str, by: str) -> str:
        """The id of the version; a row of the same `id` is replaced."""
        with _WRITING:
            rows = {str(each["id"]): each for each in self._rows(_name(tenant_id))}
            rows.pop(row["id"], None)
            return self._register(tenant_id, [*rows.values(), row], by)

    def drop(self, case_id: str, *, tenant_id: str, by: str) -> str | None:
        """None when it was not there; the last one stays, because a dataset has rows."""
        with _WRITING:
            rows = list(self._rows(_name(tenant_id)))
            left = [each for each in rows if each["id"] != case_id]
            if len(left) == len(rows) or not left:
                return None
            return self._register(tenant_id, left, by)

    def _register(self, tenant_id: str, rows: Sequence[Mapping[str, Any]], by: str) -> str:
        environments = sorted({str(each.get("environment_id") or _UNKNOWN) for each in rows})
        origin = Origin(
            kind="traces",
            description="Calls that people marked: what a guard policy has to say of them.",
            detail={"environments": environments},
            sources=[f"trace/{each['trace_id']}" for each in rows],  # an erasure finds the versions by them
        )
        version = self._datasets.add(_name(tenant_id), rows, origin, by=by).version
        self._artifacts.move(version.artifact_id, CURRENT, version.id, reason="a verdict was marked", by=by)
        return version.id

    def _rows(self, name: str) -> Iterator[dict[str, Any]]:
        try:
            version: Version = self._datasets.resolve(f"{name}@{CURRENT}")
        except NotFound:
            return
        start = 0
        while page := self._datasets.rows(version, start=start, limit=_PAGE):
            yield from (each.row for each in page)
            start += len(page)


def _name(tenant_id: str) -> str:
    return GUARD_CASES if tenant_id == ORGANISATION_TENANT else f"{tenant_id}/{GUARD_CASES}"
