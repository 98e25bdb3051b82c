"""`genaiops route`: which targets serve a model's name."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._values import weighted
from genaiops.core.errors import NotFound
from genaiops.sdk import path_of

command = noun("route", "Routes: which targets serve a name, by weight, and what to fall back on.")


def _targets(route: Row) -> list[str]:
    return [f"{each['target_id']}={each['weight']}" for each in route["targets"]]


def _cache(policy: Row) -> str:
    if policy["mode"] == "off":
        return "off"
    return f"{policy['mode']}, kept for {policy['ttl']:g} s, shared by {policy['scope']}"


_RETRY = ("attempts", "deadline")
_CACHE = ("mode", "ttl", "namespace", "scope", "max_bytes", "max_temperature", "threshold")

_COLUMNS = (
    Column("ROUTE", "id"),
    Column("TARGETS", _targets),
    Column("FALLBACKS", "fallbacks"),
    Column("ATTEMPTS", lambda row: row["retry"]["attempts"], right=True),
    Column("ENVIRONMENTS", "environments"),
    Column("CACHE", lambda row: row["cache"]["mode"]),
    Column("DEADLINE", lambda row: f"{row['retry']['deadline']:g} s", right=True),
)


@command.verb("set", example="genaiops route set chat --target small=3 --target large=1 --fallback smollm2")
@click.argument("name")
@click.option("--target", "targets", multiple=True, required=True, help="NAME or NAME=WEIGHT; repeatable.")
@click.option(
    "--fallback", "fallbacks", multiple=True, help="What is tried when the targets fail, in order; repeatable."
)
@click.option("--env", "environments", multiple=True, help="Only its keys may call it; repeatable. [all]")
@click.option("--attempts", type=int, help="Attempts of a call over all targets. [3]")
@click.option("--deadline", type=float, help="Seconds after which no attempt begins. [120]")
@click.option("--cache", "mode", type=click.Choice(["off", "exact", "semantic"]), help="Give answers again. [off]")
@click.option("--cache-ttl", "ttl", type=float, help="Seconds for which an answer is kept. [600]")
@click.option("--cache-namespace", "namespace", help="A name that sets its entries apart.")
@click.option("--cache-scope", "scope", type=click.Choice(["key", "team", "tenant"]), help="Who shares. [team]")
@click.option("--cache-max-bytes", "max_bytes", type=int, help="Of an answer that is kept. [262144]")
@click.option("--cache-max-temperature", "max_temperature", type=float, help="Of requests that are kept. [any]")
@click.option("--cache-threshold", "threshold", type=float, help="Cosine from which on questions mean the same. [0.85]")
@connected
def set_(
    session: Session,
    name: str,
    targets: tuple[str, ...],
    fallbacks: tuple[str, ...],
    environments: tuple[str, ...],
    **options: Any,
) -> None:
    """Make a route, or let the route of that name become this one."""
    body: dict[str, Any] = {
        "targets": [{"target_id": target, "weight": weight} for target, weight in map(weighted, targets)],
        "fallbacks": fallbacks,
        "environments": environments,
    }
    for part, names in (("retry", _RETRY), ("cache", _CACHE)):
        policy = {field: options[field] for field in names if options[field] is not None}
        if policy:
            body[part] = policy
    path = path_of("/api/routes", name)
    try:
        session.client.get(path)
    except NotFound:
        made = session.write("POST", "/api/routes", {"id": name, **body})
    else:
        made = session.write("PUT", path, body)
    session.output.result(made, f"{name} goes to {', '.join(_targets(made))}.")


@command.verb("list", example="genaiops route list")
@connected
def list_(session: Session) -> None:
    """List the routes."""
    routes = session.items("/api/routes")
    session.output.rows(
        routes, _COLUMNS, empty="There is no route. Make one with `genaiops route set NAME --target T`."
    )


@command.verb("show", example="genaiops route show chat")
@click.argument("name")
@connected
def show(session: Session, name: str) -> None:
    """Show one route."""
    route = session.client.get(path_of("/api/routes", name))
    retry = route["retry"]
    session.output.facts(
        route,
        (
            ("route", route["id"]),
            ("targets", _targets(route)),
            ("fallbacks", route["fallbacks"]),
            ("environments", route["environments"] or "all"),
            ("attempts", retry["attempts"]),
            ("back-off", f"{retry['backoff']:g} to {retry['backoff_max']:g} s"),
            ("deadline", f"{retry['deadline']:g} s"),
            ("cache", _cache(route["cache"])),
        ),
    )


@command.verb("remove", example="genaiops route remove chat")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a route; its targets stay."""
    session.write("DELETE", path_of("/api/routes", name))
    session.output.result({"id": name, "removed": True}, f"The route {name} is removed.")
