"""Reading and writing entities inside one transaction."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Row, Table, false, func, insert, select

from genaiops.core.clock import now_us
from genaiops.core.errors import Conflict, NotFound, StoreError, UsageError
from genaiops.engines.records_sql._audit import SqlAuditUnit, SqlAuditView
from genaiops.engines.records_sql._schema import CHANGES, TABLES, UNSTORABLE, column_name
from genaiops.ports.records import COLLECTIONS, Action, Change

T = TypeVar("T")

_CHUNK = 500  # parameters of one IN list; SQLite allows 32,766, PostgreSQL plans short lists better
_ESCAPED_NUL = rb"\u0000"  # looked for first: the exact search is slow
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def word(noun: type[Any]) -> str:
    """`ApiKey` -> "api key", for messages."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", noun.__name__).lower()


def _table(noun: type[Any]) -> Table:
    try:
        return TABLES[noun]
    except KeyError:
        raise TypeError(f"{noun.__name__} is not a noun of the records") from None


def _field(entity: Any, path: str) -> str | None:
    for name in path.split("."):
        entity = getattr(entity, name)
    return entity


class SqlView:
    """A View of the records as they are in this transaction."""

    def __init__(self, connection: Connection, store: str) -> None:
        self._connection = connection
        self._store = store

    def get(self, noun: type[T], entity_id: str) -> T | None:
        table = _table(noun)
        body = self._connection.execute(select(table.c.body).where(_equals(table.c.id, entity_id))).scalar()
        return None if body is None else self._decode(noun, entity_id, body)

    def find(
        self,
        noun: type[T],
        where: Mapping[str, str | None] | None = None,
        *,
        after: str | None = None,
        limit: int = 1000,
    ) -> list[T]:
        table = _table(noun)
        query = select(table.c.id, table.c.body).where(*_conditions(noun, where))
        if after is not None:
            query = query.where(table.c.id > UNSTORABLE.split(after, 1)[0])
        rows = self._connection.execute(query.order_by(table.c.id).limit(limit)).all()
        return [self._decode(noun, row[0], row[1]) for row in rows]

    def count(self, noun: type[Any], where: Mapping[str, str | None] | None = None) -> int:
        query = select(func.count()).select_from(_table(noun)).where(*_conditions(noun, where))
        return self._connection.execute(query).scalar_one()

    def version(self) -> int:
        return self._connection.execute(select(func.coalesce(func.max(CHANGES.c.seq), 0))).scalar_one()

    def changes(self, after: int, *, limit: int = 1000) -> list[Change]:
        query = select(*CHANGES.c).where(CHANGES.c.seq > after).order_by(CHANGES.c.seq).limit(limit)
        return [_change(row) for row in self._connection.execute(query)]

    def history(self, noun: type[Any], entity_id: str, *, limit: int = 1000) -> list[Change]:
        query = (
            select(*CHANGES.c)
            .where(CHANGES.c.collection == COLLECTIONS[noun].name, _equals(CHANGES.c.entity_id, entity_id))
            .order_by(CHANGES.c.seq.desc())
            .limit(limit)
        )
        return [_change(row) for row in self._connection.execute(query)]

    @property
    def audit(self) -> SqlAuditView:
        return SqlAuditView(self._connection)

    def _decode(self, noun: type[T], entity_id: str, body: object) -> T:
        try:
            return msgspec.convert(body, noun, str_keys=True)
        except msgspec.MsgspecError as error:
            raise StoreError(
                f"The {word(noun)} {entity_id!r} in {self._store} cannot be read: {error}.",
                remedy="It was written by another version or by another program; upgrade, or restore a backup.",
                code="store_corrupt",
            ) from error


def _change(row: Row[Any]) -> Change:
    return Change(
        seq=row.seq,
        at_us=row.at_us,
        actor_id=row.actor_id,
        action=row.action,
        collection=row.collection,
        entity_id=row.entity_id,
        body=None if row.body is None else row.body.encode(),
    )


def _conditions(noun: type[Any], where: Mapping[str, str | None] | None) -> list[ColumnElement[bool]]:
    if not where:
        return []
    collection, table = COLLECTIONS[noun], _table(noun)
    known = ("id", *collection.index, *collection.unique)
    unknown = [field for field in where if field not in known]
    if unknown:
        raise ValueError(f"{collection.name} cannot be searched by {unknown}; by {list(known)} they can")
    return [_equals(table.c[column_name(field)], value) for field, value in where.items()]


def _equals(column: Column[Any], value: str | None) -> ColumnElement[bool]:
    """No row has text that cannot be stored; asking the database for it would be an error on some."""
    # `== None` becomes IS NULL.
    return false() if value is not None and UNSTORABLE.search(value) else column == value


