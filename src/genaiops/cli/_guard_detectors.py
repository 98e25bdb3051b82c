"""Detectors on the command line: what each finds, and how good it is as far as anybody measured."""

from typing import Any

from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session
from genaiops.sdk import path_of

_WAYS = {
    "form": "by form",
    "documents": "by documents",
    "whole": "whole texts",
    "model": "asks a model",
    "tools": "calls of tools",
}


def _value(row: Row) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"


_COLUMNS = (
    Column("NAME", "name"),
    Column("HOW", lambda row: _WAYS[row["tier"]]),
    Column("KINDS", lambda row: len(row["kinds"]) or None, right=True),
    Column("MEASURED", lambda row: _measured(row["figures"])),
    Column("FINDS", "finds", rank=1, elastic=True),
)
_FIGURES = (
    Column("MEASURE", lambda row: row["measure"].replace("_", " ")),
    Column("VALUE", _value, right=True),
    Column("N", "n", right=True),
    Column("OF", "of", elastic=True),
    Column("DATA", "dataset", rank=1),
    Column("LICENCE", lambda row: row["licence"] or "unknown", rank=2),
    Column("DATE", lambda row: row["date"] or "unknown", rank=1),
)
_KINDS = (
    Column("KIND", "kind"),
    Column("TITLE", "title", elastic=True),
    Column("COUNTRY", lambda row: row["country"] or None),
    Column("CHECKED", lambda row: "yes" if row["checked"] else None),
    Column("SOURCE", lambda row: row["source"] or None, rank=2),
)


def list_detectors(session: Session) -> None:
    session.output.rows(session.items("/api/detectors"), _COLUMNS, empty="There is no detector.")


def show_detector(session: Session, name: str) -> None:
    found: dict[str, Any] = session.client.get(path_of("/api/detectors", name))
    if session.output.as_json:
        session.output.json(found)
        return
    session.output.line(f"{found['name']}: {found['finds']} ({_WAYS[found['tier']]})")
    session.output.line(f"version {found['version'] or 'of the program'}")
    if found["model"]:
        session.output.line(f"model card: {found['model']} of the Hub")
    for option in found["options"]:
        session.output.line(f"option {option['name']}{' (needed)' if option['required'] else ''}: {option['says']}")
    if found["figures"]:
        session.output.rows(found["figures"], _FIGURES, empty="")
    else:
        session.output.line("Nobody measured how good it is: that is unknown.")
    for limit in found["limits"]:
        session.output.line(f"limit: {limit}")
    if found["kinds"]:
        session.output.rows(found["kinds"], _KINDS, empty="")


def _measured(figures: list[dict[str, Any]]) -> str:
    return f"{figures[0]['measure'].replace('_', ' ')} {_value(figures[0])}" if figures else "unknown"
