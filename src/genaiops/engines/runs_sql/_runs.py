"""The port Runs on SQLAlchemy Core."""

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, literal, null, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Answer, Case, Judged, Outcome, Run
from genaiops.engines.records_sql import open_database, told_as_store_error
from genaiops.engines.runs_sql._erasing import erase_cases, pictures_of_cases, trace_of
from genaiops.engines.runs_sql._filling import asked_rows, fill
from genaiops.engines.runs_sql._pages import matching
from genaiops.engines.runs_sql._pictures import Pictures, digests_of
from genaiops.engines.runs_sql._schema import (
    ANSWERS,
    ASKED,
    CASES,
    FACTS,
    JUDGED,
    KEPT,
    REMEMBERED,
    RUNS,
    bring_up,
)
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import CaseFilter, CasePage, CaseRow, RunFilter, RunPage, Runs

_list = list
_T = TypeVar("_T")
_ENCODER: Final = msgspec.json.Encoder()
_NOTHING: Final[Mapping[str, Answer]] = {}
_MANY: Final = 500
"""Rows a statement: SQLite takes 32,766 values."""
_GOOD: Final[dict[Outcome, float]] = {"pass": 1.0, "fail": 0.0}
_MOST_ASKED: Final = 4000
"""Characters of what is searched for by text; the document has all of it."""


def open_runs(url: str, blobs: Blobs | None = None, *, busy_seconds: float = 10.0) -> "SqlRuns":
    """ConfigError for a URL of no such store. The tables are made when they are not there. `blobs` keeps the pictures
    (None: they stay within the documents, and those that were kept there are not read)."""
    runs = SqlRuns(url, blobs, busy_seconds)
    try:
        runs.prepare()
    except BaseException:
        runs.close()
        raise
    return runs


