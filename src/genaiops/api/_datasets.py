"""`/api/datasets`: rows with immutable versions. A version is named as `NAME`, `NAME@alias` or `NAME@sha256:...`."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._dataset_traces import examples
from genaiops.api._documents import AliasDocument, Listing, shown, time_or_none
from genaiops.api._services import Services, Serving
from genaiops.api._trace_query import TraceQuery
from genaiops.core.errors import UsageError
from genaiops.domain import Relation, Version
from genaiops.hub import Origin, RowDiff, check_rows, diff_rows

_DIGEST = Meta(pattern=r"^sha256:[0-9a-f]{64}$")
Ref = Annotated[str, QueryParameter(description="`NAME`, `NAME@alias` or `NAME@sha256:...`")]


class DatasetVersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A version: its rows, their bytes in canonical form, what fields they have, where they come from."""

    id: str
    dataset: str
    digest: str
    rows: int
    bytes: int
    columns: Sequence[dict[str, Any]]
    description: str
    licence: str
    source: dict[str, Any]
    created_at: str | None
    created_by: str
    created: bool | None = None


class ExamplesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The version that was made of `traces` traces; `skipped` had no content left."""

    version: DatasetVersionDocument
    traces: int
    skipped: int


class DatasetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with its latest version."""

    id: str
    name: str
    title: str
    created_at: str | None
    latest: DatasetVersionDocument


class DatasetVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The version that was asked for, all versions (newest first), and the names that point at them."""

    version: DatasetVersionDocument
    versions: Sequence[DatasetVersionDocument]
    aliases: Sequence[AliasDocument]


class RowDocument(msgspec.Struct, frozen=True):
    """A row, its place from 0, and the SHA-256 of its canonical form."""

    index: int
    digest: str
    row: dict[str, Any]


class PieceDocument(msgspec.Struct, frozen=True):
    """A chunk that is kept."""

    digest: str
    rows: int
    bytes: int


class RowsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows for a version to come: 1 MB of them at a time."""

    rows: list[dict[str, Any]]


class ChunksRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Digests of chunks: SHA-256 of their rows in canonical form, each with a newline."""

    chunks: Annotated[list[Annotated[str, _DIGEST]], Meta(max_length=1000)]


class NewDatasetVersionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`chunks` in order are the rows. `kind` and `detail` say where they come from, `sources` what they were made from:
    `file/answers.csv`, `dataset/x@sha256:...`; `relation` how."""

    name: str
    chunks: list[Annotated[str, _DIGEST]]
    title: str = ""
    description: Annotated[str, Meta(max_length=10_000)] = ""
    licence: str = ""
    kind: Annotated[str, Meta(max_length=64)] = "rows"
    detail: dict[str, Any] = {}
    sources: Annotated[list[str], Meta(max_length=10_000)] = []
    relation: Relation = "made_from"


class DatasetAliasRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let `name@alias` mean the version `ref` from now on. `reason`: for who has to consent where the alias is
    protected; `emergency`: why an administrator cannot wait for that."""

    name: str
    alias: str
    ref: str
    reason: str = ""
    emergency: str | None = None


class ExamplesRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest `limit` traces that meet `traces` (the parameters of `/api/traces`), oldest first."""

    name: str
    traces: TraceQuery = TraceQuery()
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    description: Annotated[str, Meta(max_length=10_000)] = ""
    licence: str = ""


