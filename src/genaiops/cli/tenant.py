"""`genaiops tenant`: business units with environments of their own."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("tenant", "Business units: environments, teams and people of their own.")

_COLUMNS = (
    Column("ID", "id"),
    Column("TITLE", "title", elastic=True),
    Column("CREATED", lambda row: short_time(row["created_at"])),
)


@command.verb("create", example="genaiops tenant create retail --title 'Retail banking' --admin rita")
@click.argument("name")
@click.option("--title", default="", help="What people read.")
@click.option("--admin", help="A person to make with it, who administers it.")
@connected
def create(session: Session, name: str, title: str, admin: str | None) -> None:
    """Make a business unit with dev, preprod, prod and a team."""
    made = session.write("POST", "/api/tenants", {"name": name, "title": title, "admin": admin})
    stages = ", ".join(each["id"] for each in made["environments"])
    session.output.result(made, f"The business unit {name} is there, with the environments {stages}.")


@command.verb("list", example="genaiops tenant list")
@connected
def list_(session: Session) -> None:
    """List the business units."""
    session.output.rows(session.items("/api/tenants"), _COLUMNS, empty="There is no business unit to see.")


@command.verb("show", example="genaiops tenant show retail")
@click.argument("name")
@connected
def show(session: Session, name: str) -> None:
    """Show a business unit with its environments and teams."""
    found = session.client.get(path_of("/api/tenants", name))
    session.output.facts(
        found,
        (
            ("name", found["id"]),
            ("title", found["title"]),
            ("environments", [f"{each['id']} ({each['kind']})" for each in found["environments"]]),
            ("teams", [each["id"] for each in found["teams"]]),
            ("actors", found["actors"]),
            ("created", short_time(found["created_at"])),
        ),
    )


@command.verb("remove", example="genaiops tenant remove retail")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a business unit that nothing belongs to any more."""
    session.write("DELETE", path_of("/api/tenants", name))
    session.output.result({"id": name, "removed": True}, f"The business unit {name} is removed.")
