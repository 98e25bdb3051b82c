"""`/api/issuers` and `/api/secrets`."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import IssuerDocument, Listing, SecretDocument, shown
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.errors import Forbidden, NotFound
from genaiops.domain import IdentityIssuer
from genaiops.hub import require
from genaiops.ports.secrets import OWN

Algorithm = Literal["HS256", "RS256", "ES256", "EdDSA"]


class IssuerRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """HS256: `secret` is the name of a shared secret. Others: `public_key` is PEM. `issuer` and `audience` are checked
    when given."""

    algorithm: Algorithm
    secret: str | None = None
    public_key: str | None = None
    issuer: str | None = None
    audience: str | None = None
    groups_claim: str = "groups"


class NewIssuerRequest(IssuerRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An issuer with its name."""

    id: str


class SecretRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value. It is kept encrypted and never shown."""

    value: str

    def __repr__(self) -> str:
        return "SecretRequest(value=***)"


class IssuersController(Controller):
    path = "/issuers"
    tags = ("Trust",)

    @get(summary="List issuers", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[IssuerDocument]:
        """The configured keys that end users' identities are checked against."""
        return Listing([shown(issuer, IssuerDocument) for issuer in services.hub.issuers.list()])

    @post(summary="Make an issuer", guards=[needs("issuers")])
    async def create(
        self, data: JSONBody[NewIssuerRequest], services: Serving, caller: Calling
    ) -> Response[IssuerDocument]:
        """Identities signed by it count from now on."""

        def work() -> IssuerDocument:
            issuer = IdentityIssuer(**msgspec.structs.asdict(data), created_us=0)
            return shown(services.hub.issuers.create(issuer, by=caller.actor.id), IssuerDocument)

        return await write(services, work, status=201)

    @get("/{issuer_id:path}", summary="One issuer", guards=[needs("read")], sync_to_thread=True)
    def one(self, issuer_id: FromPath[str], services: Serving) -> IssuerDocument:
        """By its name."""
        return shown(services.hub.issuers.get(issuer_id[1:]), IssuerDocument)

    @put("/{issuer_id:path}", summary="Replace an issuer", guards=[needs("issuers")])
    async def replace(
        self, issuer_id: FromPath[str], data: JSONBody[IssuerRequest], services: Serving, caller: Calling
    ) -> Response[IssuerDocument]:
        """The whole issuer; what is not given has its default."""

        def work() -> IssuerDocument:
            issuer = IdentityIssuer(**msgspec.structs.asdict(data), id=issuer_id[1:], created_us=0)
            return shown(services.hub.issuers.replace(issuer, by=caller.actor.id), IssuerDocument)

        return await write(services, work)

    @delete("/{issuer_id:path}", summary="Remove an issuer", guards=[needs("issuers")], status_code=200)
    async def remove(self, issuer_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """What it signed no longer counts as identity."""
        return await write(services, lambda: services.hub.issuers.remove(issuer_id[1:], by=caller.actor.id))


class SecretsController(Controller):
    path = "/secrets"
    tags = ("Trust",)

    @get(summary="List the names of secrets", guards=[needs("targets")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[SecretDocument]:
        """Names and where they come from. No value can be read, here or anywhere."""
        return Listing(_shown(services))

    @put("/{name:str}", summary="Keep a secret", guards=[needs("targets")])
    async def put_secret(
        self, name: FromPath[str], data: JSONBody[SecretRequest], services: Serving, caller: Calling
    ) -> SecretDocument:
        """In the encrypted store, in the place of a former one. An environment variable of that name goes before it.
        A secret that an issuer names needs the permission `issuers`."""

        def work() -> SecretDocument:
            _check_may(services, name, caller)
            services.secrets.put(name, data.value)
            services.auditor.note("set", "secrets", name, by=caller.actor.id)
            return _named(services, name)

        return await asyncio.to_thread(work)

    @delete("/{name:str}", summary="Forget a secret", guards=[needs("targets")], status_code=204)
    async def remove(self, name: FromPath[str], services: Serving, caller: Calling) -> None:
        """404 when the store has none of that name. Targets that name it fail from now on."""

        def work() -> None:
            _check_may(services, name, caller)
            _named(services, name)
            services.secrets.remove(name)
            services.auditor.note("remove", "secrets", name, by=caller.actor.id)

        await asyncio.to_thread(work)

    @post("/rotate", summary="Encrypt all secrets anew", guards=[needs("issuers")], status_code=200)
    async def rotate(self, services: Serving, caller: Calling) -> Listing[SecretDocument]:
        """With a new key file, atomically. The secrets stay what they are."""
        await asyncio.to_thread(services.secrets.rotate_key)
        await asyncio.to_thread(services.auditor.note, "rotate", "secrets", "all", by=caller.actor.id)
        return Listing(await asyncio.to_thread(_shown, services))


def _shown(services: Services) -> Sequence[SecretDocument]:
    """Those that people keep here."""
    return [shown(info, SecretDocument) for info in services.secrets.names() if not info.name.startswith(OWN)]


def _named(services: Services, name: str) -> SecretDocument:
    for info in _shown(services):
        if info.name == name:
            return info
    raise NotFound(f"There is no secret {name!r}.", remedy="List the secrets to see which there are.", param="name")


def _check_may(services: Services, name: str, caller: Caller) -> None:
    """Who may set an issuer's secret may sign identities; the key of the audit log is nobody's to set."""
    if name.startswith(OWN):
        raise Forbidden(
            "That secret is kept by the installation, for itself.", remedy="Name another secret.", param="name"
        )
    if any(issuer.secret == name for issuer in services.hub.issuers.list()):
        require(caller.actor, "issuers")
