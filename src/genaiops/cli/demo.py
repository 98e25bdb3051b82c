"""`genaiops demo`: real calls, so that every screen has something true to show."""

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.core.errors import NotFound

if TYPE_CHECKING:
    from genaiops.cli._demo_prompts import Models

command = noun("demo", "Real calls, so that every screen has something true to show.")

_OUTCOMES = (Column("CALL", "call"), Column("OUTCOME", "outcome"), Column("HOW MANY", "count", right=True))


@command.verb("traffic", example="genaiops demo traffic --calls 60 --seconds 60")
@click.option("--calls", type=click.IntRange(1, 100_000), default=60, show_default=True, help="At most so many.")
@click.option("--seconds", type=click.FloatRange(1, 86_400), default=60, show_default=True, help="Begin none later.")
@click.option("--rate", type=click.FloatRange(0.01, 1000), help="At most so many a second. [as fast as answered]")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed asks the same.")
@connected
def traffic(session: Session, calls: int, seconds: float, rate: float | None, seed: int) -> int:
    """Send a bounded stream of varied prompts: chats, streams, embeddings, and a few requests that must be refused.

    Makes the teams support, search and research with one key each (demo-...) and a key with a budget of one token. Exit
    status 3 when something failed that should not have.
    """
    from genaiops.cli._demo_calls import Traffic
    from genaiops.cli._demo_keys import make_keys
    from genaiops.cli._demo_prompts import plan
    from genaiops.sdk import Client

    models = _find_models(session)
    secrets = make_keys(session)
    clients = {name: Client(session.client.url, secret, timeout=120) for name, secret in secrets.items()}
    with _progress(session, calls) as advanced:
        tally = Traffic(clients, advanced).run(plan(models, calls, seed), seconds=seconds, rate=rate)
    rows = [
        {"call": kind, "outcome": outcome, "count": count} for (kind, outcome), count in sorted(tally.outcomes.items())
    ]
    if session.output.as_json:
        session.output.json(
            {"calls": tally.made, "answered": tally.answered, "outcomes": rows, "surprises": tally.surprises}
        )
    else:
        session.output.rows(rows, _OUTCOMES, empty="No call was made.")
        for surprise in dict.fromkeys(tally.surprises):
            session.output.note(f"error: {surprise}")
        session.output.note(f"See them at {session.client.url}, or with `genaiops trace list`.")
    return 3 if tally.surprises else 0


@command.verb("clean", example="genaiops demo clean")
@connected
def clean(session: Session) -> None:
    """Revoke the demonstration's keys and remove their budgets. Teams and traces stay."""
    from genaiops.cli._demo_keys import remove_keys

    revoked = remove_keys(session)
    session.output.result({"data": revoked}, f"{len(revoked)} keys of the demonstration are revoked.")


def _find_models(session: Session) -> "Models":
    """The first model that talks and the first that embeds; the embedded ones are preferred, they cost nothing."""
    from genaiops.cli._catalogue import or_embedded
    from genaiops.cli._demo_prompts import Models

    listed = [model for model in session.items("/api/models") if model["available"]]
    listed.sort(key=lambda model: model["weights"] is None)
    chat = next((model["id"] for model in listed if "chat" in model["operations"]), None)
    embeddings = next((model["id"] for model in listed if "embeddings" in model["operations"]), None)
    if chat is None and embeddings is None:
        raise NotFound(
            "There is no model to call.",
            remedy=f"Add one with `genaiops model add`{or_embedded(session)}.",
        )
    return Models(chat, embeddings)


@contextlib.contextmanager
def _progress(session: Session, calls: int) -> Generator[Callable[[], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not session.output.interactive:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(transient=True) as progress:
        task = progress.add_task("Calls", total=calls)
        yield lambda: progress.advance(task)
