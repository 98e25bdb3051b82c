"""`/api/artifacts`, `/api/versions`, `/api/aliases`: named things of the Hub, their immutable versions, names that
move."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, patch, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import (
    AliasDocument,
    ArtifactDocument,
    ArtifactWithVersions,
    Listing,
    VersionDocument,
    shown,
)
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, ConsentNeeded, UsageError
from genaiops.domain import Actor, ArtifactKind, Visibility
from genaiops.hub import FIGURES, About, Difference, Hub, Permission, Wanted, require


class AboutRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people say of an artifact; what is left out stays as it is. `owner` is an actor's id. Of the visibility
    `team` only `team_id` sees and uses it."""

    title: str | None = None
    description: str | None = None
    owner: str | None = None
    team_id: str | None = None
    visibility: Visibility | None = None
    tags: tuple[str, ...] | None = None


class NewVersionRequest(AboutRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version by its manifest. The artifact is made with its first one; `alias` then names the version, once another
    person consents where it is protected. `emergency`: why an administrator cannot wait for that."""

    kind: ArtifactKind
    name: str
    manifest: dict[str, Any]
    alias: str | None = None
    reason: str = ""
    emergency: str | None = None


class AliasRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an alias is to point: the id of a version, its digest, or another alias of the same artifact. `undo`: where
    it pointed before its last move. `reason`: for who has to consent; `emergency`: why an administrator cannot wait."""

    version: str | None = None
    undo: bool = False
    reason: str = ""
    emergency: str | None = None


class AliasMoveDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One move of an alias; `version_id` is null where it was removed."""

    seq: int
    at: str
    by: str
    version_id: str | None


class DiffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions, field by field; texts also line by line and word by word."""

    before: str
    after: str
    differences: Sequence[Difference]


def version_seen(hub: Hub, reference: str, actor: Actor) -> VersionDocument:
    """NotFound also where the actor may not see the artifact."""
    hub.artifacts.visible(reference.partition("@")[0], actor)
    return shown(hub.artifacts.resolve(reference), VersionDocument)


def registered(services: Services, caller: Caller, data: NewVersionRequest) -> VersionDocument:
    """ConsentNeeded when the version is kept and its alias waits, Conflict when it is kept and a gate does not let the
    alias move: what is to pass a suite has to be there."""
    fields = msgspec.structs.asdict(data)
    kind, name, manifest, alias = (fields.pop(field) for field in ("kind", "name", "manifest", "alias"))
    why = {field: fields.pop(field) for field in ("reason", "emergency")}
    waiting: ConsentNeeded | Conflict | None = None
    _check_not_made_elsewhere(kind, name)
    _check_may(caller.actor, kind)
    with services.hub.records.write(caller.actor.id) as unit:
        artifacts = services.hub.within(unit).artifacts
        artifact_id = f"{kind}/{name}"
        if any(one.id == artifact_id for one in artifacts.of_kind(kind)):
            artifacts.visible(artifact_id, caller.actor)
        version = artifacts.register(kind, name, manifest, about=About(**fields), by=caller.actor.id)
        for included in version.manifest.get("includes", {}).values() if kind == "prompt" else ():
            artifacts.visible(included.partition("@")[0], caller.actor)
        if alias is not None:
            try:
                artifacts.move(artifact_id, alias, version.id, **why, by=caller.actor.id)
            except ConsentNeeded as error:
                waiting = error  # the version is kept, and so is the request
            except Conflict as error:
                if error.code != "gate_failed":
                    raise
                waiting = error
    if waiting is not None:
        raise waiting
    return shown(version, VersionDocument)


class ArtifactsController(Controller):
    path = "/artifacts"
    tags = ("Hub",)

    @get(summary="Find artifacts", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        caller: Calling,
        kind: Annotated[ArtifactKind | None, QueryParameter(description="only of this kind")] = None,
        q: Annotated[str, QueryParameter(description="words in name, title, description, owner or tags")] = "",
        owner: Annotated[str | None, QueryParameter(description="an actor's id")] = None,
        team: Annotated[str | None, QueryParameter(description="a team's id")] = None,
        tag: Annotated[str | None, QueryParameter(description="one of its tags")] = None,
    ) -> Listing[ArtifactDocument]:
        """Across all teams, without their versions; a team's own are shown to that team."""
        wanted = Wanted(query=q, kind=kind, owner=owner, team_id=team, tag=tag)
        found = services.hub.artifacts.find(wanted, caller.actor)
        return Listing([shown(artifact, ArtifactDocument) for artifact in found])

    @post(summary="Register a version", guards=[needs("artifacts")])
    async def register(
        self, data: JSONBody[NewVersionRequest], services: Serving, caller: Calling
    ) -> Response[VersionDocument]:
        """A manifest that is there already gives the version that is there. Where the alias is protected the version is
        kept, and the alias waits for another person's consent: 202 with the header `x-genaiops-approval`. It is
        kept as well where a gate does not let the alias move: 409 `gate_failed`."""

        return await write(services, lambda: registered(services, caller, data), status=201)

    @get("/{artifact_id:path}", summary="One artifact", guards=[needs("read")], sync_to_thread=True)
    def one(self, artifact_id: FromPath[str], services: Serving, caller: Calling) -> ArtifactWithVersions:
        """By `kind/name`, with its versions and the names that point at them."""
        artifacts, name = services.hub.artifacts, artifact_id[1:]
        return shown(
            artifacts.visible(name, caller.actor),
            ArtifactWithVersions,
            versions=[shown(version, VersionDocument) for version in artifacts.versions(name)],
            aliases=[shown(alias, AliasDocument) for alias in artifacts.aliases(name)],
        )

    @patch("/{artifact_id:path}", summary="Describe an artifact", guards=[needs("artifacts")])
    async def describe(
        self, artifact_id: FromPath[str], data: JSONBody[AboutRequest], services: Serving, caller: Calling
    ) -> Response[ArtifactDocument]:
        """Its title, owner, team, visibility and tags. Its versions never change."""

        def work() -> ArtifactDocument:
            artifacts = services.hub.artifacts
            _check_may(caller.actor, artifact_id[1:])
            artifacts.visible(artifact_id[1:], caller.actor)
            about = About(**msgspec.structs.asdict(data))
            return shown(artifacts.describe(artifact_id[1:], about, by=caller.actor.id), ArtifactDocument)

        return await write(services, work)


def _check_may(actor: Actor, artifact_id: str) -> None:
    """Policies and use cases hold for what others do, so that changing one takes more than changing what one works
    with."""
    needed: dict[str, Permission] = {"policy": "policies", "use-case": "use_cases"}
    kind = artifact_id.partition("/")[0]
    if kind in needed:
        require(actor, needed[kind])


def _check_not_made_elsewhere(kind: ArtifactKind, name: str) -> None:
    """UsageError for what is only right when it was checked, or made of more than a manifest."""
    if kind == "dataset":
        raise UsageError(
            "A version of a dataset is made of its rows.",
            remedy="Push them: genaiops dataset push, or POST /api/datasets.",
            param="kind",
            code="made_elsewhere",
        )
    if kind == "report" and name.startswith("selection/"):
        raise UsageError(
            "A choice among candidates is recorded by who approves it.",
            remedy="Use genaiops suite select RUN --choose NAME, or POST /api/runs/RUN/selection.",
            param="name",
            code="made_elsewhere",
        )
    if kind == "use-case" or (kind == "report" and name.startswith(FIGURES)):
        raise UsageError(
            "Use cases and their figures have an address of their own.",
            remedy="Use genaiops use-case push or report, or PUT /api/use-cases/NAME.",
            param="kind",
            code="made_elsewhere",
        )
    if (kind, name) == ("policy", "approvals"):
        raise UsageError(
            "The policy of consent has an address of its own.",
            remedy="Use genaiops policy push, or PUT /api/policies/approvals.",
            param="name",
            code="made_elsewhere",
        )


class VersionsController(Controller):
    path = "/versions"
    tags = ("Hub",)

    @get("/{reference:path}", summary="One version", guards=[needs("read")], sync_to_thread=True)
    def one(self, reference: FromPath[str], services: Serving, caller: Calling) -> VersionDocument:
        """By `kind/name@alias` or `kind/name@sha256:...`."""
        return version_seen(services.hub, reference[1:], caller.actor)


class DiffController(Controller):
    path = "/version-diff"
    tags = ("Hub",)

    @get(summary="Compare two versions", guards=[needs("read")], sync_to_thread=True)
    def diff(
        self,
        services: Serving,
        caller: Calling,
        before: Annotated[str, QueryParameter(description="kind/name@alias or kind/name@sha256:...")],
        after: Annotated[str, QueryParameter(description="kind/name@alias or kind/name@sha256:...")],
    ) -> DiffDocument:
        """Field by field; texts also line by line and word by word."""
        ids = [version_seen(services.hub, reference, caller.actor).id for reference in (before, after)]
        return DiffDocument(before=ids[0], after=ids[1], differences=services.hub.artifacts.compare(*ids))


class AliasesController(Controller):
    path = "/aliases"
    tags = ("Hub",)

    @get("/{alias_id:path}", summary="Where an alias pointed", guards=[needs("read")], sync_to_thread=True)
    def history(self, alias_id: FromPath[str], services: Serving, caller: Calling) -> Listing[AliasMoveDocument]:
        """Its moves, newest first: `kind/name@alias`."""
        name = alias_id[1:]
        services.hub.artifacts.visible(name.partition("@")[0], caller.actor)
        return Listing(
            [
                AliasMoveDocument(seq=move.seq, at=to_iso(move.at_us), by=move.by, version_id=move.version_id)
                for move in services.hub.artifacts.history(name)
            ]
        )

    @put("/{alias_id:path}", summary="Move an alias", guards=[needs("artifacts")])
    async def move(
        self, alias_id: FromPath[str], data: JSONBody[AliasRequest], services: Serving, caller: Calling
    ) -> Response[AliasDocument]:
        """In force in every worker within a second. Calls that run keep what they began with. A protected alias waits
        for another person's consent: 202 with the header `x-genaiops-approval`."""
        name = alias_id[1:]
        artifact_id, _, alias = name.partition("@")

        def work() -> AliasDocument:
            artifacts = services.hub.artifacts
            _check_may(caller.actor, artifact_id)
            artifacts.visible(artifact_id, caller.actor)
            if data.undo == (data.version is not None):
                raise UsageError("Where is the alias to point?", remedy="Give a version, or undo.", param="version")
            why: dict[str, Any] = {"reason": data.reason, "emergency": data.emergency, "by": caller.actor.id}
            if data.version is None:
                return shown(artifacts.undo(name, **why), AliasDocument)
            reference = data.version if "@" in data.version else f"{artifact_id}@{data.version}"
            version = artifacts.resolve(reference)
            return shown(artifacts.move(artifact_id, alias, version.id, **why), AliasDocument)

        return await write(services, work)

    @delete("/{alias_id:path}", summary="Remove an alias", guards=[needs("artifacts")], status_code=200)
    async def remove(self, alias_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """The version that it named stays. A protected alias waits for consent."""

        def work() -> None:
            _check_may(caller.actor, alias_id[1:])
            services.hub.artifacts.visible(alias_id[1:].partition("@")[0], caller.actor)
            services.hub.artifacts.remove_alias(alias_id[1:], by=caller.actor.id)

        return await write(services, work)
