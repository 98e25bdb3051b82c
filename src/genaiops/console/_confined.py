"""Pages get services that are cut to what their visitor reaches, so that none can forget it."""

from typing import Any, cast

from genaiops.console._services import Services, Stores
from genaiops.hub import ConfinedTelemetry, Hub, Reach


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
        self.telemetry = ConfinedTelemetry(stores.telemetry, reach, whole)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stores, name)
