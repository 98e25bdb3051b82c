"""`genaiops approval`: changes that wait for another person's consent."""

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column, Row
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("approval", "Approvals: protected changes that wait for another person's consent.")

_STATES = click.Choice(["pending", "applied", "refused", "withdrawn"])
_COMMENT = click.option("--comment", default="", help="Why, for who reads it later.")


def _state(row: Row) -> str:
    if row["emergency"] and row["state"] == "pending":
        return "made, undecided"
    if row["expired"]:
        return "expired"
    return f"{row['state']} by oneself" if row["self_approved"] else row["state"]


_COLUMNS = (
    Column("ID", "id"),
    Column("SUBJECT", "subject"),
    Column("STATE", _state),
    Column("BY", "requester"),
    Column("DECIDED BY", "decider", rank=1),
    Column("ASKED", lambda row: short_time(row["requested_at"]), rank=2),
    Column("REASON", "reason", elastic=True, rank=3),
)


@command.verb("list", example="genaiops approval list --state pending")
@click.option("--state", type=_STATES, help="Only in this state.")
@connected
def list_(session: Session, state: str | None) -> None:
    """List approvals, newest first."""
    session.output.rows(session.items("/api/approvals", {"state": state}), _COLUMNS, empty="There is no approval.")


@command.verb("show", example="genaiops approval show apr_01jd3v")
@click.argument("approval")
@connected
def show(session: Session, approval: str) -> None:
    """Show what would change, who asked, who may decide and what gates said."""
    found = session.client.get(path_of("/api/approvals", approval))
    verdicts = [f"{name}: {verdict['outcome']}" for name, verdict in found["verdicts"].items()]
    session.output.facts(
        found,
        (
            ("id", found["id"]),
            ("subject", found["subject"]),
            *((name, found["change"][name]) for name in sorted(found["change"])),
            ("state", _state(found)),
            ("emergency", "yes" if found["emergency"] else None),
            ("reason", found["reason"]),
            ("asked by", f"{found['requester']}, {short_time(found['requested_at'])}"),
            ("decided by", f"{found['decider']}, {short_time(found['decided_at'])}" if found["decider"] else None),
            ("comment", found["comment"]),
            ("may decide", found["approvers"]),
            ("gates", verdicts or found["gated"]),
            ("policy", found["policy"]),
            ("until", short_time(found["expires_at"])),
        ),
    )


@command.verb("approve", example="genaiops approval approve apr_01jd3v --comment 'compared on the suite'")
@click.argument("approval")
@_COMMENT
@connected
def approve(session: Session, approval: str, comment: str) -> None:
    """Consent; the change is made at once."""
    made = session.write("POST", path_of("/api/approvals", approval, "approve"), {"comment": comment})
    session.output.result(made, f"{made['subject']} is changed.")


@command.verb("refuse", example="genaiops approval refuse apr_01jd3v --comment 'the suite fails'")
@click.argument("approval")
@_COMMENT
@connected
def refuse(session: Session, approval: str, comment: str) -> None:
    """Refuse; nothing is changed."""
    made = session.write("POST", path_of("/api/approvals", approval, "refuse"), {"comment": comment})
    stays = " It was made as an emergency, and stays until somebody changes it." if made["emergency"] else ""
    session.output.result(made, f"{approval} is refused.{stays}")


@command.verb("withdraw", example="genaiops approval withdraw apr_01jd3v")
@click.argument("approval")
@_COMMENT
@connected
def withdraw(session: Session, approval: str, comment: str) -> None:
    """Take back what you asked for."""
    made = session.write("POST", path_of("/api/approvals", approval, "withdraw"), {"comment": comment})
    session.output.result(made, f"{approval} is withdrawn.")
