"""What the handlers work with. `genaiops.app` composes it; nothing here knows how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from genaiops.arena import (
    Benchmark,
    Beside,
    Board,
    FailureDocument,
    Figure,
    GateReport,
    Selection,
    SelectionAsked,
    UnjudgedDocument,
)
from genaiops.arena.redteam import AttackReport
from genaiops.domain import (
    Actor,
    ApiKey,
    Case,
    Erasure,
    Experiment,
    Foreseen,
    Judge,
    Person,
    Run,
    Suite,
    Target,
    Version,
)
from genaiops.domain.experiments import ExperimentTally, Look
from genaiops.gateway import Quoting
from genaiops.govern import Auditor
from genaiops.guard import Replays
from genaiops.hub import Datasets, Hub, NewItem, Why
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.runs import RunFilter, RunPage, Runs
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import IdentityProvider
from genaiops.ports.telemetry import Telemetry, TraceFilter
from genaiops.watch import Metering
from genaiops.watch.otlp import Capture, Ingest


class Publishing(Protocol):
    """Brings what was written to the records into force."""

    async def publish_and_wait(self) -> bool:
        """True when every live worker has it in force, False when it will be."""
        ...


class Sessions(Protocol):
    """The console's sessions, where there is a console. The API looks at the origin of a request by itself."""

    def actor(self, cookies: Mapping[str, str], *, secure: bool) -> Actor | None:
        """Who is logged in by these cookies; None when nobody is (no session, expired, its key revoked). `secure`:
        they came by https."""
        ...

    def key(self, cookies: Mapping[str, str], *, secure: bool) -> ApiKey | None:
        """The key that whoever is logged in by these cookies came in with: they reach as far as it does. None: they
        came by the identity provider."""
        ...

    def csrf_matches(self, cookies: Mapping[str, str], token: str, *, secure: bool) -> bool:
        """Whether the token belongs to the session of these cookies; compares in constant time."""
        ...

    def end_all(self, actor_id: str) -> int:
        """End the sessions of an actor; how many there were."""
        ...


class Erasures(Protocol):
    """Taking away what is kept of an end user; goes on by itself, also after a crash."""

    def foresee(self, person: Person) -> Foreseen:
        """What it would take away, and what it cannot reach. NotFound when no trace names the person."""
        ...

    def begin(self, person: Person, reason: str, *, by: str) -> Erasure: ...

    def list(self) -> Sequence[Erasure]: ...

    def get(self, erasure_id: str) -> Erasure: ...


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


class Evaluations(Protocol):
    """What runs show, worked out once."""

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        ...

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks, as far as they are known."""
        ...

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
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

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Conflict while it is not done; NotFound when its suite is not kept here; UsageError for what does not fit."""
        ...


class Sources(Protocol):
    """What can be put into a queue. Whoever asks has looked whether the caller may see what is named."""

    def trace(self, telemetry: Telemetry, trace_id: bytes) -> NewItem:
        """NotFound when there is no such trace, or nothing of its content was kept."""
        ...

    def traces(self, telemetry: Telemetry, where: TraceFilter, limit: int) -> tuple[Sequence[NewItem], int]:
        """(the newest `limit`, the oldest first; how many had no content)."""
        ...

    def rows(
        self, datasets: Datasets, version: Version, *, limit: int, answers: Sequence[str], sides: Sequence[str]
    ) -> Sequence[NewItem]: ...

    def cases(self, run: Run, *, target: str | None, cases: Sequence[str]) -> Sequence[NewItem]:
        """Answers of a target (None: of all). NotFound when there are none."""
        ...

    def pairs(
        self, one: tuple[Run, str], other: tuple[Run, str], cases: Sequence[str]
    ) -> tuple[Sequence[NewItem], Sequence[str]]:
        """(duels of two targets, what the sides are called)."""
        ...


class Experimenting(Protocol):
    """Experiments that go on by themselves, also after a crash."""

    def start(self, hub: Hub, experiment_id: str, *, why: Why | None = None, by: str) -> Experiment: ...

    def remove(self, hub: Hub, experiment_id: str, *, by: str) -> None: ...

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


class Services(Protocol):
    """Everything is safe to use from several threads."""

    @property
    def hub(self) -> Hub: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def counters(self) -> Counters: ...

    @property
    def blobs(self) -> Blobs: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def seals(self) -> Seals: ...

    def fold_now(self) -> None:
        """Bring what the workers have written so far into the records and the telemetry."""
        ...

    @property
    def publisher(self) -> Publishing: ...

    @property
    def quoting(self) -> Quoting: ...

    @property
    def auditor(self) -> Auditor: ...

    @property
    def erasing(self) -> Erasures: ...

    @property
    def identity_provider(self) -> IdentityProvider | None:
        """Where people sign in to the console, beside keys."""
        ...

    @property
    def ingest(self) -> Ingest: ...

    def capture_of(self, environment_id: str) -> Capture:
        """How much of the content that environment keeps, as it is in force."""
        ...

    @property
    def metering(self) -> Metering | None:
        """None: the energy of calls is not worked out here."""
        ...

    @property
    def runs(self) -> ServerRuns: ...

    @property
    def evaluations(self) -> Evaluations: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def watches(self) -> Watches: ...

    @property
    def replays(self) -> Replays: ...

    @property
    def experiments(self) -> Experimenting: ...

    @property
    def provenance(self) -> ProvenanceState:
        """Whether generated images are marked, as it is now."""
        ...

    def restore_model(self, name: str, *, by: str) -> Target:
        """The target of an embedded model that was removed, again. Conflict when it is there, or nothing serves it."""
        ...


Serving = NamedDependency[SkipValidation[Services]]
"""The annotation of the parameter `services` of a handler."""

SessionsServing = NamedDependency[SkipValidation[Sessions | None]]
"""The annotation of the parameter `sessions` of a handler."""
