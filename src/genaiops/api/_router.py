"""The API as one router."""

from collections.abc import Callable
from typing import Any

from litestar import Router
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from genaiops.api._access import Authentication, Connection, calling
from genaiops.api._apply import StateController
from genaiops.api._artifacts import ArtifactsController
from genaiops.api._caches import CachesController
from genaiops.api._catalogue import CatalogueController, PresetsController
from genaiops.api._checking import check_request
from genaiops.api._figures import Figures
from genaiops.api._keys import KeysController, Me
from genaiops.api._limits import BudgetsController, LimitsController
from genaiops.api._people import ActorsController, EnvironmentsController, TeamsController
from genaiops.api._price_check import PriceCheck
from genaiops.api._prices import PricesController
from genaiops.api._services import Services, Sessions
from genaiops.api._status import Status
from genaiops.api._targets import EmbeddedController, ModelsController, RoutesController, TargetsController
from genaiops.api._traces import TracesController
from genaiops.api._trust import IssuersController, SecretsController


def create(services: Services, *, status: Callable[[], Status], sessions: Sessions | None = None) -> Router:
    """Everything below `/api`. `status` says how the installation is; with `sessions` the console's pages may call.

    The application adds `EXCEPTION_HANDLERS`, `add_headers` (before_send) and `openapi_config`: those belong to the
    whole of it."""

    authentication = Authentication(services, sessions)

    # Functions, because the framework copies what it is given, and stores cannot be copied.
    async def authenticate(connection: Connection, _: BaseRouteHandler) -> None:
        await authentication.admit(connection)

    def provided() -> Any:
        return services

    def telling() -> Any:
        return status

    return Router(
        path="/api",
        route_handlers=[
            Me,
            KeysController,
            ActorsController,
            TeamsController,
            EnvironmentsController,
            TargetsController,
            EmbeddedController,
            RoutesController,
            CachesController,
            ModelsController,
            CatalogueController,
            PresetsController,
            PricesController,
            PriceCheck,
            BudgetsController,
            LimitsController,
            IssuersController,
            SecretsController,
            ArtifactsController,
            StateController,
            TracesController,
            Figures,
        ],
        guards=[authenticate],
        before_request=check_request,
        dependencies={
            "services": Provide(provided, sync_to_thread=False),
            "status": Provide(telling, sync_to_thread=False),
            "caller": Provide(calling, sync_to_thread=False),
        },
    )
