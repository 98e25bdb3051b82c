"""`/api/alerts`: what was raised."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing, shown
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.domain import AlertSeverity, AlertState


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Annotated[AlertState | None, msgspec.Meta(description="only in this state")] = None


class AlertRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was done, for who reads it later."""

    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class AlertDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`count`: how often it was raised between `first_at` and `last_at`; `evidence` is of the last time."""

    id: str
    tenant_id: str
    kind: str
    subject: str
    severity: AlertSeverity
    state: AlertState
    message: str
    remedy: str
    evidence: Mapping[str, str]
    count: int
    first_at: str
    last_at: str
    acknowledged_by: str
    acknowledged_at: str | None
    closed_by: str
    closed_at: str | None
    comment: str


class AlertsController(Controller):
    path = "/alerts"
    tags = ("Alerts",)

    @get(
        summary="List alerts",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: AlertQuery},
        operation_class=described(AlertQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[AlertDocument]:
        """Those that are not closed first, then the last raised first."""
        query = read_query(request, AlertQuery)
        return Listing([shown(each, AlertDocument) for each in services.hub.alerts.in_state(query.state)])

    @get("/{alert_id:str}", summary="One alert", guards=[needs("read")], sync_to_thread=True)
    def one(self, alert_id: FromPath[str], services: Serving) -> AlertDocument:
        """With the evidence of the last time."""
        return shown(services.hub.alerts.get(alert_id), AlertDocument)

    @post("/{alert_id:str}/acknowledge", summary="Acknowledge", guards=[needs("alerts")], status_code=200)
    async def acknowledge(
        self, alert_id: FromPath[str], data: JSONBody[AlertRequest], services: Serving, caller: Calling
    ) -> Response[AlertDocument]:
        """Somebody looks after it; it is still counted."""
        alerts, by = services.hub.alerts, caller.actor.id
        return await write(
            services, lambda: shown(alerts.acknowledge(alert_id, comment=data.comment, by=by), AlertDocument)
        )

    @post("/{alert_id:str}/close", summary="Close", guards=[needs("alerts")], status_code=200)
    async def close(
        self, alert_id: FromPath[str], data: JSONBody[AlertRequest], services: Serving, caller: Calling
    ) -> Response[AlertDocument]:
        """It is over: when it comes again, that is another alert."""
        alerts, by = services.hub.alerts, caller.actor.id
        return await write(services, lambda: shown(alerts.close(alert_id, comment=data.comment, by=by), AlertDocument))
