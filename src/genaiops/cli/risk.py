"""`genaiops risk`: the risks that are known, and which controls are in force against each."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.sdk import path_of

command = noun("risk", "Risks of what models say: what monitors, detects and mitigates each here, or the gap.")

_WORDS = {"in_force": "in force", "partly": "PARTLY", "gap": "GAP"}


def _state(row: Row, kind: str) -> str:
    return next(_WORDS[each["state"]] for each in row["controls"] if each["kind"] == kind)


_RISKS = (
    Column("RISK", "id"),
    Column("MONITOR", lambda row: _state(row, "monitor")),
    Column("DETECTOR", lambda row: _state(row, "detector")),
    Column("MITIGATION", lambda row: _state(row, "mitigation")),
    Column("OWASP", "owasp", rank=1),
    Column("TITLE", "title", elastic=True, rank=2),
)


@command.verb("list", example="genaiops risk list")
@connected
def list_(session: Session) -> int:
    """List risks with the state of their three controls. Exit status 1 when one has a gap."""
    rows = session.items("/api/risks")
    session.output.rows(rows, _RISKS, empty="No risk is known.")
    return int(any(each["state"] == "gap" for row in rows for each in row["controls"]))


@command.verb("show", example="genaiops risk show injection")
@click.argument("risk")
@connected
def show(session: Session, risk: str) -> int:
    """Show what the controls of a risk consist of here, and what would close a gap. Exit status 1 when there is one."""
    found = session.client.get(path_of("/api/risks", risk))
    if session.output.as_json:
        session.output.json(found)
    else:
        _show(session, found)
    return int(any(each["state"] == "gap" for each in found["controls"]))


def _show(session: Session, found: dict[str, Any]) -> None:
    output = session.output
    ids = f" ({', '.join(found['owasp'])})" if found["owasp"] else ""
    output.line(f"{found['title']}{ids}: {found['about']}")
    for control in found["controls"]:
        output.line()
        reason = f": {control['reason']}" if control["reason"] else ""
        output.line(f"{control['kind'].capitalize()}, {_WORDS[control['state']]}{reason.rstrip('.')}.")
        for part in control["parts"]:
            where = ", ".join(each for each in (part["ref"], part["where"]) if each)
            output.line(f"  {part['what']}{f' [{where}]' if where else ''}")
            for name in ("why", "measured"):
                if part[name]:
                    output.line(f"    {part[name]}")
        if control["command"]:
            output.line(f"  to close it: {control['command']}")
