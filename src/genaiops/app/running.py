"""Runs of suites on the server: begun by the API, each in a process of its own, and gone on with after any crash.

What is to be done stands in the store of runs. A run that this process had under way when it was killed waits again at
the next start, and asks nothing anew that it knows. The keys that its calls are made with live for an hour, and are
renewed while it runs.
"""

import asyncio
import logging
import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Final

import msgspec

from genaiops.app.children import Child, Command
from genaiops.app.evaluating import check_weights, judge_inputs, judged, report_of, what_runs
from genaiops.app.evaluation import KEYS_VARIABLE, suite_of
from genaiops.app.home import Home
from genaiops.app.judges import resolved
from genaiops.app.kept_suites import keep_suite
from genaiops.app.logs import RotatingLog
from genaiops.app.publish import Publisher
from genaiops.app.run_keys import RunKeys
from genaiops.app.sandboxing import check_sandbox, confinement
from genaiops.app.scoring_programs import programs
from genaiops.app.settings import Settings
from genaiops.app.sharing import machine_id
from genaiops.app.stores import shares_counters
from genaiops.arena import (
    TARGET,
    FailureDocument,
    GateReport,
    UnjudgedDocument,
    failures_of,
    unjudged_of,
)
from genaiops.core.clock import now_us
from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.domain import Case, Judge, Run, RunState, Suite
from genaiops.hub import Hub
from genaiops.ports.runs import RunFilter, RunPage, Runs

_log = logging.getLogger("genaiops.runs")

SERVER: Final = "server"
"""The fact of a run that says which server runs it; runs of commands have none."""
LOOK_SECONDS: Final = 2.0
MOST_TRIES: Final = 3
"""A run whose process was killed is taken up again so often."""
_REPORTS_KEPT: Final = 16


class RunFaults(msgspec.Struct, frozen=True, kw_only=True):
    """What failed in a run: why answers did, and checks of which some verdicts are errors."""

    errors: Sequence[FailureDocument]
    unjudged: Sequence[UnjudgedDocument]


