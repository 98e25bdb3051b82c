"""`genaiops route shadow` and `genaiops app shadow`: copies of calls beside the calls that users got."""

from typing import Any

import click

from genaiops.cli._noun import Noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.core.counting import counted
from genaiops.sdk import path_of

_COLUMNS = (
    Column("METRIC", "metric"),
    Column("SAYS", "state"),
    Column("LIVE", lambda row: _figure(row["live"]), right=True),
    Column("COPY", lambda row: _figure(row["copy"]), right=True),
    Column("DIFFERENCE", lambda row: _signed(row["difference"]), right=True),
    Column("INTERVAL", lambda row: _interval(row["interval"]) or row["why"]),
    Column("UNIT", "unit", rank=1),
    Column("WON", "won", right=True, rank=1),
    Column("LOST", "lost", right=True),
    Column("PAIRS", "pairs", right=True),
    Column("USERS", "users", right=True, rank=1),
)
_PAIRS = (
    Column("LIVE", lambda row: row["live"]["trace_id"]),
    Column("COPY", lambda row: row["copy"]["trace_id"]),
    Column("ASKED", "asked", elastic=True),
)


def add_verbs(command: Noun) -> None:
    """`shadow` becomes a verb of the noun."""
    command.verb("shadow", example="genaiops route shadow chat --check refusal --check chrf")(shadow)


@click.argument("name")
@click.option("--since", default="7d", show_default=True, help="15m, 24h, 7d or an ISO time.")
@click.option("--until", help="15m, 24h, 7d or an ISO time.")
@click.option("--target", help="Who got the copies. [the route's shadow target]")
@click.option("--env", "environment_id", help="In an environment.")
@click.option("--check", multiple=True, help="A metric of answers: refusal, is_json, chrf ...; repeatable.")
@click.option("--lost", metavar="METRIC", help="List the pairs in which the copy was worse by that metric.")
@click.option("--most", type=click.IntRange(1, 5000), default=1000, show_default=True, help="Copies to look at.")
@connected
def shadow(session: Session, name: str, **where: Any) -> None:
    """Compare what a shadow target answered with what users got, pair by pair."""
    found = session.client.get(path_of("/api/shadows", name), where)
    if not found["copies"] and not session.output.as_json:
        session.output.line(f"No copies to {found['target']} in that time. They need a hard budget for the application")
        session.output.line(f"that they are charged to: genaiops route show {name} names it.")
        return
    print_report(session, found, where["lost"])


def print_report(session: Session, found: Row, lost: str | None) -> None:
    """Of a route's shadow target or of a release in shadow."""
    if session.output.as_json:
        session.output.json(found)
        return
    for text in _heads(found):
        session.output.line(text)
    session.output.line()
    session.output.rows(found["lines"], _COLUMNS, empty="Nothing could be compared.")
    for each in found["alike"]:
        session.output.line(
            f"like the live answer by {each['metric']}: {_likeness(each)} ({counted(each['pairs'], 'pair')})"
        )
    if lost is not None:
        session.output.line()
        session.output.rows(found["shown"], _PAIRS, empty=f"No pair was lost by {lost}.")


def _heads(found: Row) -> list[str]:
    newest = "newest " if found["more"] else ""
    first = f"{found['pairs']} pairs of {found['users']} users, of the {newest}{found['copies']} copies"
    heads = [f"{first} to {found['target']}. Differences are copy less live, with 95 % intervals over users."]
    if found["unpaired"]:
        heads.append(f"{found['unpaired']} copies are without the call that they copy, and count for nothing.")
    if found["told"]:
        heads.append(f"{found['same']} of {found['told']} answers are the same, letter by letter.")
    return heads


def _likeness(each: Row) -> str:
    if each["interval"] is None:
        return each["why"]
    low, high = map(_figure, each["interval"])
    return f"{_figure(each['mean'])} ({low} to {high})"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f"{_signed(bounds[0])} to {_signed(bounds[1])}"
