"""`genaiops route`: which targets serve a model's name."""

from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._priced import warn_of_unpriced
from genaiops.cli._session import Session, connected
from genaiops.cli._shadows import add_verbs
from genaiops.cli._values import shared, weighted
from genaiops.core.errors import NotFound
from genaiops.sdk import path_of

command = noun("route", "Routes: which targets serve a name, by weight, and what to fall back on.")


def _targets(route: Row) -> list[str]:
    return [f"{each['target_id']}={each['weight']}" for each in route["targets"]]


_STRATEGIES = click.Choice(["weighted", "latency", "cost", "least_busy"])
_STICKY = click.Choice(["key", "user", "label", "session"])


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
    Column("STRATEGY", "strategy", rank=1),
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
@click.option("--strategy", type=_STRATEGIES, help="How one of the targets is chosen. [weighted]")
@click.option("--sticky", type=_STICKY, help="Whose calls stay with one target. [nobody's]")
@click.option("--region", "regions", multiple=True, help="Only targets there; repeatable. [anywhere]")
@click.option(
    "--context-fallback", "context_fallbacks", multiple=True, help="For prompts too long for the targets; repeatable."
)
@click.option(
    "--over-budget", multiple=True, help="Serves when a hard budget refuses the others, in order; repeatable."
)
@click.option("--hedge-after", type=float, help="Seconds without a byte after which another target is asked as well.")
@click.option("--hedge-percentile", type=float, help="That time by what the target took lately, as 95.")
@click.option("--hedge-share", type=float, help="Of the calls at most, 0 to 1. [0.05]")
@click.option("--shadow", help="TARGET or TARGET=SHARE (0 to 1): copies of calls are sent there.")
@click.option("--shadow-app", help="The application whose budgets the copies are charged to. [shadow/NAME]")
@click.option("--guard", help="A policy that holds for its calls beside that of the key: NAME, NAME@ALIAS. [none]")
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
        **_choosing(name, options),
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
    if made["over_budget"]:
        warn_of_unpriced(session, None, only=made["over_budget"])


def _choosing(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The fields beside targets, fallbacks and retries."""
    plain = ("strategy", "sticky", "regions", "context_fallbacks", "over_budget", "guard")
    body: dict[str, Any] = {field: options[field] for field in plain if options[field] not in (None, ())}
    hedge = {field: options[f"hedge_{field}"] for field in ("after", "percentile", "share")}
    hedge = {field: value for field, value in hedge.items() if value is not None}
    if hedge:
        body["hedge"] = hedge
    if options["shadow"] is not None:
        target, share = shared(options["shadow"])
        body["shadow"] = {"target_id": target, "application": options["shadow_app"] or f"shadow/{name}".lower()}
        if share is not None:
            body["shadow"]["share"] = share
    elif options["shadow_app"] is not None:
        raise click.UsageError("--shadow-app goes with --shadow TARGET.")
    return body


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
            ("strategy", route["strategy"]),
            ("sticky by", route["sticky"]),
            ("regions", route["regions"]),
            ("for long prompts", route["context_fallbacks"]),
            ("over budget", route["over_budget"]),
            ("hedge", _hedging(route["hedge"])),
            ("shadow", _shadowing(route["shadow"])),
            ("guard", route["guard"]),
            ("attempts", retry["attempts"]),
            ("back-off", f"{retry['backoff']:g} to {retry['backoff_max']:g} s"),
            ("deadline", f"{retry['deadline']:g} s"),
            ("cache", _cache(route["cache"])),
        ),
    )


def _hedging(hedge: Row | None) -> str | None:
    if hedge is None:
        return None
    times = [] if hedge["percentile"] is None else [f"the {hedge['percentile']:g}th percentile"]
    times += [] if hedge["after"] is None else [f"{hedge['after']:g} s"]
    return f"after {' or '.join(times)}, at most {hedge['share']:.1%} of the calls"


def _shadowing(shadow: Row | None) -> str | None:
    if shadow is None:
        return None
    return f"{shadow['share']:.1%} also to {shadow['target_id']}, charged to {shadow['application']}"


@command.verb("remove", example="genaiops route remove chat")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a route; its targets stay."""
    session.write("DELETE", path_of("/api/routes", name))
    session.output.result({"id": name, "removed": True}, f"The route {name} is removed.")


add_verbs(command)
