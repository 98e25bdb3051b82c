"""`genaiops actor`: people and service accounts."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.core.errors import NotFound, UsageError
from genaiops.sdk import path_of

command = noun("actor", "People and service accounts, and their roles.")

_COLUMNS = (
    Column("ID", "id"),
    Column("NAME", "name"),
    Column("KIND", "kind"),
    Column("ROLES", "roles"),
    Column("TEAM", "team_id"),
    Column("UNIT", "tenant_id", rank=1),
    Column("DISABLED", lambda row: short_time(row["disabled_at"]), rank=1),
)


@command.verb("create", example="genaiops actor create nightly-eval --service --role developer --team search")
@click.argument("name")
@click.option("--service", is_flag=True, help="A service account, which never approves anything. [a person]")
@click.option("--role", "roles", multiple=True, help="What it may do, see genaiops role list; repeatable.")
@click.option("--team", "team_id", help="The team of its keys.")
@click.option("--tenant", "tenant_id", help="Its business unit. [yours]")
@connected
def create(
    session: Session, name: str, service: bool, roles: tuple[str, ...], team_id: str | None, tenant_id: str | None
) -> None:
    """Make a person or a service account."""
    kind = "service_account" if service else "person"
    body = {"name": name, "kind": kind, "roles": roles, "team_id": team_id, "tenant_id": tenant_id}
    made = session.write("POST", "/api/actors", body)
    session.output.result(made, f"{name} is there, with the id {made['id']}.")


@command.verb("list", example="genaiops actor list")
@connected
def list_(session: Session) -> None:
    """List people and service accounts."""
    session.output.rows(session.items("/api/actors"), _COLUMNS, empty="There is no actor.")


@command.verb("set", example="genaiops actor set ann --role data-scientist --role reviewer")
@click.argument("actor")
@click.option("--role", "roles", multiple=True, help="What it may do from now on; repeatable.")
@click.option("--no-role", is_flag=True, help="Nothing any more.")
@click.option("--team", "team_id", help="The team of keys made from now on.")
@click.option("--identity", metavar="SUBJECT", help="Who it is at the identity provider.")
@click.option("--no-identity", is_flag=True, help="Nobody there any more: roles are given here again.")
@connected
def set_(session: Session, actor: str, roles: tuple[str, ...], no_role: bool, **other: Any) -> None:
    """Give an actor other roles, another team, or the person that it is at the identity provider."""
    identity, team_id = other["identity"], other["team_id"]
    said = (bool(roles), no_role, team_id is not None, identity is not None, other["no_identity"])
    if sum(said) != 1:
        raise UsageError(
            "Say one of --role, --no-role, --team, --identity and --no-identity.",
            remedy="Give one of them.",
            param="role",
        )
    body: dict[str, Any] = {"roles": roles}
    if team_id is not None:
        body = {"team_id": team_id}
    elif identity is not None or other["no_identity"]:
        body = {"identity": identity}
    changed = session.write("PATCH", path_of("/api/actors", find(session, actor)), body)
    session.output.result(changed, f"{actor}: {', '.join(changed['roles']) or 'no role'}; team {changed['team_id']}.")


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
