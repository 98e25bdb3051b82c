"""`genaiops env`: stages with keys, limits and data of their own."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import later, short_time
from genaiops.sdk import path_of

command = noun("env", "Environments: stages with keys, limits and data of their own.")

_KINDS = click.Choice(["sandbox", "dev", "preprod", "prod"])
_CAPTURE = click.Choice(["full", "preview", "off"])
_COLUMNS = (
    Column("ID", "id"),
    Column("KIND", "kind"),
    Column("CAPTURE", "capture"),
    Column("GUARD", lambda row: row["guard"] or "default"),
    Column("UNIT", "tenant_id"),
    Column("ENDS", lambda row: short_time(row["expires_at"])),
    Column("CREATED", lambda row: short_time(row["created_at"])),
)


@command.verb("create", example="genaiops env create search-dev --kind dev --capture preview")
@click.argument("name")
@click.option("--kind", type=_KINDS, required=True, help="What it is for.")
@click.option("--capture", type=_CAPTURE, default="full", show_default=True, help="How much of the content is kept.")
@click.option("--tenant", "tenant_id", help="Its business unit. [yours]")
@click.option("--cap", help="What a sandbox may spend in all: '25 USD', '1M tokens'. [10 USD]")
@click.option("--expires", help="When its keys stop: 14d or an ISO time. [a sandbox: 30d]")
@click.option("--guard", help="The policy that guards calls of keys that name none. [default]")
@connected
def create(session: Session, name: str, expires: str | None, **options: str | None) -> None:
    """Make an environment. A sandbox has a cap and an end."""
    body = {"name": name, **options, "expires_at": None if expires is None else later(expires, param="expires")}
    made = session.write("POST", "/api/environments", body)
    session.output.result(made, f"The environment {name} is there.")


@command.verb("list", example="genaiops env list")
@connected
def list_(session: Session) -> None:
    """List the environments."""
    environments = session.items("/api/environments")
    session.output.rows(environments, _COLUMNS, empty="There is no environment.")


@command.verb("capture", example="genaiops env capture prod off")
@click.argument("name")
@click.argument("capture", type=_CAPTURE)
@connected
def capture_(session: Session, name: str, capture: str) -> None:
    """Set how much of the content of calls is kept from now on."""
    changed = session.write("PATCH", path_of("/api/environments", name), {"capture": capture})
    session.output.result(changed, f"{name} keeps from now on: {capture}.")


@command.verb("expire", example="genaiops env expire trial 30d")
@click.argument("name")
@click.argument("end")
@connected
def expire(session: Session, name: str, end: str) -> None:
    """Set when an environment's keys stop: 30d, an ISO time, or never."""
    ends = None if end == "never" else later(end, param="end")
    changed = session.write("PATCH", path_of("/api/environments", name), {"expires_at": ends})
    session.output.result(changed, f"{name} ends: {short_time(changed['expires_at']) or 'never'}.")


@command.verb("guard", example="genaiops env guard prod strict")
@click.argument("name")
@click.argument("guard")
@connected
def guard_(session: Session, name: str, guard: str) -> None:
    """Set which policy guards calls of keys that name none: NAME, NAME@ALIAS, or none for the default."""
    wanted = None if guard == "none" else guard
    changed = session.write("PATCH", path_of("/api/environments", name), {"guard": wanted})
    session.output.result(changed, f"{name} is guarded by {changed['guard'] or 'default'}.")


@command.verb("remove", example="genaiops env remove search-dev")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove an environment that has no keys or limits left."""
    session.write("DELETE", path_of("/api/environments", name))
    session.output.result({"id": name, "removed": True}, f"The environment {name} is removed.")
