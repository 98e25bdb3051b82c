"""Runs the revisions on the connection that the caller put into the configuration, inside the caller's transaction."""

from alembic import context

from genaiops.engines.records_sql._schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
