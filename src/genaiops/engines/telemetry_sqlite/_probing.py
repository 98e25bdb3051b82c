"""What guards found that tells of probing, by key and minute."""

from collections.abc import Iterable, Sequence
from typing import Final

from genaiops.domain import SESSION_RULE
from genaiops.engines.telemetry_sqlite._sessions import Session
from genaiops.ports.verdicts import Probing

_MINUTE_US: Final = 60_000_000
_INJECTIONS: Final = ("injection",)
_EXTRACTIONS: Final = ("canary", "prompt_leak")


def read(session: Session, since_us: int, until_us: int, key_id: str | None) -> Sequence[Probing]:
    texts = session.texts
    number = texts.number
    block, allow = number("block"), number("allow")
    injections = _listed(number(each) for each in _INJECTIONS)
    extractions = _listed(number(each) for each in _EXTRACTIONS)
    blocked = f"action = {block or -1} AND rule != {number(SESSION_RULE) or -1}"
    found = f"action != {allow or -1} AND detector IN "
    values: list[object] = [since_us, until_us]
    which = "key_id IS NOT NULL"
    if key_id is not None:
        which = "key_id = ?"
        values.append(number(key_id) or -1)
    # All that is put in beside the values is numbers of names.
    query = (
        f"SELECT start_us / {_MINUTE_US}, tenant_id, key_id,"  # noqa: S608
        f" count(DISTINCT CASE WHEN {blocked} THEN call_id END),"
        f" count(DISTINCT CASE WHEN {found}{injections} THEN call_id END),"
        f" count(DISTINCT CASE WHEN {found}{extractions} THEN call_id END), max(trace_id)"
        f" FROM guard_verdicts WHERE start_us >= ? AND start_us < ? AND {which} AND shadow = 0"
        f" AND (({blocked}) OR ({found}{injections}) OR ({found}{extractions}))"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return [
        Probing(minute * _MINUTE_US, texts[tenant] or "", texts[key] or "", *counts)
        for minute, tenant, key, *counts in session.figures.execute(query, values)
    ]


def _listed(numbers: Iterable[int | None]) -> str:
    return "(" + ", ".join(str(each or -1) for each in numbers) + ")"
