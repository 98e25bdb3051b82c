"""What runs have of a person: cases that were made of their traces, what was answered to them, and what was said of
that. Figures and verdicts stay, for they name nobody."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, delete, select, update

from genaiops.domain import Answer, Case, Judged
from genaiops.engines.runs_sql._pictures import digests_of
from genaiops.engines.runs_sql._schema import ANSWERS, CASES, JUDGED, KEPT, REMEMBERED

_encode: Final = msgspec.json.Encoder().encode
_PAGE: Final = 500


class _Origin(msgspec.Struct):
    trace_id: str | None = None


class _Case(msgspec.Struct):
    metadata: Any = None


def trace_of(body: bytes) -> bytes:
    """The trace that a case was made of, as rows of traces say it; empty when it says none."""
    if b'"trace_id"' not in body:
        return b""
    try:
        found = msgspec.convert(msgspec.json.decode(body, type=_Case).metadata, _Origin).trace_id
        return bytes.fromhex(found or "")
    except (msgspec.ValidationError, ValueError):
        return b""


def without_words(table: Table, body: bytes) -> dict[str, Any]:
    """The columns that hold what was said, without it. Cases that were of some cluster are one from then on, lest
    intervals become too narrow."""
    if table is CASES:
        case = msgspec.json.decode(body, type=Case)
        bare = Case(id=case.id, slices=case.slices, label=case.label, cluster="erased" if case.cluster else "")
        return {"asked": "", "body": _encode(bare), "trace": None, "pictures": None}
    if table is ANSWERS:
        answer = msgspec.json.decode(body, type=Answer)
        bare = msgspec.structs.replace(answer, output="", tool_calls=(), turns=(), error="", trace_id="", media=())
        return {"said": "", "body": _encode(bare), "pictures": None}
    judged = msgspec.json.decode(body, type=Judged)
    verdict = msgspec.structs.replace(judged.verdict, reason="", evidence=())
    return {"body": _encode(msgspec.structs.replace(judged, verdict=verdict))}


def erase_cases(connection: Connection, traces: Collection[bytes]) -> int:
    """How many cases were made of these traces and held words still."""
    found = _cases_of(connection, traces)
    for run_id, case_id in found:
        for table in (CASES, ANSWERS, JUDGED):
            here = (table.c.run_id == run_id, table.c.case_id == case_id)
            keys = list(table.primary_key.columns)
            for row in connection.execute(select(*keys, table.c.body).where(*here)).all():
                same = (column == value for column, value in zip(keys, row, strict=False))
                connection.execute(update(table).where(*same).values(**without_words(table, row[-1])))
    if found:
        _forget(connection, {case_id for _, case_id in found})
    for run_id in {run_id for run_id, _ in found}:
        connection.execute(delete(KEPT).where(KEPT.c.run_id == run_id))  # it has digests of what was asked
    return len(found)


def pictures_of_cases(connection: Connection, traces: Collection[bytes]) -> set[str]:
    """Digests of what these cases and their answers show, those in the cache by content among them."""
    found = _cases_of(connection, traces)
    columns: list[bytes | None] = []
    for run_id, case_id in found:
        for table in (CASES, ANSWERS):
            here = (table.c.run_id == run_id, table.c.case_id == case_id)
            columns += connection.execute(select(table.c.pictures).where(*here)).scalars()
    names = sorted({case_id for _, case_id in found})
    for at in range(0, len(names), _PAGE):
        query = select(REMEMBERED.c.pictures).where(REMEMBERED.c.case_id.in_(names[at : at + _PAGE]))
        columns += connection.execute(query).scalars()
    return digests_of(columns)


def _cases_of(connection: Connection, traces: Collection[bytes]) -> list[tuple[str, str]]:
    """(run, case) of what was made of these traces and holds words still."""
    found: list[tuple[str, str]] = []
    wanted = sorted(set(traces))
    for at in range(0, len(wanted), _PAGE):
        query = select(CASES.c.run_id, CASES.c.case_id).where(CASES.c.trace.in_(wanted[at : at + _PAGE]))
        found += [(row.run_id, row.case_id) for row in connection.execute(query)]
    return found


def _forget(connection: Connection, cases: Collection[str]) -> None:
    """Answers to them in the cache by content. One too many is asked again."""
    names = sorted(cases)
    for at in range(0, len(names), _PAGE):
        connection.execute(delete(REMEMBERED).where(REMEMBERED.c.case_id.in_(names[at : at + _PAGE])))
