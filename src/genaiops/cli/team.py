"""`genaiops team`: people and keys that share budgets."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("team", "Teams: people and keys that share budgets.")

_COLUMNS = (
    Column("ID", "id"),
    Column("TITLE", "title"),
    Column("UNIT", "tenant_id"),
    Column("CREATED", lambda row: short_time(row["created_at"])),
)


@command.verb("create", example="genaiops team create search --title 'Search and ranking'")
@click.argument("name")
@click.option("--title", default="", help="What people read.")
@click.option("--tenant", "tenant_id", help="Its business unit. [yours]")
@connected
def create(session: Session, name: str, title: str, tenant_id: str | None) -> None:
    """Make a team."""
    made = session.write("POST", "/api/teams", {"name": name, "title": title, "tenant_id": tenant_id})
    session.output.result(made, f"The team {name} is there.")


@command.verb("list", example="genaiops team list")
@connected
def list_(session: Session) -> None:
    """List the teams."""
    session.output.rows(session.items("/api/teams"), _COLUMNS, empty="There is no team.")


@command.verb("remove", example="genaiops team remove search")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a team that has no keys, people or limits left."""
    session.write("DELETE", path_of("/api/teams", name))
    session.output.result({"id": name, "removed": True}, f"The team {name} is removed.")
