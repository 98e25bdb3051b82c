"""`genaiops prompt`: prompts with versions, names that move, and what differs between two."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from genaiops.cli._differences import show_differences
from genaiops.cli._name_and_file import name_and_file
from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._people import with_names
from genaiops.cli._prompt_budget import add_budget
from genaiops.cli._prompt_file import read_prompt, write_prompt
from genaiops.cli._prompt_lint import add_lint
from genaiops.cli._session import Session, connected, consenting
from genaiops.cli._values import short_time
from genaiops.cli._versions import let_name, named_alias, short_version
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

command = noun("prompt", "Prompts: messages with variables, their versions, and names that move.")
add_lint(command)

_COLUMNS = (
    Column("NAME", "name"),
    Column("TITLE", "title", elastic=True),
    Column("OWNER", "owner_name", rank=1),
    Column("TEAM", "team_id", rank=1),
    Column("VISIBILITY", "visibility", rank=2),
    Column("TAGS", "tags", rank=2),
    Column("CREATED", lambda row: short_time(row["created_at"]), rank=1),
)
_MOVES = (
    Column("WHEN", lambda row: short_time(row["at"])),
    Column("VERSION", lambda row: short_version(row["version_id"]) if row["version_id"] else "removed"),
    Column("BY", "by_name"),
)
_PINNED = (
    Column("PINNED BY", lambda row: _digits(row["release_id"])),
    Column("VERSION", lambda row: _digits(row["version_id"]).rpartition("@")[2]),
    Column("SERVES IN", lambda row: row["environments"] or "nowhere"),
)
_CALLERS = (
    Column("CALLED BY", lambda row: row["application"] or f"key {row['key_name'] or row['key_id'] or 'unknown'}"),
    Column("VERSION", lambda row: _digits(row["version_id"]).rpartition("@")[2]),
    Column("ENVIRONMENT", "environment_id", rank=1),
    Column("CALLS", "calls", right=True),
    Column("LAST", lambda row: short_time(row["last_at"])),
)


@command.verb("push", example="genaiops prompt push support/answer answer.yaml --alias prod")
@click.argument("name")
@click.argument("file")
@click.option("--alias", help="Let this alias name the version: prod for NAME@prod.")
@click.option("--title", help="A line for people.")
@click.option("--description", help="What it is for.")
@click.option("--team", "team_id", help="The team that it belongs to.")
@click.option("--private/--public", "private", default=None, help="Only its team sees and uses it, or everybody.")
@click.option("--tag", "tags", multiple=True, help="A word to find it by; can be repeated.")
@consenting
@connected
def push(session: Session, name: str, file: str, alias: str | None, private: bool | None, **about: Any) -> None:
    """Keep a version of a prompt: YAML, JSON, TOML, or Markdown with front matter; - is standard input."""
    name, file = name_and_file(name, file, session.output)
    body: dict[str, Any] = {"kind": "prompt", "name": name, "manifest": read_prompt(file), "alias": alias}
    body.update((field, value) for field, value in about.items() if value)
    if private is not None:
        body["visibility"] = "team" if private else "organisation"
    made = session.write("POST", "/api/artifacts", body)
    named = f", and {name}@{alias} names it" if alias else ""
    session.output.result(made, f"{short_version(made['id'])} is kept{named}.")


@command.verb("list", example="genaiops prompt list --query support")
@click.option("--query", "q", help="Words in name, title, description, owner or tags.")
@click.option("--team", help="Only this team's.")
@click.option("--owner", help="Only those of this actor (an id).")
@click.option("--tag", help="Only with this tag.")
@connected
def list_(session: Session, **wanted: str | None) -> None:
    """Find prompts, across all teams."""
    rows = session.items("/api/artifacts", {"kind": "prompt", **wanted})
    session.output.rows(
        with_names(session, rows, "owner"),
        _COLUMNS,
        empty="There is no such prompt. Keep one: genaiops prompt push NAME FILE.",
    )


@command.verb("show", example="genaiops prompt show support/answer@prod")
@click.argument("reference")
@connected
def show(session: Session, reference: str) -> None:
    """Show a version, or with a bare name all its versions, its aliases, and who used them in the last 7 days."""
    if "@" in reference:
        version = session.client.get(path_of("/api/versions", f"prompt/{reference}"))
        (version,) = with_names(session, [version], "created_by")
        text = f"# {version['id']}, {short_time(version['created_at'])} by {version['created_by_name']}\n"
        session.output.result(version, (text + write_prompt(version["manifest"])).rstrip("\n"))
        return
    found = session.client.get(path_of("/api/artifacts", f"prompt/{reference}"))
    names: dict[str, list[str]] = {}
    for alias in found["aliases"]:
        names.setdefault(alias["version_id"], []).append(alias["name"])
    used = session.client.get(path_of("/api/used-by", f"prompt/{reference}"))
    if session.output.as_json:
        session.output.json({**found, "used_by": used})
        return
    session.output.rows(
        list(reversed(with_names(session, found["versions"], "created_by"))),
        (
            Column("VERSION", lambda row: short_version(row["id"])),
            Column("ALIASES", lambda row: names.get(row["id"], [])),
            Column("CREATED", lambda row: short_time(row["created_at"])),
            Column("BY", "created_by_name"),
        ),
        empty="It has no version.",
    )
    _show_uses(session, used)


def _show_uses(session: Session, used: dict[str, Any]) -> None:
    """Releases that pin a version, then who called with one."""
    if used["releases"]:
        session.output.line("")
        session.output.rows(used["releases"], _PINNED, empty="")
    if used["callers"]:
        session.output.line("")
        session.output.rows(used["callers"], _CALLERS, empty="")
        if used["more"]:
            session.output.line("Only the latest calls of a version are counted here.")
    elif not used["releases"]:
        session.output.line("Nobody used it in the last 7 days.")


@command.verb("pull", example="genaiops prompt pull support/answer@prod")
@click.argument("reference")
@connected
def pull(session: Session, reference: str) -> None:
    """Write a version as a file that push takes."""
    version = session.client.get(path_of("/api/versions", f"prompt/{reference}"))
    session.output.result(version["manifest"], write_prompt(version["manifest"]).rstrip("\n"))


@command.verb("diff", example="genaiops prompt diff support/answer@prod support/answer@dev")
@click.argument("before")
@click.argument("after")
@connected
def diff(session: Session, before: str, after: str) -> int:
    """Show what differs between two versions. Exit status 1 when something does."""
    return show_differences(session, f"prompt/{before}", f"prompt/{after}")


@command.verb("alias", example="genaiops prompt alias support/answer@prod support/answer@dev")
@click.argument("alias")
@click.argument("version")
@consenting
@connected
def alias_(session: Session, alias: str, version: str, **why: str | None) -> None:
    """Let NAME@ALIAS name a VERSION: its digest, or another alias."""
    let_name(session, "prompt", alias, version, **why)


@command.verb("undo", example="genaiops prompt undo support/answer@prod")
@click.argument("alias")
@consenting
@connected
def undo(session: Session, alias: str, **why: str | None) -> None:
    """Let NAME@ALIAS name what it named before; once more brings the last move back."""
    moved = session.write("PUT", path_of("/api/aliases", f"prompt/{named_alias(alias)}"), {"undo": True, **why})
    session.output.result(moved, f"{alias} names {short_version(moved['version_id'])} again.")


@command.verb("history", example="genaiops prompt history support/answer@prod")
@click.argument("alias")
@connected
def history(session: Session, alias: str) -> None:
    """Where NAME@ALIAS pointed, since when, by whom."""
    rows = session.items(path_of("/api/aliases", f"prompt/{named_alias(alias)}"))
    session.output.rows(with_names(session, rows, "by"), _MOVES, empty="It never pointed anywhere.")


@command.verb("render", example="genaiops prompt render support/answer@prod --var company=Acme")
@click.argument("reference")
@click.option("--var", "variables", multiple=True, help="NAME=VALUE; a value that is JSON counts as such.")
@connected
def render(session: Session, reference: str, variables: Sequence[str]) -> None:
    """Show what a call would send. The REFERENCE is NAME@ALIAS, NAME@sha256:..., or a file that nobody pushed."""
    found = _posted(session, "/api/prompts/render", reference, variables, {})
    if session.output.as_json:
        session.output.json(found)
        return
    for message in found["messages"]:
        content = message.get("content")
        session.output.line(f"[{message['role']}]")
        session.output.line(content if isinstance(content, str) else msgspec.json.encode(content).decode())


def _posted(
    session: Session, path: str, reference: str, variables: Sequence[str], more: dict[str, Any]
) -> dict[str, Any]:
    """What the API says of a prompt, kept or in a file, with its variables."""
    body: dict[str, Any] = {**more, "variables": dict(map(_variable, variables))}
    if "@" in reference:
        body["prompt"] = reference
    else:
        body["manifest"] = read_prompt(reference)
    try:
        return session.client.post(path, body)
    except UsageError as error:
        if error.code != "wrong_variable" or not variables:
            raise
        # A text that happens to be JSON, such as a postcode, for a variable that is a string.
        body["variables"] = {**body["variables"], **_as_text(error.param, variables)}
        return session.client.post(path, body)


def _digits(named: str) -> str:
    """`support@0123456789ab` of a release or a version."""
    name, _, digest = named.partition("@sha256:")
    return f"{name}@{digest[:12]}"


def _variable(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise UsageError(f"{text!r} is no variable.", remedy="Write NAME=VALUE.", param="var")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _as_text(param: str | None, variables: Sequence[str]) -> dict[str, str]:
    wrong = (param or "").rpartition(".")[2]
    return {name: value for name, _, value in (text.partition("=") for text in variables) if name == wrong}


add_budget(command, _posted)
