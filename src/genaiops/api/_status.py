"""How an installation is, as `/api/status` says it."""

from typing import Literal

import msgspec


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the installation. `state`: starting, ready, waiting (for its next start), stopping, stopped.
    `column` is a worker's column of the counters."""

    name: str
    state: str
    pid: int | None
    since: str
    restarts: int = 0
    last_end: str | None = None
    column: int | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot_version` is the one published last, `workers` how many have it in force. `folding_error`: why calls do
    not become traces at the moment; `spool_bytes` waits to become traces or to be forgotten. `stores`: bytes on disk by
    store. `off`: what was left out, in words. `degraded`: what the shared counters cannot do at the moment."""

    status: Literal["ok", "degraded", "failing"]
    version: str
    snapshot_version: int
    workers: int
    url: str | None = None
    started_at: str | None = None
    processes: tuple[Process, ...] = ()
    folding_error: str | None = None
    degraded: str | None = None
    spool_bytes: int | None = None
    stores: dict[str, int] = {}
    off: tuple[str, ...] = ()
