"""How runs of older programs are found: what these did not keep beside the documents."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, select, update

from genaiops.domain import Answer, Run
from genaiops.engines.runs_sql._erasing import trace_of
from genaiops.engines.runs_sql._schema import ASKED, CASES, REMEMBERED, RUNS

_PAGE: Final = 500
_TARGET: Final = "target/"


def asked_rows(run: Run) -> list[dict[str, Any]]:
    """What its targets are, as its inputs pin them."""
    return [
        {"run_id": run.id, "target": name.removeprefix(_TARGET), "node": node}
        for name, node in run.inputs.items()
        if name.startswith(_TARGET)
    ]


def fill(connection: Connection) -> None:
    """Once, when the store of an older program is brought up. All is read before anything is written."""
    cases = select(CASES.c.run_id, CASES.c.number, CASES.c.body).where(CASES.c.trace.is_(None))
    made = [(row.run_id, row.number, trace) for row in _all(connection, cases) if (trace := trace_of(row.body))]
    for run_id, number, trace in made:
        here = (CASES.c.run_id == run_id, CASES.c.number == number)
        connection.execute(update(CASES).where(*here).values(trace=trace))
    answers = select(REMEMBERED.c.key, REMEMBERED.c.body).where(REMEMBERED.c.case_id.is_(None))
    known = [(row.key, msgspec.json.decode(row.body, type=Answer).case) for row in _all(connection, answers)]
    for key, case in known:
        connection.execute(update(REMEMBERED).where(REMEMBERED.c.key == key).values(case_id=case))
    rows = [row for run in _all(connection, select(RUNS.c.body)) for row in asked_rows(_run(run.body))]
    for at in range(0, len(rows), _PAGE):
        connection.execute(ASKED.insert(), rows[at : at + _PAGE])


def _run(body: bytes) -> Run:
    return msgspec.json.decode(body, type=Run)


def _all(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[Row[*tuple[Any, ...]]]:
    yield from connection.execute(query.execution_options(yield_per=_PAGE))
