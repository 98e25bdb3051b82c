"""What the handlers of ARENA work with: runs of suites, what they show, experiments and facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from genaiops.arena import (
    FailureDocument,
    Forecast,
    GateReport,
    KpiLine,
    UnjudgedDocument,
)
from genaiops.arena.shown import Facts as Shown
from genaiops.checks.facts import Corpus
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
from genaiops.hub import Datasets, HeldUseCase, Hub, Why
from genaiops.ports.runs import RunFilter, RunPage, Runs


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


class Facts(Shown, Protocol):
    """Of datasets, too."""

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
