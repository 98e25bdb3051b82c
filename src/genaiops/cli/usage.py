"""`genaiops usage`: calls, tokens and money, by whom and for what."""

from collections.abc import Callable, Mapping

import click

from genaiops.cli._noun import lead
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._trace_text import range_text
from genaiops.cli._values import milliseconds, short_time, tokens
from genaiops.cli.cache import saved

_DIMENSIONS = {
    "key": "key_id",
    "team": "team_id",
    "app": "application",
    "model": "request_model",
    "env": "environment_id",
    "target": "target_id",
    "operation": "operation",
    "status": "status",
}


def _cost(row: Row) -> str:
    unknown = row["cost_unknown"]
    known = f"{row['cost']} USD"
    return f"{known}, and {unknown} unknown" if unknown else known


def _energy(row: Row) -> str:
    energy = row["energy"]
    if energy["kwh"] is None:
        return "unknown" if energy["attempts"] else "-"
    return range_text({bound: value * 1000 for bound, value in energy["kwh"].items()}, "Wh") + _missing(
        energy["attempts"] - energy["known"]
    )


def _co2e(row: Row) -> str:
    energy = row["energy"]
    if energy["co2e_g"] is None:
        return "unknown" if energy["attempts"] else "-"
    return range_text(energy["co2e_g"], "g") + _missing(energy["attempts"] - energy["co2e_known"])


def _water(row: Row) -> str:
    energy = row["energy"]
    if energy["water_l"] is None:
        return "unknown" if energy["attempts"] else "-"
    millilitres = {bound: value * 1000 for bound, value in energy["water_l"].items()}
    return range_text(millilitres, "ml") + _missing(energy["attempts"] - energy["water_known"])


def _missing(attempts: int) -> str:
    return f", and {attempts} unknown" if attempts else ""


@lead("usage", example="genaiops usage --by team --by model --since 7d")
@click.option(
    "--by", "dimensions", type=click.Choice(list(_DIMENSIONS)), multiple=True, help="What to tell apart; repeatable."
)
@click.option("--since", default="24h", show_default=True, help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time. [now]")
@click.option("--step", type=click.Choice(["minute", "hour", "day", "all"]), default="all", show_default=True)
@connected
def command(session: Session, dimensions: tuple[str, ...], since: str, until: str | None, step: str) -> None:
    """Show calls, errors, tokens, cost, what caches saved, energy, water, latency. Unknown is unknown, not 0."""
    names = [_DIMENSIONS[dimension] for dimension in dimensions]
    query = {"since": since, "until": until, "step": step, "group_by": ",".join(names) or None}
    rows = session.items("/api/usage", query)
    names_of_keys: dict[str, str] = {}
    if "key" in dimensions and not session.output.as_json:
        names_of_keys = {key["id"]: key["name"] for key in session.client.pages("/api/keys")}
    columns = [Column(dimension.upper(), _of_group(_DIMENSIONS[dimension], names_of_keys)) for dimension in dimensions]
    if step != "all":
        columns.insert(0, Column("FROM", lambda row: short_time(row["start_at"])))
    columns += [
        Column("CALLS", lambda row: tokens(row["calls"]), right=True),
        Column("ERRORS", lambda row: tokens(row["errors"]), right=True),
        Column("IN", lambda row: tokens(row["input_tokens"]), right=True),
        Column("OUT", lambda row: tokens(row["output_tokens"]), right=True),
        Column("COST", _cost, right=True),
        Column("CACHE HITS", lambda row: tokens(row["cache"]["hits"]), right=True, rank=2),
        Column("SAVED", lambda row: saved(row["cache"]) if row["cache"]["hits"] else "-", right=True, rank=2),
        Column("ENERGY", _energy, right=True, rank=2),
        Column("CO2E", _co2e, right=True, rank=3),
        Column("WATER", _water, right=True, rank=4),
        Column("P50", lambda row: milliseconds(row["p50_ms"]), right=True),
        Column("P95", lambda row: milliseconds(row["p95_ms"]), right=True),
    ]
    session.output.rows(rows, columns, empty="There was no call. Make some with `genaiops demo traffic`.")


def _of_group(name: str, names_of_keys: Mapping[str, str]) -> Callable[[Row], object]:
    def value(row: Row) -> object:
        found = row["group"].get(name)
        return names_of_keys.get(found, found)

    return value


_SPENDERS = ("key", "team", "app", "model")


@command.verb("anomalies", example="genaiops usage anomalies --by team")
@click.option("--by", "kinds", type=click.Choice(_SPENDERS), multiple=True, help="Whose spend; repeatable. [all]")
@click.option("--all", "everything", is_flag=True, help="Also what is as usual.")
@connected
def anomalies(session: Session, kinds: tuple[str, ...], everything: bool) -> int:
    """Show spend far above what it was at the same time of the last two weeks; exit status 1 when there is some.

    What has too little history, or calls without a price, is unknown: shown, and not called usual."""
    by = ",".join("application" if kind == "app" else kind for kind in kinds)
    rows = session.items("/api/usage/anomalies", {"by": by or None})
    shown = [row for row in rows if everything or row["state"] != "usual"]
    names: dict[str, str] = {}
    if any(row["by"] == "key" for row in shown) and not session.output.as_json:
        names = {key["id"]: key["name"] for key in session.client.pages("/api/keys")}
    columns = (
        Column("STATE", "state"),
        Column("BY", "by"),
        Column("NAME", lambda row: names.get(row["id"], row["id"])),
        Column("LAST", "window"),
        Column("SPENT", "spent", right=True),
        Column("USUAL", lambda row: "unknown" if row["usual"] is None else row["usual"], right=True),
        Column("LIMIT", lambda row: "unknown" if row["limit"] is None else row["limit"], right=True),
        Column("AT NO PRICE", lambda row: tokens(row["unknown_calls"]), right=True),
        Column("DAYS", lambda row: row["days"], right=True),
    )
    empty = f"All {len(rows)} stretches of spend are as usual." if rows else "Nobody spent anything in the last day."
    session.output.rows(shown, columns, empty=empty)
    return int(any(row["state"] == "above" for row in rows))
