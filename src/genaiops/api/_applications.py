"""`/api/applications`: AI systems in use."""

from collections.abc import Sequence

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing, shown
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import RiskTier
from genaiops.hub import ApplicationChange, NewApplication


class ApplicationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An AI system in use. The id is its name, which clients call as the model `app/NAME`. `acknowledged_at` null:
    nobody stated yet that it uses generative AI, and its keys for environments of the kind prod do not work."""

    id: str
    tenant_id: str
    team_id: str | None
    title: str
    purpose: str
    owner: str
    risk_tier: RiskTier
    acknowledged_at: str | None
    acknowledged_by: str
    statement: str
    created_at: str
    created_by: str


class NewApplicationRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`owner`: an actor's id; empty: who asks."""

    name: str
    title: str = ""
    purpose: str = ""
    owner: str = ""
    team_id: str | None = None
    risk_tier: RiskTier = "unknown"


class ApplicationPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes; what is not given stays."""

    title: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    risk_tier: RiskTier | UnsetType = UNSET


class AcknowledgementRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In a person's words: that the application uses generative AI, and how its users are told."""

    statement: str


class ApplicationsController(Controller):
    path = "/applications"
    tags = ("Hub",)

    @get(summary="List applications", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[ApplicationDocument]:
        """All of them."""
        found: Sequence[ApplicationDocument] = [
            shown(one, ApplicationDocument) for one in services.hub.applications.list()
        ]
        return Listing(found)

    @post(summary="Make an application", guards=[needs("applications")])
    async def create(
        self, data: JSONBody[NewApplicationRequest], services: Serving, caller: Calling
    ) -> Response[ApplicationDocument]:
        """It serves nothing yet: it needs a release, and that a deployment."""

        def work() -> ApplicationDocument:
            new = NewApplication(**msgspec.structs.asdict(data))
            tenant = caller.actor.tenant_id
            made = services.hub.applications.create(new, tenant_id=tenant, by=caller.actor.id)
            return shown(made, ApplicationDocument)

        return await write(services, work, status=201)

    @get("/{application_id:str}", summary="One application", guards=[needs("read")], sync_to_thread=True)
    def one(self, application_id: FromPath[str], services: Serving) -> ApplicationDocument:
        """By its name."""
        return shown(services.hub.applications.get(application_id), ApplicationDocument)

    @patch("/{application_id:str}", summary="Change an application", guards=[needs("applications")])
    async def change(
        self, application_id: FromPath[str], data: JSONBody[ApplicationPatch], services: Serving, caller: Calling
    ) -> Response[ApplicationDocument]:
        """What it is for, and who answers for it."""
        given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
        if not given:
            raise UsageError("The change is empty.", remedy="Give at least one field.")

        def work() -> ApplicationDocument:
            change = ApplicationChange(**given)
            made = services.hub.applications.change(application_id, change, by=caller.actor.id)
            return shown(made, ApplicationDocument)

        return await write(services, work)

    @delete("/{application_id:str}", summary="Remove an application", guards=[needs("applications")], status_code=200)
    async def remove(self, application_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """With its releases. 409 while it is deployed, or keys or limits belong to it."""
        return await write(services, lambda: services.hub.applications.remove(application_id, by=caller.actor.id))

    @post(
        "/{application_id:str}/acknowledgement",
        summary="Acknowledge that it uses generative AI",
        guards=[needs("applications")],
        status_code=200,
    )
    async def acknowledge(
        self, application_id: FromPath[str], data: JSONBody[AcknowledgementRequest], services: Serving, caller: Calling
    ) -> Response[ApplicationDocument]:
        """Only people can. Its keys for environments of the kind prod work from now on, and its answers say what they
        are."""

        def work() -> ApplicationDocument:
            made = services.hub.applications.acknowledge(application_id, data.statement, by=caller.actor.id)
            return shown(made, ApplicationDocument)

        return await write(services, work)

    @delete(
        "/{application_id:str}/acknowledgement",
        summary="Take the acknowledgement back",
        guards=[needs("applications")],
        status_code=200,
    )
    async def withdraw(
        self, application_id: FromPath[str], services: Serving, caller: Calling
    ) -> Response[ApplicationDocument]:
        """Its keys for environments of the kind prod stop working."""

        def work() -> ApplicationDocument:
            return shown(services.hub.applications.withdraw(application_id, by=caller.actor.id), ApplicationDocument)

        return await write(services, work)
