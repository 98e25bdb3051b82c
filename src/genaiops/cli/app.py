"""`genaiops app`: applications, which release of theirs serves where, and back."""

from collections.abc import Iterable
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._people import with_names
from genaiops.cli._release_shadow import add_shadow
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._values import short_time
from genaiops.cli.actor import find as find_actor
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

command = noun("app", "Applications: AI systems in use, and which release of theirs serves where.")

_TIERS = click.Choice(["unknown", "minimal", "limited", "high"])
_DIGITS = 12

_COLUMNS = (
    Column("ID", "id"),
    Column("TITLE", "title", rank=2, elastic=True),
    Column("OWNER", "owner_name", rank=1),
    Column("TEAM", "team_id", rank=2),
    Column("RISK", "risk_tier", rank=1),
    Column("ACKNOWLEDGED", lambda row: short_time(row["acknowledged_at"]) or "no"),
)
_DEPLOYMENTS = (
    Column("APPLICATION", "application_id"),
    Column("ENV", "environment_id"),
    Column("RELEASES", lambda row: shares_text(row["shares"])),
    Column("SINCE", lambda row: short_time(row["since_at"]), rank=1),
    Column("BY", "deployed_by_name", rank=2),
    Column("REGIONS", "regions", rank=2),
    Column("REPLICAS", "replicas", right=True),
    Column("CALLS", "calls", right=True),
    Column("ERRORS", "errors", right=True, rank=1),
    Column("USERS", "users", right=True),
)
_HISTORY = (
    Column("AT", lambda row: short_time(row["at"])),
    Column("BY", "by_name"),
    Column("RELEASES", lambda row: shares_text(row["shares"]) or "taken down"),
)


@command.verb("create", example='genaiops app create support --title "Customer support" --owner admin --risk limited')
@click.argument("name")
@click.option("--title", default="", help="What people call it.")
@click.option("--purpose", default="", help="What it is for, in a sentence.")
@click.option("--owner", help="The actor who answers for it. [you]")
@click.option("--team", "team_id", help="The team it is of.")
@click.option("--risk", "risk_tier", type=_TIERS, default="unknown", show_default=True, help="Its tier of risk.")
@connected
def create(session: Session, name: str, owner: str | None, **options: Any) -> None:
    """Make an application. Clients call it as the model app/NAME once a release of it is deployed."""
    body = {"name": name, **{field: value for field, value in options.items() if value is not None}}
    if owner is not None:
        body["owner"] = find_actor(session, owner)
    made = session.write("POST", "/api/applications", body)
    session.output.result(made, f"The application {name} is there.")


@command.verb("list", example="genaiops app list")
@connected
def list_(session: Session) -> None:
    """List the applications."""
    empty = "There is no application. Make one with `genaiops app create NAME`."
    rows = with_names(session, session.items("/api/applications"), "owner")
    session.output.rows(rows, _COLUMNS, empty=empty)


@command.verb("show", example="genaiops app show support")
@click.argument("name")
@connected
def show(session: Session, name: str) -> None:
    """Show one application."""
    _show(session, session.client.get(path_of("/api/applications", name)))


@command.verb("update", example="genaiops app update support --risk high")
@click.argument("name")
@click.option("--title", help="What people call it.")
@click.option("--purpose", help="What it is for, in a sentence.")
@click.option("--owner", help="The actor who answers for it.")
@click.option("--team", "team_id", help="The team it is of.")
@click.option("--risk", "risk_tier", type=_TIERS, help="Its tier of risk.")
@connected
def update(session: Session, name: str, owner: str | None, **options: Any) -> None:
    """Change what is given; what is not given stays."""
    body = {field: value for field, value in options.items() if value is not None}
    if owner is not None:
        body["owner"] = find_actor(session, owner)
    if not body:
        raise click.UsageError("Nothing to change was given.")
    _show(session, session.write("PATCH", path_of("/api/applications", name), body))


@command.verb(
    "acknowledge",
    example='genaiops app acknowledge support --statement "It uses generative AI, and says so on its page."',
)
@click.argument("name")
@click.option("--statement", help="That it uses generative AI, and how its users are told.")
@click.option("--withdraw", is_flag=True, help="Take the acknowledgement back.")
@connected
def acknowledge(session: Session, name: str, statement: str | None, withdraw: bool) -> None:
    """State that the application uses generative AI. Its keys for prod work from then on."""
    path = path_of("/api/applications", name, "acknowledgement")
    if (statement is None) != withdraw:
        raise click.UsageError("Give --statement TEXT, or --withdraw.")
    if withdraw:
        session.output.result(session.write("DELETE", path), f"{name} has not acknowledged it any more.")
        return
    made = session.write("POST", path, {"statement": statement})
    session.output.result(made, f"{name} has acknowledged that it uses generative AI; its answers say so.")


