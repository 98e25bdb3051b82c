"""Golden sets on the server: suites whose version `@prod` says `watch` are asked again and again, and held against what
was answered before. A change raises an alert.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena import WATCH, Watched, read_suite_document, references, seconds, watched
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Actor, Alias, Run, Suite, SuiteWatch
from genaiops.hub import Hub
from genaiops.ports.runs import RunFilter, Runs

_log = logging.getLogger("genaiops.watches")

CHANGED: Final = "answers_changed"
TOLD: Final = "model_changed"
FAILED: Final = "watch_failed"
WATCHED: Final = "watched"
"""The fact of a run that was held against those before: its worst p, or that it is learned from."""
_PAGE: Final = 200
_FIND_AGAIN_US: Final = 600_000_000
_TRY_AGAIN_US: Final = 60_000_000
_VERDICT_US: Final = 60_000_000
"""How long a run that is done may take to its verdict: its process writes it whole once more then."""
_UNDER_WAY: Final = ("waiting", "running")
_Watching = tuple[str, Alias, SuiteWatch]
Begin = Callable[[Actor, str, str, Mapping[str, str]], Run]
"""(who, suite, environment, facts) -> the run, which waits"""


class SuiteWatches:
    """Belongs to the control process. `step` is called every few seconds, by one thread: where nothing is due and
    nothing is under way it reads one number."""

    def __init__(self, hub: Hub, runs: Runs, begin: Begin) -> None:
        self._hub = hub
        self._runs = runs
        self._begin = begin
        self._version = -1
        self._watching: Sequence[_Watching] = ()
        self._due_us: dict[str, int] = {}
        self._open: set[str] = set()
        self._found_us = 0
        self._lock = threading.Lock()

    def step(self) -> None:
        """Begin what is due, and judge what has ended."""
        at_us = now_us()
        for name, alias, watch in self._watches():
            if at_us >= self._due_us.get(alias.version_id, 0):
                self._ask_when_due(name, alias, watch, at_us)
        if at_us >= self._found_us + _FIND_AGAIN_US:
            self._find()
            self._found_us = at_us
        with self._lock:
            under_way = tuple(self._open)
        for run_id in under_way:
            self._judge_ended(run_id)

    def now(self, name: str) -> Run:
        """A look at once. NotFound where no version of it is `@prod`, UsageError where that says no `watch`."""
        for found, alias, watch in self._watches():
            if found == name:
                return self._begun(name, alias, watch)
        self._hub.artifacts.resolve(f"suite/{name}@prod")
        raise UsageError(
            f"suite/{name}@prod says nothing of watch.", remedy='Write [watch] with every = "6h".', param="suite"
        )

    def _watches(self) -> Sequence[_Watching]:
        """Read anew when any record was written since."""
        with self._hub.records.read() as view:
            version = view.version()
        if version != self._version:
            self._watching = tuple(self._read_watches())
            self._version = version
        return self._watching

    def _read_watches(self) -> Iterator[_Watching]:
        for artifact in self._hub.artifacts.of_kind("suite"):
            for alias in self._hub.artifacts.aliases(artifact.id):
                if alias.name == "prod":
                    manifest = self._hub.artifacts.resolve(alias.version_id).manifest
                    if "watch" in manifest:
                        yield artifact.name, alias, msgspec.convert(manifest["watch"], SuiteWatch)

    def _ask_when_due(self, name: str, alias: Alias, watch: SuiteWatch, at_us: int) -> None:
        """When it is due next is kept, so that the runs are only read then."""
        newest = self._newest(name)
        if newest is not None and newest.state in _UNDER_WAY:
            return
        due_us = 0 if newest is None else newest.created_us + seconds(watch) * 1_000_000
        if due_us <= at_us:
            self._try(name, alias, watch)
            due_us = at_us + _TRY_AGAIN_US
        self._due_us[alias.version_id] = due_us

    def _try(self, name: str, alias: Alias, watch: SuiteWatch) -> None:
        try:
            self._begun(name, alias, watch)
        except GenaiopsError as error:
            _log.warning("%s cannot be asked: %s", name, error)
            self._hub.alerts.raise_alert(
                FAILED,
                f"suite/{name}",
                "warning",
                f"The suite cannot be asked: {error.message}",
                remedy=error.remedy or "",
            )

    def _begun(self, name: str, alias: Alias, watch: SuiteWatch) -> Run:
        """As whoever let the alias name that version."""
        actor = self._hub.actors.get(alias.moved_by)
        if actor.disabled_us is not None:
            raise UsageError(
                f"{actor.name} let {alias.id} name what it does, and is disabled.", remedy="Move the alias again."
            )
        begun = self._begin(actor, f"{name}@prod", watch.environment, {WATCH: watch.every})
        with self._lock:
            self._open.add(begun.id)
        return begun

    def _newest(self, name: str) -> Run | None:
        where = RunFilter(kind="evaluation", subject=f"suite/{name}@", has=(WATCH,))
        return next(iter(self._runs.list(where, limit=1).rows), None)

    def _find(self) -> None:
        """Runs that wait for a judgement: those of a process that ended, and of other machines that did."""
        where = RunFilter(kind="evaluation", has=(WATCH,), lacks=(WATCHED,))
        found = {run.id for run in self._all(where) if run.state in (*_UNDER_WAY, "done")}
        with self._lock:
            self._open |= found

    def _all(self, where: RunFilter) -> Iterator[Run]:
        """Newest first."""
        cursor: str | None = None
        while True:
            page = self._runs.list(where, cursor=cursor, limit=_PAGE)
            yield from page.rows
            cursor = page.next
            if cursor is None:
                return

    def _judge_ended(self, run_id: str) -> None:
        """What failed or was cancelled says nothing, and what was deleted neither."""
        try:
            run = self._runs.get(run_id)
        except NotFound:
            run = None
        if run is not None and (run.state in _UNDER_WAY or _awaits_verdict(run)):
            return
        if run is not None and run.state == "done" and WATCHED not in run.environment:
            try:
                self._judge(run)
            except NotFound as error:
                _log.warning("%s cannot be held against those before: %s", run.id, error)
                self._note(run, "unknown")
        with self._lock:
            self._open.discard(run_id)

    def _judge(self, run: Run) -> None:
        suite = read_suite_document(self._hub.artifacts.resolve(run.inputs["suite"]).manifest).checked()
        assert suite.watch is not None
        found = self.compare(run, suite)
        name = run.subject.partition("@")[0]
        for one in found:
            self._raise(name, run, one)
        tested = [one.test.p for one in found if not one.learning]
        self._note(run, f"p={min(tested):.2g}" if tested else "learned")

    def compare(self, run: Run, suite: Suite) -> list[Watched]:
        """A run beside the first ones of its kind, target by target."""
        name = run.subject.partition("@")[0]
        where = RunFilter(kind="evaluation", state="done", subject=f"{name}@", has=(WATCH,))
        earlier = list(self._all(where))
        alarms = suite.watch.alarms if suite.watch is not None else SuiteWatch(every="1d").alarms
        now = self._runs.answered(run.id)
        found: list[Watched] = []
        for target in suite.target:
            since = self._since(f"{name}: {target.name}", run.tenant_id)
            before = {
                each.id: self._runs.answered(each.id) for each in references(run, earlier, target.name, since_us=since)
            }
            found.append(watched(target.name, now, before, alarms=alarms, targets=len(suite.target)))
        return found

    def _since(self, subject: str, tenant_id: str) -> int:
        """Who closes an alert takes what answers now for what is to answer: it is learned anew from there."""
        closed = [self._hub.alerts.latest(kind, subject, tenant_id=tenant_id) for kind in (CHANGED, TOLD)]
        return max((one.first_us for one in closed if one is not None and one.state == "closed"), default=0)

    def _raise(self, name: str, run: Run, one: Watched) -> None:
        evidence = {"run": run.id, "reference": ", ".join(one.reference)}
        suite = name.removeprefix("suite/")
        remedy = f"Look at it: genaiops suite trend {suite}. Close the alert where the change is wanted."
        if one.told:
            message = f"What answers calls itself another one: {'; '.join(one.told)}."
            self._hub.alerts.raise_alert(
                TOLD,
                f"{name}: {one.target}",
                "warning",
                message,
                remedy=remedy,
                evidence=evidence,
                tenant_id=run.tenant_id,
            )
        if one.alarm:
            test = one.test
            message = (
                f"{test.differing} of {test.cases} cases are answered as never before: p = {test.p:.2g} that what "
                f"answers is what it was."
            )
            evidence |= {"p": f"{test.p:.3g}", "distance": f"{test.distance:.3f}", "level": f"{one.alpha:.3g}"}
            self._hub.alerts.raise_alert(
                CHANGED,
                f"{name}: {one.target}",
                "warning",
                message,
                remedy=remedy,
                evidence=evidence,
                tenant_id=run.tenant_id,
            )

    def _note(self, run: Run, said: str) -> None:
        self._runs.update(msgspec.structs.replace(run, environment={**run.environment, WATCHED: said}))


def _awaits_verdict(run: Run) -> bool:
    return run.state == "done" and run.verdict is None and now_us() < (run.ended_us or 0) + _VERDICT_US
