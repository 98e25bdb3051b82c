"""`/api/artifacts`: named things of the Hub and their immutable versions."""

from typing import Annotated

from litestar import Controller, get
from litestar.params import FromPath, QueryParameter

from genaiops.api._access import needs
from genaiops.api._documents import (
    AliasDocument,
    ArtifactDocument,
    ArtifactWithVersions,
    Listing,
    VersionDocument,
    shown,
)
from genaiops.api._services import Serving
from genaiops.domain import ArtifactKind


class ArtifactsController(Controller):
    path = "/artifacts"
    tags = ("Hub",)

    @get(summary="List artifacts", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        kind: Annotated[ArtifactKind | None, QueryParameter(description="only of this kind")] = None,
    ) -> Listing[ArtifactDocument]:
        """Without their versions."""
        artifacts = services.hub.artifacts
        found = artifacts.list() if kind is None else artifacts.of_kind(kind)
        return Listing([shown(artifact, ArtifactDocument) for artifact in found])

    @get("/{artifact_id:path}", summary="One artifact", guards=[needs("read")], sync_to_thread=True)
    def one(self, artifact_id: FromPath[str], services: Serving) -> ArtifactWithVersions:
        """By `kind/name`, with its versions and the names that point at them."""
        artifacts, name = services.hub.artifacts, artifact_id[1:]
        return shown(
            artifacts.get(name),
            ArtifactWithVersions,
            versions=[shown(version, VersionDocument) for version in artifacts.versions(name)],
            aliases=[shown(alias, AliasDocument) for alias in artifacts.aliases(name)],
        )
