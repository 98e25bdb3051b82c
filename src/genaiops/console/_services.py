"""What the console needs of the control process. `app/services.py` fits these without knowing of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from genaiops.arena import Benchmark, Beside, Board, Figure, GateReport, Selection, SelectionAsked
from genaiops.arena.redteam import AttackReport
from genaiops.domain import Erasure, Experiment, Foreseen, Person, Run, Suite
from genaiops.domain.experiments import ExperimentTally, Look
from genaiops.govern import Auditor
from genaiops.guard import Replays
from genaiops.hub import Hub, NewItem, Why
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
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


class Erasures(Protocol):
    """Taking away what is kept of an end user; goes on by itself."""

    def foresee(self, person: Person) -> Foreseen:
        """NotFound when no trace names the person."""
        ...

    def begin(self, person: Person, reason: str, *, by: str) -> Erasure: ...
    def list(self) -> Sequence[Erasure]: ...


class Evaluations(Protocol):
    """What runs show."""

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        ...

    def report(self, run: Run) -> GateReport | None:
        """None when its suite is not kept here."""
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

    def beside(self, before: Run, after: Run, one: str, other: str) -> Beside:
        """The target `one` of a run against the target `other` of a later one. NotFound without a suite."""
        ...

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Its targets compared as candidates. Conflict while it is not done; NotFound without a suite."""
        ...


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


class Experimenting(Protocol):
    """Experiments that go on by themselves."""

    def start(self, hub: Hub, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment: ...
    def remove(self, hub: Hub, experiment_id: str, *, by: str) -> None: ...
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
    def sources(self) -> Sources: ...
    @property
    def replays(self) -> Replays: ...
    @property
    def evaluations(self) -> Evaluations: ...
    @property
    def experiments(self) -> Experimenting: ...
