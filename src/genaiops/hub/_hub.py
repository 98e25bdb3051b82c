"""All services over one store."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

from genaiops.core.clock import now_us
from genaiops.hub._actors import Actors
from genaiops.hub._artifacts import Artifacts
from genaiops.hub._budgets import Budgets
from genaiops.hub._environments import Environments
from genaiops.hub._issuers import Issuers
from genaiops.hub._keys import Keys
from genaiops.hub._prices import Prices
from genaiops.hub._rate_limits import RateLimits
from genaiops.hub._routes import Routes
from genaiops.hub._targets import Targets
from genaiops.hub._teams import Teams
from genaiops.ports.records import Records, Unit, View


class Hub:
    """One service a noun. `clock` gives microseconds; `providers` are the names a target may use (None: any)."""

    def __init__(
        self, records: Records, *, clock: Callable[[], int] = now_us, providers: Collection[str] | None = None
    ) -> None:
        self.records = records
        self.clock = clock
        self._providers = providers
        self.actors = Actors(records, clock)
        self.teams = Teams(records, clock)
        self.environments = Environments(records, clock)
        self.keys = Keys(records, clock)
        self.targets = Targets(records, clock, providers)
        self.routes = Routes(records, clock)
        self.prices = Prices(records, clock, providers)
        self.budgets = Budgets(records, clock)
        self.rate_limits = RateLimits(records, clock)
        self.issuers = Issuers(records, clock)
        self.artifacts = Artifacts(records, clock)

    def within(self, unit: Unit) -> "Hub":
        """The same services as parts of one unit: what they write is kept or lost with it."""
        return Hub(_OneUnit(unit), clock=self.clock, providers=self._providers)


class _OneUnit:
    """Records of which each reading and each writing is a part of the same open unit."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def read(self) -> AbstractContextManager[View]:
        return nullcontext(self._unit)

    def write(self, actor_id: str) -> AbstractContextManager[Unit]:  # noqa: ARG002 (the unit has its actor)
        return nullcontext(self._unit)

    def migrate(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """The unit belongs to who opened it."""
