"""Runs in an SQL database, SQLite (WAL) or PostgreSQL: what was answered and judged, a row each, so that a run that is
interrupted goes on where it was, and pages of ten thousand cases are read by index."""

from genaiops.engines.runs_sql._dump import RUN_TABLES, RunRow, dump_runs, load_runs
from genaiops.engines.runs_sql._runs import open_runs

__all__ = ["RUN_TABLES", "RunRow", "dump_runs", "load_runs", "open_runs"]
