"""`genaiops group`: what members of an identity provider's groups are here."""

from urllib.parse import urlencode

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time

command = noun("group", "Groups of the identity provider: which roles and team their members have.")

_COLUMNS = (
    Column("GROUP", "id"),
    Column("ROLES", "roles"),
    Column("TEAM", "team_id"),
    Column("UNIT", "tenant_id"),
    Column("SINCE", lambda row: short_time(row["created_at"]), rank=1),
)


@command.verb("map", example="genaiops group map platform-engineers --role mlops-engineer")
@click.argument("group")
@click.option("--role", "roles", multiple=True, required=True, help="What its members may do; repeatable.")
@click.option("--team", "team_id", help="Their team.")
@click.option("--tenant", "tenant_id", help="Their business unit. [yours]")
@connected
def map_(session: Session, group: str, roles: tuple[str, ...], team_id: str | None, tenant_id: str | None) -> None:
    """Give the members of a group roles, in the place of what it gave before."""
    body = {"id": group, "roles": roles, "team_id": team_id, "tenant_id": tenant_id}
    made = session.write("PUT", "/api/groups", body)
    session.output.result(made, f"Members of {group} are now {', '.join(made['roles'])} in {made['tenant_id']}.")


@command.verb("list", example="genaiops group list")
@connected
def list_(session: Session) -> None:
    """List the groups that give something."""
    session.output.rows(session.items("/api/groups"), _COLUMNS, empty="No group is mapped: nobody can sign in by one.")


@command.verb("unmap", example="genaiops group unmap platform-engineers")
@click.argument("group")
@connected
def unmap(session: Session, group: str) -> None:
    """Take back what a group gives; members without another one can no longer sign in."""
    session.write("DELETE", f"/api/groups?{urlencode({'group': group})}")
    session.output.result({"id": group, "removed": True}, f"The group {group} gives nothing any more.")
