"""Sums by session or by end user: every trace counts once, whatever roots it has."""

from typing import Final, Literal

from genaiops.engines.telemetry_sqlite._list import EVER, conditions, period
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.telemetry import Tallies, Tally, TallyOrder, TraceFilter

LOOKED_AT: Final = 200_000
"""Root spans that one answer is made from at most, the newest ones: a few tenths of a second."""

_ORDERS: dict[TallyOrder, str] = {
    "last": "last_us",
    "first": "first_us",
    "traces": "traces",
    "errors": "errors",
    "tokens": "tokens",
    "cost": "cost",
}


def read(
    session: Session,
    by: Literal["session_id", "user_id"],
    where: TraceFilter,
    *,
    order: TallyOrder,
    ascending: bool,
    offset: int,
    limit: int,
) -> Tallies:
    """`by` and `order` are names of ours, never texts from outside."""
    wanted = conditions(where, session.texts)
    if wanted is None:
        return Tallies((), 0)
    since, until = period(where)
    served = next((each for each in wanted if each.index in ("spans_by_session", "spans_by_user")), None)
    index, first = ("spans_by_start", "") if served is None else (served.index, f" AND {served.sql}")
    values: list[object] = [*(() if served is None else served.values), since, until]
    newest = (
        f"SELECT s.id, s.start_us FROM spans AS s INDEXED BY {index} WHERE s.root = 1{first}"  # noqa: S608
        " AND s.start_us >= ? AND s.start_us < ? ORDER BY s.start_us DESC"
    )
    execute = session.figures.execute
    beyond = execute(f"SELECT start_us FROM ({newest} LIMIT 1 OFFSET ?)", (*values, LOOKED_AT)).fetchone()  # noqa: S608
    more = "".join(f" AND {each.sql}" for each in wanted)
    other = "user_id" if by == "session_id" else "session_id"
    found = execute(
        f"WITH newest AS ({newest} LIMIT ?), of_trace AS ("  # noqa: S608
        f" SELECT s.{by} AS id, s.trace_id AS trace_id, min(s.start_us) AS start_us, max(s.status IN (1, 3)) AS failed,"
        f" max(s.{other}) AS other, max(s.user_verified) AS verified"
        f" FROM newest AS n CROSS JOIN spans AS s ON s.id = n.id CROSS JOIN traces AS t ON t.trace_id = s.trace_id"
        f" WHERE s.{by} IS NOT NULL{more} GROUP BY s.{by}, s.trace_id)"
        " SELECT o.id, count(*) AS traces, sum(o.failed) AS errors, sum(t.input_tokens), sum(t.output_tokens),"
        " sum(t.cost_nano) AS cost, sum(t.cost_unknown > 0), min(o.start_us) AS first_us, max(o.start_us) AS last_us,"
        " count(DISTINCT o.other), min(o.other), sum(o.verified), sum(t.input_tokens + t.output_tokens) AS tokens,"
        " count(*) OVER ()"
        " FROM of_trace AS o CROSS JOIN traces AS t ON t.trace_id = o.trace_id GROUP BY o.id"
        f" ORDER BY {_ORDERS[order]} {'ASC' if ascending else 'DESC'}, o.id LIMIT ? OFFSET ?",
        (*values, LOOKED_AT, *(value for each in wanted for value in each.values), limit, offset),
    ).fetchall()
    rows = [
        Tally(
            id=row[0],
            traces=row[1],
            errors=row[2],
            input_tokens=row[3],
            output_tokens=row[4],
            cost_nano=row[5],
            cost_unknown=row[6],
            first_us=row[7],
            last_us=row[8],
            others=row[9],
            other=row[10],
            verified=row[11],
        )
        for row in found
    ]
    return Tallies(rows, found[0][13] if found else 0, None if beyond is None else max(EVER[0], beyond[0] + 1))
