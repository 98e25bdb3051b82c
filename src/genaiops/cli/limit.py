"""`genaiops limit`: requests and tokens a minute, calls at a time."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._scope import scope_of, scope_options, scope_text
from genaiops.cli._session import Session, connected
from genaiops.cli._values import tokens
from genaiops.sdk import path_of

command = noun("limit", "Rate limits: requests and tokens a minute, calls at a time.")

_COLUMNS = (
    Column("ID", "id"),
    Column("OF", scope_text),
    Column("REQUESTS/MIN", lambda row: tokens(row["requests_per_minute"]), right=True),
    Column("TOKENS/MIN", lambda row: tokens(row["tokens_per_minute"]), right=True),
    Column("AT A TIME", lambda row: tokens(row["concurrency"]), right=True),
)


@command.verb("set", example="genaiops limit set --team search --requests 600 --tokens 200000 --concurrency 20")
@scope_options
@click.option("--requests", "requests_per_minute", type=int, help="Requests a minute.")
@click.option("--tokens", "tokens_per_minute", type=int, help="Tokens a minute, input and output.")
@click.option("--concurrency", type=int, help="Calls at a time.")
@connected
def set_(
    session: Session,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    concurrency: int | None,
    **scopes: str | None,
) -> None:
    """Set the rate limit of a key, a team, an environment ...; the one that is there becomes this one."""
    scope = scope_of(session, scopes)
    body = {
        "scope": scope,
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "concurrency": concurrency,
    }
    there = next((limit["id"] for limit in session.items("/api/limits") if limit["scope"] == scope), None)
    if there is None:
        made = session.write("POST", "/api/limits", body)
    else:
        made = session.write("PUT", path_of("/api/limits", there), body)
    session.output.result(made, f"The rate limit of {scope_text(made)} is in force ({made['id']}).")


@command.verb("list", example="genaiops limit list")
@connected
def list_(session: Session) -> None:
    """List the rate limits."""
    session.output.rows(
        session.items("/api/limits"),
        _COLUMNS,
        empty="There is no rate limit. Set one with `genaiops limit set --team NAME --requests 600`.",
    )


@command.verb("remove", example="genaiops limit remove rate_01jd9x4t6qgc2v8y0m3n5p7r1s")
@click.argument("limit")
@connected
def remove(session: Session, limit: str) -> None:
    """Remove a rate limit."""
    session.write("DELETE", path_of("/api/limits", limit))
    session.output.result({"id": limit, "removed": True}, f"The rate limit {limit} is removed.")
