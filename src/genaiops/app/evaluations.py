"""What the runs of an installation show: their suites, what their gates say, and how two runs differ."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

from genaiops.app.home import Home
from genaiops.app.kept_suites import kept_suite
from genaiops.arena import (
    Benchmark,
    Beside,
    Board,
    Figure,
    GateReport,
    Ran,
    Reads,
    Selection,
    SelectionAsked,
    Side,
    Tables,
    beside,
    board,
    cases_digest,
    figures,
    judge,
    select,
)
from genaiops.arena.redteam import AttackReport, attack_report
from genaiops.core.errors import Conflict, NotFound
from genaiops.domain import Case, Run, Suite
from genaiops.ports.runs import RunFilter, Runs

_T = TypeVar("_T")
_KEPT: Final = 128
"""Reports and comparisons: of ten thousand cases each is a few hundred kilobytes at most."""

_LOOKED: Final = 200
"""Of the newest runs, for those that asked a model: their suites are read."""


class Evaluations:
    """Made anew when a run has more than it had, and kept as long as it has not. Safe between threads."""

    def __init__(self, store: Runs, home: Home) -> None:
        self._store = store
        self._home = home
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self._read: dict[Hashable, Tables] = {}
        self._lock = Lock()

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        try:
            return kept_suite(self._home, run.subject.rpartition("@")[2])
        except NotFound:
            return None

    def report(self, run: Run) -> GateReport | None:
        """Of what the run has by now. None when its suite is not kept here."""
        suite = self.suite(run)
        return None if suite is None else self._of(_state(run), lambda: judge(suite, self._tables(run)))

    def attacks(self, run: Run) -> AttackReport | None:
        """How often attacks succeeded. None: there is none among its cases."""
        return self._of(("attacks", *_state(run)), lambda: self._attacks(run))

    def _attacks(self, run: Run) -> AttackReport | None:
        store = self._store
        return attack_report(self.suite(run), store.cases(run.id), store.answered(run.id), store.judged(run.id))

    def figures(self, run: Run) -> Sequence[Figure]:
        """What its checks measured, with intervals; none when its suite is not kept here."""
        suite = self.suite(run)
        return () if suite is None else self._of(("figures", _state(run)), lambda: figures(suite, self._tables(run)))

    def benchmarks(
        self, model: str, *, tenant_id: str | None = None, sees: Callable[[Run], bool] = lambda _: True, most: int = 20
    ) -> Sequence[Benchmark]:
        """What runs that are done measured of a model (a name that clients call), the newest first, at most `most`; of
        the latest 200 runs whose suites are kept here."""
        where = RunFilter(kind="evaluation", state="done", tenant_id=tenant_id)
        found: list[Benchmark] = []
        for run in self._store.list(where, limit=_LOOKED).rows:
            if len(found) >= most:
                break
            for target in self._asking(run, model) if sees(run) else ():
                figures = [each for each in self.figures(run) if each.target == target]
                harness = run.environment.get("genaiops", "")
                found.append(Benchmark(run=run, harness=harness, target=target, figures=figures))
        return found[:most]

    def board(
        self,
        suite: str,
        check: str = "",
        *,
        tenant_id: str | None = None,
        sees: Callable[[Run], bool] = lambda _: True,
    ) -> Board:
        """Who answered best by a check ("": the first), of the latest 200 runs of a suite that are done and whose
        suites are kept here; without any it has no entries. UsageError for a check that the newest has not."""
        where = RunFilter(kind="evaluation", state="done", subject=f"suite/{suite}@", tenant_id=tenant_id)
        runs = [run for run in self._store.list(where, limit=_LOOKED).rows if sees(run)]
        key = ("board", suite, check, *map(_state, runs))
        return self._of(
            key, lambda: board(suite, self._ran(runs), check, Reads(cases=self._cases, tables=self._tables))
        )

    def _ran(self, runs: Iterable[Run]) -> list[Ran]:
        suites: dict[str, Suite | None] = {}
        found: list[Ran] = []
        for run in runs:
            if run.subject not in suites:
                suites[run.subject] = self.suite(run)
            suite = suites[run.subject]
            if suite is not None:
                found.append(Ran(run=run, suite=suite))
        return found

    def _cases(self, run: Run) -> str:
        return self._of(("cases", _state(run)), lambda: cases_digest(self._store.cases(run.id)))

    def _asking(self, run: Run, model: str) -> Sequence[str]:
        """Names of its targets that are this model as it is: no prompt, application or release stands between."""
        suite = self._of(("models", run.subject), lambda: self.suite(run))
        return () if suite is None else [each.name for each in suite.target if each.model == model and not each.prompt]

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks; none when its suite is not kept here."""
        return self._of(("targets", run.subject), lambda: _targets(self.suite(run)))

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
        return self._of(("slices", run.id), lambda: _slices(self._tables(run).cases.values()))

    def beside(self, before: Run, after: Run, one: str, other: str, within: str | None = None) -> Beside:
        """The target `one` of a run against the target `other` of a later one, over the cases of one slice (None:
        all); by the checks of the later run's suite, or of the other's. NotFound when neither suite is kept here."""
        suite = self.suite(after) or self.suite(before)
        if suite is None:
            raise NotFound(
                f"The suite of {after.id} is not kept here, so nothing says what is compared.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        key = (_state(before), _state(after), one, other, within)

        def made() -> Beside:
            return beside(suite, Side(self._tables(before), one), Side(self._tables(after), other), within)

        return self._of(key, made)

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Its targets compared, so that one can be chosen. Conflict while it is not done; NotFound when its suite is
        not kept here; UsageError for what does not fit it."""
        if run.state != "done":
            raise Conflict(
                f"The run {run.id} is {run.state}, and nothing is chosen of half a run.",
                remedy=f"Wait for it, or go on with it: genaiops run resume {run.id}",
                code="run_not_done",
            )
        suite = self.suite(run)
        if suite is None:
            raise NotFound(
                f"The suite of {run.id} is not kept here, so nothing says what was compared.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        return self._of(
            (_state(run), "selection", msgspec.json.encode(asked)),
            lambda: select(suite, self._tables(run), asked, run=run.id, subject=run.subject, name=run.name),
        )

    def _tables(self, run: Run) -> Tables:
        """Those of the last two are at hand: a page asks for a run's report and for what it won."""
        key = _state(run)
        with self._lock:
            found = self._read.get(key)
        if found is None:
            store = self._store
            found = Tables(store.cases(run.id), store.answered(run.id), store.judged(run.id))
            with self._lock:
                self._read = {**dict(list(self._read.items())[-1:]), key: found}
        return found

    def _of(self, key: Hashable, made: Callable[[], _T]) -> _T:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                found: _T = self._known[key]
                return found
        new = made()
        with self._lock:
            self._known[key] = new
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return new


def _targets(suite: Suite | None) -> Sequence[str]:
    return () if suite is None else tuple(target.name for target in suite.target)


def _slices(cases: Iterable[Case]) -> Sequence[str]:
    return sorted({name for case in cases for name in case.slices})


def _state(run: Run) -> tuple[Hashable, ...]:
    return run.id, run.state, run.done, run.failed, run.ended_us
