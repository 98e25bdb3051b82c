"""People in tables: their names, where records have their ids. With --json both are there."""

from collections.abc import Iterable
from typing import Any

from genaiops.cli._session import Session
from genaiops.core.errors import GenaiopsError
from genaiops.sdk import path_of

_ID = "act_"


def with_names(session: Session, rows: Iterable[dict[str, Any]], *fields: str) -> list[dict[str, Any]]:
    """The rows, each with a further field for each of these that holds an actor's id: `created_by` has its name as
    `created_by_name`, `actor_id` as `actor_name`. Who is not there any more, or may not be seen, is called by the
    id."""
    found: dict[str, str] = {}

    def name(actor_id: str | None) -> str | None:
        if actor_id is None or not actor_id.startswith(_ID):
            return actor_id  # such as admin, or what made it by itself
        if actor_id not in found:
            found[actor_id] = _asked(session, actor_id)
        return found[actor_id]

    return [{**row, **{name_field(field): name(row.get(field)) for field in fields}} for row in rows]


def name_field(field: str) -> str:
    return f"{field.removesuffix('_id')}_name"


def _asked(session: Session, actor_id: str) -> str:
    try:
        said: str = session.client.get(path_of("/api/actors", actor_id))["name"]
    except GenaiopsError:
        return actor_id
    return said
