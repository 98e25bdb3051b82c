"""`/api/deployments/{id}/shadow`: a release that hears copies of an application's calls, beside what users got."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._deployments import check_may
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Serving
from genaiops.api._shadows import ReleaseShadowQuery, ShadowDocument, release_shadow_document
from genaiops.api._writing import write
from genaiops.core.clock import to_iso
from genaiops.domain import Deployment
from genaiops.hub import NewShadow


class ReleaseShadowRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`release`: its digest, at least 6 digits of it, or `latest`. `charged_to`: the application whose hard budget pays
    for the copies (empty: `shadow/` and the application's name). `share`: 0..1 of the calls. `concurrency`: copies
    under way at a time in a worker."""

    release: str
    charged_to: str = ""
    share: float = 0.1
    concurrency: int = 4


class ReleaseShadowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who hears copies on a deployment. `limited`: whether there is a hard budget that pays for them; without one, none
    is made."""

    id: str
    release_id: str
    charged_to: str
    share: float
    concurrency: int
    since_at: str
    by: str
    limited: bool


class ReleaseShadowsController(Controller):
    path = "/deployments/{deployment_id:str}/shadow"
    tags = ("Hub",)

    @get(
        summary="A release in shadow beside what users got",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: ReleaseShadowQuery},
        operation_class=described(ReleaseShadowQuery),
    )
    def report(
        self, request: Request[Any, Any, Any], deployment_id: FromPath[str], services: Serving
    ) -> ShadowDocument:
        """Pair by pair, of the copies since it is in shadow: errors, times, cost, tokens, scores that both traces have,
        and the checks that are asked for."""
        query = read_query(request, ReleaseShadowQuery)
        return release_shadow_document(services, services.hub.deployments.get(deployment_id), query)

    @post(summary="Put a release in shadow", guards=[needs("deployments")], status_code=200)
    async def begin(
        self, deployment_id: FromPath[str], data: JSONBody[ReleaseShadowRequest], services: Serving, caller: Calling
    ) -> Response[ReleaseShadowDocument]:
        """It hears copies of a share of the calls from now on; users get nothing of what it says. The next change of
        what serves there ends it."""

        def work() -> ReleaseShadowDocument:
            check_may(services.hub, caller, deployment_id.partition("@")[2])
            new = NewShadow(
                release=data.release,
                application=data.charged_to,
                share=data.share,
                concurrency=data.concurrency,
            )
            made = services.hub.release_shadows.begin(deployment_id, new, by=caller.actor.id)
            budgets = services.hub.budgets.list()
            return _document(
                made, {each.scope.id for each in budgets if each.hard and each.scope.kind == "application"}
            )

        return await write(services, work)

    @delete(summary="End it", guards=[needs("deployments")], status_code=200)
    async def end(self, deployment_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """What was copied stays."""

        def work() -> None:
            check_may(services.hub, caller, deployment_id.partition("@")[2])
            services.hub.release_shadows.end(deployment_id, by=caller.actor.id)

        return await write(services, work)


def _document(one: Deployment, limited: set[str]) -> ReleaseShadowDocument:
    assert one.shadow is not None
    return ReleaseShadowDocument(
        id=one.id,
        release_id=one.shadow.release_id,
        charged_to=one.shadow.application,
        share=one.shadow.share,
        concurrency=one.shadow.concurrency,
        since_at=to_iso(one.shadow.since_us),
        by=one.shadow.by,
        limited=one.shadow.application in limited,
    )
