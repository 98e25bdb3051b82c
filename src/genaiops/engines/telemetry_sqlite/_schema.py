"""The tables, and how a store of an older version becomes one of this version.

A migration is a script; the store's version is `PRAGMA user_version`, set in the same transaction. Only append to the
tuples.
"""

import sqlite3
from pathlib import Path

from genaiops.core.errors import StoreError
from genaiops.engines.telemetry_sqlite._connections import store_errors

APPLICATION_ID = 0x67656E61
MINIMUM_SQLITE = (3, 35, 0)  # RETURNING; upserts are older

LIST_INDEXES = {
    "user_id": "spans_by_user",
    "session_id": "spans_by_session",
    "key_id": "spans_by_key",
    "error_type": "spans_by_error",
}
"""Columns of many values -> their index over root spans, in order of time within one value."""

NARROW = ("environment_id", "team_id", "application", "request_model", "target_id", "operation")
"""Columns of few values: they stand in the index by time, which is read ten times as fast as the spans, so that lists
filter on them without an index for each (which would cost a tenth of all writing)."""

# `names` holds each repeated text once; spans and series refer to it by number (half the size, and narrow indexes).
# Codes of status and content are positions in genaiops.engines.telemetry_sqlite._rows.
_TABLES = """
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);

CREATE TABLE spans (
  id INTEGER PRIMARY KEY,
  trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB, root INTEGER NOT NULL,
  name TEXT NOT NULL, kind INTEGER NOT NULL, operation INTEGER,
  start_us INTEGER NOT NULL, duration_us INTEGER NOT NULL, first_token_us INTEGER,
  status INTEGER NOT NULL, error_type INTEGER, error_message TEXT, http_status INTEGER,
  provider INTEGER, target_id INTEGER, route_id INTEGER, request_model INTEGER, response_model INTEGER,
  response_id TEXT, finish_reason INTEGER, streamed INTEGER NOT NULL, attempt INTEGER,
  tenant_id INTEGER NOT NULL, environment_id INTEGER, team_id INTEGER, key_id INTEGER,
  actor_id INTEGER, application INTEGER,
  user_id TEXT, user_verified INTEGER NOT NULL, session_id TEXT, request_id TEXT,
  input_uncached INTEGER, cache_read INTEGER, cache_write INTEGER, output_text INTEGER, reasoning INTEGER,
  estimated INTEGER, estimator INTEGER,
  cost_nano INTEGER, currency INTEGER, price_id INTEGER, price_version INTEGER, owns_usage INTEGER NOT NULL,
  input_preview TEXT, output_preview TEXT, content INTEGER NOT NULL, dialect INTEGER NOT NULL, semconv INTEGER NOT NULL
);
CREATE UNIQUE INDEX spans_by_trace ON spans (trace_id, span_id);
CREATE INDEX spans_by_status ON spans (status, start_us) WHERE root = 1 AND status > 0;

CREATE TABLE traces (
  trace_id BLOB PRIMARY KEY, spans INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  estimated INTEGER NOT NULL, cost_nano INTEGER NOT NULL, cost_unknown INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  environment_id INTEGER NOT NULL, team_id INTEGER NOT NULL, key_id INTEGER NOT NULL, application INTEGER NOT NULL,
  request_model INTEGER NOT NULL, target_id INTEGER NOT NULL, operation INTEGER NOT NULL, status INTEGER NOT NULL,
  tenant_id INTEGER NOT NULL,
  UNIQUE (environment_id, team_id, key_id, application, request_model, target_id, operation, status, tenant_id)
);

CREATE TABLE scores (
  identifier TEXT PRIMARY KEY, trace_id BLOB NOT NULL, span_id BLOB, name TEXT NOT NULL, value REAL, label TEXT,
  source TEXT NOT NULL, comment TEXT NOT NULL, created_us INTEGER NOT NULL, created_by TEXT NOT NULL
);
CREATE INDEX scores_by_trace ON scores (trace_id);

CREATE TABLE ledger (
  budget_id TEXT NOT NULL, window_us INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (budget_id, window_us)
) WITHOUT ROWID;

CREATE TABLE spool_offsets (
  life TEXT PRIMARY KEY, segment INTEGER NOT NULL, "offset" INTEGER NOT NULL, open BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""

# `start` is the number of the bucket's first minute since the epoch.
_ROLLUP = """
CREATE TABLE rollup_{step} (
  start INTEGER NOT NULL, series INTEGER NOT NULL,
  calls INTEGER NOT NULL, errors INTEGER NOT NULL, attempts INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, cache_read INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  estimated_calls INTEGER NOT NULL, cost_nano INTEGER NOT NULL, cost_unknown INTEGER NOT NULL,
  duration BLOB, first_token BLOB,
  PRIMARY KEY (start, series)
) WITHOUT ROWID;
"""

_FIGURES_1 = (
    _TABLES
    + f"CREATE INDEX spans_by_start ON spans (start_us, {', '.join(NARROW)}, duration_us) WHERE root = 1;\n"
    + "".join(
        f"CREATE INDEX {index} ON spans ({column}, start_us) WHERE root = 1 AND {column} IS NOT NULL;\n"
        for column, index in LIST_INDEXES.items()
    )
    + _ROLLUP.format(step="minute")
    + _ROLLUP.format(step="hour")
)

# `usage_more`: the rare buckets and units of a Usage (MessagePack); `energy`: its ranges (MessagePack), `energy_basis`
# how it was found (JSON, in `names`: few differ). Corrections are only added; the last one of a span counts.
_ENERGY = (
    "energy_known",
    "co2e_known",
    *(f"{what}_{at}" for what in ("kwh", "co2e") for at in ("low", "central", "high")),
)
_FIGURES_2 = """
ALTER TABLE spans ADD COLUMN usage_more BLOB;
ALTER TABLE spans ADD COLUMN energy BLOB;
ALTER TABLE spans ADD COLUMN energy_basis INTEGER;

CREATE TABLE corrections (
  id INTEGER PRIMARY KEY, span INTEGER NOT NULL, cost_nano INTEGER, currency TEXT NOT NULL, price_id TEXT,
  price_version INTEGER, created_us INTEGER NOT NULL, created_by TEXT NOT NULL
);
CREATE INDEX corrections_by_span ON corrections (span);
""" + "".join(
    f"ALTER TABLE rollup_{step} ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0;\n"
    for step in ("minute", "hour")
    for name in _ENERGY
)

_CACHE = ("cache_hits", "cache_misses", "saved_tokens", "saved_nano", "saved_unknown")
_FIGURES_3 = "".join(
    f"ALTER TABLE rollup_{step} ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0;\n"
    for step in ("minute", "hour")
    for name in _CACHE
)

_WATER = ("water_known", "water_low", "water_central", "water_high")
_FIGURES_4 = "".join(
    f"ALTER TABLE rollup_{step} ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0;\n"
    for step in ("minute", "hour")
    for name in _WATER
)

# `called`: whether a span that another program told of is a call in the sums; NULL for those of the gateway. What owns
# usage is found by the id of its answer, by which two programs tell of the same call.
_FIGURES_5 = """
ALTER TABLE spans ADD COLUMN called INTEGER;
CREATE INDEX spans_by_response ON spans (response_id) WHERE owns_usage = 1 AND response_id IS NOT NULL;
"""

# `body` is JSON. `user_id` and `open` (MessagePack: blobs, parts) are there while it goes on.
_FIGURES_6 = """
CREATE TABLE erasures (
  id TEXT PRIMARY KEY, begun_us INTEGER NOT NULL, finished INTEGER NOT NULL, body TEXT NOT NULL, user_id TEXT, open BLOB
) WITHOUT ROWID;
"""

# Texts of few values are numbers of `names`; `kinds` (kind -> how often), `provenance` and `places` are JSON. In
# `guard_series` 0 stands for none, and `shadow` is the number of that word. `start` is the first minute of
# the hour or the day.
_FIGURES_7 = """
CREATE TABLE guard_verdicts (
  id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, call_id BLOB NOT NULL, start_us INTEGER NOT NULL,
  tenant_id INTEGER NOT NULL, environment_id INTEGER, team_id INTEGER, key_id INTEGER, application INTEGER,
  policy INTEGER NOT NULL, digest INTEGER NOT NULL, rule INTEGER NOT NULL, detector INTEGER NOT NULL,
  direction INTEGER NOT NULL, action INTEGER NOT NULL, shadow INTEGER NOT NULL, kinds TEXT NOT NULL,
  provenance TEXT NOT NULL, places TEXT, count INTEGER NOT NULL, score REAL, duration_us INTEGER NOT NULL, error TEXT,
  mark TEXT, marked_us INTEGER, marked_by TEXT
);
CREATE UNIQUE INDEX verdicts_once ON guard_verdicts (trace_id, call_id, policy, digest, rule, direction);
CREATE INDEX verdicts_by_start ON guard_verdicts (start_us);
CREATE INDEX verdicts_by_rule ON guard_verdicts (rule, start_us);
CREATE INDEX verdicts_by_key ON guard_verdicts (key_id, start_us);
CREATE INDEX verdicts_by_action ON guard_verdicts (action, start_us);
CREATE INDEX verdicts_marked ON guard_verdicts (start_us, policy, rule, mark) WHERE mark IS NOT NULL;

CREATE TABLE guard_pending (
  id INTEGER PRIMARY KEY, trace_id BLOB NOT NULL, call_id BLOB NOT NULL, start_us INTEGER NOT NULL,
  rules TEXT NOT NULL, UNIQUE (trace_id, call_id)
);

CREATE TABLE guard_series (
  id INTEGER PRIMARY KEY,
  tenant_id INTEGER NOT NULL, environment_id INTEGER NOT NULL, policy INTEGER NOT NULL, digest INTEGER NOT NULL,
  rule INTEGER NOT NULL, detector INTEGER NOT NULL, direction INTEGER NOT NULL, action INTEGER NOT NULL,
  shadow INTEGER NOT NULL,
  UNIQUE (tenant_id, environment_id, policy, digest, rule, detector, direction, action, shadow)
);
""" + "".join(
    f"""
CREATE TABLE guard_{step} (
  start INTEGER NOT NULL, series INTEGER NOT NULL, events INTEGER NOT NULL, findings INTEGER NOT NULL,
  errors INTEGER NOT NULL, duration BLOB, PRIMARY KEY (start, series)
) WITHOUT ROWID;
"""
    for step in ("hours", "days")
)

_FIGURES_8 = """
CREATE TABLE guard_replays (id TEXT PRIMARY KEY, begun_us INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
"""

FIGURES = (_FIGURES_1, _FIGURES_2, _FIGURES_3, _FIGURES_4, _FIGURES_5, _FIGURES_6, _FIGURES_7, _FIGURES_8)
"""Migrations of figures.db; version n is after the first n."""

# `id` is the second of the start (of the day's, or of all time in a file of outliers) and a number within that second,
# so that the full-text index, whose only order is the row id, yields matches in order of time.
CONTENT = (
    """
CREATE TABLE payloads (
  id INTEGER PRIMARY KEY, start_us INTEGER NOT NULL, trace_id BLOB NOT NULL, span_id BLOB NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX payloads_by_span ON payloads (trace_id, span_id);
CREATE VIRTUAL TABLE words USING fts5 (text, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('pgsz', 8000), ('automerge', 16), ('crisismerge', 64);
""",
)
"""Migrations of a content file."""


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check(connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    """StoreError unless the store is ours and of exactly this version."""
    with store_errors(path):
        found, owner = version(connection), connection.execute("PRAGMA application_id").fetchone()[0]
    if owner not in (0, APPLICATION_ID) or (owner == 0 and found):
        raise StoreError(
            f"{path} is an SQLite database of another program.",
            code="store_foreign",
            remedy="Choose another data directory.",
        )
    if found > len(migrations):
        raise StoreError(
            f"{path} was written by a newer version (store version {found}, this program knows {len(migrations)}).",
            code="store_newer",
            remedy="Install the version that wrote it, or a later one.",
        )
    if found < len(migrations):
        raise StoreError(
            f"{path} has store version {found}, this program needs {len(migrations)}.",
            code="store_older",
            remedy="Start `genaiops up` once; it migrates the store.",
        )


def migrate(connection: sqlite3.Connection, path: Path, migrations: tuple[str, ...]) -> None:
    """Bring the store to this version, each step in one transaction. StoreError when it is newer or not ours."""
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        raise StoreError(
            f"The SQLite library of this Python is {sqlite3.sqlite_version}; telemetry needs 3.35 or later.",
            code="sqlite_too_old",
            remedy="Use a Python built with a later SQLite.",
        )
    with store_errors(path):
        while version(connection) < len(migrations):
            # The script begins its own transaction: executescript would commit one that is open.
            number = version(connection)
            if number == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                break  # not empty and not ours: check says so
            try:
                connection.executescript(
                    f"BEGIN IMMEDIATE; {migrations[number]}"
                    f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number + 1}; COMMIT;"
                )
            except sqlite3.Error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    check(connection, path, migrations)
