"""`genaiops alert`: what was raised."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("alert", "Alerts: what is wrong with the installation, until somebody closes it.")

_STATES = click.Choice(["open", "acknowledged", "closed"])
_COMMENT = click.option("--comment", default="", help="What was done, for who reads it later.")
_COLUMNS = (
    Column("ID", "id"),
    Column("SEVERITY", "severity"),
    Column("STATE", "state"),
    Column("SUBJECT", "subject"),
    Column("TIMES", "count"),
    Column("LAST", lambda row: short_time(row["last_at"]), rank=2),
    Column("MESSAGE", "message", elastic=True, rank=1),
)


@command.verb("list", example="genaiops alert list --state open")
@click.option("--state", type=_STATES, help="Only in this state.")
@connected
def list_(session: Session, state: str | None) -> None:
    """List alerts, those that are not closed first."""
    session.output.rows(session.items("/api/alerts", {"state": state}), _COLUMNS, empty="Nothing was raised.")


@command.verb("ack", example="genaiops alert ack alr_01jd3v --comment 'looking at it'")
@click.argument("alert")
@_COMMENT
@connected
def ack(session: Session, alert: str, comment: str) -> None:
    """Say that you look after it."""
    made = session.write("POST", path_of("/api/alerts", alert, "acknowledge"), {"comment": comment})
    session.output.result(made, f"{alert} is acknowledged.")


@command.verb("close", example="genaiops alert close alr_01jd3v --comment 'the model server is up again'")
@click.argument("alert")
@_COMMENT
@connected
def close(session: Session, alert: str, comment: str) -> None:
    """Say that it is over."""
    made = session.write("POST", path_of("/api/alerts", alert, "close"), {"comment": comment})
    session.output.result(made, f"{alert} is closed.")
