"""What experiments have seen, in an SQL database (SQLite or PostgreSQL): a row for each user, the sums of all of them
in one, so that a look costs the same after a thousand users and after a million."""

from genaiops.engines.experiments_sql._store import METADATA, open_experiments

__all__ = ["METADATA", "open_experiments"]
