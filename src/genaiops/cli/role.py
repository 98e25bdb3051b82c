"""`genaiops role`: what roles may do, and in which kinds of environment."""

from collections.abc import Callable

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.sdk import path_of

command = noun("role", "Roles: what each may do, and in which kinds of environment.")

_COLUMNS = (
    Column("ROLE", "id"),
    Column("TITLE", "title", elastic=True),
    Column("MAY", lambda row: list(row["permissions"]), elastic=True, rank=1),
)
_KINDS = ("sandbox", "dev", "preprod", "prod")


@command.verb("list", example="genaiops role list")
@connected
def list_(session: Session) -> None:
    """List the roles and what they may."""
    session.output.rows(session.items("/api/roles"), _COLUMNS, empty="There is no role.")


@command.verb("show", example="genaiops role show ml-engineer")
@click.argument("role")
@connected
def show(session: Session, role: str) -> None:
    """Show a role: permissions by kind of environment."""
    found = session.client.get(path_of("/api/roles", role))
    if session.output.as_json:
        session.output.json(found)
        return
    session.output.line(f"{found['id']}: {found['title']}")
    rows = [{"permission": name, "kinds": kinds} for name, kinds in found["permissions"].items()]
    columns = (Column("PERMISSION", "permission"), *(Column(kind.upper(), _holds(kind)) for kind in _KINDS))
    session.output.rows(rows, columns, empty="It may do nothing here; its keys may call models.")


def _holds(kind: str) -> Callable[[Row], str]:
    return lambda row: "yes" if kind in row["kinds"] else "-"
