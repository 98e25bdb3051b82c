"""`genaiops cache`: answers that are kept and given again."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._values import tokens
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

command = noun("cache", "Caches: which routes keep answers, and what that saved.")


def _rate(row: Row) -> str:
    return "-" if row["hit_rate"] is None else f"{row['hit_rate']:.1%}"


def saved(row: Row) -> str:
    """Money, of a row with the figures of a cache."""
    unknown = row["saved_unknown"]
    known = f"{row['saved_cost']} USD"
    return f"{known}, and {unknown} unknown" if unknown else known


_COLUMNS = (
    Column("ROUTE", "route"),
    Column("CACHE", lambda row: row["policy"]["mode"]),
    Column("NAMESPACE", lambda row: row["policy"]["namespace"]),
    Column("SHARED BY", lambda row: row["policy"]["scope"]),
    Column("KEPT FOR", lambda row: f"{row['policy']['ttl']:g} s", right=True),
    Column("CALLS", lambda row: tokens(row["calls"]), right=True),
    Column("HITS", lambda row: tokens(row["figures"]["hits"]), right=True),
    Column("HIT RATE", _rate, right=True),
    Column("SAVED TOKENS", lambda row: tokens(row["figures"]["saved_tokens"]), right=True),
    Column("SAVED", lambda row: saved(row["figures"]), right=True),
)


@command.verb("show", example="genaiops cache show --since 7d")
@click.option("--since", default="24h", show_default=True, help="15m, 24h, 7d or an ISO time.")
@connected
def show(session: Session, since: str) -> None:
    """Show the routes that keep answers, their hits, and what was saved."""
    session.output.rows(
        session.items("/api/caches", {"since": since}),
        _COLUMNS,
        empty="No route keeps answers. Let one with `genaiops route set NAME --target T --cache exact`.",
    )


@command.verb("clear", example="genaiops cache clear chat")
@click.argument("routes", nargs=-1)
@click.option("--namespace", help="All routes whose cache has this namespace.")
@connected
def clear(session: Session, routes: tuple[str, ...], namespace: str | None) -> None:
    """Forget what routes have kept: nothing of it is given out any more."""
    named = list(routes)
    if namespace is not None:
        named += [row["route"] for row in session.items("/api/caches") if row["policy"]["namespace"] == namespace]
    if not named:
        raise UsageError("No route is named.", remedy="Name routes, or a namespace that some have.", param="routes")
    for name in dict.fromkeys(named):
        session.write("DELETE", path_of("/api/caches", name))
    session.output.result({"cleared": named}, f"Forgotten: what {', '.join(named)} had kept.")
