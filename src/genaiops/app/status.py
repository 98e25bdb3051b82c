"""How this installation is, as the API tells it."""

from pathlib import Path

import genaiops
from genaiops.api import Process, Status
from genaiops.app import stores
from genaiops.app.installation import read_state
from genaiops.app.services import Services
from genaiops.core.clock import to_iso


def status_of(services: Services) -> Status:
    state = read_state(services.home)
    version = services.publisher.version
    acknowledged = services.counters.acknowledged()
    degraded = services.counters.degraded()
    return Status(
        status="failing" if services.folding.failing else "degraded" if degraded else "ok",
        version=genaiops.__version__,
        snapshot_version=version,
        workers=sum(reached >= version for reached in acknowledged.values()),
        url=state.url if state is not None else None,
        started_at=to_iso(state.started_us) if state is not None else None,
        processes=tuple(
            Process(
                name=process.name,
                state=process.state,
                pid=process.pid,
                since=to_iso(process.since_us),
                restarts=process.restarts,
                last_end=process.last_end,
                column=process.column,
            )
            for process in (state.processes if state is not None else ())
        ),
        folding_error=services.folding.failing,
        degraded=degraded,
        spool_bytes=_size(services.home.spool),
        stores=_store_sizes(services),
        off=state.off if state is not None else (),
    )


def _store_sizes(services: Services) -> dict[str, int]:
    """Bytes on disk of the stores that are files."""
    settings, home = services.settings, services.home
    sizes = {
        "telemetry": _size(stores.telemetry_folder(settings, home)),
        "blobs": _size(stores.blobs_folder(settings, home)),
        "models": _size(home.models),
    }
    if stores.records_url(settings, home) == f"sqlite:///{home.records}":
        sizes["records"] = sum(_size(path) for path in home.path.glob("records.db*"))
    return sizes


def _size(path: Path) -> int:
    """Bytes below a folder, or of a file. What is deleted meanwhile counts as nothing."""
    total = 0
    for entry in path.rglob("*") if path.is_dir() else (path,):
        try:
            total += entry.stat().st_size if entry.is_file() else 0
        except FileNotFoundError:
            continue
    return total
