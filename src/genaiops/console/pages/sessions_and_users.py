"""Sessions and end users: who called how often, at what cost, and what was said, in order."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast, get_args

import msgspec
from litestar import Response, get

from genaiops.console._filters import read_filter
from genaiops.console._visit import Chip, Visit, Visiting
from genaiops.core.errors import NotFound, UsageError
from genaiops.ports.telemetry import Tallies, Tally, TallyOrder, TraceFilter
from genaiops.watch import Turn, conversation, row_of, trace_row_document

PAGE = 50
_CALLS = 30
_CHIPS = {"user": "user", "session": "session", "application": "application", "key": "key", "team": "team"}
_KNOWS = (*_CHIPS, "since", "until", "sort", "order", "from")
By = Literal["session_id", "user_id"]


@get("/sessions", sync_to_thread=True)
def sessions(visit: Visiting) -> Response[str]:
    return _list(visit, "session_id", "sessions", "Sessions")


@get("/users", sync_to_thread=True)
def users(visit: Visiting) -> Response[str]:
    return _list(visit, "user_id", "users", "Users")


@get("/session", sync_to_thread=True)
def one_session(visit: Visiting) -> Response[str]:
    name = _asked(visit, "session")
    where = msgspec.structs.replace(_where(visit), session_id=name)
    tally = _tally(visit, "session_id", where, f"There is no session {name[:80]!r}.")
    page = visit.services.stores.telemetry.list(where, cursor=visit.query.get("cursor"), limit=_CALLS)
    return visit.page(
        "session.html",
        title="Session",
        nav="sessions",
        knows=("id", "cursor"),
        name=name,
        tally=tally,
        calls=_said(visit, [row.root.trace_id for row in reversed(page.rows)]),
        users=visit.services.stores.telemetry.tallies("user_id", where, limit=8).rows,
        older=visit.same(cursor=page.next) if page.next else None,
        newest=visit.same(cursor=None) if "cursor" in visit.query else None,
    )


@get("/user", sync_to_thread=True)
def one_user(visit: Visiting) -> Response[str]:
    name = _asked(visit, "user")
    where = msgspec.structs.replace(_where(visit), user_id=name)
    tally = _tally(visit, "user_id", where, f"There is no end user {name[:80]!r}.")
    telemetry = visit.services.stores.telemetry
    page = telemetry.list(where, limit=20)
    return visit.page(
        "user.html",
        title="User",
        nav="users",
        knows=("id",),
        name=name,
        tally=tally,
        sessions=telemetry.tallies("session_id", where, limit=20).rows,
        rows=[trace_row_document(row) for row in page.rows],
        more=bool(page.next),
    )


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a session: its line of the list, and what it added to the conversation. `repeated` messages stand
    above it already."""

    row: dict[str, Any]
    turns: Sequence[Turn]
    repeated: int


def _said(visit: Visit, trace_ids: Iterable[bytes]) -> list[Call]:
    telemetry, blobs = visit.services.stores.telemetry, visit.services.stores.blobs
    found: list[Call] = []
    before: list[tuple[str, str]] = []
    for trace_id in dict.fromkeys(trace_ids):
        trace = telemetry.trace(trace_id)
        if trace is None:
            continue
        turns = conversation(trace, blobs)
        said = [(turn.role, turn.text) for turn in turns]
        repeated = 0
        while repeated < min(len(said), len(before)) and said[repeated] == before[repeated]:
            repeated += 1
        found.append(Call(row=trace_row_document(row_of(trace)), turns=turns[repeated:], repeated=repeated))
        before = said
    return found


def _list(visit: Visit, by: By, nav: str, title: str) -> Response[str]:
    order, rising, start = _order(visit), visit.query.get("order") == "rising", _start(visit)
    where = _where(visit)
    found: Tallies = visit.services.stores.telemetry.tallies(
        by, where, order=order, ascending=rising, offset=start, limit=PAGE
    )
    keys = visit.services.hub.keys.names([visit.query.get("key", "")])
    chips = [
        Chip(label, keys.get(visit.query[name], visit.query[name]), visit.same(**{name: None, "from": None}))
        for name, label in {**_CHIPS, "environment": "environment"}.items()
        if name in visit.query
    ]
    return visit.page(
        "tallies.html",
        title=title,
        nav=nav,
        knows=_KNOWS,
        by=by,
        found=found,
        chips=chips,
        order=order,
        rising=rising,
        start=start,
        later=visit.same(**{"from": str(start + PAGE)}) if start + PAGE < found.total else None,
        former=visit.same(**{"from": str(max(0, start - PAGE)) if start > PAGE else None}) if start else None,
    )


def _where(visit: Visit) -> TraceFilter:
    known = {name: value for name, value in visit.query.items() if name in (*_CHIPS, "since", "until", "environment")}
    found = read_filter(known, visit.now_us)
    return found if found.key_id is None else msgspec.structs.replace(found, key_id=visit.key_id(found.key_id))


def _asked(visit: Visit, word: str) -> str:
    name = visit.query.get("id")
    if not name:
        raise UsageError(f"The address names no {word}.", remedy=f"Choose one at /{word}s.", param="id")
    return name


def _tally(visit: Visit, by: By, where: TraceFilter, missing: str) -> Tally:
    found = visit.services.stores.telemetry.tallies(by, where, limit=1).rows
    if not found:
        place = f" in {visit.environment}" if visit.environment else ""
        raise NotFound(missing, remedy=f"No trace{place} carries that id; a trace comes a second after its call.")
    return found[0]


def _order(visit: Visit) -> TallyOrder:
    text = visit.query.get("sort", "last")
    if text not in get_args(TallyOrder):
        raise UsageError(
            f"{text[:40]!r} is no column.", remedy=f"Use one of {', '.join(get_args(TallyOrder))}.", param="sort"
        )
    return cast("TallyOrder", text)


def _start(visit: Visit) -> int:
    text = visit.query.get("from", "0")
    if not text.isdecimal() or len(text) > 9:
        raise UsageError(f"{text[:40]!r} is no place in the list.", remedy="Use a whole number.", param="from")
    return int(text)


HANDLERS: list[Any] = [sessions, users, one_session, one_user]