class SqlRuns(Runs):
    def __init__(self, url: str, blobs: Blobs | None, busy_seconds: float) -> None:
        self._pictures = Pictures(blobs)
        self._database = open_database(url, busy_seconds, "runs")
        is_sqlite = self._database.engine.dialect.name == "sqlite"
        self._insert: Any = sqlite.insert if is_sqlite else postgresql.insert

    def prepare(self) -> None:
        with told_as_store_error(self._database.name, "runs"):
            self._database.prepare()
        with self._writing() as connection:
            bring_up(connection, self._database.name, fill)

    def close(self) -> None:
        self._database.engine.dispose()

    # --- runs ---

    def create(self, run: Run, cases: Sequence[Case]) -> None:
        rows = [self._case_row(run.id, number, case) for number, case in enumerate(cases)]
        with self._writing() as connection:
            if _row(connection, run.id) is not None:
                raise Conflict(f"There is a run {run.id!r} already.", remedy="Take another id.", param="id")
            connection.execute(RUNS.insert().values(_run_row(run)))
            self._put(connection, FACTS, _facts(run))
            self._put(connection, ASKED, asked_rows(run))
            self._put(connection, CASES, rows)

    def get(self, run_id: str) -> Run:
        with self._reading() as connection:
            return _existing(connection, run_id)

    def list(self, where: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        conditions = list(_conditions(where))
        if cursor is not None:
            conditions.append(_before(cursor))
        query = select(RUNS.c.body).where(*conditions).order_by(RUNS.c.created_us.desc(), RUNS.c.id.desc())
        with self._reading() as connection:
            rows = [_decoded(body, Run) for body in connection.execute(query.limit(limit + 1)).scalars()]
        more = len(rows) > limit
        rows = rows[:limit]
        return RunPage(rows, f"{rows[-1].created_us}.{rows[-1].id}" if more else None)

    def update(self, run: Run) -> None:
        with self._writing() as connection:
            _existing(connection, run.id)
            connection.execute(RUNS.update().where(RUNS.c.id == run.id).values(_run_row(run)))
            self._put(connection, FACTS, _facts(run))

    def delete(self, run_id: str) -> None:
        with self._writing() as connection:
            _existing(connection, run_id)
            for table in (JUDGED, ANSWERS, CASES, FACTS, ASKED, KEPT):
                connection.execute(delete(table).where(table.c.run_id == run_id))
            connection.execute(delete(RUNS).where(RUNS.c.id == run_id))

    # --- what a run has ---

    def cases(self, run_id: str) -> Sequence[Case]:
        with self._reading() as connection:
            _existing(connection, run_id)
            query = select(CASES.c.body, CASES.c.pictures).where(CASES.c.run_id == run_id).order_by(CASES.c.number)
            return [self._read(row, Case) for row in connection.execute(query)]

    def add(
        self,
        run_id: str,
        answers: Sequence[Answer],
        judged: Sequence[Judged] = (),
        *,
        remember: Mapping[str, Answer] = _NOTHING,
    ) -> None:
        rows = [self._answer_row(run_id, each) for each in answers]
        kept = [self._remembered_row(key, each) for key, each in remember.items()]
        with self._writing() as connection:
            self._put(connection, ANSWERS, rows)
            self._put(connection, JUDGED, (_judged_row(run_id, each) for each in judged))
            self._put(connection, REMEMBERED, kept)
            connection.execute(delete(KEPT).where(KEPT.c.run_id == run_id))

    def answered(self, run_id: str) -> Sequence[Answer]:
        with self._reading() as connection:
            _existing(connection, run_id)
            query = select(ANSWERS.c.body, ANSWERS.c.pictures).where(ANSWERS.c.run_id == run_id)
            return [self._read(row, Answer) for row in connection.execute(query)]

    def judged(self, run_id: str, *, check: str | None = None) -> Sequence[Judged]:
        query = select(JUDGED.c.body).where(JUDGED.c.run_id == run_id)
        if check is not None:
            query = query.where(JUDGED.c.check_name == check)
        with self._reading() as connection:
            _existing(connection, run_id)
            return [_decoded(body, Judged) for body in connection.execute(query).scalars()]

    def page(self, run_id: str, where: CaseFilter, *, start: int = 0, limit: int = 50) -> CasePage:
        with self._reading() as connection:
            _existing(connection, run_id)
            condition = matching(run_id, where)
            total = connection.execute(select(func.count()).select_from(CASES).where(condition)).scalar_one()
            columns = (CASES.c.number, CASES.c.case_id, CASES.c.body, CASES.c.pictures)
            query = select(*columns).where(condition).order_by(CASES.c.number)
            found = connection.execute(query.offset(start).limit(limit)).all()
            ids = [row.case_id for row in found]
            answers = self._by_case(connection, ANSWERS, ANSWERS.c.pictures, run_id, ids, Answer)
            judged = self._by_case(connection, JUDGED, null(), run_id, ids, Judged)
        rows = [
            CaseRow(row.number, self._read(row, Case), answers.get(row.case_id, []), judged.get(row.case_id, []))
            for row in found
        ]
        after = start + len(rows)
        return CasePage(rows, total, after if after < total else None)

    # --- the cache by content ---

    def remembered(self, key: str) -> Answer | None:
        with self._reading() as connection:
            query = select(REMEMBERED.c.body, REMEMBERED.c.pictures).where(REMEMBERED.c.key == key)
            row = connection.execute(query).first()
        return None if row is None else self._read(row, Answer)

    def recalled(self, keys: Sequence[str]) -> Mapping[str, Answer]:
        found: dict[str, Answer] = {}
        with self._reading() as connection:
            for at in range(0, len(keys), _MANY):
                columns = (REMEMBERED.c.key, REMEMBERED.c.body, REMEMBERED.c.pictures)
                query = select(*columns).where(REMEMBERED.c.key.in_(keys[at : at + _MANY]))
                found |= {row.key: self._read(row, Answer) for row in connection.execute(query)}
        return found

    def remember(self, key: str, answer: Answer) -> None:
        row = self._remembered_row(key, answer)
        with self._writing() as connection:
            self._put(connection, REMEMBERED, [row])

    # --- what was made of a run ---

    def keep(self, run_id: str, name: str, body: bytes) -> None:
        with self._writing() as connection:
            _existing(connection, run_id)
            self._put(connection, KEPT, [{"run_id": run_id, "name": name, "body": body}])

    def kept(self, run_id: str, name: str) -> bytes | None:
        with self._reading() as connection:
            return connection.execute(select(KEPT.c.body).where(KEPT.c.run_id == run_id, KEPT.c.name == name)).scalar()

    # --- persons ---

    def erase(self, traces: Collection[bytes]) -> int:
        if not traces:
            return 0
        with self._writing() as connection:
            return erase_cases(connection, traces)

    # --- pictures ---

    def pictures(self) -> AbstractSet[str]:
        with self._reading() as connection:
            columns = (table.c.pictures for table in (CASES, ANSWERS, REMEMBERED))
            return {
                digest
                for column in columns
                for digest in digests_of(connection.execute(select(column).where(column.is_not(None))).scalars())
            }

    def pictured(self, traces: Collection[bytes]) -> AbstractSet[str]:
        with self._reading() as connection:
            return pictures_of_cases(connection, traces)

    # --- inside ---

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        with told_as_store_error(self._database.name, "runs"), self._database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        with told_as_store_error(self._database.name, "runs"), self._database.writing() as connection:
            yield connection

    def _put(self, connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        """What has the same key is replaced."""
        keys = [column.name for column in table.primary_key]
        for some in _in_pieces(rows):
            statement = self._insert(table)
            rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in keys}
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest), some)

    def _case_row(self, run_id: str, number: int, case: Case) -> dict[str, Any]:
        whole = _ENCODER.encode(case)
        body, pictures = self._pictures.taken(whole)
        bare = case if pictures is None else _decoded(body, Case)
        asked = bare.input or msgspec.json.encode(bare.messages or bare.variables).decode()
        return {
            "run_id": run_id,
            "number": number,
            "case_id": case.id,
            "asked": asked[:_MOST_ASKED].replace("\0", ""),
            "slices": "".join(f"\n{name}\n" for name in case.slices),
            "body": body,
            "trace": trace_of(whole) or None,
            "pictures": pictures,
        }

    def _answer_row(self, run_id: str, answer: Answer) -> dict[str, Any]:
        body, pictures = self._pictures.taken(_ENCODER.encode(answer))
        bare = answer if pictures is None else _decoded(body, Answer)
        return {
            "run_id": run_id,
            "case_id": answer.case,
            "target": answer.target,
            "repeat": answer.repeat,
            "state": answer.state,
            "said": bare.output[:_MOST_ASKED].replace("\0", ""),
            "body": body,
            "pictures": pictures,
        }

    def _remembered_row(self, key: str, answer: Answer) -> dict[str, Any]:
        body, pictures = self._pictures.taken(_ENCODER.encode(answer))
        return {"key": key, "at_us": answer.at_us, "body": body, "case_id": answer.case, "pictures": pictures}

    def _by_case(
        self,
        connection: Connection,
        table: Table,
        pictures: ColumnElement[Any],
        run_id: str,
        ids: Sequence[str],
        kind: type[_T],
    ) -> Mapping[str, Sequence[_T]]:
        found: defaultdict[str, Any] = defaultdict(_list)
        for at in range(0, len(ids), _MANY):
            query = (
                select(table.c.case_id, table.c.body, pictures)
                .where(table.c.run_id == run_id, table.c.case_id.in_(ids[at : at + _MANY]))
                .order_by(*table.primary_key)
            )
            for row in connection.execute(query):
                found[row.case_id].append(self._read(row, kind))
        return found

    def _read(self, row: Any, kind: type[_T]) -> _T:
        """Of a document and its pictures, which are the last columns."""
        return self._pictures.decoded(row[-2], row[-1], kind)


