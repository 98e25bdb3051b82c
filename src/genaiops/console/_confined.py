"""Pages get services that are cut to what their visitor reaches, so that none can forget it."""

from typing import Any, cast

import msgspec

from genaiops.console._services import Services, Stores
from genaiops.core.errors import NotFound
from genaiops.domain import Run
from genaiops.hub import ConfinedTelemetry, Hub, Reach
from genaiops.ports.runs import RunFilter, RunPage, Runs


def confined(services: Services, reach: Reach) -> Services:
    """The same services, cut to what is reached."""
    return services if reach.whole else cast(Services, _Confined(services, reach))


class _Confined:
    def __init__(self, services: Services, reach: Reach) -> None:
        self._services = services
        self.hub = services.hub if reach.tenant_id is None else services.hub.confined(reach.tenant_id)
        self.stores = _ConfinedStores(services.stores, services.hub, self.hub, reach)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services, name)


class _ConfinedStores:
    def __init__(self, stores: Stores, whole: Hub, hub: Hub, reach: Reach) -> None:
        self._stores = stores
        self.records = hub.records
        self.runs = ConfinedRuns(stores.runs, reach.tenant_id)
        self.telemetry = ConfinedTelemetry(stores.telemetry, reach, whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stores, name)


class ConfinedRuns:
    """Runs of one business unit (None: of all). A page asks for a run before it asks for what the run has."""

    def __init__(self, runs: Runs, tenant_id: str | None) -> None:
        self._runs = runs
        self._tenant_id = tenant_id

    def get(self, run_id: str) -> Run:
        """NotFound when there is none, and for a run of another unit."""
        run = self._runs.get(run_id)
        if self._tenant_id not in (None, run.tenant_id):
            raise NotFound(f"There is no run {run_id!r}.", remedy="See: genaiops run list", param="run")
        return run

    def list(self, where: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        own = where if self._tenant_id is None else msgspec.structs.replace(where, tenant_id=self._tenant_id)
        return self._runs.list(own, cursor=cursor, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)
