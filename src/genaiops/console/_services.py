"""What the console needs of the control process. `app/services.py` fits these without knowing of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from genaiops.arena import (
    Benchmark,
    Beside,
    Board,
    Decision,
    Figure,
    Forecast,
    GateReport,
    KpiLine,
    Selection,
    SelectionAsked,
    Sliced,
    Sweep,
    SweepAsked,
)
from genaiops.arena.redteam import AttackReport
from genaiops.arena.reports import Sectioned, Value
from genaiops.checks.facts import Checked
from genaiops.checks.use_cases import ReadUseCase
from genaiops.domain import Actor, Erasure, Experiment, Foreseen, Person, Risk, Run, Suite
from genaiops.domain.experiments import ExperimentPlan, ExperimentTally, Look
from genaiops.govern import Auditor
from genaiops.guard import Replays
from genaiops.hub import HeldUseCase, Hub, MergeReport, NewItem, Why
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.records import Records
from genaiops.ports.runs import CaseRow, Runs
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import IdentityProvider
from genaiops.ports.telemetry import Telemetry, Trace
from genaiops.ports.vitals import Vitals

Clock = Callable[[], int]


class Stores(Protocol):
    @property
    def records(self) -> Records: ...
    @property
    def telemetry(self) -> Telemetry: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def runs(self) -> Runs: ...


class Publishing(Protocol):
    """Brings what was written to the records to the workers."""

    def publish(self) -> int: ...

    def wait(self, version: int) -> bool:
        """Whether every live worker has that version in force, within a second."""
        ...


class Folding(Protocol):
    @property
    def failing(self) -> str | None:
        """Why no trace can be stored at the moment."""
        ...


class Erasures(Protocol):
    """Taking away what is kept of an end user; goes on by itself."""

    def foresee(self, person: Person) -> Foreseen:
        """NotFound when no trace names the person."""
        ...

    def begin(self, person: Person, reason: str, *, by: str) -> Erasure: ...
    def list(self) -> Sequence[Erasure]: ...


class MergeReports(Protocol):
    """Reports of releases and commits."""

    def sections(self, said: MergeReport) -> Sectioned:
        """What it says, as headings and tables."""
        ...

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
    """What runs show."""

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        ...

    def report(self, run: Run) -> GateReport | None:
        """None when its suite is not kept here."""
        ...

    def warm(self) -> None:
        """Load what comparisons compute with, beside."""
        ...

    def value(self, run: Run) -> Value | None:
        """Policies with verdicts, and cost beside quality. None when its suite is not kept here."""
        ...

    def written(self, run: Run, form: str, kpis: Sequence[KpiLine] = ()) -> bytes:
        """Its signed report."""
        ...

    def attacks(self, run: Run) -> AttackReport | None:
        """How often attacks succeeded. None: there is none among its cases."""
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

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks, as far as they are known."""
        ...

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
        ...

    def sliced(self, run: Run, by: Sequence[str] = ()) -> Sequence[Sliced]:
        """What its checks measured by group, of what tells groups apart; empty without a suite."""
        ...

    def beside(self, before: Run, after: Run, one: str, other: str) -> Beside:
        """The target `one` of a run against the target `other` of a later one. NotFound without a suite."""
        ...

    def sweep(self, run: Run, check: str = "") -> Sweep:
        """What its cells show; Conflict while it goes on, UsageError when it is no sweep."""
        ...

    def sweep_written(self, run: Run, check: str, form: str) -> bytes:
        """Its signed report: html, markdown or pdf. UsageError for PDF when its extra is not installed."""
        ...

    def is_sweep(self, run: Run) -> bool:
        """Whether its targets are cells of examples and context."""
        ...

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Its targets compared as candidates. Conflict while it is not done; NotFound without a suite."""
        ...


class Kpis(Protocol):
    """How KPIs of use cases stand."""

    def releases(self, held: HeldUseCase, hub: Hub | None = None) -> Mapping[str, str]: ...
    def read(self, read: ReadUseCase, hub: Hub) -> ReadUseCase: ...
    def standing(self, held: HeldUseCase, releases: Mapping[str, str]) -> Sequence[KpiLine]: ...
    def of_run(self, run: Run, uses: Iterable[HeldUseCase]) -> Sequence[KpiLine]: ...


class Risks(Protocol):
    """Known risks, with the state of their controls."""

    def now(self, hub: Hub, tenant_id: str | None = None) -> Sequence[Risk]: ...


class Sources(Protocol):
    """What can be put into a queue or a dataset."""

    def trace(self, telemetry: Telemetry, trace_id: bytes) -> NewItem:
        """NotFound when there is no such trace, or nothing of its content was kept."""
        ...

    def cases(self, run: Run, *, target: str | None, cases: Sequence[str]) -> Sequence[NewItem]:
        """Answers of a target (None: of all). NotFound when there are none."""
        ...

    def pairs(
        self, one: tuple[Run, str], other: tuple[Run, str], cases: Sequence[str]
    ) -> tuple[Sequence[NewItem], Sequence[str]]:
        """(duels of two targets, what the sides are called)."""
        ...


class Facts(Protocol):
    """Claims of answers, and what their sources say of them."""

    def of_trace(self, telemetry: Telemetry, trace_id: bytes) -> Checked:
        """NotFound when there is no such trace, or nothing of its answer was kept."""
        ...

    def of_found(self, trace: Trace) -> Checked:
        """As `of_trace`."""
        ...

    def of_rows(self, run: Run, rows: Sequence[CaseRow], target: str | None = None) -> Sequence[Checked]: ...
    def of_run(self, run: Run, *, target: str | None = None, cases: Sequence[str] = ()) -> Sequence[Checked]:
        """NotFound for a case that there is not."""
        ...


class Experimenting(Protocol):
    """Experiments that go on by themselves."""

    def start(self, hub: Hub, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment: ...
    def remove(self, hub: Hub, experiment_id: str, *, by: str) -> None: ...
    def forecast(self, application_id: str, environment_id: str, plan: ExperimentPlan) -> Forecast: ...
    def tally(self, experiment_id: str) -> ExperimentTally: ...
    def looks(self, experiment_id: str) -> Sequence[Look]: ...
    def now(self, experiment: Experiment) -> Look:
        """As it stands."""
        ...


class HomeFolder(Protocol):
    @property
    def path(self) -> Path: ...
    @property
    def run(self) -> Path: ...
    @property
    def state(self) -> Path:
        """The supervisor's file that says what runs."""
        ...


