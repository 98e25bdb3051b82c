"""`genaiops key`: keys for the model API and the management API."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Output
from genaiops.cli._people import with_names
from genaiops.cli._session import Session, connected
from genaiops.cli._values import later, seconds, short_time
from genaiops.cli.actor import find as find_actor
from genaiops.core.errors import Conflict, NotFound
from genaiops.sdk import path_of

command = noun("key", "Keys for model calls and for the management API.")

_SCOPES = click.Choice(["calls", "api", "ingest"])

COLUMNS = (
    Column("ID", "id"),
    Column("NAME", "name"),
    Column("SECRET", "hint", rank=2),
    Column("TEAM", "team_id", rank=1),
    Column("ENV", "environment_id", rank=1),
    Column("SCOPES", "scopes", rank=3),
    Column("EXPIRES", lambda row: short_time(row["expires_at"]), rank=2),
    Column("STATE", "state"),
)


@command.verb("create", example="genaiops key create search-web --team search --env dev --model smollm2 --expires 90d")
@click.argument("name")
@click.option("--actor", "actor_id", help="The person or service account it belongs to. [you]")
@click.option("--team", "team_id", help="Whose budgets its calls count in. [the actor's team]")
@click.option("--env", "environment_id", default="dev", show_default=True, help="The environment it is for.")
@click.option("--app", "application", help="The application that uses it.")
@click.option(
    "--model", "models", multiple=True, help="A model it may call, or a prefix ending in *; repeatable. [all]"
)
@click.option("--route", "routes", multiple=True, help="A route it may call; repeatable. [all]")
@click.option("--address", "addresses", multiple=True, help="A network it may be used from, as 10.0.0.0/8; repeatable.")
@click.option(
    "--scope",
    "scopes",
    type=_SCOPES,
    multiple=True,
    default=["calls"],
    show_default=True,
    help="Repeatable.",
)
@click.option("--expires", help="When it ends: 90d, 12h or an ISO time. [never]")
@click.option("--region", "regions", multiple=True, help="Its calls are only served from there; repeatable. [anywhere]")
@click.option("--tag", "tags", multiple=True, help="A tag that its requests may ask for; repeatable. [any]")
@click.option("--guard", help="The policy that guards its calls: NAME, NAME@ALIAS. [that of its environment]")
@connected
def create(session: Session, actor_id: str | None, expires: str | None, **options: Any) -> None:
    """Make a key. Its secret is shown once."""
    body = {name: value for name, value in options.items() if value not in (None, ())}
    if actor_id is not None:
        body["actor_id"] = find_actor(session, actor_id)
    if expires is not None:
        body["expires_at"] = later(expires, param="expires")
    _show_secret(session, session.write("POST", "/api/keys", body))


@command.verb("list", example="genaiops key list --team search")
@click.option("--team", "team_id", help="Only those of a team.")
@click.option("--env", "environment_id", help="Only those of an environment.")
@click.option("--actor", "actor_id", help="Only those of an actor.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@connected
def list_(session: Session, limit: int, **where: str | None) -> None:
    """List the keys, without their secrets."""
    keys = list(session.client.pages("/api/keys", where, most=limit))
    session.output.rows(keys, COLUMNS, empty="There is no such key. Make one with `genaiops key create NAME`.")


@command.verb("show", example="genaiops key show search-web")
@click.argument("key")
@connected
def show(session: Session, key: str) -> None:
    """Show one key, by its id or its name."""
    found = session.client.get(path_of("/api/keys", find(session, key)))
    _show(session, found)


@command.verb("rotate", example="genaiops key rotate search-web --overlap 24h")
@click.argument("key")
@click.option("--overlap", default="0", help="How long the former secret works on: 15m, 24h. [it ends at once]")
@connected
def rotate(session: Session, key: str, overlap: str) -> None:
    """Give a key a new secret, which is shown once."""
    body = {"overlap_seconds": seconds(overlap, param="overlap")}
    _show_secret(session, session.write("POST", path_of("/api/keys", find(session, key), "rotate"), body))


@command.verb("revoke", example="genaiops key revoke search-web")
@click.argument("key")
@connected
def revoke(session: Session, key: str) -> None:
    """Let no secret of a key work any more. It cannot be undone."""
    key_id = find(session, key)
    revoked = session.write("DELETE", path_of("/api/keys", key_id))
    session.output.result(revoked, f"The key {key} is revoked.")


@command.verb("recover", example="genaiops key recover")
@click.option("--home", help="The data directory. [GENAIOPS_HOME; ~/.local/share/genaiops]")
@click.option("--config", help="The settings' file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def recover(home: str | None, config: str | None, as_json: bool) -> None:
    """Make an administrator's key without one: for who may write the data directory, also while it runs."""
    from genaiops.app.recovering import recover as make

    output = Output(as_json=as_json)
    made = make(home, file=config)
    kept = str(made.file) if made.file is not None else None
    if as_json:
        output.json({"id": made.key.id, "name": made.key.name, "secret": made.secret, "file": kept})
        return
    output.note(f"A new administrator's key, {made.key.name} ({made.key.id}), shown this once:")
    output.line(made.secret)
    output.note(f"It is kept in {kept}." if kept else "admin.key holds another that works, so it stays as it is.")


