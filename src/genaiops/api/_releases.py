"""`/api/releases`: everything that an application runs on, pinned."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing, shown
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import Commit, Release, ReleaseManifest
from genaiops.hub import Hub, ManifestChange, Verdict


class ReleaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable manifest. The id is `application@sha256:...`, the digest that of the manifest."""

    id: str
    application_id: str
    digest: str
    manifest: ReleaseManifest
    note: str
    created_at: str
    created_by: str


class NewReleaseRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`model`: a model or a route. `parameters` are set in requests that do not say otherwise. `prompt` and `pins` name
    versions, by digest or by an alias, which is resolved now and stays what it was."""

    application: str
    model: str
    parameters: dict[str, Any] = {}
    prompt: str | None = None
    pins: dict[str, str] = {}
    commit: Commit | None = None
    note: str = ""


class ReleaseDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What the second has in another way than the first."""

    before: str
    after: str
    differences: Sequence[ManifestChange]


class ReleasesController(Controller):
    path = "/releases"
    tags = ("Hub",)

    @get(summary="List releases", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        application: Annotated[str, QueryParameter(description="its releases")],
    ) -> Listing[ReleaseDocument]:
        """Newest first."""
        return Listing([shown(one, ReleaseDocument) for one in services.hub.releases.of(application)])

    @post(summary="Make a release", guards=[needs("applications")])
    async def create(
        self, data: JSONBody[NewReleaseRequest], services: Serving, caller: Calling
    ) -> Response[ReleaseDocument]:
        """The same manifest is the same release: making it again changes nothing. Everything it names must be there."""

        def work() -> ReleaseDocument:
            manifest = ReleaseManifest(
                model=data.model,
                parameters=data.parameters,
                prompt=data.prompt,
                pins=data.pins,
                commit=data.commit,
            )
            made = services.hub.releases.create(data.application, manifest, note=data.note, by=caller.actor.id)
            return shown(made, ReleaseDocument)

        return await write(services, work, status=201)

    @get("/{release_id:str}", summary="One release", guards=[needs("read")], sync_to_thread=True)
    def one(self, release_id: FromPath[str], services: Serving) -> ReleaseDocument:
        """By `APPLICATION@DIGEST`, or a beginning of its digest, or `APPLICATION@latest`."""
        return shown(named_release(services.hub, release_id), ReleaseDocument)

    @get("/{release_id:str}/diff/{other:str}", summary="Compare two", guards=[needs("read")], sync_to_thread=True)
    def diff(self, release_id: FromPath[str], other: FromPath[str], services: Serving) -> ReleaseDiff:
        """What of the manifest changed from the first to the second."""
        before, after = named_release(services.hub, release_id), named_release(services.hub, other)
        return ReleaseDiff(before=before.id, after=after.id, differences=services.hub.releases.diff(before, after))

    @get("/{release_id:str}/verify", summary="Verify a release", guards=[needs("read")], sync_to_thread=True)
    def verify(self, release_id: FromPath[str], services: Serving) -> Verdict:
        """Whether its digest is that of its manifest, and everything that it names is there."""
        return services.hub.releases.verify(named_release(services.hub, release_id))


def named_release(hub: Hub, text: str) -> Release:
    """By `APPLICATION@DIGEST`, a beginning of its digest, or `APPLICATION@latest`."""
    application, sign, reference = text.partition("@")
    if not sign:
        raise UsageError(
            f"{text[:120]!r} names no release.", remedy=f"Write {application}@latest or its digest.", param="release_id"
        )
    return hub.releases.resolve(application, reference)
