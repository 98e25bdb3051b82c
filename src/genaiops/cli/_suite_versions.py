"""`genaiops suite push`, `list`, `show`, `diff` and `alias`: suites that the Hub keeps."""

from typing import Any

import click

from genaiops.cli._differences import show_differences
from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Column, one_line
from genaiops.cli._people import with_names
from genaiops.cli._server_runs import document_of
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._values import short_time
from genaiops.cli._versions import let_name, short_version
from genaiops.sdk import path_of

command = noun("suite", "Suites: cases, who answers them, and what has to hold before a change goes on.")

_SUITES = (
    Column("SUITE", "name"),
    Column("TARGETS", "targets"),
    Column("CHECKS", "checks", rank=1),
    Column("CASES", lambda row: f"{row['cases']}{' and more' if row['sources'] else ''}", rank=1),
    Column("ALIASES", lambda row: sorted(row["aliases"])),
    Column("NEWEST", lambda row: row["digest"][:19]),
    Column("SINCE", lambda row: short_time(row["created_at"]), rank=2),
    Column("DESCRIPTION", lambda row: one_line(row["description"]), elastic=True, rank=3),
)


@command.verb("push", example="genaiops suite push answers answers.toml --alias prod")
@click.argument("name")
@click.argument("file")
@click.option("--alias", help="Let this alias name the version: prod for NAME@prod.")
@click.option("--title", help="A line for people.")
@click.option("--team", "team_id", help="The team that it belongs to.")
@consenting
@connected
def push(session: Session, name: str, file: str, alias: str | None, **about: Any) -> None:
    """Keep a version of a suite; files of cases beside it become datasets."""
    name, file = name_and_file(name, file, session.output)
    body: dict[str, Any] = {"name": name, "document": document_of(session, file, name, {}), "alias": alias}
    body.update((field, value) for field, value in about.items() if value)
    made = session.write("POST", "/api/suites", body)
    named = f", and {name}@{alias} names it" if alias else ""
    session.output.result(made, f"{short_version(made['id'])} is kept{named}.")


@command.verb("list", example="genaiops suite list")
@connected
def list_(session: Session) -> None:
    """List the suites that are kept, each by its newest version."""
    rows = session.items("/api/suites")
    session.output.rows(
        rows,
        _SUITES,
        empty="No suite is kept. Begin one: genaiops suite new FILE.toml; keep it: genaiops suite push NAME FILE.toml",
    )


@command.verb("show", example="genaiops suite show answers@prod")
@click.argument("reference")
@connected
def show(session: Session, reference: str) -> None:
    """Show a version as JSON, or with a bare name all its versions and aliases."""
    if "@" in reference:
        version = session.client.get(path_of("/api/versions", f"suite/{reference}"))
        session.output.json(version if session.output.as_json else version["manifest"])
        return
    found = session.client.get(path_of("/api/artifacts", f"suite/{reference}"))
    if session.output.as_json:
        session.output.json(found)
        return
    names: dict[str, list[str]] = {}
    for alias in found["aliases"]:
        names.setdefault(alias["version_id"], []).append(alias["name"])
    columns = (
        Column("VERSION", lambda row: short_version(row["id"])),
        Column("ALIASES", lambda row: names.get(row["id"], [])),
        Column("CREATED", lambda row: short_time(row["created_at"])),
        Column("BY", "created_by_name"),
    )
    rows = with_names(session, reversed(found["versions"]), "created_by")
    session.output.rows(rows, columns, empty="It has no version.")


@command.verb("diff", example="genaiops suite diff answers@prod answers@dev")
@click.argument("before")
@click.argument("after")
@connected
def diff(session: Session, before: str, after: str) -> int:
    """Show what differs between two versions. Exit status 1 when something does."""
    return show_differences(session, f"suite/{before}", f"suite/{after}")


@command.verb("alias", example="genaiops suite alias answers@prod answers@dev")
@click.argument("alias")
@click.argument("version")
@consenting
@connected
def alias_(session: Session, alias: str, version: str, **why: str | None) -> None:
    """Let NAME@ALIAS name a VERSION: its digest, or another alias."""
    let_name(session, "suite", alias, version, **why)
