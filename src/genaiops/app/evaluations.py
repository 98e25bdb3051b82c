"""What the runs of an installation show: their suites, what their gates say, and how two runs differ."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib import import_module
from threading import Lock, Timer
from typing import Any, Final, TypeVar

import msgspec

from genaiops.app.counting import counting_for
from genaiops.app.evaluating import report_of
from genaiops.app.home import Home
from genaiops.app.kept_figures import KeptFigures, state
from genaiops.app.kept_suites import added_suites, kept_suite
from genaiops.app.local_models import InstalledModels
from genaiops.app.selection_reports import sweep_report
from genaiops.app.signed_reports import signed
from genaiops.arena import (
    Benchmark,
    Beside,
    Board,
    Counting,
    Figure,
    FoundFacts,
    GateLine,
    GateReport,
    KpiLine,
    Packed,
    Ran,
    Reads,
    Selection,
    SelectionAsked,
    Side,
    Sliced,
    Sweep,
    Tables,
    beside,
    board,
    cases_digest,
    is_sweep,
    kpi_judged,
    select,
    sliced,
    swept,
)
from genaiops.arena.redteam import AttackReport, attack_report
from genaiops.arena.reports import Value, reported
from genaiops.core.errors import Conflict, NotFound
from genaiops.domain import Kpi, Run, Suite
from genaiops.ports.runs import RunFilter, Runs

_T = TypeVar("_T")
_KEPT: Final = 128
"""Reports and comparisons: of ten thousand cases each is a few hundred kilobytes at most."""

_COLUMNS: Final = 4
"""Of so many runs the columns: a megabyte or two each, of ten thousand cases."""

_WARM_SECONDS: Final = 0.5
"""So that it takes nothing from the page that is shown meanwhile."""

_LOOKED: Final = 200
"""Of the newest runs that asked a model, or are of a suite: their suites are read."""


class Evaluations:
    """Made anew when a run has more than it had, and kept as long as it has not. Safe between threads."""

    def __init__(
        self, store: Runs, home: Home, known: Callable[[Suite], Mapping[str, FoundFacts]] | None = None
    ) -> None:
        """`known`: licences and risks of what a suite asks, where the installation knows them."""
        self._facts = known
        self._store = store
        self._home = home
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self._read: dict[Hashable, Tables] = {}
        self._packed: dict[Hashable, Packed] = {}
        self._warm = False
        self._kept = KeptFigures(store, self._tables)
        self._models: InstalledModels | None = None
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
        return None if suite is None else self._of(state(run), lambda: self._kept.report(run, suite))

    def value(self, run: Run) -> Value | None:
        """Policies with verdicts, and cost beside quality. None when its suite is not kept here."""
        suite = self.suite(run)
        return None if suite is None else self._of(("value", state(run)), lambda: self._kept.value(run, suite))

    def written(self, run: Run, form: str, kpis: Sequence[KpiLine] = ()) -> bytes:
        """The report of a run as `genaiops suite report` writes it, signed by this installation. NotFound when its
        suite is not kept here; Conflict while it goes on."""
        suite, report = self.suite(run), self.report(run)
        if run.state in ("waiting", "running"):
            raise Conflict(
                f"The run {run.id} goes on.",
                remedy=f"Wait for it: genaiops run show {run.id} --follow",
                code="run_under_way",
            )
        if suite is None or report is None:
            raise NotFound(
                f"The suite of {run.id} is not kept here, so nothing says what was asked for.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        if run.state != "done":
            report = report_of(self._store, run, suite)
        return signed(self._home, form, reported(self._store, run, suite, report, kpis))

    def kpi(self, run: Run, kpi: Kpi, target: str) -> GateLine:
        """What it measured of a KPI, for one of its targets. NotFound when its suite is not kept here."""
        suite = self.suite(run)
        if suite is None:
            raise NotFound(
                f"The suite of {run.id} is not kept here, so nothing says what was measured.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        return self._of(
            ("kpi", state(run), msgspec.json.encode(kpi), target),
            lambda: kpi_judged(kpi, suite, self._tables(run), target),
        )

    def attacks(self, run: Run) -> AttackReport | None:
        """How often attacks succeeded. None: there is none among its cases."""
        return self._of(("attacks", *state(run)), lambda: self._attacks(run))

    def _attacks(self, run: Run) -> AttackReport | None:
        store = self._store
        return attack_report(self.suite(run), store.cases(run.id), store.answered(run.id), store.judged(run.id))

    def figures(self, run: Run) -> Sequence[Figure]:
        """What its checks measured, with intervals, and what `suite rescore` added; none if its suite is not kept."""
        suite = self.suite(run)
        if suite is None:
            return ()
        own = {check.name for check in suite.check}
        return self._of(("figures", state(run)), lambda: (*self._kept.figures(run, suite), *self._added(run, own)))

    def _added(self, run: Run, own: AbstractSet[str]) -> Sequence[Figure]:
        suites = added_suites(self._home, run, own)
        return self._kept.added(run, suites) if suites else ()

    def benchmarks(
        self, model: str, *, tenant_id: str | None = None, sees: Callable[[Run], bool] = lambda _: True, most: int = 20
    ) -> Sequence[Benchmark]:
        """What runs that are done measured of a model (a name that clients call), the newest first, at most `most`; of
        the latest 200 runs that asked it and whose suites are kept here."""
        where = RunFilter(kind="evaluation", state="done", tenant_id=tenant_id, asks=f"model/{model}")
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
        key = ("board", suite, check, *map(state, runs))
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
        return self._of(("cases", state(run)), lambda: cases_digest(self._store.cases(run.id)))

    def _asking(self, run: Run, model: str) -> Sequence[str]:
        """Names of its targets that are this model as it is: no prompt, application or release stands between."""
        suite = self._of(("models", run.subject), lambda: self.suite(run))
        return () if suite is None else [each.name for each in suite.target if each.model == model and not each.prompt]

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks; none when its suite is not kept here."""
        return self._of(("targets", run.subject), lambda: _targets(self.suite(run)))

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
        return self._columns(run).slices

    def sliced(self, run: Run, by: Sequence[str] = ()) -> Sequence[Sliced]:
        """What its checks measured by group; UsageError for what tells none apart. Empty without a suite."""
        suite = self.suite(run)
        if suite is None:
            return ()
        if not by:
            return self._of(("sliced", state(run)), lambda: self._kept.sliced(run, suite))
        return self._of(("sliced", state(run), *by), lambda: sliced(suite, self._tables(run), by))

    def beside(self, before: Run, after: Run, one: str, other: str, within: str | None = None) -> Beside:
        """The target `one` of a run against the target `other` of a later one, over the cases of one slice (None:
        all); by the checks of the later run's suite, or of the other's. NotFound when neither suite is kept here."""
        suite = self.suite(after) or self.suite(before)
        if suite is None:
            raise NotFound(
                f"The suite of {after.id} is not kept here, so nothing says what is compared.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        key = (state(before), state(after), one, other, within)

        def made() -> Beside:
            if before.id == after.id and within is None:
                return self._kept.beside(after, suite, one, other)
            old = Side(self._columns(before), one, lambda: self._tables(before))
            return beside(suite, old, Side(self._columns(after), other, lambda: self._tables(after)), within)

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
        found: Mapping[str, FoundFacts] = {} if self._facts is None else self._facts(suite)
        return self._of(
            (state(run), "selection", msgspec.json.encode((asked, found))),
            lambda: select(
                suite, self._tables(run), asked, run=run.id, subject=run.subject, name=run.name, found=found
            ),
        )

    def sweep(self, run: Run, check: str = "") -> Sweep:
        """What its cells show, by a check ("": the suite's only one). Conflict while it goes on; NotFound when its
        suite is not kept here; UsageError when it is no sweep."""
        if run.state in ("waiting", "running"):
            raise Conflict(
                f"The run {run.id} is {run.state}, and half a sweep shows nothing.",
                remedy=f"Wait for it: genaiops run show {run.id} --follow",
                code="run_not_done",
            )
        suite = self.suite(run)
        if suite is None:
            raise NotFound(
                f"The suite of {run.id} is not kept here, so nothing says what was swept.",
                remedy="Run it again; the suite is kept with its runs from now on.",
            )
        counting = self.counting(suite.target[0].model if suite.target else "")
        return self._of(
            (state(run), "sweep", check),
            lambda: swept(suite, self._tables(run), check, counting, run=run.id, subject=run.subject, name=run.name),
        )

    def sweep_written(self, run: Run, check: str, form: str) -> bytes:
        """Its signed report: html, markdown or pdf. UsageError for PDF when its extra is not installed."""
        return sweep_report(self.sweep(run, check), form, home=self._home, at_us=run.ended_us or run.created_us)

    def counting(self, model: str) -> Counting:
        """What counts tokens for a model: its own tokenizer where it is here, else an estimate."""
        return counting_for(model, self._home.path)

    def is_sweep(self, run: Run) -> bool:
        suite = self._of(("suite", run.subject), lambda: self.suite(run))
        return suite is not None and is_sweep(suite)

    def near(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Vectors of texts, by an encoder of this installation. GenaiopsError when it is not there."""
        if self._models is None:
            self._models = InstalledModels(self._home.path)
        return self._models.near(texts)

    def warm(self) -> None:
        """Load what comparisons compute with, once and beside: whoever sees the list of runs compares two soon."""
        with self._lock:
            if self._warm:
                return
            self._warm = True
        later = Timer(_WARM_SECONDS, import_module, args=("scipy.special",))
        later.daemon = True
        later.start()

    def _columns(self, run: Run) -> Packed:
        """Those of the last few are at hand."""
        key = state(run)
        with self._lock:
            found = self._packed.get(key)
        if found is None:
            found = self._kept.columns(run)
            with self._lock:
                self._packed = {**dict(list(self._packed.items())[1 - _COLUMNS :]), key: found}
        return found

    def _tables(self, run: Run) -> Tables:
        """Those of the last two are at hand: a page asks for a run's report and for what it won."""
        key = state(run)
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
