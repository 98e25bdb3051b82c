"""`genaiops actor`: people and service accounts."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.core.errors import NotFound
from genaiops.sdk import path_of

command = noun("actor", "People and service accounts, and their roles.")

_ROLES = click.Choice(["admin", "operator", "developer", "viewer"])
_COLUMNS = (
    Column("ID", "id"),
    Column("NAME", "name"),
    Column("KIND", "kind"),
    Column("ROLES", "roles"),
    Column("TEAM", "team_id"),
    Column("DISABLED", lambda row: short_time(row["disabled_at"]), rank=1),
)


@command.verb("create", example="genaiops actor create nightly-eval --service --role developer --team search")
@click.argument("name")
@click.option("--service", is_flag=True, help="A service account, which never approves anything. [a person]")
@click.option("--role", "roles", type=_ROLES, multiple=True, help="What it may do; repeatable.")
@click.option("--team", "team_id", help="The team of its keys.")
@connected
def create(session: Session, name: str, service: bool, roles: tuple[str, ...], team_id: str | None) -> None:
    """Make a person or a service account."""
    kind = "service_account" if service else "person"
    body = {"name": name, "kind": kind, "roles": roles, "team_id": team_id}
    made = session.write("POST", "/api/actors", body)
    session.output.result(made, f"{name} is there, with the id {made['id']}.")


@command.verb("list", example="genaiops actor list")
@connected
def list_(session: Session) -> None:
    """List people and service accounts."""
    session.output.rows(session.items("/api/actors"), _COLUMNS, empty="There is no actor.")


@command.verb("disable", example="genaiops actor disable nightly-eval")
@click.argument("actor")
@connected
def disable(session: Session, actor: str) -> None:
    """Let none of an actor's keys work any more."""
    disabled = session.write("PATCH", path_of("/api/actors", find(session, actor)), {"disabled": True})
    session.output.result(disabled, f"{actor} is disabled.")


@command.verb("enable", example="genaiops actor enable nightly-eval")
@click.argument("actor")
@connected
def enable(session: Session, actor: str) -> None:
    """Let an actor's keys work again."""
    enabled = session.write("PATCH", path_of("/api/actors", find(session, actor)), {"disabled": False})
    session.output.result(enabled, f"{actor} is enabled.")


def find(session: Session, reference: str) -> str:
    """The id of an actor that is named by its id or its name."""
    for actor in session.items("/api/actors"):
        if reference in (actor["id"], actor["name"]):
            return actor["id"]
    raise NotFound(f"There is no actor {reference!r}.", remedy="See genaiops actor list.", param="actor")