def _in_pieces(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == _MANY:
            yield some
            some = []
    if some:
        yield some


def _decoded(body: bytes, kind: type[_T]) -> _T:
    return msgspec.json.decode(body, type=kind)


def _row(connection: Connection, run_id: str) -> bytes | None:
    return connection.execute(select(RUNS.c.body).where(RUNS.c.id == run_id)).scalar()


def _existing(connection: Connection, run_id: str) -> Run:
    body = _row(connection, run_id)
    if body is None:
        raise NotFound(f"There is no run {run_id!r}.", remedy="See: genaiops run list", param="run")
    return _decoded(body, Run)


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        "tenant_id": run.tenant_id,
        "subject": run.subject,
        "state": run.state,
        "created_us": run.created_us,
        "body": _ENCODER.encode(run),
    }


def _facts(run: Run) -> Iterator[dict[str, Any]]:
    return ({"run_id": run.id, "name": name, "value": value} for name, value in run.environment.items())


def _judged_row(run_id: str, judged: Judged) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "case_id": judged.case,
        "target": judged.target,
        "repeat": judged.repeat,
        "check_name": judged.check,
        "against": judged.against,
        "slice": judged.slice,
        "outcome": judged.verdict.outcome,
        "measure": judged.verdict.measure,
        "good": _GOOD.get(judged.verdict.outcome),
        "body": _ENCODER.encode(judged),
    }


def _conditions(where: RunFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in ((RUNS.c.kind, where.kind), (RUNS.c.state, where.state), (RUNS.c.tenant_id, where.tenant_id)):
        if value is not None:
            yield column == value
    if where.asks is not None:
        yield exists(select(literal(1)).where(ASKED.c.run_id == RUNS.c.id, ASKED.c.node == where.asks))
    if where.subject is not None:
        yield RUNS.c.subject.startswith(where.subject, autoescape=True)
    if where.since_us is not None:
        yield RUNS.c.created_us >= where.since_us
    if where.until_us is not None:
        yield RUNS.c.created_us < where.until_us
    for name, value in where.environment.items():
        yield exists(
            select(literal(1)).where(FACTS.c.run_id == RUNS.c.id, FACTS.c.name == name, FACTS.c.value == value)
        )
    for names, there in ((where.has, True), (where.lacks, False)):
        for name in names:
            with_it = RUNS.c.id.in_(select(FACTS.c.run_id).where(FACTS.c.name == name))
            yield with_it if there else ~with_it


def _before(cursor: str) -> ColumnElement[bool]:
    at, _, run_id = cursor.partition(".")
    if not at.isdecimal() or len(at) > 18 or not run_id:
        raise UsageError(f"{cursor[:80]!r} is no cursor.", remedy="Use `next` of the page before.", param="cursor")
    return or_(RUNS.c.created_us < int(at), and_(RUNS.c.created_us == int(at), RUNS.c.id < run_id))
