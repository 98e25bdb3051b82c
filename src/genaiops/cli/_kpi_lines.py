"""KPIs of use cases as a table: how each stands, by what it was measured, and what is missing."""

from typing import Any, Final

from genaiops.cli._output import Column, Output, Row
from genaiops.cli._values import short_time
from genaiops.core.counting import counted

_WORDS: Final = {
    "met": "MET",
    "not_met": "NOT MET",
    "inconclusive": "INCONCLUSIVE",
    "not_measured": "NOT MEASURED",
}


def _of(row: Row) -> str:
    if not row["gates"]:
        return f"reported by {row['reported_by_name']}" if row["reported_by"] else "what people report"
    where = f", {row['where']}" if row["where"] else ""
    return f"{row['of']}{where}" or "no release"


def _bounds(row: Row) -> str | None:
    return None if row["low"] is None else f"{row['low']:.3g} to {row['high']:.3g}"


_COLUMNS: Final = (
    Column("STATUS", lambda row: _WORDS[row["status"]]),
    Column("KPI", "kpi"),
    Column("OF", _of),
    Column("ASKED", "asked"),
    Column("VALUE", lambda row: None if row["value"] is None else f"{row['value']:.4g}", right=True),
    Column("BOUNDS", _bounds, right=True),
    Column("N", "n", right=True, rank=1),
    Column("BEFORE", lambda row: None if row["baseline"] is None else f"{row['baseline']:g}", right=True, rank=2),
    Column("RUN", lambda row: row["run"] or None, rank=1),
    Column("AT", lambda row: short_time(row["at"]) if row["at"] else None, rank=2),
)


def show_kpis(output: Output, rows: list[dict[str, Any]]) -> None:
    """The table, then why what is not met is not, and the command that is missing."""
    output.rows(rows, _COLUMNS, empty="It has no KPI: nothing gates its releases.")
    for row in rows:
        if row["status"] == "met":
            continue
        more = f" About {counted(row['more'], 'more case')} would likely decide." if row["more"] else ""
        reason = row["reason"].rstrip(".")
        output.line(f"{row['kpi']}, {_WORDS[row['status']].lower()}: {reason}.{more}")
        if row["command"]:
            output.line(f"  {row['command']}")


def standing(row: Row) -> str:
    """`2 met, 1 not measured`."""
    found = (f"{row['standing'][name]} {word.lower()}" for name, word in _WORDS.items() if row["standing"].get(name))
    return ", ".join(found) or "no KPI"
