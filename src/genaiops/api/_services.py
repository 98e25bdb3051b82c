"""What the handlers work with. `genaiops.app` composes it; nothing here knows how."""

from collections.abc import Mapping
from typing import Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from genaiops.api._arena_services import Experimenting, Facts, Kpis, ServerRuns, Watches
from genaiops.arena.shown import Choices, Evaluations
from genaiops.domain import (
    Actor,
    ApiKey,
    Target,
)
from genaiops.gateway import Quoting
from genaiops.govern import Auditor
from genaiops.guard import Replays
from genaiops.hub import Hub
from genaiops.hub.shown import MergeReports, Risks, Sources
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.persons import Erasures
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.seals import Seals
from genaiops.ports.secrets import Secrets
from genaiops.ports.sign_in import IdentityProvider
from genaiops.ports.telemetry import Telemetry
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
    def choices(self) -> Choices: ...

    @property
    def kpis(self) -> Kpis: ...

    @property
    def merge_reports(self) -> MergeReports: ...

    @property
    def risks(self) -> Risks: ...

    @property
    def sources(self) -> Sources: ...

    @property
    def facts(self) -> Facts: ...

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
