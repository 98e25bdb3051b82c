"""Bringing a database to this program's revision."""

import threading
from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from sqlalchemy import Connection

from genaiops.core.errors import StoreError

# Alembic hands its context to the scripts through module globals.
_ONE_AT_A_TIME = threading.Lock()


def upgrade(connection: Connection, store: str, target: str = "heads") -> Sequence[str]:
    """Run what is missing up to `target`, inside the transaction of `connection` (the writers' lock is held); the
    revisions run."""
    config = Config()
    config.set_main_option("script_location", "genaiops.engines.records_sql:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    with _ONE_AT_A_TIME:
        current = MigrationContext.configure(connection).get_current_heads()
        try:
            missing = [script.revision for script in scripts.iterate_revisions(target, current or "base")]
        except ResolutionError as error:
            raise StoreError(
                f"The records in {store} are of revision {', '.join(current)}, which this version does not know.",
                remedy="They were written by a newer genaiops: install that version, or restore an older backup.",
                code="store_newer",
            ) from error
        if missing:
            command.upgrade(config, target)
    return tuple(reversed(missing))
