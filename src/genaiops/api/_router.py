"""The API as one router."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Controller, Request, Response, Router
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler

from genaiops.api._access import Authentication, Caller, Connection, calling
from genaiops.api._alerts import AlertsController
from genaiops.api._anomalies import AnomaliesController
from genaiops.api._applications import ApplicationsController
from genaiops.api._apply import StateController
from genaiops.api._approvals import ApprovalsController, PoliciesController
from genaiops.api._artifacts import AliasesController, ArtifactsController, DiffController, VersionsController
from genaiops.api._audit import AUDIT_HEADER, AuditController
from genaiops.api._beside import ComparisonsController
from genaiops.api._caches import CachesController
from genaiops.api._catalogue import CatalogueController, PresetsController
from genaiops.api._checking import check_request
from genaiops.api._confined import confined
from genaiops.api._dataset_additions import DatasetAdditionsController
from genaiops.api._datasets import DatasetsController
from genaiops.api._deployments import DeploymentsController
from genaiops.api._detectors import DetectorsController
from genaiops.api._erasures import ErasuresController
from genaiops.api._estimates import EstimateController
from genaiops.api._experiments import ExperimentsController
from genaiops.api._facts import FactsController, RunClaimsController, TraceClaimsController
from genaiops.api._figures import Figures
from genaiops.api._findings import FindingsController
from genaiops.api._fingerprints import FingerprintsController
from genaiops.api._groups import GroupsController
from genaiops.api._guard_figures import GuardFiguresController, MarksController
from genaiops.api._guard_trials import GuardTrialsController
from genaiops.api._guards import GuardsController
from genaiops.api._keys import KeysController, Me
from genaiops.api._limits import BudgetsController, LimitsController
from genaiops.api._lineage import LineageController
from genaiops.api._merge_reports import CommitsController, ReleaseReportsController
from genaiops.api._people import ActorsController, EnvironmentsController, TeamsController
from genaiops.api._price_check import PriceCheck
from genaiops.api._prices import PricesController
from genaiops.api._prompts import PromptsController
from genaiops.api._provenance import ProvenanceController
from genaiops.api._queue_items import QueueItemsController
from genaiops.api._queues import QueuesController
from genaiops.api._redteam import RedTeamController
from genaiops.api._release_shadows import ReleaseShadowsController
from genaiops.api._releases import ReleasesController
from genaiops.api._risks import RisksController
from genaiops.api._runs import RunsController
from genaiops.api._scores import ScoresController
from genaiops.api._selections import SelectionsController
from genaiops.api._services import Services, Sessions
from genaiops.api._shadows import ShadowsController
from genaiops.api._slices import SlicesController
from genaiops.api._status import Status
from genaiops.api._suites import SuitesController
from genaiops.api._sweeps import SweepsController
from genaiops.api._targets import EmbeddedController, ModelsController, RoutesController, TargetsController
from genaiops.api._tasks import TasksController
from genaiops.api._tenants import RolesController, TenantsController
from genaiops.api._traces import TracesController
from genaiops.api._trends import TrendsController
from genaiops.api._trust import IssuersController, SecretsController
from genaiops.api._use_cases import UseCasesController
from genaiops.api._uses import UsedByController

_HANDLERS: tuple[type[Controller] | BaseRouteHandler, ...] = (
    Me,
    KeysController,
    ActorsController,
    TenantsController,
    RolesController,
    TeamsController,
    GroupsController,
    EnvironmentsController,
    TargetsController,
    EmbeddedController,
    RoutesController,
    CachesController,
    ShadowsController,
    ModelsController,
    CatalogueController,
    PresetsController,
    PricesController,
    PriceCheck,
    EstimateController,
    BudgetsController,
    LimitsController,
    IssuersController,
    SecretsController,
    ArtifactsController,
    AlertsController,
    FindingsController,
    ApprovalsController,
    TasksController,
    QueuesController,
    QueueItemsController,
    PoliciesController,
    GuardsController,
    GuardTrialsController,
    DetectorsController,
    RisksController,
    ProvenanceController,
    FingerprintsController,
    ApplicationsController,
    ReleasesController,
    ReleaseReportsController,
    CommitsController,
    RunsController,
    RunClaimsController,
    SelectionsController,
    SweepsController,
    ComparisonsController,
    SlicesController,
    SuitesController,
    UseCasesController,
    RedTeamController,
    TrendsController,
    DeploymentsController,
    ReleaseShadowsController,
    ExperimentsController,
    AuditController,
    DatasetsController,
    DatasetAdditionsController,
    LineageController,
    UsedByController,
    VersionsController,
    AliasesController,
    DiffController,
    PromptsController,
    StateController,
    TracesController,
    TraceClaimsController,
    FactsController,
    ScoresController,
    GuardFiguresController,
    MarksController,
    ErasuresController,
    AnomaliesController,
    Figures,
)


def create(services: Services, *, status: Callable[[], Status], sessions: Sessions | None = None) -> Router:
    """Everything below `/api`. `status` says how the installation is; with `sessions` the console's pages may call.

    The application adds `EXCEPTION_HANDLERS`, `add_headers` (before_send) and `openapi_config`: those belong to the
    whole of it."""

    authentication = Authentication(services, sessions)

    # Functions, because the framework copies what it is given, and stores cannot be copied.
    async def authenticate(connection: Connection, _: BaseRouteHandler) -> None:
        await authentication.admit(connection)

    def provided(request: Request[Any, Any, Any]) -> Any:
        caller: Caller = request.scope["user"]
        return confined(services, caller.reach)

    def telling() -> Any:
        return status

    def people_here() -> Any:
        return sessions

    return Router(
        path="/api",
        route_handlers=_HANDLERS,
        guards=[authenticate],
        before_request=check_request,
        after_request=_telling_of_the_log(services),
        dependencies={
            "services": Provide(provided, sync_to_thread=False),
            "status": Provide(telling, sync_to_thread=False),
            "sessions": Provide(people_here, sync_to_thread=False),
            "caller": Provide(calling, sync_to_thread=False),
        },
    )


def _telling_of_the_log(services: Services) -> Callable[[Response[Any]], Awaitable[Response[Any]]]:
    """Every answer names the newest checkpoint, so that clients notice when the log no longer fits."""

    async def tell(response: Response[Any]) -> Response[Any]:
        latest = services.auditor.latest
        if latest is not None:
            response.headers[AUDIT_HEADER] = f"{latest.origin} {latest.size} {latest.root}"
        return response

    return tell
