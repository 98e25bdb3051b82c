"""Handlers get services that are cut to what their caller reaches, so that none can forget it."""

from typing import Any, cast

from genaiops.api._services import Services
from genaiops.hub import ConfinedTelemetry, Reach


def confined(services: Services, reach: Reach) -> Services:
    """The same services, cut to what is reached."""
    return services if reach.whole else cast(Services, _Confined(services, reach))


class _Confined:
    def __init__(self, services: Services, reach: Reach) -> None:
        self._services = services
        self.hub = services.hub if reach.tenant_id is None else services.hub.confined(reach.tenant_id)
        self.telemetry = ConfinedTelemetry(services.telemetry, reach, services.hub)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Confined":
        return self
