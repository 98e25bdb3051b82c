"""What the handlers of ARENA work with: runs of suites, what they show, experiments and facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from genaiops.arena import (
    Benchmark,
    Beside,
    Board,
    Counting,
    Decision,
    FailureDocument,
    Figure,
    Forecast,
    GateReport,
    KpiLine,
    Selection,
    SelectionAsked,
    Sliced,
    Sweep,
    UnjudgedDocument,
)
from genaiops.arena.redteam import AttackReport
from genaiops.checks.facts import Checked, Corpus, Source
from genaiops.checks.use_cases import ReadUseCase
from genaiops.domain import (
    Case,
    Experiment,
    Judge,
    Run,
    Suite,
    UseCase,
    Version,
)
from genaiops.domain.experiments import ExperimentPlan, ExperimentTally, Look
from genaiops.hub import Datasets, HeldUseCase, Hub, MergeReport, Why
from genaiops.ports.runs import CaseRow, RunFilter, RunPage, Runs
from genaiops.ports.telemetry import Telemetry


class RunFaults(Protocol):
    @property
    def errors(self) -> Sequence[FailureDocument]: ...

    @property
    def unjudged(self) -> Sequence[UnjudgedDocument]: ...


class ServerRuns(Protocol):
    """Runs of suites, which go on by themselves, also after a crash."""

    @property
    def store(self) -> Runs: ...

    def get(self, run_id: str) -> Run:
        """NotFound when there is none."""
        ...

    def list(self, where: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage: ...

    def with_judges(self, suite: Suite, read: Callable[[str], Judge]) -> Suite:
        """The suite with the judges in it that it names. UsageError for files, which are not here."""
        ...

    def begin(self, run: Run, cases: Sequence[Case], suite: Suite) -> Run:
        """NotFound and the like for weights that its checks need and this installation has not."""
        ...

    def stop(self, run_id: str, *, by: str) -> Run:
        """Conflict when it is over."""
        ...

    def resume(self, run_id: str, *, by: str) -> Run:
        """Conflict when nothing is left of it, or it goes on."""
        ...

    def delete(self, run_id: str, *, by: str) -> None:
        """Conflict while it goes on."""
        ...

    def report(self, run: Run) -> GateReport | None:
        """None: it goes on, or its suite is not kept here."""
        ...

    def faults(self, run: Run) -> RunFaults:
        """What failed in it by now."""
        ...


class MergeReports(Protocol):
    """Reports of releases and commits."""

    def written(self, said: MergeReport, form: str) -> bytes:
        """Signed; markdown, html or pdf."""
        ...

    def bundle(self, hub: Hub, said: MergeReport) -> bytes:
        """A release with all that is known of it, to verify elsewhere."""
        ...


class Choices(Protocol):
    """Choices among the targets of a run, kept and reported."""

    def keep(self, run: Run, selection: Selection, made: Decision) -> Decision:
        """With the version that the Hub keeps it under, and its lineage."""
        ...

    def last(self, run: Run) -> tuple[Selection, Decision] | None:
        """What was chosen last, and whether it is approved. None: nothing is chosen yet."""
        ...

    def report(
        self, run: Run, selection: Selection, decision: Decision | None, form: Literal["html", "markdown", "pdf"]
    ) -> bytes:
        """Signed. UsageError for PDF when its extra is not installed."""
        ...


class Evaluations(Protocol):
    """What runs show, worked out once."""

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        ...

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks, as far as they are known."""
        ...

    def written(self, run: Run, form: str, kpis: Sequence[KpiLine] = ()) -> bytes:
        """Its signed report. Conflict while it goes on, NotFound when its suite is not kept here."""
        ...

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
        ...

    def sliced(self, run: Run, by: Sequence[str] = ()) -> Sequence[Sliced]:
        """What its checks measured by group, of what tells groups apart; empty without a suite."""
        ...

    def beside(self, before: Run, after: Run, one: str, other: str, within: str | None = None) -> Beside:
        """The target `one` of a run against `other` of a later one, over the cases of one slice (None: all)."""
        ...

    def report(self, run: Run) -> GateReport | None:
        """Of what the run has by now. None when its suite is not kept here."""
        ...

    def attacks(self, run: Run) -> AttackReport | None:
        """None: there is no attack among its cases."""
        ...

    def benchmarks(
        self, model: str, *, tenant_id: str | None = None, sees: Callable[[Run], bool] = ..., most: int = 20
    ) -> Sequence[Benchmark]:
        """What runs that are done measured of a model, the newest first."""
        ...

    def board(
        self, suite: str, check: str = "", *, tenant_id: str | None = None, sees: Callable[[Run], bool] = ...
    ) -> Board:
        """Who answered best by a check ("": the first), over the newest runs of a suite."""
        ...

    def figures(self, run: Run) -> Sequence[Figure]:
        """What its checks measured, with intervals; none when its suite is not kept here."""
        ...

    def sweep(self, run: Run, check: str = "") -> Sweep:
        """What its cells show; Conflict while it goes on, UsageError when it is no sweep."""
        ...

    def sweep_written(self, run: Run, check: str, form: str) -> bytes:
        """Its signed report: html, markdown or pdf. UsageError for PDF when its extra is not installed."""
        ...

    def counting(self, model: str) -> Counting:
        """What counts tokens for a model."""
        ...

    def near(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Vectors of texts, by an encoder of this installation."""
        ...

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Conflict while it is not done; NotFound when its suite is not kept here; UsageError for what does not fit."""
        ...


class Kpis(Protocol):
    """See `genaiops.app.kpis`."""

    def releases(self, held: HeldUseCase, hub: Hub | None = None) -> Mapping[str, str]:
        """Of its applications: what serves in prod, and the newest: id -> where it stands."""
        ...

    def standing(self, held: HeldUseCase, releases: Mapping[str, str]) -> Sequence[KpiLine]:
        """Each KPI, of each of these releases where a suite measures it."""
        ...

    def of_run(self, run: Run, uses: Iterable[HeldUseCase]) -> Sequence[KpiLine]:
        """The KPIs of these that its suite measures, for each of its targets."""
        ...

    def read(self, read: ReadUseCase, hub: Hub) -> ReadUseCase:
        """Refused where a KPI asks what its suite can never show."""
        ...

    def unknown(self, use_case: UseCase, hub: Hub) -> Sequence[str]:
        """A sentence of each KPI whose suite is not there yet."""
        ...

    def checks(self, held: HeldUseCase) -> Mapping[str, Mapping[str, Any]]:
        """Name of a KPI -> the check that measures it, with its target as the floor."""
        ...


class Facts(Protocol):
    """Claims of answers and what sources say of them. Whoever asks has looked whether the caller may see what is
    named."""

    def of_text(self, answer: str, sources: Sequence[Source], corpus: Corpus | None = None) -> Checked:
        """UsageError without any source."""
        ...

    def of_trace(self, telemetry: Telemetry, trace_id: bytes, corpus: Corpus | None = None) -> Checked:
        """NotFound when there is no such trace, or nothing of its answer was kept."""
        ...

    def of_rows(
        self, run: Run, rows: Sequence[CaseRow], target: str | None = None, corpus: Corpus | None = None
    ) -> Sequence[Checked]: ...

    def of_run(
        self, run: Run, *, target: str | None = None, cases: Sequence[str] = (), corpus: Corpus | None = None
    ) -> Sequence[Checked]:
        """NotFound for a case that there is not."""
        ...

    def corpus(self, sources: Sequence[Source]) -> Corpus: ...

    def dataset(self, datasets: Datasets, version: Version, column: str | None = None) -> Corpus:
        """UsageError where no column is known to hold texts."""
        ...


class Experimenting(Protocol):
    """Experiments that go on by themselves, also after a crash."""

    def start(self, hub: Hub, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment: ...

    def remove(self, hub: Hub, experiment_id: str, *, by: str) -> None: ...

    def forecast(self, application_id: str, environment_id: str, plan: ExperimentPlan) -> Forecast:
        """How long it would take."""
        ...

    def tally(self, experiment_id: str) -> ExperimentTally: ...

    def looks(self, experiment_id: str) -> Sequence[Look]: ...

    def now(self, experiment: Experiment) -> Look:
        """As it stands."""
        ...


class Watches(Protocol):
    """Suites that are asked again and again."""

    def now(self, name: str) -> Run:
        """A look at once. NotFound and UsageError for what is not watched."""
        ...
