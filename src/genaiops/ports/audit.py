"""The audit log beside the records: read in a View of them, written in the same Unit as what it tells of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from genaiops.domain import AuditEvent, AuditPayload, Checkpoint, LogKey


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All that are given hold. Times in microseconds, `until_us` excluded."""

    actor_id: str | None = None
    action: str | None = None
    collection: str | None = None
    entity_id: str | None = None
    since_us: int | None = None
    until_us: int | None = None


class StoredChange(msgspec.Struct, frozen=True):
    """A row of the changes, as it stands there."""

    seq: int
    at_us: int
    actor_id: str
    action: str
    collection: str
    entity_id: str
    body: str | None


class AuditRow(msgspec.Struct, frozen=True):
    """Everything that is stored of an event. `payload` None: it was erased. `change_row` None: the event is of no
    change, or that row is gone. The body of a change stands in its row, and `payload.body` is that one."""

    event: AuditEvent
    payload: AuditPayload | None
    change_row: StoredChange | None


class StoredEntity(msgspec.Struct, frozen=True):
    """A row of a noun's table: its JSON as text, and its columns for searching."""

    id: str
    body: str
    columns: Mapping[str, str | None]


class AuditView(Protocol):
    def size(self) -> int:
        """How many events there are, by the number of the last."""
        ...

    def rows(self, after: int, until: int) -> Iterator[AuditRow]:
        """Rows with `after` < seq <= `until`, in order, whatever their number is; read page by page."""
        ...

    def find(self, where: AuditFilter, *, before: int | None = None, limit: int = 100) -> Sequence[AuditEvent]:
        """The latest first, those with seq < `before`."""
        ...

    def former(self, row: AuditRow) -> AuditRow | None:
        """The change of the same entity before this one."""
        ...

    def leaves(self, after: int, until: int) -> Iterator[bytes]:
        """The hashes of the events with `after` < seq <= `until`, in order."""
        ...

    def checkpoints(self) -> Sequence[Checkpoint]:
        """In order of size."""
        ...

    def log_keys(self) -> Sequence[LogKey]:
        """The oldest first."""
        ...

    def unchained_changes(self) -> Sequence[int]:
        """Numbers of changes that no event is of; at most ten."""
        ...

    def collections(self) -> Sequence[str]: ...

    def entities(self, collection: str) -> Iterator[StoredEntity]:
        """All rows of a noun's table, in order of id, read page by page."""
        ...

    def change_bodies(self, numbers: Sequence[int]) -> Mapping[int, str | None]:
        """The bodies of those changes (at most 500)."""
        ...


class AuditUnit(AuditView, Protocol):
    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Beside the log: no event. One of the same size is kept as it is."""
        ...

    def keep_key(self, key: LogKey) -> None: ...

    def erase(self, numbers: Sequence[int]) -> int:
        """Take away what those events were about and their salts; the chain stays whole. How many had something. The
        caller notes what was erased."""
        ...
