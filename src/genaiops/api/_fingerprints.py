"""`/api/fingerprints`: registered documents that guard policies look for; fingerprints of them, never their texts."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import AliasDocument, Listing, VersionDocument, shown
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import Version
from genaiops.hub import DocumentsState, GuardUse, KnownDocument

LARGEST = 48 << 20
"""Bytes of a piece as it is sent: the fingerprints of some 30 MB of text."""
_DIGEST = Meta(pattern=r"^sha256:[0-9a-f]{64}$")


class PieceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One document: either its `marks` (what `genaiops policy fingerprint` makes where the files lie), or its `text`,
    which is not kept, with its `id`."""

    marks: bytes | None = None
    id: str | None = None
    text: str | None = None


class MissingPiecesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SHA-256 of pieces."""

    pieces: Annotated[list[Annotated[str, _DIGEST]], Meta(max_length=20_000)]


class RegisterDocumentsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version that is in force, with these `pieces` (a document of the same id is replaced) and without the
    documents that `remove` names; `anew`: of these pieces only. `alias` names the version from now on (null: none
    does), once another person consents where it is protected."""

    pieces: Annotated[list[Annotated[str, _DIGEST]], Meta(max_length=20_000)] = []
    remove: Annotated[list[str], Meta(max_length=20_000)] = []
    anew: bool = False
    alias: str | None = "current"
    title: str = ""
    reason: str = ""
    emergency: str | None = None


class DocumentsAliasRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version`: its digest (or how that begins), or another alias. `undo`: what it named before."""

    version: str | None = None
    undo: bool = False
    reason: str = ""
    emergency: str | None = None


class DocumentsSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Registered documents by the version that `reference` names. `marks`: fingerprints, of which `bytes` is the size;
    `uses`: aliases of guard policies that pin a version, and which one."""

    name: str
    title: str
    reference: str
    digest: str
    documents: int
    words: int
    marks: int
    bytes: int
    k: int
    window: int
    aliases: dict[str, str]
    versions: Sequence[VersionDocument]
    uses: Sequence[GuardUse]


class DocumentsDocument(DocumentsSummary, frozen=True, kw_only=True):
    """`listed`: each document; one without marks has too few words to be found."""

    listed: Sequence[KnownDocument]


class FingerprintsController(Controller):
    path = "/fingerprints"
    tags = ("Guardrails",)

    @get(summary="List registered documents", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[DocumentsSummary]:
        """By name, without the documents themselves."""
        found = services.hub.fingerprints(services.blobs).list(caller.actor)
        return Listing([DocumentsSummary(**_fields(state, _named(state), "current")) for state in found])

    @post(
        "/pieces",
        summary="Send a piece",
        guards=[needs("policies")],
        status_code=201,
        request_max_body_size=LARGEST,
        sync_to_thread=True,
    )
    def put_piece(self, data: JSONBody[PieceRequest], services: Serving) -> KnownDocument:
        """The fingerprints of one document, for a version to come."""
        fingerprints = services.hub.fingerprints(services.blobs)
        if data.marks is not None and data.id is None and data.text is None:
            return fingerprints.put(data.marks)
        if data.marks is None and data.id is not None and data.text is not None:
            return fingerprints.put_text(data.id, data.text)
        raise UsageError("Which document?", remedy="Give marks, or id and text.", param="marks")

    @post("/missing", summary="Ask for pieces", guards=[needs("policies")], status_code=200, sync_to_thread=True)
    def missing(self, data: JSONBody[MissingPiecesRequest], services: Serving) -> Listing[str]:
        """Those of these pieces that have to be sent."""
        return Listing(services.hub.fingerprints(services.blobs).missing(data.pieces))

    @get("/{name:str}", summary="Registered documents of one name", guards=[needs("read")], sync_to_thread=True)
    def one(
        self, name: FromPath[str], services: Serving, caller: Calling, version: FromQuery[str] = "current"
    ) -> DocumentsDocument:
        """What `current` names, or a `version`: an alias, a digest, or how one begins."""
        return _document(services, services.hub.fingerprints(services.blobs).get(name, caller.actor), version)

    @put("/{name:str}", summary="Register documents", guards=[needs("policies")])
    async def register(
        self, name: FromPath[str], data: JSONBody[RegisterDocumentsRequest], services: Serving, caller: Calling
    ) -> Response[DocumentsDocument]:
        """A version of the pieces that were sent. Policies go on with the version that they pin until they are pushed
        again. Where the alias is protected: 202 with `x-genaiops-approval`."""

        def work() -> DocumentsDocument:
            fingerprints, actor = services.hub.fingerprints(services.blobs), caller.actor
            if any(one.artifact.name == name for one in fingerprints.list()):
                fingerprints.get(name, actor)
            version = fingerprints.register(
                name, data.pieces, remove=data.remove, anew=data.anew, title=data.title, by=actor.id
            )
            if data.alias is not None:
                services.hub.artifacts.move(
                    f"index/{name}", data.alias, version.id, reason=data.reason, emergency=data.emergency, by=actor.id
                )
            return _document(services, fingerprints.get(name, actor), version.digest)

        return await write(services, work)

    @put("/{name:str}/aliases/{alias:str}", summary="Move an alias of registered documents", guards=[needs("policies")])
    async def move(
        self,
        name: FromPath[str],
        alias: FromPath[str],
        data: JSONBody[DocumentsAliasRequest],
        services: Serving,
        caller: Calling,
    ) -> Response[AliasDocument]:
        """Also back to what it named before. A protected alias waits for consent."""

        def work() -> AliasDocument:
            if data.undo == (data.version is not None):
                raise UsageError("Where is the alias to point?", remedy="Give a version, or undo.", param="version")
            fingerprints, artifacts = services.hub.fingerprints(services.blobs), services.hub.artifacts
            why: dict[str, Any] = {"reason": data.reason, "emergency": data.emergency, "by": caller.actor.id}
            fingerprints.get(name, caller.actor)
            if data.version is None:
                return shown(artifacts.undo(f"index/{name}@{alias}", **why), AliasDocument)
            found = fingerprints.version(f"{name}@{data.version}")
            return shown(artifacts.move(f"index/{name}", alias, found.id, **why), AliasDocument)

        return await write(services, work)


def _named(state: DocumentsState) -> Version:
    """What `current` names, else the version that was made last."""
    wanted = state.aliases.get("current")
    return next((one for one in state.versions if one.id == wanted), state.versions[-1])


def _document(services: Services, state: DocumentsState, reference: str) -> DocumentsDocument:
    fingerprints = services.hub.fingerprints(services.blobs)
    unnamed = reference == "current" and "current" not in state.aliases
    found = _named(state) if unnamed else fingerprints.version(f"{state.artifact.name}@{reference}")
    return DocumentsDocument(**_fields(state, found, reference), listed=fingerprints.documents(found))


def _fields(state: DocumentsState, found: Version, reference: str) -> dict[str, Any]:
    counts = {name: found.manifest[name] for name in ("documents", "words", "marks", "bytes", "k", "window")}
    return {
        "name": state.artifact.name,
        "title": state.artifact.title,
        "reference": reference,
        "digest": found.digest,
        **counts,
        "aliases": {alias: version_id.rpartition("@")[2] for alias, version_id in state.aliases.items()},
        "versions": [shown(version, VersionDocument) for version in state.versions],
        "uses": state.uses,
    }
