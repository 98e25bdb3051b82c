"""What differs between two versions, as lines: by part (messages, tools, parameters ...), texts word by word."""

from itertools import groupby
from typing import Any, cast

import click
import msgspec

from genaiops.cli._output import clean
from genaiops.cli._session import Session

_PARTS = {"response_format": "Answer format"}
_MARKS = {"same": " ", "added": "+", "removed": "-"}
_COLOURS = {"same": None, "added": "green", "removed": "red"}


def show_differences(session: Session, before: str, after: str) -> int:
    """Prints what differs between `kind/name@...` and another of the kind. The exit status: 1 when something does."""
    found = session.client.get("/api/version-diff", {"before": before, "after": after})
    if session.output.as_json:
        session.output.json(found)
        return 1 if found["differences"] else 0
    for part, differences in groupby(found["differences"], _part_of):
        click.echo(click.style(clean(_PARTS.get(part, part.capitalize())), bold=session.output.interactive))
        for difference in differences:
            _show(session, difference)
    if not found["differences"]:
        session.output.line("They are the same.")
    return 1 if found["differences"] else 0


def _part_of(difference: dict[str, Any]) -> str:
    path: str = difference["path"]
    return path.partition(".")[0]


def _show(session: Session, difference: dict[str, Any]) -> None:
    session.output.line(f"{difference['path']}: {difference['action']}")
    if not difference["lines"]:
        for mark, field in (("-", "before"), ("+", "after")):
            if difference[field] is not None:
                for line in _plain(difference[field]).splitlines() or [""]:
                    session.output.line(f"  {mark} {line}")
        return
    for line in difference["lines"]:
        text = "".join(_piece(session, piece) for piece in line["pieces"])
        click.echo(f"  {_MARKS[line['mark']]} {text}")


def _plain(value: Any) -> str:
    """A message as its role and its text, a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    message = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if isinstance(message.get("content"), str) and set(message) == {"role", "content"}:
        return f"[{message['role']}]\n{message['content']}"
    return msgspec.json.encode(value).decode()


def _piece(session: Session, piece: dict[str, str]) -> str:
    """On a terminal in colour; elsewhere the line's mark says enough."""
    text = clean(piece["text"])
    return click.style(text, fg=_COLOURS[piece["mark"]]) if session.output.interactive else text
