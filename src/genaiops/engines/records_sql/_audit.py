"""The audit log in the database of the records: events, payloads, checkpoints, keys.

The body of a change stays in its row of `changes`; `audit_payloads` has its salt, and salt and body of what was noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, Text, cast, false, func, insert, select

from genaiops.domain import AUDIT_START, AuditEvent, AuditPayload, Checkpoint, LogKey, commitment_of, leaf_of
from genaiops.engines.records_sql._schema import (
    CHANGES,
    CHECKPOINTS,
    EVENTS,
    LOG_KEYS,
    PAYLOADS,
    TABLES,
    UNSTORABLE,
)
from genaiops.ports.audit import AuditFilter, AuditRow, StoredChange, StoredEntity

_PAGE = 2000
_SALT_BYTES = 16

_BY_NAME: Mapping[str, Table] = {table.name: table for table in TABLES.values()}
_EVENT = [column.name for column in EVENTS.c]
_ROWS = (
    select(*EVENTS.c, PAYLOADS.c.salt, PAYLOADS.c.body, *(column.label(f"c_{column.name}") for column in CHANGES.c))
    .outerjoin(PAYLOADS, PAYLOADS.c.seq == EVENTS.c.seq)
    .outerjoin(CHANGES, CHANGES.c.seq == EVENTS.c.change)
    .order_by(EVENTS.c.seq)
)


class SqlAuditView:
    """Of one transaction. `written` brings what a unit holds back into the tables first."""

    def __init__(self, connection: Connection, written: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._written = written

    def _execute(self, statement: Any, values: Any = None) -> Any:
        if self._written is not None:
            self._written()
        return self._connection.execute(statement, values)

    def size(self) -> int:
        return self._execute(select(func.coalesce(func.max(EVENTS.c.seq), 0))).scalar_one()

    def rows(self, after: int, until: int) -> Iterator[AuditRow]:
        while after < until:
            query = _ROWS.where(EVENTS.c.seq > after, EVENTS.c.seq <= until).limit(_PAGE)
            page = self._execute(query).all()
            yield from map(_row, page)
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def find(self, where: AuditFilter, *, before: int | None = None, limit: int = 100) -> Sequence[AuditEvent]:
        query = select(*EVENTS.c).order_by(EVENTS.c.seq.desc()).limit(limit)
        for name in ("actor_id", "action", "collection", "entity_id"):
            value = getattr(where, name)
            if value is not None:
                query = query.where(false() if UNSTORABLE.search(value) else EVENTS.c[name] == value)
        if where.since_us is not None:
            query = query.where(EVENTS.c.at_us >= where.since_us)
        if where.until_us is not None:
            query = query.where(EVENTS.c.at_us < where.until_us)
        if before is not None:
            query = query.where(EVENTS.c.seq < before)
        return [_event(row) for row in self._execute(query)]

    def former(self, row: AuditRow) -> AuditRow | None:
        event = row.event
        same = (EVENTS.c.collection == event.collection, EVENTS.c.entity_id == event.entity_id)
        query = select(func.max(EVENTS.c.seq)).where(*same, EVENTS.c.seq < event.seq, EVENTS.c.change.is_not(None))
        found = self._execute(query).scalar()
        return None if found is None else next(self.rows(found - 1, found))

    def leaves(self, after: int, until: int) -> Iterator[bytes]:
        while after < until:
            query = select(EVENTS.c.seq, EVENTS.c.leaf).where(EVENTS.c.seq > after, EVENTS.c.seq <= until)
            page = self._execute(query.order_by(EVENTS.c.seq).limit(_PAGE)).all()
            for row in page:
                yield bytes.fromhex(row[1])
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    def checkpoints(self) -> Sequence[Checkpoint]:
        rows = self._execute(select(*CHECKPOINTS.c).order_by(CHECKPOINTS.c.size)).mappings()
        return [Checkpoint(**row) for row in rows]

    def log_keys(self) -> Sequence[LogKey]:
        rows = self._execute(select(*LOG_KEYS.c).order_by(LOG_KEYS.c.since_us, LOG_KEYS.c.id)).mappings()
        return [LogKey(**row) for row in rows]

    def unchained_changes(self) -> Sequence[int]:
        query = select(CHANGES.c.seq).outerjoin(EVENTS, EVENTS.c.change == CHANGES.c.seq).where(EVENTS.c.seq.is_(None))
        return list(self._execute(query.order_by(CHANGES.c.seq).limit(10)).scalars())

    def collections(self) -> Sequence[str]:
        return sorted(_BY_NAME)

    def entities(self, collection: str) -> Iterator[StoredEntity]:
        table = _BY_NAME[collection]
        names = [column.name for column in table.c if column.name not in {"id", "body", "updated_us"}]
        columns = (table.c.id, cast(table.c.body, Text), *(table.c[name] for name in names))
        last: str | None = None
        while True:
            query = select(*columns).order_by(table.c.id).limit(_PAGE)
            page = self._execute(query if last is None else query.where(table.c.id > last)).all()
            for row in page:
                yield StoredEntity(row[0], row[1], dict(zip(names, row[2:], strict=True)))
            if len(page) < _PAGE:
                return
            last = page[-1][0]

    def change_bodies(self, numbers: Sequence[int]) -> Mapping[int, str | None]:
        rows = self._execute(select(CHANGES.c.seq, CHANGES.c.body).where(CHANGES.c.seq.in_(numbers)))
        return {row[0]: row[1] for row in rows}


class SqlAuditUnit(SqlAuditView):
    """Appends to the chain: computed at once, written together when the unit's block ends."""

    def __init__(self, connection: Connection, written: Callable[[], None]) -> None:
        super().__init__(connection, written)
        self._last: tuple[int, str] | None = None
        self._events: list[dict[str, Any]] = []
        self._payloads: list[dict[str, Any]] = []

    def append(self, event: Mapping[str, Any], change: int | None, body: str | None) -> None:
        """`event`: at_us, actor_id, action, collection, entity_id."""
        if self._last is None:
            newest = select(EVENTS.c.seq, EVENTS.c.leaf).order_by(EVENTS.c.seq.desc()).limit(1)
            row = self._connection.execute(newest).first()
            self._last = (0, AUDIT_START) if row is None else (row[0], row[1])
        salt = token_hex(_SALT_BYTES)
        made = sealed(self._last, event, change, commitment_of(salt, body))
        self._last = made.seq, made.leaf
        self._events.append(msgspec.structs.asdict(made))
        self._payloads.append({"seq": made.seq, "salt": salt, "body": body if change is None else None})

    def flush(self) -> None:
        if self._events:
            self._connection.execute(insert(EVENTS), self._events)
            self._connection.execute(insert(PAYLOADS), self._payloads)
            self._events, self._payloads = [], []

    def keep_checkpoint(self, checkpoint: Checkpoint) -> None:
        if self._execute(select(CHECKPOINTS.c.size).where(CHECKPOINTS.c.size == checkpoint.size)).first() is None:
            self._execute(insert(CHECKPOINTS), msgspec.structs.asdict(checkpoint))

    def keep_key(self, key: LogKey) -> None:
        self._execute(insert(LOG_KEYS), msgspec.structs.asdict(key))

    def erase(self, numbers: Sequence[int]) -> int:
        changes = select(EVENTS.c.change).where(EVENTS.c.seq.in_(numbers))
        self._execute(CHANGES.update().where(CHANGES.c.seq.in_(changes)).values(body=None))
        return self._execute(PAYLOADS.delete().where(PAYLOADS.c.seq.in_(numbers))).rowcount


def sealed(last: tuple[int, str], event: Mapping[str, Any], change: int | None, commitment: str) -> AuditEvent:
    """The event after the one with that number and leaf."""
    bare = AuditEvent(seq=last[0] + 1, **event, change=change, commitment=commitment, leaf="")
    return msgspec.structs.replace(bare, leaf=leaf_of(bare, last[1]))


def _event(row: Sequence[Any]) -> AuditEvent:
    """Of the columns of EVENTS, in their order."""
    return AuditEvent(**dict(zip(_EVENT, row, strict=False)))


def _row(row: Sequence[Any]) -> AuditRow:
    salt, body, *columns = row[len(_EVENT) :]
    change = None if columns[0] is None else StoredChange(*columns)
    payload = None if salt is None else AuditPayload(salt=salt, body=body if change is None else change.body)
    return AuditRow(_event(row), payload, change)