class Services(Protocol):
    """`settings` is the struct of the settings in force; it is only shown."""

    @property
    def settings(self) -> object: ...
    @property
    def home(self) -> HomeFolder: ...
    @property
    def identity_provider(self) -> IdentityProvider | None:
        """Where people may sign in instead of pasting a key."""
        ...

    @property
    def hub(self) -> Hub: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def seals(self) -> Seals: ...
    @property
    def auditor(self) -> Auditor: ...
    @property
    def stores(self) -> Stores: ...
    @property
    def publisher(self) -> Publishing: ...
    @property
    def vitals(self) -> Vitals: ...
    @property
    def folding(self) -> Folding: ...
    @property
    def erasing(self) -> Erasures: ...
    @property
    def provenance(self) -> ProvenanceState: ...
    @property
    def kpis(self) -> Kpis: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def risks(self) -> Risks: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def merge_reports(self) -> MergeReports: ...
    def begin_suite(self, actor: Actor, name: str, document: Mapping[str, Any], environment: str | None) -> Run:
        """A run on the server, as far as that person reaches."""
        ...

    def begin_kept(self, actor: Actor, suite: str, environment: str | None, sweep: SweepAsked | None) -> Run:
        """Likewise of a version that is kept (NAME@ALIAS or NAME@DIGEST); with `sweep` of each of its cells."""
        ...

    @property
    def choices(self) -> Choices: ...
    @property
    def experiments(self) -> Experimenting: ...
