"""`genaiops status`: what runs, and how it is."""

from genaiops.cli._noun import single
from genaiops.cli._output import Column
from genaiops.cli._session import Session, connected
from genaiops.cli._values import short_time
from genaiops.core.counting import counted

_COLUMNS = (
    Column("PROCESS", "name"),
    Column("STATE", "state"),
    Column("PID", "pid", right=True, rank=2),
    Column("SINCE", lambda row: short_time(row["since"])),
    Column("RESTARTS", "restarts", right=True),
    Column("LAST END", "last_end", rank=1, elastic=True),
)


@single("status", example="genaiops status --json")
@connected
def command(session: Session) -> int:
    """Show what runs. Exit status 1 when something is failing."""
    status = session.client.get("/api/status")
    failing = status["status"] != "ok"
    if session.output.as_json:
        session.output.json(status)
        return int(failing)
    stores = [f"{name} {size / 1e6:.1f} MB" for name, size in status["stores"].items()]
    session.output.facts(
        status,
        (
            ("status", status["status"]),
            ("version", status["version"]),
            ("address", status["url"] or session.client.url),
            ("started", short_time(status["started_at"])),
            ("snapshot", f"{status['snapshot_version']}, in force at {counted(status['workers'], 'worker')}"),
            ("stores", stores),
            ("waiting", None if status["spool_bytes"] is None else f"{status['spool_bytes'] / 1e3:.0f} kB of spool"),
            ("failing", status["folding_error"]),
            ("degraded", status.get("degraded")),
            ("off", status["off"]),
        ),
    )
    if status["processes"]:
        session.output.line()
        session.output.rows(status["processes"], _COLUMNS, empty="")
    return int(failing)
