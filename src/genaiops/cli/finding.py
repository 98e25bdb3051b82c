"""`genaiops finding`: what was found in releases, runs and data, such as bias."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._people import with_names
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("finding", "Findings in releases, runs and data, such as bias, and what is done about them.")

_SOURCE = click.Choice(["data", "prompt", "model", "unknown"])
_KIND = click.Choice(["bias", "privacy", "security", "compliance", "quality"])
_COLUMNS = (
    Column("ID", "id"),
    Column("STATE", "state"),
    Column("KIND", "kind"),
    Column("SOURCE", "source", rank=1),
    Column("ATTRIBUTE", "attribute", rank=2),
    Column("TITLE", "title", elastic=True),
    Column("SINCE", lambda row: short_time(row["created_at"]), rank=2),
)


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@command.verb("list", example="genaiops finding list --state open")
@click.option("--state", type=click.Choice(["open", "closed"]), help="Only in this state.")
@connected
def list_(session: Session, state: str | None) -> None:
    """List findings, open ones first."""
    rows = session.items("/api/findings", {"state": state})
    session.output.rows(rows, _COLUMNS, empty="Nothing was found, or nobody looked: genaiops suite expand --help")


@command.verb("show", example="genaiops finding show bia_01jd3v")
@click.argument("finding")
@connected
def show(session: Session, finding: str) -> None:
    """Show one, with what was measured."""
    found = session.client.get(path_of("/api/findings", finding))
    (found,) = with_names(session, [found], "created_by", "closed_by")
    names = ("id", "state", "kind", "title", "about", "attribute", "source", "reason", "mitigation", "run", "verified")
    closed = f"{found['closed_by_name']}, {short_time(found['closed_at'])}" if found["closed_at"] else None
    session.output.facts(
        found,
        [
            *((name, found[name]) for name in names),
            *((f"evidence {name}", said) for name, said in found["evidence"].items()),
            ("recorded by", f"{found['created_by_name']}, {short_time(found['created_at'])}"),
            ("closed by", closed),
        ],
    )


@command.verb("add", example="genaiops finding add 'Muslim applicants are declined' --run run_01h --check invariance")
@click.argument("title")
@click.option("--kind", type=_KIND, help="What it is. [bias]")
@click.option("--about", help="What it was found in: release/APP@sha256:..., an application, a prompt, data, a model.")
@click.option("--attribute", help="By what people are told apart, such as religion.")
@click.option("--source", type=_SOURCE, help="Where it comes from. [unknown]")
@click.option("--reason", help="Why it is thought to come from there.")
@click.option("--mitigation", help="What is done about it.")
@click.option("--run", help="The run that measured it; its figures become the evidence.")
@click.option("--check", help="The check of that run.")
@click.option("--target", help="The target of that run. [the first]")
@connected
def add(session: Session, title: str, **fields: Any) -> None:
    """Record a finding."""
    made = session.write("POST", "/api/findings", {"title": title, **_given(fields)})
    session.output.result(made, f"{made['id']} is recorded. Close it: genaiops finding close {made['id']}")


@command.verb("edit", example="genaiops finding edit bia_01jd3v --source data --reason 'too few cases of theirs'")
@click.argument("finding")
@click.option("--kind", type=_KIND, help="What it is.")
@click.option("--title", help="What was found.")
@click.option("--about", help="What it was found in.")
@click.option("--attribute", help="By what people are told apart.")
@click.option("--source", type=_SOURCE, help="Where it comes from.")
@click.option("--reason", help="Why it is thought to come from there.")
@click.option("--mitigation", help="What is done about it.")
@click.option("--verified", metavar="RUN", help="The run that shows that it helped.")
@connected
def edit(session: Session, finding: str, **fields: Any) -> None:
    """Change some of its fields."""
    made = session.write("PATCH", path_of("/api/findings", finding), _given(fields))
    session.output.result(made, f"{finding} is changed.")


@command.verb("close", example="genaiops finding close bia_01jd3v --source data --mitigation 'balanced the examples'")
@click.argument("finding")
@click.option("--source", type=_SOURCE, help="Where it comes from. [as it says]")
@click.option("--reason", help="Why it is thought to come from there. [as it says]")
@click.option("--mitigation", help="What is done about it. [as it says]")
@click.option("--verified", metavar="RUN", help="The run that shows that it helped.")
@connected
def close(session: Session, finding: str, **fields: Any) -> None:
    """Close it; its mitigation has to be there, and the source of bias."""
    made = session.write("POST", path_of("/api/findings", finding, "close"), _given(fields))
    session.output.result(made, f"{finding} is closed.")


@command.verb("reopen", example="genaiops finding reopen bia_01jd3v")
@click.argument("finding")
@connected
def reopen(session: Session, finding: str) -> None:
    """It is back, or was never gone."""
    made = session.write("POST", path_of("/api/findings", finding, "reopen"), {})
    session.output.result(made, f"{finding} is open again.")