class DatasetsController(Controller):
    path = "/datasets"
    tags = ("Hub",)

    @get(summary="List datasets", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[DatasetDocument]:
        """In order of name, each with its latest version."""
        found = services.hub.datasets(services.blobs).list()
        return Listing([shown(artifact, DatasetDocument, latest=document(version)) for artifact, version in found])

    @post(summary="Register a version", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def register(
        self, data: JSONBody[NewDatasetVersionRequest], services: Serving, caller: Calling
    ) -> DatasetVersionDocument:
        """Of chunks that were sent before. The same rows again give the version that is there: `created` is false."""
        origin = Origin(
            kind=data.kind,
            description=data.description,
            licence=data.licence,
            detail=data.detail,
            sources=data.sources,
            relation=data.relation,
        )
        datasets = services.hub.datasets(services.blobs)
        made = datasets.register(data.name, data.chunks, origin, title=data.title, by=caller.actor.id)
        return document(made.version, created=made.created)

    @get("/version", summary="One dataset", guards=[needs("read")], sync_to_thread=True)
    def version(self, services: Serving, ref: Ref) -> DatasetVersionDocument:
        """What a name, an alias or a digest means now."""
        return document(services.hub.datasets(services.blobs).resolve(ref))

    @get("/versions", summary="The versions of a dataset", guards=[needs("read")], sync_to_thread=True)
    def versions(self, services: Serving, ref: Ref) -> DatasetVersions:
        """Newest first, with the aliases."""
        datasets = services.hub.datasets(services.blobs)
        version = datasets.resolve(ref)
        found, aliases = datasets.versions(_name(version))
        return DatasetVersions(
            version=document(version),
            versions=[document(each) for each in found],
            aliases=[shown(each, AliasDocument) for each in aliases],
        )

    @get("/rows", summary="Rows of a dataset", guards=[needs("read")], sync_to_thread=True)
    def rows(
        self,
        services: Serving,
        caller: Calling,
        ref: Ref,
        cursor: FromQuery[str | None] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
    ) -> Listing[RowDocument]:
        """In order. A page of large rows is shorter than `limit` and has a `next`. Rows of traces are for whoever may
        read the traces' content."""
        datasets = services.hub.datasets(services.blobs)
        version, start = readable(services, caller, datasets.resolve(ref)), _place(cursor)
        rows = datasets.rows(version, start=start, limit=limit)
        after = start + len(rows)
        return Listing(
            [RowDocument(each.index, each.digest, each.row) for each in rows],
            str(after) if rows and after < version.manifest["rows"] else None,
        )

    @get("/diff", summary="Compare two versions", guards=[needs("read")], sync_to_thread=True)
    def diff(
        self,
        services: Serving,
        caller: Calling,
        before: Ref,
        after: Ref,
        key: Annotated[str | None, QueryParameter(description="a field that tells rows apart")] = None,
        limit: Annotated[int, QueryParameter(ge=0, le=1_000)] = 100,
    ) -> RowDiff:
        """Rows that were removed, added and, with a `key`, changed. Counts are of all; rows at most `limit` of each."""
        datasets = services.hub.datasets(services.blobs)
        versions = [readable(services, caller, datasets.resolve(each)) for each in (before, after)]
        return diff_rows(datasets, *versions, key=key, most=limit)

    @post("/missing", summary="Which chunks to send", guards=[needs("artifacts")], sync_to_thread=True, status_code=200)
    def missing(self, data: JSONBody[ChunksRequest], services: Serving) -> Listing[str]:
        """Those of them that are not there."""
        return Listing(services.hub.datasets(services.blobs).missing(data.chunks))

    @post("/chunks", summary="Send rows", guards=[needs("artifacts")], sync_to_thread=True, status_code=201)
    def chunk(self, data: JSONBody[RowsRequest], services: Serving) -> PieceDocument:
        """They belong to no version yet; sending them again changes nothing."""
        piece = services.hub.datasets(services.blobs).put_chunk(data.rows)
        return PieceDocument(piece.digest, piece.rows, piece.bytes)

    @post("/aliases", summary="Move an alias", guards=[needs("artifacts")], sync_to_thread=True, status_code=200)
    def alias(self, data: JSONBody[DatasetAliasRequest], services: Serving, caller: Calling) -> AliasDocument:
        """Let a name mean that version. A protected alias waits for another person's consent: 202 with the header
        `x-genaiops-approval`."""
        version = services.hub.datasets(services.blobs).resolve(data.ref)
        why: dict[str, Any] = {"reason": data.reason, "emergency": data.emergency, "by": caller.actor.id}
        return shown(services.hub.artifacts.move(f"dataset/{data.name}", data.alias, version.id, **why), AliasDocument)

    @post(
        "/from-traces",
        summary="Make a dataset of traces",
        guards=[needs("artifacts")],
        sync_to_thread=True,
        status_code=201,
    )
    def from_traces(self, data: JSONBody[ExamplesRequest], services: Serving, caller: Calling) -> ExamplesDocument:
        """A row for each trace: `input`, `output`, `metadata`, `trace_id`; each trace becomes a source in the lineage.
        Traces of whose content nothing was kept are skipped and counted."""
        wanted = data.traces.environment_id
        check_rows(services.hub, caller.reach, [wanted] if wanted is not None else [])
        found = examples(services, data.traces, data.limit)
        origin = Origin(
            kind="traces",
            description=data.description,
            licence=data.licence,
            detail={"filter": found.asked, "skipped": found.skipped, "environments": found.environments},
            sources=[f"trace/{row['trace_id']}" for row in found.rows],
        )
        made = services.hub.datasets(services.blobs).add(data.name, found.rows, origin, by=caller.actor.id)
        return ExamplesDocument(
            version=document(made.version, created=made.created), traces=len(found.rows), skipped=found.skipped
        )


def document(version: Version, *, created: bool | None = None) -> DatasetVersionDocument:
    manifest = version.manifest
    return DatasetVersionDocument(
        id=version.id,
        dataset=_name(version),
        digest=version.digest,
        rows=manifest["rows"],
        bytes=manifest["bytes"],
        columns=manifest["schema"],
        description=manifest.get("description", ""),
        licence=manifest.get("licence", ""),
        source=manifest["source"],
        created_at=time_or_none(version.created_us),
        created_by=version.created_by,
        created=created,
    )


def readable(services: Services, caller: Caller, version: Version) -> Version:
    """The version. Forbidden for who may not read what its rows were taken from."""
    source: dict[str, Any] = version.manifest.get("source", {})
    made_of_calls = source.get("kind") in ("traces", "labels")
    check_rows(services.hub, caller.reach, source.get("environments", ()) if made_of_calls else ())
    return version


def _name(version: Version) -> str:
    return version.artifact_id.removeprefix("dataset/")


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 15:
        raise UsageError(
            f"{cursor[:40]!r} is no place in rows.", remedy="Use `next` of the page before.", param="cursor"
        )
    return int(cursor)
