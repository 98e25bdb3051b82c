"""Lists of root spans by figures alone: filters, order, pages."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.engines.telemetry_sqlite._matches import Place
from genaiops.engines.telemetry_sqlite._names import NameTexts
from genaiops.engines.telemetry_sqlite._rows import COLUMNS, STATUSES, WIDTH, from_row
from genaiops.engines.telemetry_sqlite._schema import LIST_INDEXES, NARROW
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.telemetry import Page, ScoreIs, TraceFilter, TraceRow

EVER: Final = (-(1 << 62), 1 << 62)

_FEW = 2_000
"""A condition that so few root spans meet is read as a whole and sorted; it is also where counting stops."""

_FEW_TRACES = 500
"""So few are searched for a text one by one."""

_WINDOWS = (2_000, 10_000, 50_000, 100_000)
"""Root spans looked at for one page, in steps, when no index serves all conditions. A page may so be short, or empty,
and still have a `next`: reading on from there goes on with the search.
"""

_WINDOWS_OF_INDEX = (10_000, 100_000, 900_000)
"""The same where the index by time alone can tell which spans meet the conditions."""

SELECT: Final = (
    f"SELECT {', '.join(f's.{name}' for name in COLUMNS.split(','))},"
    " t.input_tokens, t.output_tokens, t.estimated, t.cost_nano, t.cost_unknown, t.spans"
)

_CURSOR = re.compile(r"(-?\d{1,19})\.([0-9a-f]*)")


class Condition(msgspec.Struct, frozen=True):
    """One part of a filter over `s` (a root span) and `t` (its trace). `index` serves it in order of time; a `narrow`
    one needs only columns of the index by time.
    """

    sql: str
    values: tuple[object, ...]
    index: str | None = None
    narrow: bool = False


_LOOKED_UP = "EXISTS (SELECT 1 FROM spans AS c WHERE c.trace_id = s.trace_id AND c.kind = ? AND c.name = ?)"
"""Spans of caches are named by what was said (`genaiops.watch`)."""

_SCORED = (
    "EXISTS (SELECT 1 FROM scores AS c WHERE c.trace_id = s.trace_id AND c.name = ?{compared} AND NOT EXISTS ("
    "SELECT 1 FROM scores AS later WHERE later.trace_id = c.trace_id AND later.name = c.name"
    " AND later.span_id IS c.span_id AND later.source = c.source AND later.created_by = c.created_by"
    " AND later.created_us > c.created_us))"
)
"""Of several scores by the same author only the latest counts."""

_JOIN = " CROSS JOIN traces AS t ON t.trace_id = s.trace_id"
_ANY = Condition("s.root = 1", (), "spans_by_start")


def encode_cursor(place: Place) -> str:
    return f"{place.start_us}.{place.span_id.hex()}"


def decode_cursor(cursor: str) -> Place:
    match = _CURSOR.fullmatch(cursor)
    if match is None or len(match[2]) % 2:
        raise UsageError(
            f"{cursor!r} is not a cursor of a list of traces.",
            remedy="Use `next` of the page before, unchanged.",
            param="cursor",
        )
    return Place(max(EVER[0], min(int(match[1]), EVER[1])), bytes.fromhex(match[2]))


def to_trace_row(row: Sequence[Any], texts: NameTexts) -> TraceRow:
    """From the values of SELECT."""
    input_tokens, output_tokens, estimated, cost_nano, cost_unknown, spans = row[WIDTH : WIDTH + 6]
    return TraceRow(
        root=from_row(row, texts),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        estimated=estimated > 0,
        cost_nano=None if cost_unknown else cost_nano,
        spans=spans,
    )


def conditions(where: TraceFilter, texts: NameTexts) -> list[Condition] | None:
    """What the filter asks of root spans, but for time and text. None when no span can meet it."""
    found: list[Condition] = []
    for column in (*LIST_INDEXES, *NARROW):
        wanted: str | int | None = getattr(where, "model" if column == "request_model" else column)
        if wanted is None:
            continue
        if column not in ("user_id", "session_id"):
            wanted = texts.number(str(wanted))
            if wanted is None:
                return None
        found.append(Condition(f"s.{column} = ?", (wanted,), LIST_INDEXES.get(column), column in NARROW))
    if where.tenant_id is not None:
        tenant = texts.number(where.tenant_id)
        if tenant is None:
            return None
        found.append(Condition("s.tenant_id = ?", (tenant,)))
    if where.status == "ok":
        found.append(Condition("s.status = 0", ()))
    elif where.status is not None:
        found.append(Condition("s.status > 0 AND s.status = ?", (STATUSES.index(where.status),), "spans_by_status"))
    if where.cache is not None:
        kind = texts.number("cache")
        if kind is None:
            return None
        found.append(Condition(_LOOKED_UP, (kind, f"cache {where.cache}")))
    found += map(_scored, where.scores)
    if where.min_duration_us is not None:
        found.append(Condition("s.duration_us >= ?", (where.min_duration_us,), narrow=True))
    if where.min_cost_nano is not None:
        found.append(Condition("t.cost_unknown = 0 AND t.cost_nano >= ?", (where.min_cost_nano,)))
    return found


def _scored(wanted: ScoreIs) -> Condition:
    if wanted.operator is None:
        return Condition(_SCORED.format(compared=""), (wanted.name,))
    column = "label" if isinstance(wanted.value, str) else "value"
    compared = f" AND c.{column} {wanted.operator} ?"
    return Condition(_SCORED.format(compared=compared), (wanted.name, wanted.value))


def period(where: TraceFilter) -> tuple[int, int]:
    """[since, until) in microseconds."""
    since = EVER[0] if where.since_us is None else max(EVER[0], min(where.since_us, EVER[1]))
    return since, EVER[1] if where.until_us is None else max(EVER[0], min(where.until_us, EVER[1]))


def list_by_figures(session: Session, where: TraceFilter, before: Place | None, limit: int) -> Page:
    wanted = conditions(where, session.texts)
    if wanted is None:
        return Page((), None)
    reading = _Reading(session, wanted, period(where))
    if len(wanted) == 1 and wanted[0].index is not None:
        return _page(reading.rows(wanted[0], before, None, limit + 1), limit, None)
    driver, few = reading.choose()
    if few or not wanted:
        return _page(reading.rows(driver, before, None, limit + 1), limit, None)
    rows: list[TraceRow] = []
    by_index = driver is _ANY and all(condition.narrow for condition in wanted)
    for window in _WINDOWS_OF_INDEX if by_index else _WINDOWS:
        floor = reading.floor(driver, before, window)
        rows += reading.rows(driver, before, floor, limit + 1 - len(rows))
        if floor is None or len(rows) > limit:
            return _page(rows, limit, None)
        before = floor
    return _page(rows, limit, before)


def few_traces(session: Session, where: TraceFilter) -> list[bytes] | None:
    """The traces whose root spans meet the filter but for its text, when an index says that they are few; else None."""
    wanted = conditions(where, session.texts)
    if not wanted:
        return None if wanted is not None else []
    reading = _Reading(session, wanted, period(where))
    driver, few = reading.choose()
    traces = reading.traces(driver) if few else None
    return None if traces is None or len(traces) > _FEW_TRACES else traces


def _page(rows: Sequence[TraceRow], limit: int, reached: Place | None) -> Page:
    """`reached`: everything above that place was looked at, and there may be more below."""
    if len(rows) > limit:
        last = rows[limit - 1].root
        return Page(rows[:limit], encode_cursor(Place(last.start_us, last.span_id)))
    return Page(rows, None if reached is None else encode_cursor(reached))


class _Reading:
    """The statements of one list."""

    def __init__(self, session: Session, wanted: Sequence[Condition], when: tuple[int, int]) -> None:
        self._session = session
        self._wanted = wanted
        self._when = when

    def choose(self) -> tuple[Condition, bool]:
        """The condition whose index leads (the one that the fewest spans meet), and whether those are few enough to
        read them all.
        """
        candidates = [condition for condition in self._wanted if condition.index is not None]
        best, least = _ANY, _FEW
        for condition in [*candidates, _ANY] if self._wanted else ():
            count = self._count(condition)
            if count < least or best is _ANY:
                best, least = condition, count
        return best, least < _FEW

    def _count(self, condition: Condition) -> int:
        """At most _FEW."""
        sql = f"SELECT 1 FROM {self._source(condition)} AND s.start_us >= ? AND s.start_us < ? LIMIT {_FEW}"  # noqa: S608
        return self._execute(f"SELECT count(*) FROM ({sql})", (*condition.values, *self._when))[0][0]  # noqa: S608

    def floor(self, driver: Condition, before: Place | None, window: int) -> Place | None:
        """Where the next `window` spans of the driver end: below all spans of that microsecond. None when fewer are
        left.
        """
        since, until = self._when
        if before is not None:
            until = min(until, before.start_us + bool(before.span_id))
        found = self._execute(
            f"SELECT s.start_us FROM {self._source(driver)}"  # noqa: S608
            " AND s.start_us >= ? AND s.start_us < ? ORDER BY s.start_us DESC LIMIT 1 OFFSET ?",
            (*driver.values, since, until, window),
        )
        return Place(found[0][0], b"") if found else None

    def rows(self, driver: Condition, before: Place | None, floor: Place | None, limit: int) -> list[TraceRow]:
        """Newest first: below `before`, not below `floor`, all conditions met."""
        since, until = self._when
        if floor is not None:
            since = floor.start_us
        sql = f"{SELECT} FROM {self._source(driver, join=_JOIN)}"
        values = [*driver.values]
        for condition in self._wanted:
            sql += f" AND {condition.sql}"
            values += condition.values
        if before is not None:
            until = min(until, before.start_us + 1)
            sql += " AND (s.start_us < ? OR s.span_id < ?)"
            values += (before.start_us, before.span_id)
        sql += " AND s.start_us >= ? AND s.start_us < ? ORDER BY s.start_us DESC, s.span_id DESC LIMIT ?"
        found = self._execute(sql, (*values, since, until, limit))
        return [to_trace_row(row, self._session.texts) for row in found]

    def traces(self, driver: Condition) -> list[bytes]:
        sql = f"SELECT DISTINCT s.trace_id FROM {self._source(driver, join=_JOIN)}"  # noqa: S608
        values = [*driver.values]
        for condition in self._wanted:
            sql += f" AND {condition.sql}"
            values += condition.values
        found = self._execute(sql + " AND s.start_us >= ? AND s.start_us < ?", (*values, *self._when))
        return [row[0] for row in found]

    @staticmethod
    def _source(driver: Condition, *, join: str = "") -> str:
        # The literal root = 1 is what lets SQLite use the partial indexes.
        return f"spans AS s INDEXED BY {driver.index}{join} WHERE s.root = 1 AND {driver.sql}"

    def _execute(self, sql: str, values: Sequence[object]) -> list[Any]:
        return self._session.figures.execute(sql, values).fetchall()