class SqlUnit(SqlView):
    """A Unit: the only writer while it lasts. Changes are kept back and written together."""

    def __init__(self, connection: Connection, store: str, actor_id: str) -> None:
        super().__init__(connection, store)
        self._actor_id = actor_id
        self._next = super().version() + 1
        self._pending: list[dict[str, object]] = []
        self._audit = SqlAuditUnit(connection, self.flush)

    @property
    def audit(self) -> SqlAuditUnit:
        return self._audit

    def version(self) -> int:
        return self._next - 1

    def changes(self, after: int, *, limit: int = 1000) -> list[Change]:
        self.flush()
        return super().changes(after, limit=limit)

    def history(self, noun: type[Any], entity_id: str, *, limit: int = 1000) -> list[Change]:
        self.flush()
        return super().history(noun, entity_id, limit=limit)

    def add(self, entity: Any) -> None:
        self.add_all((entity,))

    def add_all(self, entities: Sequence[Any]) -> None:
        for noun, group in groupby(entities, type):
            same = list(group)
            for start in range(0, len(same), _CHUNK):
                self._add_chunk(noun, same[start : start + _CHUNK])

    def _add_chunk(self, noun: type[Any], entities: Sequence[Any]) -> None:
        table, now = _table(noun), now_us()
        rows = [_row(noun, entity, now) for entity in entities]
        for field in ("id", *COLLECTIONS[noun].unique):
            self._refuse_taken(noun, field, [row[column_name(field)] for row in rows])
        self._connection.execute(insert(table), rows)
        for row in rows:
            self._change("add", noun, row["id"], row["body"], now)

    def _refuse_taken(self, noun: type[Any], field: str, values: Sequence[str | None]) -> None:
        # Looked up beforehand: nobody else writes now, and a failed statement would end the transaction on PostgreSQL.
        given = [value for value in values if value is not None]
        column = _table(noun).c[column_name(field)]
        taken = self._connection.execute(select(column).where(column.in_(given)).limit(1)).scalar()
        if taken is None and len(set(given)) < len(given):
            taken = next(value for value in given if given.count(value) > 1)
        if taken is not None:
            raise _taken(noun, field, taken)

    def replace(self, entity: Any) -> None:
        noun = cast("type[Any]", type(entity))
        table, now = _table(noun), now_us()
        row = _row(noun, entity, now)
        for field in COLLECTIONS[noun].unique:
            column, value = table.c[column_name(field)], row[column_name(field)]
            query = select(table.c.id).where(column == value, table.c.id != row["id"]).limit(1)
            if value is not None and self._connection.execute(query).first() is not None:
                raise _taken(noun, field, value)
        if self._connection.execute(table.update().where(table.c.id == row["id"]).values(row)).rowcount == 0:
            raise _missing(noun, row["id"])
        self._change("replace", noun, row["id"], row["body"], now)

    def remove(self, noun: type[Any], entity_id: str) -> None:
        table = _table(noun)
        if self._connection.execute(table.delete().where(_equals(table.c.id, entity_id))).rowcount == 0:
            raise _missing(noun, entity_id)
        self._change("remove", noun, entity_id, None, now_us())

    def note(self, action: str, collection: str, entity_id: str, payload: Any = None) -> None:
        event = self._event(action, collection, UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", entity_id), now_us())
        self._audit.append(event, None, None if payload is None else msgspec.json.encode(payload).decode())

    def flush(self) -> None:
        """Write the changes that were kept back; called before the transaction commits."""
        if self._pending:
            self._connection.execute(insert(CHANGES), self._pending)
            self._pending = []
        self._audit.flush()

    def _change(self, action: Action, noun: type[Any], entity_id: str, body: bytes | None, at_us: int) -> None:
        event = self._event(action, COLLECTIONS[noun].name, entity_id, at_us)
        text = None if body is None else body.decode()
        self._pending.append({"seq": self._next, **event, "body": text})
        self._audit.append(event, self._next, text)
        self._next += 1

    def _event(self, action: str, collection: str, entity_id: str, at_us: int) -> dict[str, Any]:
        about = {"actor_id": self._actor_id, "action": action, "collection": collection, "entity_id": entity_id}
        return {"at_us": at_us, **about}


def _row(noun: type[Any], entity: Any, at_us: int) -> dict[str, Any]:
    collection = COLLECTIONS[noun]
    try:
        body = msgspec.json.encode(entity)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The {word(noun)} {entity.id!r} holds text that is no Unicode: {error.reason}.",
            remedy="Take the lone surrogates out.",
        ) from error
    if _ESCAPED_NUL in body and _NUL.search(body):
        raise UsageError(
            f"The {word(noun)} {entity.id!r} holds a NUL character.",
            remedy="Take it out: PostgreSQL cannot store it.",
        )
    row: dict[str, Any] = {"id": entity.id, "body": body, "updated_us": at_us}
    for field in (*collection.index, *collection.unique):
        row[column_name(field)] = _field(entity, field)
    return row


def _taken(noun: type[Any], field: str, value: str) -> Conflict:
    called = {"id": f" {value!r}", "name": f" called {value!r}"}.get(field, f" with this {field}")
    what = word(noun)
    return Conflict(
        f"There is {'an' if what[0] in 'aeiou' else 'a'} {what}{called} already.",
        remedy="Choose another name, or change the one that is there.",
        code="already_exists",
        param=field,
    )


def _missing(noun: type[Any], entity_id: str) -> NotFound:
    return NotFound(f"There is no {word(noun)} {entity_id!r}.", remedy="List them to see which there are.", param="id")
