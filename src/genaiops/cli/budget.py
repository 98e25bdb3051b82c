"""`genaiops budget`: at most so much money or energy, so many tokens or calls in each period."""

from collections.abc import Mapping
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._priced import warn_of_unpriced
from genaiops.cli._scope import scope_of, scope_options, scope_text
from genaiops.cli._session import Session, connected
from genaiops.cli._values import amount, short_time
from genaiops.core.counting import counted
from genaiops.sdk import path_of

command = noun("budget", "Budgets in money, energy, tokens or calls, for each period.")


def _share(budget: Row) -> str:
    return f"{budget['share']:.0%}"


def _amount(budget: Row, field: str) -> str | None:
    return amount(budget[field], budget["unit"])


_COLUMNS = (
    Column("ID", "id"),
    Column("OF", scope_text),
    Column("LIMIT", lambda row: _amount(row, "limit"), right=True),
    Column("PERIOD", "period", rank=2),
    Column("KIND", lambda row: "hard" if row["hard"] else "soft", rank=3),
    Column("SETTLED", lambda row: _amount(row, "settled"), right=True, rank=1),
    Column("RESERVED", lambda row: _amount(row, "reserved"), right=True, rank=2),
    Column("SHARE", _share, right=True, rank=1),
    Column("STATE", "state", rank=1),
)


@command.verb("set", example='genaiops budget set --team search "25 USD" --period month --tz Europe/Berlin --soft')
@click.argument("limit")
@scope_options
@click.option(
    "--period",
    type=click.Choice(["minute", "hour", "day", "week", "month", "total"]),
    default="month",
    show_default=True,
    help="When it begins anew, by the calendar.",
)
@click.option("--tz", "timezone", default="UTC", show_default=True, help="Whose calendar: Europe/Berlin.")
@click.option("--soft", is_flag=True, help="Only warn. [refuse the call that could exceed it]")
@connected
def set_(session: Session, limit: str, period: str, timezone: str, soft: bool, **scopes: str | None) -> None:
    """Set a budget: "25 USD", "5 kWh", "1M tokens" or "1000 calls". One of the same meter and period there gets this
    limit."""
    scope = scope_of(session, scopes)
    body: dict[str, Any] = {"scope": scope, "limit": limit, "period": period, "timezone": timezone, "hard": not soft}
    there = _same(session, scope, body)
    if there is None:
        made = session.write("POST", "/api/budgets", body)
    else:
        made = session.write("PATCH", path_of("/api/budgets", there), {"limit": limit, "hard": not soft})
    session.output.result(made, f"{scope_text(made)} may use {limit} a {period} ({made['id']}).")
    if made["hard"] and made["meter"] == "money":
        warn_of_unpriced(session, made["unit"])
    if made["meter"] == "energy":
        session.output.note("Of a provider's model the output tokens count, by EcoLogits; input tokens are not known.")
        session.output.note(_UNKNOWN_IS_REFUSED if made["hard"] else _UNKNOWN_IS_COUNTED)


_WATT_HOURS = frozenset({"wh", "kwh", "mwh"})
_UNKNOWN_IS_REFUSED = "Targets whose energy nobody knows are refused; `genaiops usage --by target` shows them."
_UNKNOWN_IS_COUNTED = "Attempts whose energy nobody knows use nothing of it; `genaiops budget show` counts them."


@command.verb("list", example="genaiops budget list")
@connected
def list_(session: Session) -> None:
    """List the budgets and what is used of them."""
    budgets = session.items("/api/budgets")
    session.output.rows(
        budgets, _COLUMNS, empty='There is no budget. Set one with `genaiops budget set --team NAME "25 USD"`.'
    )


@command.verb("show", example="genaiops budget show bud_01jd9x4t6qgc2v8y0m3n5p7r1s")
@click.argument("budget")
@connected
def show(session: Session, budget: str) -> None:
    """Show one budget: what is settled, reserved and left, and where it is going."""
    found = session.client.get(path_of("/api/budgets", budget))
    session.output.facts(
        found,
        (
            ("id", found["id"]),
            ("of", scope_text(found)),
            ("limit", _amount(found, "limit")),
            ("kind", "hard: refuses" if found["hard"] else "soft: warns"),
            ("period", f"{found['period']} ({found['timezone']})"),
            ("from", short_time(found["window_start_at"])),
            ("to", short_time(found["window_end_at"])),
            ("settled", _amount(found, "settled")),
            ("reserved", _amount(found, "reserved")),
            ("remaining", _amount(found, "remaining")),
            ("used", _share(found)),
            ("unknown", _unknown(found)),
            ("forecast", _amount(found, "forecast")),
            ("state", found["state"]),
        ),
    )


def _unknown(budget: Row) -> str | None:
    """What counts as nothing, where there is any."""
    unknown = budget["unknown"]
    if not unknown:
        return None
    return counted(unknown, "attempt" if budget["meter"] == "energy" else "call") + ", which use nothing of it"


@command.verb("reset", example="genaiops budget reset bud_01jd9x4t6qgc2v8y0m3n5p7r1s")
@click.argument("budget")
@connected
def reset(session: Session, budget: str) -> None:
    """Begin the current period anew."""
    done = session.write("POST", path_of("/api/budgets", budget, "reset"))
    session.output.result(done, f"The budget {budget} begins anew.")


@command.verb("remove", example="genaiops budget remove bud_01jd9x4t6qgc2v8y0m3n5p7r1s")
@click.argument("budget")
@connected
def remove(session: Session, budget: str) -> None:
    """Remove a budget."""
    session.write("DELETE", path_of("/api/budgets", budget))
    session.output.result({"id": budget, "removed": True}, f"The budget {budget} is removed.")


def _same(session: Session, scope: dict[str, str], body: Mapping[str, Any]) -> str | None:
    """The id of the budget that counts the same over the same periods, so that setting it twice makes one."""
    unit = body["limit"].strip().lstrip("0123456789.,_ ").split()[-1].lower().rstrip("s")
    unit = "wh" if unit in _WATT_HOURS else unit
    for budget in session.items("/api/budgets"):
        same_window = all(budget[field] == body[field] for field in ("period", "timezone"))
        if budget["scope"] == scope and same_window and budget["unit"].lower().rstrip("s") == unit:
            return budget["id"]
    return None
