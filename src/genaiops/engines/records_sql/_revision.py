"""Whether a database is of this program's revision, told without Alembic."""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_STAMP = table("alembic_version", column("version_num"))


def newest() -> str | None:
    """The last of this program's revisions; their files are numbered. None where they cannot be listed."""
    return max((path.name.partition("_")[0] for path in _VERSIONS.glob("r[0-9]*.py")), default=None)


def at_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table(_STAMP.name):
        return False
    return connection.scalars(select(_STAMP.c.version_num)).all() == [newest()]
