"""`genaiops secret`: values that targets use, kept encrypted. Read from standard input, never from arguments."""

import sys

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.core.errors import UsageError
from genaiops.sdk import path_of

command = noun("secret", "Secrets of providers: set, list, remove; never shown.")

_COLUMNS = (
    Column("NAME", "name"),
    Column("SOURCE", "source"),
    Column("UPDATED", lambda row: short_time(row["updated_at"])),
)


@command.verb("set", example="cat openai.key | genaiops secret set OPENAI_API_KEY")
@click.argument("name")
@connected
def set_(session: Session, name: str) -> None:
    """Keep a secret. Its value is what standard input holds, or what is typed without being shown."""
    session.client.request("PUT", path_of("/api/secrets", name), {"value": _read_value(name)})
    session.output.result({"name": name}, f"The secret {name} is kept.")


@command.verb("list", example="genaiops secret list")
@connected
def list_(session: Session) -> None:
    """List the names of secrets."""
    secrets = session.items("/api/secrets")
    session.output.rows(secrets, _COLUMNS, empty="There is no secret. Keep one with `genaiops secret set NAME`.")


@command.verb("remove", example="genaiops secret remove OPENAI_API_KEY")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove a secret from the store."""
    session.write("DELETE", path_of("/api/secrets", name))
    session.output.result({"name": name, "removed": True}, f"The secret {name} is removed.")


@command.verb("rotate-key", example="genaiops secret rotate-key")
@connected
def rotate_key(session: Session) -> None:
    """Make a new key file and encrypt every secret anew."""
    session.write("POST", "/api/secrets/rotate")
    session.output.result({"rotated": True}, "Every secret is encrypted with a new key.")


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        value: str = click.prompt(f"Value of {name}", hide_input=True, err=True)
    else:
        value = sys.stdin.read().strip()
    if not value:
        raise UsageError(
            f"No value for {name} came on standard input.",
            remedy=f"Run `cat FILE | genaiops secret set {name}`, or type it when asked.",
            param="value",
        )
    return value
