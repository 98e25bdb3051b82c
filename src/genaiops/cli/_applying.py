"""Showing what would change, asking, and doing it: for `apply` and for what imports descriptions."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from genaiops.cli._described import Described, located
from genaiops.cli._output import Output, Row, clean
from genaiops.cli._priced import warn_of_unpriced
from genaiops.cli._session import Session
from genaiops.core.errors import UsageError

_SIGNS = {"add": ("+", "green"), "change": ("~", "yellow"), "remove": ("-", "red")}
_GONE = {"key": "revoked", "actor": "disabled", "use case": "retired"}
_WORDS = {"add": "to add", "change": "to change", "remove": "to remove"}
_SHOWN = 8


class How(msgspec.Struct, frozen=True, kw_only=True):
    """`look`: only say what would change; `check`: and exit with status 1 when something would."""

    prune: bool = False
    look: bool = False
    check: bool = False
    yes: bool = False


def carry_out(session: Session, described: Described, how: How) -> int:
    """The exit status. Errors name the file and the line."""
    body: dict[str, Any] = {"state": described.document, "prune": how.prune}
    try:
        looked = session.client.post("/api/state", {**body, "dry_run": True})
    except UsageError as error:
        raise located(error, described) from error
    output = session.output
    only_looks = how.look or how.check
    if only_looks or not looked["changes"]:
        _tell(output, looked)
        return 1 if how.check and looked["changes"] else 0
    if not output.as_json or _asks(how):
        _print_changes(output, looked, err=output.as_json)
    if _asks(how) and not click.confirm("Do this?", err=True):
        output.note("Nothing was changed.")
        return 1
    try:
        done = session.write("POST", "/api/state", {**body, "plan": looked["plan"]})
    except UsageError as error:
        raise located(error, described) from error
    if output.as_json:
        output.json(done)
    else:
        _print_done(output, done)
    if any(change["kind"] == "budget" and change["action"] != "remove" for change in done["changes"]):
        budgets = session.items("/api/budgets")
        for currency in sorted({each["unit"] for each in budgets if each["hard"] and each["meter"] == "money"}):
            warn_of_unpriced(session, currency)
    return 0


def _asks(how: How) -> bool:
    return not how.yes and sys.stdin.isatty()


def _tell(output: Output, looked: Row) -> None:
    if output.as_json:
        output.json(looked)
    else:
        _print_changes(output, looked, err=False)


def _print_changes(output: Output, looked: Row, *, err: bool) -> None:
    for line in change_lines(looked["changes"]):
        click.echo(line, err=err, color=None if output.interactive else False)
    if looked["changes"]:
        click.echo(err=err)
    click.echo(_sum(looked), err=err)
    for line in _remarks(looked):
        output.note(line)


def change_lines(changes: list[Row]) -> Iterator[str]:
    """`~ route chat`, and a line for each field below it."""
    for change in changes:
        sign, colour = _SIGNS[change["action"]]
        gone = f" ({_GONE[change['kind']]})" if change["action"] == "remove" and change["kind"] in _GONE else ""
        yield click.style(clean(f"{sign} {change['kind']} {change['name']}{gone}"), fg=colour)
        width = max((len(each["field"]) for each in change["fields"]), default=0)
        for each in change["fields"]:
            after = _text(each["after"])
            shown = after if change["action"] == "add" else f"{_text(each['before'])} -> {after}"
            yield clean(f"    {each['field'].ljust(width)}  {shown}")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        lines = value.splitlines()
        return value if len(lines) < 2 else f"{lines[0]} ... ({len(lines)} lines)"
    return msgspec.json.encode(value).decode()


def _sum(looked: Row) -> str:
    counts = {action: sum(each["action"] == action for each in looked["changes"]) for action in _WORDS}
    parts = [f"{count} {_WORDS[action]}" for action, count in counts.items() if count] or ["Nothing to do"]
    return f"{', '.join(parts)}, {looked['unchanged']} unchanged."


def _remarks(looked: Row) -> Iterator[str]:
    surplus = looked["surplus"]
    if surplus:
        names = ", ".join(f"{each['kind']} {each['name']}" for each in surplus[:_SHOWN])
        more = ", ..." if len(surplus) > _SHOWN else ""
        yield clean(f"Not described, and left as they are (--prune removes them): {names}{more}.")
    for name in looked["missing_secrets"]:
        yield f"There is no secret {name} yet: genaiops secret set {name}"
    if any(each["kind"] == "price" for each in looked["changes"]):
        yield "Prices are never changed: each of these becomes a new line, and former calls keep their price."


def _print_done(output: Output, done: Row) -> None:
    output.note("Done.")
    if done["keys"]:
        output.note("The secrets of the keys that were made, shown this once:")
        width = max(len(key["name"]) for key in done["keys"])
        for key in done["keys"]:
            output.line(f"{key['name'].ljust(width)}  {key['secret']}")
