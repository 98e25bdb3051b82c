"""`genaiops task`: what waits for a person."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("task", "Tasks: answers and requests that a guard policy holds until somebody decides.")

_STATES = click.Choice(["pending", "released", "refused", "expired"])
_REASON = click.option("--reason", default="", help="Why; of a refusal its client is told.")


def _found(row: Row) -> str:
    return ", ".join(f"{kind} x{count}" if count > 1 else kind for kind, count in row["found"].items())


def _decided(row: Row) -> str:
    return f"{row['state']} by oneself" if row["solo"] else row["state"]


_COLUMNS = (
    Column("ID", "id"),
    Column("WHAT", lambda row: "answer" if row["kind"] == "held_answer" else "request"),
    Column("STATE", _decided),
    Column("RULE", "rule"),
    Column("FOUND", _found, elastic=True, rank=1),
    Column("BY", "asker", rank=2),
    Column("SINCE", lambda row: short_time(row["created_at"]), rank=2),
)


@command.verb("list", example="genaiops task list --state pending")
@click.option("--state", type=_STATES, help="Only in this state.")
@connected
def list_(session: Session, state: str | None) -> None:
    """List tasks, pending ones first."""
    session.output.rows(session.items("/api/tasks", {"state": state}), _COLUMNS, empty="Nothing waits for anybody.")


@command.verb("show", example="genaiops task show held_00f067aa0ba902b7")
@click.argument("task")
@connected
def show(session: Session, task: str) -> None:
    """Show what is held, redacted, and by what."""
    found = session.client.get(path_of("/api/tasks", task))
    texts = [f"{part['provenance']}: {part['text']}" for part in found["content"] or ()]
    session.output.facts(
        found,
        (
            ("id", found["id"]),
            ("state", _decided(found)),
            ("what", "answer" if found["kind"] == "held_answer" else "request"),
            ("rule", f"{found['rule']} of {found['policy']}"),
            ("found", _found(found)),
            ("model", found["model"]),
            ("application", found["application"]),
            ("asked by", f"{found['asker']}, {short_time(found['created_at'])}"),
            ("trace", found["trace_id"]),
            ("text", texts or "not kept any more, or not for you"),
            ("decided by", f"{found['decider']}, {short_time(found['decided_at'])}" if found["decider"] else None),
            ("reason", found["reason"]),
            ("passes until", short_time(found["passes_until"]) if found["passes_until"] else None),
            ("until", short_time(found["expires_at"])),
        ),
    )


@command.verb("release", example="genaiops task release held_00f067aa0ba902b7 --reason 'a made-up number'")
@click.argument("task")
@_REASON
@connected
def release(session: Session, task: str, reason: str) -> None:
    """Let its client have the answer, or send the request again. This cannot be taken back."""
    made = session.write("POST", path_of("/api/tasks", task, "release"), {"reason": reason})
    session.output.result(made, f"{task} is released.")


@command.verb("refuse", example="genaiops task refuse held_00f067aa0ba902b7 --reason 'it names a customer'")
@click.argument("task")
@_REASON
@connected
def refuse(session: Session, task: str, reason: str) -> None:
    """Its client never gets it. This cannot be taken back."""
    made = session.write("POST", path_of("/api/tasks", task, "refuse"), {"reason": reason})
    session.output.result(made, f"{task} is refused.")
