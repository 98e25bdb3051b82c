"""Replays as work that goes on by itself: one at a time, their reports kept in memory."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import msgspec

from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.core.ids import new_id
from genaiops.guard._replay import Progress, ReplayReport

_log = logging.getLogger("genaiops.guard")

State = Literal["waiting", "running", "done", "stopped", "failed"]
KEPT: Final = 50
"""Replays that are remembered, the oldest forgotten first."""
WAITING: Final = 8
"""Replays that may wait or run at a time."""


class ReplayRun(msgspec.Struct, frozen=True, kw_only=True):
    """`report`: how far it is (None: it has not begun)."""

    id: str
    tenant_id: str
    begun_us: int
    begun_by: str
    state: State = "waiting"
    report: ReplayReport | None = None
    ended_us: int | None = None
    error: str | None = None


class Replays:
    """Gone with the process: a replay can be asked for again, and changes nothing."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._runs: OrderedDict[str, ReplayRun] = OrderedDict()
        self._lock = threading.Lock()
        self._stopped: set[str] = set()
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")

    def begin(self, work: Callable[[Progress], ReplayReport], *, tenant_id: str, by: str) -> ReplayRun:
        """Conflict when too many wait already."""
        run = ReplayRun(id=new_id("rpl"), tenant_id=tenant_id, begun_us=self._clock(), begun_by=by)
        with self._lock:
            if sum(one.state in ("waiting", "running") for one in self._runs.values()) >= WAITING:
                raise Conflict(f"{WAITING} replays are waiting.", remedy="Wait for one, or stop one.", code="busy")
            self._runs[run.id] = run
            while len(self._runs) > KEPT:
                oldest = next(name for name, one in self._runs.items() if one.state not in ("waiting", "running"))
                del self._runs[oldest]
        self._pool.submit(self._carry_out, run.id, work)
        return run

    def get(self, run_id: str) -> ReplayRun:
        with self._lock:
            run = self._runs.get(run_id)
        if run is None:
            raise NotFound(
                f"There is no replay {run_id[:80]!r}.",
                remedy="A restart forgets them: ask for it again.",
                param="run_id",
            )
        return run

    def list(self) -> Sequence[ReplayRun]:
        """Newest first."""
        with self._lock:
            return list(reversed(self._runs.values()))

    def stop(self, run_id: str) -> ReplayRun:
        """What it has found so far stays."""
        run = self.get(run_id)
        self._stopped.add(run_id)
        return run

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _carry_out(self, run_id: str, work: Callable[[Progress], ReplayReport]) -> None:
        def progress(report: ReplayReport) -> bool:
            self._set(run_id, report=report)
            return not self._closed and run_id not in self._stopped

        if run_id in self._stopped:
            self._set(run_id, state="stopped", ended_us=self._clock())
            return
        self._set(run_id, state="running")
        try:
            report = work(progress)
        except GenaiopsError as error:
            self._set(run_id, state="failed", error=str(error), ended_us=self._clock())
        except Exception:  # noqa: BLE001  the edge of a thread: whoever waits for it must learn that it ended
            _log.exception("the replay %s failed", run_id)
            self._set(
                run_id, state="failed", error="It failed by a fault of ours; see the log.", ended_us=self._clock()
            )
        else:
            ended: State = "stopped" if run_id in self._stopped and not report.complete else "done"
            self._set(run_id, state=ended, report=report, ended_us=self._clock())

    def _set(self, run_id: str, **fields: object) -> None:
        with self._lock:
            self._runs[run_id] = msgspec.structs.replace(self._runs[run_id], **fields)