class ServerRuns:
    """Belongs to the control process. `run` is its loop; anything else may be called from any thread."""

    def __init__(self, settings: Settings, home: Home, store: Runs, hub: Hub, publisher: Publisher) -> None:
        self.store = store
        self._settings = settings
        self._home = home
        self._hub = hub
        self._keys = RunKeys(hub, publisher)
        self._here = machine_id(home) if shares_counters(settings) else "here"
        self._log = RotatingLog(home.logs / "runs.log")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._children: dict[str, Child] = {}
        self._stopping: set[str] = set()
        self._tries: dict[str, int] = {}
        self._lock = threading.Lock()
        self._reports: dict[tuple[str, int | None], GateReport] = {}
        self._faults: dict[tuple[str, int | None], RunFaults] = {}

    # --- for callers ---

    def get(self, run_id: str) -> Run:
        """NotFound when there is none."""
        return self._told(self.store.get(run_id))

    def list(self, where: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        page = self.store.list(where, cursor=cursor, limit=limit)
        return RunPage([self._told(run) for run in page.rows], page.next)

    def _told(self, run: Run) -> Run:
        """Over only when its process is: until then its verdict may be missing, and its keys may work."""
        if run.id not in self._tasks or run.state in ("waiting", "running"):
            return run
        return msgspec.structs.replace(run, state="running", ended_us=None)

    def with_judges(self, suite: Suite, read: Callable[[str], Judge]) -> Suite:
        """The suite with the judges in it that it names. UsageError for files, which are not here."""
        return resolved(suite, None, read)

    def begin(self, run: Run, cases: Sequence[Case], suite: Suite) -> Run:
        """Keep it; it is asked as soon as others let it. What it lacks is told before: GenaiopsError names weights and
        programs that are not here."""
        check_weights(suite, self._home.path)
        check_sandbox(suite, self._settings.runs.sandbox == "weak")
        found = programs(suite)
        keep_suite(self._home, suite)
        run = msgspec.structs.replace(
            run,
            inputs={**run.inputs, **judge_inputs(suite)},
            environment={**what_runs(), **confinement(suite), **found, **run.environment, SERVER: self._here},
        )
        self._note("begin", run, run.created_by)
        self.store.create(run, cases)
        self._wake_up()
        return run

    def stop(self, run_id: str, *, by: str) -> Run:
        """It begins nothing more, and keeps what it has. Conflict when it is over."""
        run = self._own(self.get(run_id))
        if run.state not in ("waiting", "running"):
            raise Conflict(f"The run {run_id} is {run.state}.", remedy="There is nothing to stop.", code="run_over")
        self._note("stop", run, by)
        with self._lock:
            self._stopping.add(run_id)
            child = self._children.get(run_id)
        if child is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(child.send, signal.SIGTERM)
        elif run_id not in self._tasks:
            run = self._ended(run, "stopped")
            self._stopping.discard(run_id)
        return run

    def resume(self, run_id: str, *, by: str) -> Run:
        """Ask what is left of it. Conflict when nothing is, or it goes on already."""
        run = self._own(self.get(run_id))
        if run.state in ("waiting", "running"):
            raise Conflict(f"The run {run_id} goes on already.", remedy="See: genaiops run show", code="run_under_way")
        if run.state == "done" and not run.failed:
            raise Conflict(f"The run {run_id} is done.", remedy="Begin a new run.", code="run_over")
        run = msgspec.structs.replace(run, state="waiting", error="", ended_us=None)
        self._note("resume", run, by)
        self._tries.pop(run_id, None)
        self.store.update(run)
        self._wake_up()
        return run

    def delete(self, run_id: str, *, by: str) -> None:
        """With all its answers. Conflict while it goes on."""
        run = self.get(run_id)
        if run.state in ("waiting", "running"):
            raise Conflict(
                f"The run {run_id} goes on.", remedy=f"Stop it first: genaiops run stop {run_id}", code="run_under_way"
            )
        self._note("delete", run, by)
        self.store.delete(run_id)

    def report(self, run: Run) -> GateReport | None:
        """What the gate says of it; None while it goes on, and where its suite is not here."""
        if run.state in ("waiting", "running"):
            return None
        found = self._reports.get((run.id, run.ended_us))
        if found is None:
            try:
                found = self._judged(run)
            except NotFound:
                return None
            with self._lock:
                self._reports[run.id, run.ended_us] = found
                while len(self._reports) > _REPORTS_KEPT:
                    del self._reports[next(iter(self._reports))]
        return found

    def faults(self, run: Run) -> RunFaults:
        """What failed in it by now."""
        found = self._faults.get((run.id, run.ended_us))
        if found is None:
            found = RunFaults(errors=failures_of(self.store, run.id), unjudged=unjudged_of(self.store, run.id))
            with self._lock:
                self._faults[run.id, run.ended_us] = found
                while len(self._faults) > _REPORTS_KEPT:
                    del self._faults[next(iter(self._faults))]
        return found

    def _judged(self, run: Run) -> GateReport:
        suite = suite_of(self._hub, run)
        if run.state == "done" and run.verdict is None:  # its process ended before it said so
            return judged(self.store, run, suite).report
        return report_of(self.store, run, suite)

    def _own(self, run: Run) -> Run:
        place = run.environment.get(SERVER)
        if place is None:
            raise Conflict(
                f"The run {run.id} was begun by a command.",
                remedy=f"Go on with it there: genaiops suite run FILE --local --resume {run.id}",
                code="run_elsewhere",
            )
        if place != self._here:
            raise Conflict(f"The run {run.id} is of the machine {place}.", remedy="Ask that one.", code="run_elsewhere")
        return run

    def _note(self, what: str, run: Run, by: str) -> None:
        with self._hub.records.write(by) as unit:
            unit.note(what, "runs", run.id, {"subject": run.subject})

    # --- the loop ---

    async def run(self) -> None:
        """For ever; cancelled it kills what it runs, which goes on at the next start."""
        self._loop = asyncio.get_running_loop()
        try:
            taken = False
            while True:
                try:
                    if not taken:
                        await asyncio.to_thread(self._take_up)
                        taken = True
                    await self._start_some()
                except (GenaiopsError, OSError) as error:
                    _log.error("runs cannot be looked at: %s", error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
                self._wake.clear()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            self._log.close()

    def _wake_up(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def _take_up(self) -> None:
        """What was under way when the process before this one ended waits again."""
        for run in self._mine("running"):
            self.store.update(msgspec.structs.replace(run, state="waiting"))
        waiting = {run.id for run in self._mine("waiting")}
        for trial in self._hub.deployments.trials():
            if trial.run_id not in waiting:
                self._hub.deployments.end_trials(trial.run_id, by=trial.deployed_by)

    def _mine(self, state: RunState) -> Sequence[Run]:
        where = RunFilter(kind="evaluation", state=state, environment={SERVER: self._here})
        found: list[Run] = []
        cursor = None
        while True:
            page = self.store.list(where, cursor=cursor, limit=200)
            found += page.rows
            cursor = page.next
            if cursor is None:
                return found

    async def _start_some(self) -> None:
        free = self._settings.runs.at_once - len(self._tasks)
        if free <= 0:
            return
        waiting = await asyncio.to_thread(self._mine, "waiting")
        for run in [each for each in reversed(waiting) if each.id not in self._tasks][:free]:
            self._tasks[run.id] = asyncio.create_task(self._attend(run))

    async def _attend(self, run: Run) -> None:
        """One run, from its process's start to its end."""
        try:
            await self._supervise(run)
        except (GenaiopsError, OSError) as error:
            _log.error("%s cannot be run: %s", run.id, error)
            with suppress(GenaiopsError):
                await asyncio.to_thread(self._ended, run, "failed", str(error))
        finally:
            self._tasks.pop(run.id, None)
            self._stopping.discard(run.id)
            self._wake.set()

    async def _supervise(self, run: Run) -> None:
        keys = await asyncio.to_thread(self._keys.mint, run)
        said: deque[str] = deque(maxlen=8)

        def sink(line: bytes) -> None:
            self._log.write(run.id.encode() + b" " + line)
            said.append(line.decode("utf-8", "replace").rstrip())

        try:
            texts = {name: text for name, (_, text) in keys.items()}
            command = Command(
                module="genaiops.app.evaluation",
                arguments=("--settings", str(self._home.settings), "--run", run.id),
                variables={KEYS_VARIABLE: msgspec.json.encode(texts).decode()},
            )
            child = await Child.start(command, sink)
            with ExitStack() as stack:
                stack.callback(child.kill)
                stack.callback(self._children.pop, run.id, None)
                renewing = self._keys.renew({key_id for key_id, _ in keys.values()}, run.created_by)
                stack.callback(asyncio.create_task(renewing).cancel)
                with self._lock:
                    self._children[run.id] = child
                    stopped = run.id in self._stopping
                if stopped:
                    child.send(signal.SIGTERM)
                how = await child.ended()
        finally:
            self._keys.revoke(keys, run)
        await asyncio.to_thread(self._settle, run.id, how, said)

    def _settle(self, run_id: str, how: str, said: Sequence[str]) -> None:
        """A process that ended in the middle: stopped before it could hear, killed (then it is tried again), or at
        fault."""
        run = self.store.get(run_id)
        if run.state not in ("waiting", "running"):
            self._tries.pop(run_id, None)
            if run.state == "done":
                self._link(run)
            return
        if run_id in self._stopping:
            self._ended(run, "stopped")
            return
        self._tries[run_id] = self._tries.get(run_id, 0) + 1
        if not how.startswith("exit") and self._tries[run_id] < MOST_TRIES:
            _log.warning("the process of %s ended with %s, it is taken up again", run_id, how)
            self.store.update(msgspec.structs.replace(run, state="waiting"))
            return
        reasons = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
        self._ended(run, "failed", " ".join(reasons) or f"Its process ended with {how}; see {self._log.path}.")

    def _link(self, run: Run) -> None:
        """What was asked was tested on the suite, and on the rows that its cases are."""
        sources = [node for name, node in run.inputs.items() if name == "suite" or name.startswith("cases/")]
        for name, node in run.inputs.items():
            if name.startswith(TARGET) and node.startswith(("prompt/", "model/", "release/")):
                for source in sources:
                    self._hub.lineage.add(source, node, "tested_on", run_id=run.id, by=run.created_by)

    def _ended(self, run: Run, state: RunState, error: str = "") -> Run:
        run = msgspec.structs.replace(self.store.get(run.id), state=state, error=error, ended_us=now_us())
        self.store.update(run)
        return run
