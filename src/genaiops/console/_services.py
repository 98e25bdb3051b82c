"""What the console needs of the control process. `app/services.py` fits these without knowing of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from genaiops.arena import (
    Forecast,
    KpiLine,
    SweepAsked,
)
from genaiops.arena.reports import Sectioned
from genaiops.arena.shown import Choices, Evaluations, Facts
from genaiops.checks.use_cases import ReadUseCase
from genaiops.domain import Actor, Experiment, Run
from genaiops.domain.experiments import ExperimentPlan, ExperimentTally, Look
from genaiops.govern import Auditor
from genaiops.guard import Replays
from genaiops.hub import HeldUseCase, Hub, MergeReport, Why
from genaiops.hub.shown import MergeReports as Written
from genaiops.hub.shown import Risks, Sources
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.persons import Erasures
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.records import Records
from genaiops.ports.runs import Runs
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import IdentityProvider
from genaiops.ports.telemetry import Telemetry
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


class MergeReports(Written, Protocol):
    """On a page, too."""

    def sections(self, said: MergeReport) -> Sectioned:
        """What it says, as headings and tables."""
        ...


class Kpis(Protocol):
    """How KPIs of use cases stand."""

    def releases(self, held: HeldUseCase, hub: Hub | None = None) -> Mapping[str, str]: ...
    def read(self, read: ReadUseCase, hub: Hub) -> ReadUseCase: ...
    def standing(self, held: HeldUseCase, releases: Mapping[str, str]) -> Sequence[KpiLine]: ...
    def of_run(self, run: Run, uses: Iterable[HeldUseCase]) -> Sequence[KpiLine]: ...


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
