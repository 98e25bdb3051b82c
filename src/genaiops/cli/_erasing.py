"""`genaiops trace erase`: asking, waiting, and telling what went and what could not."""

import sys
import time
from typing import Any

import click

from genaiops.cli._output import Row
from genaiops.cli._session import Session
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

_LOOK_SECONDS = 0.2


def ask(session: Session, user_id: str, foreseen: Row) -> None:
    """Whoever erases types the id again. UsageError where nobody can be asked."""
    for line in foreseen_lines(foreseen):
        session.output.note(line)
    if session.output.as_json or not sys.stdin.isatty():
        raise UsageError(
            f"This cannot be undone: {foreseen['traces']:,} traces of an end user would be erased.",
            remedy="Give --yes to erase them, or --dry-run to see what would go.",
            code="not_confirmed",
            param="yes",
        )
    typed: str = click.prompt("Type the id of the end user to erase them", err=True)
    if typed != user_id:
        raise UsageError("That is another id; nothing was erased.", remedy="Begin again.", code="not_confirmed")


def foreseen_lines(found: Row) -> list[str]:
    stretch = f", from {found['first_at']} to {found['last_at']}" if found["first_at"] else ""
    return [
        f"{found['traces']:,} traces with {found['spans']:,} spans in {found['sessions']:,} sessions{stretch}",
        f"{found['contents']:,} contents: prompts, answers, previews, attributes",
        f"{found['comments']:,} comments of {found['scores']:,} scores",
        "Sums, costs, tokens and times stay, as nobody's.",
        *held_lines(found),
        *(f"Out of reach: {each}." for each in found["beyond"]),
    ]


def held_lines(found: Row) -> list[str]:
    if not found["datasets"]:
        return []
    return [
        "Versions of datasets are immutable and keep their rows; push new versions without them, and move aliases:",
        *(f"  {each['version']}: {each['rows']:,} rows" for each in found["datasets"]),
    ]


def wait(session: Session, erasure: Row) -> Row:
    """Until it is done. Ctrl-C ends the waiting, not the erasure."""
    told = None
    try:
        while erasure["state"] != "done":
            if erasure["error"] not in (None, told):
                told = erasure["error"]
                session.output.note(f"It waits: {told}")
            time.sleep(_LOOK_SECONDS)
            found: dict[str, Any] = session.client.get(path_of("/api/erasures", erasure["id"]))
            erasure = found
    except KeyboardInterrupt:
        session.output.note(f"{erasure['id']} goes on by itself: genaiops trace erasures")
    return erasure


def done_lines(found: Row) -> list[str]:
    if found["state"] != "done":
        return [f"{found['id']} goes on: {found['traces']:,} traces so far."]
    told = (
        f"{found['id']}: {found['traces']:,} traces, {found['contents']:,} contents, {found['comments']:,} comments, "
        f"{found['blobs']:,} large payloads, {found['events']:,} payloads of the audit log, {found['views']:,} saved "
        f"views are erased; the kept answers of {found['caches']:,} routes are forgotten; "
        f"{found['held']:,} held answers and requests are removed; "
        f"{found['cases']:,} cases of runs say nothing any more; "
        f"{found['experiments']:,} experiments have forgotten them."
    )
    return [told, *held_lines(found)]
