"""What the handlers work with. `genaiops.app` composes it; nothing here knows how."""

from collections.abc import Mapping
from typing import Protocol

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from genaiops.domain import Actor, Target
from genaiops.hub import Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.counters import Counters
from genaiops.ports.secrets import Secrets
from genaiops.ports.telemetry import Telemetry


class Publishing(Protocol):
    """Brings what was written to the records into force."""

    async def publish_and_wait(self) -> bool:
        """True when every live worker has it in force, False when it will be."""
        ...


class Sessions(Protocol):
    """The console's sessions, where there is a console. The API looks at the origin of a request by itself."""

    def actor(self, cookies: Mapping[str, str]) -> Actor | None:
        """Who is logged in by these cookies; None when nobody is (no session, expired, its key revoked)."""
        ...

    def csrf_matches(self, cookies: Mapping[str, str], token: str) -> bool:
        """Whether the token belongs to the session of these cookies; compares in constant time."""
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
    def publisher(self) -> Publishing: ...

    def restore_model(self, name: str, *, by: str) -> Target:
        """The target of an embedded model that was removed, again. Conflict when it is there, or nothing serves it."""
        ...


Serving = NamedDependency[SkipValidation[Services]]
"""The annotation of the parameter `services` of a handler."""