@command.verb("update", example="genaiops key update search-web --model smollm2 --expires 30d")
@click.argument("key")
@click.option("--name", help="Another name.")
@click.option("--team", "team_id", help="Another team.")
@click.option("--app", "application", help="Another application.")
@click.option("--model", "models", multiple=True, help="The models it may call from now on; repeatable.")
@click.option("--route", "routes", multiple=True, help="The routes it may call from now on; repeatable.")
@click.option("--address", "addresses", multiple=True, help="The networks it may be used from; repeatable.")
@click.option("--scope", "scopes", type=_SCOPES, multiple=True, help="Repeatable.")
@click.option("--all-models", is_flag=True, help="Let it call every model.")
@click.option("--expires", help="When it ends: 30d, an ISO time, or never.")
@click.option("--region", "regions", multiple=True, help="Where its calls are served from now on; repeatable.")
@click.option("--tag", "tags", multiple=True, help="The tags that its requests may ask for from now on; repeatable.")
@click.option("--guard", help="The policy that guards its calls; none: that of its environment.")
@connected
def update(session: Session, key: str, all_models: bool, expires: str | None, **options: Any) -> None:
    """Change what is given; what is not given stays."""
    body = {name: value for name, value in options.items() if value not in (None, ())}
    if all_models:
        body["models"] = []
    if expires is not None:
        body["expires_at"] = None if expires == "never" else later(expires, param="expires")
    if body.get("guard") == "none":
        body["guard"] = None
    if not body:
        raise click.UsageError("Nothing to change was given.")
    _show(session, session.write("PATCH", path_of("/api/keys", find(session, key)), body))


def find(session: Session, reference: str) -> str:
    """The id of a key that is named by its id or its name. Conflict when several keys in use have that name."""
    if reference.startswith("key_"):
        return reference
    named = [key for key in session.client.pages("/api/keys") if key["name"] == reference]
    usable = [key for key in named if key["state"] != "revoked"] or named
    if len(usable) == 1:
        return usable[0]["id"]
    if usable:
        ids = ", ".join(key["id"] for key in usable)
        raise Conflict(f"{len(usable)} keys have the name {reference!r}: {ids}.", remedy="Name one by its id.")
    raise NotFound(f"There is no key {reference!r}.", remedy="See genaiops key list.", param="key")


def _show(session: Session, key: dict[str, Any]) -> None:
    (key,) = with_names(session, [key], "actor_id")
    session.output.facts(
        key,
        (
            ("id", key["id"]),
            ("name", key["name"]),
            ("state", key["state"]),
            ("secret", key["hint"]),
            ("actor", key["actor_name"]),
            ("team", key["team_id"]),
            ("environment", key["environment_id"]),
            ("application", key["application"]),
            ("models", key["models"] or "all"),
            ("routes", key["routes"] or "all"),
            ("addresses", key["addresses"] or "any"),
            ("regions", key["regions"] or "any"),
            ("tags", key["tags"] or "any"),
            ("scopes", key["scopes"]),
            ("guard", key["guard"] or "that of its environment"),
            ("created", short_time(key["created_at"])),
            ("expires", short_time(key["expires_at"]) or "never"),
            ("revoked", short_time(key["revoked_at"])),
            ("former secret until", short_time(key["retiring_until_at"])),
        ),
    )


def _show_secret(session: Session, made: dict[str, Any]) -> None:
    if session.output.as_json:
        session.output.json(made)
        return
    # The secret alone on standard output, so that `$(genaiops key create ...)` is the secret.
    session.output.note(f"The secret of {made['name']} ({made['id']}), shown this once:")
    session.output.line(made["secret"])
