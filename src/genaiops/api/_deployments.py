"""`/api/deployments`: which releases serve an application in an environment."""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing, time_or_none
from genaiops.api._services import Services, Serving
from genaiops.api._status import Status
from genaiops.api._times import moment
from genaiops.api._writing import write
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.domain import Deployment, EnvironmentKind, Share, Target
from genaiops.hub import Hub, Why, require
from genaiops.ports.telemetry import RollupQuery, TraceFilter

_READ = 500
_PAGES = 4

Telling = NamedDependency[SkipValidation[Callable[[], Status]]]


class ShareDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A release with its percent of the calls. `model`: what it calls (null: the release is not there any more)."""

    release_id: str
    percent: float
    model: str | None = None


class DeploymentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`former`: what a roll-back returns to. `approval_id`: of the consent to it. `replicas`: gateway workers of this
    machine that have it in force; `machines`: those that share these records (none: only this one). `regions`: of the
    targets that its models are served by, where they have one. `calls` and `errors` since `seen_since`; `users` are the
    different ones among the latest of those calls (`users_of` of them). `shadow`: the release that hears copies."""

    id: str
    application_id: str
    environment_id: str
    environment_kind: EnvironmentKind | None
    shares: Sequence[ShareDocument]
    former: Sequence[ShareDocument]
    since_at: str
    deployed_by: str
    approval_id: str | None
    replicas: int
    machines: Sequence[str]
    regions: Sequence[str]
    seen_since: str
    calls: int
    errors: int
    users: int
    users_of: int
    last_call_at: str | None
    shadow: str | None = None


class DeploymentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What served from then on; no shares: it was taken down."""

    at: str
    by: str
    shares: Sequence[ShareDocument]


class DeployRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`release`: its digest, at least 6 digits of it, or `latest`. `share`: percent of the calls; null: all of them.
    `reason`: for who has to consent; `emergency`: why an administrator cannot wait for that."""

    application: str
    environment: str
    release: str
    share: int | None = None
    reason: str = ""
    emergency: str | None = None


class ReasonRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reason`: for who has to consent; `emergency`: why an administrator cannot wait for that."""

    reason: str = ""
    emergency: str | None = None


class DeploymentsController(Controller):
    path = "/deployments"
    tags = ("Hub",)

    @get(summary="List deployments", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        status: Telling,
        application: FromQuery[str | None] = None,
        since: Annotated[str, QueryParameter(description="what calls are counted since: ISO 8601, or `24h`")] = "24h",
    ) -> Listing[DeploymentDocument]:
        """With what is known of where they run and who uses them."""
        hub = services.hub
        found = hub.deployments.list() if application is None else hub.deployments.of(application)
        seen = _Seen(services, status(), moment(since, now_us=now_us(), param="since"))
        return Listing([seen.document(one) for one in found])

    @post(summary="Deploy a release", guards=[needs("deployments")], status_code=200)
    async def deploy(
        self, data: JSONBody[DeployRequest], services: Serving, status: Telling, caller: Calling
    ) -> Response[DeploymentDocument]:
        """It serves from now on. Deploying what serves already changes nothing. Where deployments are protected it
        waits for another person's consent: 202 with the header `x-genaiops-approval`."""

        def work() -> DeploymentDocument:
            check_may(services.hub, caller, data.environment)
            why, by = Why(reason=data.reason, emergency=data.emergency), caller.actor.id
            deployments = services.hub.deployments
            made = deployments.deploy(
                data.application, data.environment, data.release, share=data.share, why=why, by=by
            )
            return _Seen(services, status(), now_us()).document(made)

        return await write(services, work)

    @get("/{deployment_id:str}", summary="One deployment", guards=[needs("read")], sync_to_thread=True)
    def one(self, deployment_id: FromPath[str], services: Serving, status: Telling) -> DeploymentDocument:
        """By `APPLICATION@ENVIRONMENT`; calls of the last 24 hours."""
        since = moment("24h", now_us=now_us(), param="since")
        return _Seen(services, status(), since).document(services.hub.deployments.get(deployment_id))

    @post("/{deployment_id:str}/rollback", summary="Roll back", guards=[needs("deployments")], status_code=200)
    async def roll_back(
        self,
        deployment_id: FromPath[str],
        services: Serving,
        status: Telling,
        caller: Calling,
        data: JSONBody[ReasonRequest | None] = None,
    ) -> Response[DeploymentDocument]:
        """What served before serves again. It waits for consent as a deployment does."""
        application, environment = _parts(deployment_id)
        why = Why() if data is None else Why(reason=data.reason, emergency=data.emergency)

        def work() -> DeploymentDocument:
            check_may(services.hub, caller, environment)
            made = services.hub.deployments.roll_back(application, environment, why=why, by=caller.actor.id)
            return _Seen(services, status(), now_us()).document(made)

        return await write(services, work)

    @get("/{deployment_id:str}/history", summary="Its history", guards=[needs("read")], sync_to_thread=True)
    def history(self, deployment_id: FromPath[str], services: Serving) -> Listing[DeploymentEntry]:
        """Newest first."""
        releases = _models(services)
        return Listing(
            [
                DeploymentEntry(at=to_iso(one.at_us), by=one.by, shares=_shown(one.shares, releases))
                for one in services.hub.deployments.history(*_parts(deployment_id))
            ]
        )

    @delete("/{deployment_id:str}", summary="Take down", guards=[needs("deployments")], status_code=200)
    async def take_down(
        self,
        deployment_id: FromPath[str],
        services: Serving,
        caller: Calling,
        reason: Annotated[str, QueryParameter(description="for who has to consent")] = "",
        emergency: Annotated[str | None, QueryParameter(description="why an administrator cannot wait")] = None,
    ) -> Response[None]:
        """Calls of the application there are refused from now on. It waits for consent as a deployment does."""
        application, environment = _parts(deployment_id)
        why = Why(reason=reason, emergency=emergency)

        def work() -> None:
            check_may(services.hub, caller, environment)
            services.hub.deployments.take_down(application, environment, why=why, by=caller.actor.id)

        return await write(services, work)


def check_may(hub: Hub, caller: Caller, environment_id: str) -> None:
    """Roles deploy in some kinds of environment only. That there is no such environment is said by who deploys."""
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in hub.environments.list()}
    require(caller.actor, "deployments", kinds.get(environment_id))


def _parts(deployment_id: str) -> tuple[str, str]:
    application, sign, environment = deployment_id.partition("@")
    if not sign or not environment:
        raise UsageError(
            f"{deployment_id[:120]!r} names no deployment.",
            remedy="Write APPLICATION@ENVIRONMENT, such as support@prod.",
            param="deployment_id",
        )
    return application, environment


class _Seen:
    """What is known of deployments, read once for all of them."""

    def __init__(self, services: Services, status: Status, since_us: int) -> None:
        self._services = services
        self._since_us = since_us
        self._until_us = now_us() + 1
        self._replicas = status.workers
        self._kinds: dict[str, EnvironmentKind] = {one.id: one.kind for one in services.hub.environments.list()}
        self._machines = services.hub.machines()
        self._releases = _models(services)
        self._targets = services.hub.targets.list()
        self._routes = {one.id: {each.target_id for each in one.targets} for one in services.hub.routes.list()}

    def document(self, one: Deployment) -> DeploymentDocument:
        calls, errors = self._figures(one)
        users, read, last_us = self._users(one) if calls else (0, 0, None)
        return DeploymentDocument(
            id=one.id,
            application_id=one.application_id,
            environment_id=one.environment_id,
            environment_kind=self._kinds.get(one.environment_id),
            shares=_shown(one.shares, self._releases),
            former=_shown(one.former, self._releases),
            since_at=to_iso(one.since_us),
            deployed_by=one.deployed_by,
            approval_id=one.approval_id,
            replicas=self._replicas,
            machines=[machine.name for machine in self._machines],
            regions=self._regions(one),
            seen_since=to_iso(self._since_us),
            calls=calls,
            errors=errors,
            users=users,
            users_of=read,
            last_call_at=time_or_none(last_us),
            shadow=None if one.shadow is None else one.shadow.release_id,
        )

    def _regions(self, one: Deployment) -> list[str]:
        models = {self._releases[share.release_id] for share in one.shares if share.release_id in self._releases}
        return sorted({target.region for target in self._targets if target.region and self._serves(target, models)})

    def _serves(self, target: Target, models: set[str]) -> bool:
        return any(
            target.id in self._routes[model] if model in self._routes else target.model == model for model in models
        )

    def _figures(self, one: Deployment) -> tuple[int, int]:
        rollups = self._services.telemetry.rollup(
            RollupQuery(
                since_us=self._since_us,
                until_us=self._until_us,
                step="all",
                where={"application": one.application_id, "environment_id": one.environment_id},
            )
        )
        return sum(each.calls for each in rollups), sum(each.errors for each in rollups)

    def _users(self, one: Deployment) -> tuple[int, int, int | None]:
        """(different users, calls that were read for it, the start of the latest call)."""
        where = TraceFilter(since_us=self._since_us, application=one.application_id, environment_id=one.environment_id)
        users: set[str] = set()
        read, last_us, cursor = 0, None, None
        for _ in range(_PAGES):
            page = self._services.telemetry.list(where, cursor=cursor, limit=_READ)
            users |= {row.root.user_id for row in page.rows if row.root.user_id}
            if last_us is None and page.rows:
                last_us = page.rows[0].root.start_us
            read += len(page.rows)
            cursor = page.next
            if cursor is None:
                break
        return len(users), read, last_us


def _models(services: Services) -> dict[str, str]:
    """Release -> the model that it names."""
    return {one.id: one.manifest.model for one in services.hub.releases.list()}


def _shown(shares: Sequence[Share], releases: dict[str, str]) -> list[ShareDocument]:
    total = sum(one.weight for one in shares) or 1
    return [
        ShareDocument(
            release_id=one.release_id, percent=round(100 * one.weight / total, 3), model=releases.get(one.release_id)
        )
        for one in shares
    ]
