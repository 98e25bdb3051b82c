"""All services over one store."""

from collections.abc import Callable, Collection

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
from genaiops.ports.records import Records


class Hub:
    """One service a noun. `clock` gives microseconds; `providers` are the names a target may use (None: any)."""

    def __init__(
        self, records: Records, *, clock: Callable[[], int] = now_us, providers: Collection[str] | None = None
    ) -> None:
        self.records = records
        self.actors = Actors(records, clock)
        self.teams = Teams(records, clock)
        self.environments = Environments(records, clock)
        self.keys = Keys(records, clock)
        self.targets = Targets(records, clock, providers)
        self.routes = Routes(records, clock)
        self.prices = Prices(records, clock)
        self.budgets = Budgets(records, clock)
        self.rate_limits = RateLimits(records, clock)
        self.issuers = Issuers(records, clock)
        self.artifacts = Artifacts(records, clock)
