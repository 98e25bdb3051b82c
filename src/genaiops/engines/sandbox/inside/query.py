"""The process of a statement of SQL: a database of its own in memory, which the statement may only read."""

import sqlite3
from typing import Any

from . import wire

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_NEVER = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
_EVERY = 100_000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 16_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


def run(job: dict[str, Any]) -> dict[str, Any]:
    """{"columns", "rows"}, or {"fault", "broken"}."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    for which, most in _LIMITS.items():
        database.setlimit(which, most)
    database.execute("PRAGMA temp_store = MEMORY")  # there is no place for files
    try:
        database.set_authorizer(_no_files)
        database.executescript(job["schema"])
        for table, rows in job["rows"].items():
            _fill(database, table, rows)
    except (sqlite3.Error, sqlite3.Warning, ValueError, TypeError, OverflowError, AttributeError) as error:
        return {"fault": f"The schema or the rows cannot be taken: {error}", "broken": True}
    except MemoryError:
        return {"fault": "The schema and the rows take more memory than there is.", "broken": True}
    return _asked(database, job)


def _asked(database: sqlite3.Connection, job: dict[str, Any]) -> dict[str, Any]:
    steps = [job["steps"]]

    def step() -> int:
        steps[0] -= _EVERY
        return int(steps[0] < 0)

    database.set_progress_handler(step, _EVERY)
    database.set_authorizer(_only_reads)
    try:
        cursor = database.execute(job["query"])
        if cursor.description is None:
            return {"fault": "The statement has no result."}
        rows = cursor.fetchmany(job["most"] + 1)
    except sqlite3.OperationalError as error:
        return {"fault": "It takes too many steps." if steps[0] < 0 else str(error)}
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        said = str(error)
        return {"fault": "It may only read tables." if said == "not authorized" else said}
    except MemoryError:
        return {"fault": "It took more memory than it may."}
    if len(rows) > job["most"]:
        return {"fault": f"It has more than {job['most']} rows."}
    columns = [str(each[0]) for each in cursor.description]
    return {"columns": columns, "rows": [wire.plain(row, lambda _: None) for row in rows]}


def _fill(database: sqlite3.Connection, table: str, rows: list[list[Any] | dict[str, Any]]) -> None:
    for row in rows:
        names = f" ({', '.join(map(_quoted, row))})" if isinstance(row, dict) else ""
        values = list(row.values()) if isinstance(row, dict) else row
        marks = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO {_quoted(table)}{names} VALUES ({marks})", values)  # noqa: S608 (quoted)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _no_files(action: int, _first: str | None, second: str | None, *_: Any) -> int:
    refused = action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA)
    refused = refused or (action == sqlite3.SQLITE_FUNCTION and str(second).lower() in _NEVER)
    return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


def _only_reads(action: int, _first: str | None, second: str | None, *_: Any) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if str(second).lower() in _NEVER else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY
