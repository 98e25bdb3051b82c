"""Replays of guard policies, in a table of figures.db."""

from collections.abc import Sequence

from genaiops.engines.telemetry_sqlite._connections import store_errors, transaction
from genaiops.engines.telemetry_sqlite._store import SqliteTelemetry


class SqliteReplays:
    """The ReplayStore port, on the files of a SqliteTelemetry that is open for writing."""

    def __init__(self, telemetry: SqliteTelemetry) -> None:
        self._telemetry = telemetry

    def keep(self, replay_id: str, begun_us: int, body: bytes) -> None:
        with self._telemetry.writing() as writer, store_errors(writer.figures.path):
            connection = writer.figures.connection
            with transaction(connection):
                connection.execute(
                    "INSERT OR REPLACE INTO guard_replays (id, begun_us, body) VALUES (?, ?, ?)",
                    (replay_id, begun_us, body),
                )

    def kept(self) -> Sequence[bytes]:
        with self._telemetry.reading() as session:
            rows = session.figures.execute("SELECT body FROM guard_replays ORDER BY begun_us DESC, id DESC").fetchall()
        return [row[0] for row in rows]

    def drop(self, replay_ids: Sequence[str]) -> None:
        with self._telemetry.writing() as writer, store_errors(writer.figures.path):
            connection = writer.figures.connection
            with transaction(connection):
                connection.executemany("DELETE FROM guard_replays WHERE id = ?", [(each,) for each in replay_ids])
