"""`genaiops issuer`: whose signatures make an end user's identity count."""

from pathlib import Path
from typing import Any

import click

from genaiops.cli._noun import noun
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.sdk import path_of

command = noun("issuer", "Issuers: whose signatures make an end user's identity count.")

_COLUMNS = (
    Column("ID", "id"),
    Column("ALGORITHM", "algorithm"),
    Column("SECRET", "secret"),
    Column("ISSUER", "issuer"),
    Column("AUDIENCE", "audience"),
    Column("GROUPS IN", "groups_claim", rank=1),
    Column("CREATED", lambda row: short_time(row["created_at"]), rank=2),
)


@command.verb("create", example="genaiops issuer create portal --algorithm HS256 --secret PORTAL_SIGNING_KEY")
@click.argument("name")
@click.option("--algorithm", type=click.Choice(["HS256", "RS256", "ES256", "EdDSA"]), required=True)
@click.option("--secret", help="The name of the shared secret (HS256).")
@click.option("--public-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A PEM file (others).")
@click.option("--issuer", help="What `iss` has to be.")
@click.option("--audience", help="What `aud` has to be.")
@click.option("--groups-claim", default="groups", show_default=True, help="Where the groups stand.")
@connected
def create(session: Session, name: str, public_key: Path | None, **options: Any) -> None:
    """Configure an issuer."""
    body = {"id": name, **{field: value for field, value in options.items() if value is not None}}
    if public_key is not None:
        body["public_key"] = public_key.read_text(encoding="ascii", errors="replace")
    session.output.result(session.write("POST", "/api/issuers", body), f"The issuer {name} is there.")


@command.verb("list", example="genaiops issuer list")
@connected
def list_(session: Session) -> None:
    """List the issuers."""
    session.output.rows(session.items("/api/issuers"), _COLUMNS, empty="There is no issuer: no end user is verified.")


@command.verb("remove", example="genaiops issuer remove portal")
@click.argument("name")
@connected
def remove(session: Session, name: str) -> None:
    """Remove an issuer; what it signs counts no more."""
    session.write("DELETE", path_of("/api/issuers", name))
    session.output.result({"id": name, "removed": True}, f"The issuer {name} is removed.")
