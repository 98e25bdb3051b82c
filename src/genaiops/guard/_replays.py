"""Replays as work that goes on by itself: one at a time, kept with how far they are, gone on with after a restart."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import msgspec

from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.core.ids import new_id
from genaiops.guard._replay import Progress, ReplayWish
from genaiops.guard._replay_report import ReplayReport
from genaiops.ports.replays import ReplayStore

_log = logging.getLogger("genaiops.guard")

State = Literal["waiting", "running", "done", "stopped", "failed", "interrupted"]
KEPT: Final = 200
"""Replays that are kept, the oldest forgotten first."""
WAITING: Final = 8
"""Replays that may wait or run at a time."""
_KEEP_US: Final = 1_000_000
"""How far one is, is written down so often at most."""
_GOING: Final[frozenset[State]] = frozenset({"waiting", "running"})

Work = Callable[[Progress, ReplayReport | None], ReplayReport]
"""A replay from a report on (None: from its beginning)."""


class ReplayRun(msgspec.Struct, frozen=True, kw_only=True):
    """`report`: how far it is (None: it has not begun). `interrupted`: its process ended before it did."""

    id: str
    tenant_id: str
    begun_us: int
    begun_by: str
    wish: ReplayWish
    state: State = "waiting"
    report: ReplayReport | None = None
    ended_us: int | None = None
    error: str | None = None

    @property
    def going(self) -> bool:
        return self.state in _GOING

    @property
    def resumable(self) -> bool:
        """There is more to look at, and nobody does."""
        unfinished = self.report is None or (self.report.next is not None and self.report.seen < self.wish.most)
        return self.state in ("stopped", "failed", "interrupted") and unfinished


class Replays:
    """Belongs to the control process. A replay changes nothing but its own report."""

    def __init__(self, clock: Callable[[], int], store: ReplayStore) -> None:
        self._clock = clock
        self._store = store
        self._lock = threading.Lock()
        self._stopped: set[str] = set()
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="replay")
        self._runs: dict[str, ReplayRun] = {}
        """In order of their beginning."""
        for body in reversed(store.kept()):
            run = _read(body)
            if run is not None:
                self._runs[run.id] = run
        for run in [each for each in self._runs.values() if each.going]:
            self._set(run.id, keep=True, state="interrupted", ended_us=clock())

    def begin(self, wish: ReplayWish, work: Work, *, tenant_id: str, by: str) -> ReplayRun:
        """Conflict when too many wait already."""
        run = ReplayRun(id=new_id("rpl"), tenant_id=tenant_id, begun_us=self._clock(), begun_by=by, wish=wish)
        with self._lock:
            self._check_room()
            self._runs[run.id] = run
            over = [each.id for each in self._runs.values() if not each.going][: max(0, len(self._runs) - KEPT)]
            for each in over:
                del self._runs[each]
        self._store.drop(over)
        self._keep(run)
        self._pool.submit(self._carry_out, run.id, work)
        return run

    def resume(self, run_id: str, work: Work) -> ReplayRun:
        """Go on where it was left. Conflict when it goes on already, or nothing is left of it to do."""
        run = self.get(run_id)
        with self._lock:
            if not run.resumable:
                why = "goes on already" if run.going else "has looked at all that it was to look at"
                raise Conflict(f"The replay {run_id} {why}.", remedy="Begin another one.", code="not_resumable")
            self._check_room()
            self._stopped.discard(run_id)
            self._runs[run_id] = run = msgspec.structs.replace(run, state="waiting", ended_us=None, error=None)
        self._keep(run)
        self._pool.submit(self._carry_out, run_id, work)
        return run

    def get(self, run_id: str) -> ReplayRun:
        with self._lock:
            run = self._runs.get(run_id)
        if run is None:
            raise NotFound(
                f"There is no replay {run_id[:80]!r}.",
                remedy=f"List them: the newest {KEPT} are kept.",
                param="run_id",
            )
        return run

    def list(self) -> Sequence[ReplayRun]:
        """Newest first."""
        with self._lock:
            return list(reversed(self._runs.values()))

    def stop(self, run_id: str) -> ReplayRun:
        """What it has found so far stays, and it can be gone on with."""
        run = self.get(run_id)
        if run.going:
            self._stopped.add(run_id)
        return run

    def remove(self, run_id: str) -> ReplayRun:
        """Conflict while it goes on."""
        run = self.get(run_id)
        if run.going:
            raise Conflict(f"The replay {run_id} goes on.", remedy="Stop it first.", code="busy")
        with self._lock:
            self._runs.pop(run_id, None)
        self._store.drop([run_id])
        return run

    def close(self) -> None:
        """What goes on is interrupted."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _check_room(self) -> None:
        if sum(one.going for one in self._runs.values()) >= WAITING:
            raise Conflict(f"{WAITING} replays are waiting.", remedy="Wait for one, or stop one.", code="busy")

    def _carry_out(self, run_id: str, work: Work) -> None:
        kept_us = self._clock()

        def progress(report: ReplayReport) -> bool:
            nonlocal kept_us
            now = self._clock()
            self._set(run_id, keep=now - kept_us >= _KEEP_US, report=report)
            kept_us = now if now - kept_us >= _KEEP_US else kept_us
            return not self._closed and run_id not in self._stopped

        if run_id in self._stopped:
            self._end(run_id, state="stopped")
            return
        self._set(run_id, state="running")
        try:
            report = work(progress, self.get(run_id).report)
        except GenaiopsError as error:
            self._end(run_id, state="failed", error=str(error))
        except Exception:  # noqa: BLE001  the edge of a thread: whoever waits for it must learn that it ended
            _log.exception("the replay %s failed", run_id)
            self._end(run_id, state="failed", error="It failed by a fault of ours; see the log.")
        else:
            self._end(run_id, state=self._ended(run_id, report), report=report)

    def _ended(self, run_id: str, report: ReplayReport) -> State:
        if report.complete or report.seen >= self.get(run_id).wish.most:
            return "done"
        return "stopped" if run_id in self._stopped else "interrupted"

    def _end(self, run_id: str, **fields: object) -> None:
        try:
            self._set(run_id, keep=True, ended_us=self._clock(), **fields)
        except GenaiopsError as error:
            _log.error("how the replay %s ended cannot be kept: %s", run_id, error)

    def _set(self, run_id: str, *, keep: bool = False, **fields: object) -> None:
        with self._lock:
            run = self._runs[run_id] = msgspec.structs.replace(self._runs[run_id], **fields)
        if keep:
            self._keep(run)

    def _keep(self, run: ReplayRun) -> None:
        self._store.keep(run.id, run.begun_us, msgspec.json.encode(run))


def _read(body: bytes) -> ReplayRun | None:
    """None for what another version of this program wrote in another way: it can be asked for again."""
    try:
        return msgspec.json.decode(body, type=ReplayRun)
    except msgspec.MsgspecError as error:
        _log.warning("a kept replay cannot be read: %s", error)
        return None