@command.verb("remove", example="genaiops app remove support")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove an application with its releases. It must be deployed nowhere, and have no keys or limits left."""
    session.write("DELETE", path_of("/api/applications", name))
    session.output.result({"id": name, "removed": True}, f"The application {name} is removed.")


@command.verb("deploy", example="genaiops app deploy support --release latest --env dev --share 10")
@click.argument("name")
@click.option("--release", required=True, help="Its digest, at least 6 digits of it, or latest.")
@click.option("--env", "environment", required=True, help="The environment it serves from now on.")
@click.option("--share", type=click.IntRange(1, 100), help="Percent of the calls; the others keep the rest. [100]")
@consenting
@connected
def deploy(session: Session, name: str, release: str, environment: str, share: int | None, **why: str | None) -> None:
    """Let a release serve an application in an environment."""
    body = {"application": name, "release": release, "environment": environment, "share": share, **why}
    made = session.write("POST", "/api/deployments", body)
    session.output.result(made, f"{made['id']} serves {shares_text(made['shares'])}.")


@command.verb("rollback", example="genaiops app rollback support --env dev")
@click.argument("name")
@click.option("--env", "environment", required=True, help="The environment.")
@consenting
@connected
def rollback(session: Session, name: str, environment: str, **why: str | None) -> None:
    """Let serve again what served before. Once more returns to what was rolled back."""
    made = session.write("POST", path_of("/api/deployments", f"{name}@{environment}", "rollback"), why)
    session.output.result(made, f"{made['id']} serves {shares_text(made['shares'])} again.")


@command.verb("undeploy", example="genaiops app undeploy support --env dev")
@click.argument("name")
@click.option("--env", "environment", required=True, help="The environment.")
@consenting
@connected
def undeploy(session: Session, name: str, environment: str, **why: str | None) -> None:
    """Take an application down in an environment: its calls there are refused from now on."""
    session.write("DELETE", path_of("/api/deployments", f"{name}@{environment}"), query=why)
    session.output.result({"id": f"{name}@{environment}", "removed": True}, f"{name}@{environment} serves no more.")


@command.verb("deployments", example="genaiops app deployments support --since 7d")
@click.argument("name", required=False)
@click.option("--since", default="24h", show_default=True, help="What calls are counted since: 24h, 7d or an ISO time.")
@connected
def deployments(session: Session, name: str | None, since: str) -> None:
    """List where applications serve: releases, regions, replicas, calls and users."""
    found = session.items("/api/deployments", {"application": name, "since": since})
    session.output.rows(
        with_names(session, found, "deployed_by"),
        _DEPLOYMENTS,
        empty="Nothing is deployed. See genaiops app deploy --help.",
    )
    beyond = [row["id"] for row in found if row["users_of"] < row["calls"]]
    if beyond and not session.output.as_json:
        session.output.note(f"Users are counted among the latest calls only: {', '.join(beyond)}.")
    machines = sorted({machine for row in found for machine in row["machines"]})
    if machines and not session.output.as_json:
        session.output.note(
            f"Replicas are of this machine; {counted(len(machines), 'machine')}: {', '.join(machines)}."
        )


@command.verb("history", example="genaiops app history support@dev")
@click.argument("deployment")
@connected
def history(session: Session, deployment: str) -> None:
    """What served when, and who decided it: newest first. APP@ENVIRONMENT."""
    if "@" not in deployment:
        raise UsageError(
            f"{deployment!r} names no environment.", remedy=f"Write {deployment}@prod.", param="deployment"
        )
    found = session.items(path_of("/api/deployments", deployment, "history"))
    session.output.rows(with_names(session, found, "by"), _HISTORY, empty="It was never deployed.")


def short_digest(release_id: str) -> str:
    """The first digits, as `app deploy` takes them."""
    return release_id.rpartition("sha256:")[2][:_DIGITS]


def shares_text(shares: Iterable[Row]) -> str:
    return ", ".join(
        short_digest(one["release_id"]) + ("" if one["percent"] == 100 else f" ({one['percent']:g} %)")
        for one in shares
    )


def _show(session: Session, found: dict[str, Any]) -> None:
    (found,) = with_names(session, [found], "owner", "acknowledged_by")
    session.output.facts(
        found,
        (
            ("id", found["id"]),
            ("title", found["title"]),
            ("purpose", found["purpose"]),
            ("owner", found["owner_name"]),
            ("team", found["team_id"]),
            ("risk tier", found["risk_tier"]),
            ("acknowledged", short_time(found["acknowledged_at"]) or "no"),
            ("by", found["acknowledged_by_name"]),
            ("statement", found["statement"]),
            ("created", short_time(found["created_at"])),
        ),
    )


add_shadow(command)
