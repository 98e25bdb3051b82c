"""Datasets: artifacts whose versions are rows, named by the digest of the rows.

Rows stand in chunks, each a blob, so that versions share what they have in common; a further blob lists the chunks of a
version. Chunks come first and a version is registered when all of them are there: what breaks off half-way leaves no
version, and what was sent need not be sent again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, TooLarge, UsageError
from genaiops.core.rows import TableDigest, canonical_row, chunks, joined, row_digest
from genaiops.domain import Alias, Artifact, Relation, Version
from genaiops.hub._dataset_text import Schema, version_of
from genaiops.hub._lineage import checked_ref, edge, link
from genaiops.hub._validation import checked_name, checked_text, every
from genaiops.ports.blobs import Blobs
from genaiops.ports.records import Records

FORMAT: Final = "rows/1"
_MOST_CHUNKS = 200_000
_LONGEST_PAGE = 1_000
_PAGE_BYTES = 4 << 20


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """A chunk of a version: its blob, how many rows, how many bytes."""

    digest: str
    rows: int
    bytes: int


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows come from. `sources` are nodes of lineage: `file/answers.csv`, `trace/HEX`, `dataset/x@sha256:...`."""

    kind: str = "rows"
    description: str = ""
    licence: str = ""
    detail: Mapping[str, Any] = {}
    sources: Sequence[str] = ()
    relation: Relation = "made_from"


class Registered(msgspec.Struct, frozen=True):
    """`created` False: these rows were a version already."""

    version: Version
    created: bool


class Row(msgspec.Struct, frozen=True):
    """A row, its place (from 0) and the digest of its canonical form."""

    index: int
    digest: str
    row: dict[str, Any]


class Datasets:
    """The datasets of a Hub. `blobs` holds the rows."""

    def __init__(self, records: Records, blobs: Blobs, clock: Callable[[], int]) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock

    # --- writing ---

    def put_chunk(self, rows: Sequence[Mapping[str, Any]]) -> Chunk:
        """Keep rows for a version to come. UsageError names the row."""
        canonical: list[bytes] = []
        for number, row in enumerate(rows):
            try:
                canonical.append(canonical_row(row))
            except UsageError as error:
                raise type(error)(
                    f"Row {number} of the chunk: {error.message}", remedy=error.remedy, code=error.code, param="rows"
                ) from error
        if not canonical:
            raise UsageError("The chunk has no rows.", remedy="Send at least one.", param="rows")
        data = joined(canonical)
        return Chunk(self._blobs.put(data), len(canonical), len(data))

    def missing(self, digests: Iterable[str]) -> Sequence[str]:
        """The chunks of these that have to be sent."""
        return [digest for digest in dict.fromkeys(digests) if not self._blobs.exists(digest)]

    def register(self, name: str, pieces: Sequence[str], origin: Origin, *, title: str = "", by: str) -> Registered:
        """The version whose rows are these chunks in order; the dataset is made with its first version. The same rows
        again give the version that is there. NotFound when a chunk was never sent."""
        checked_name(name, word="dataset")
        checked_text(title, param="title")
        checked_text(origin.licence, param="licence")
        for ref in origin.sources:
            checked_ref(ref, param="sources")
        if len(pieces) > _MOST_CHUNKS:
            raise TooLarge(
                f"A version of {len(pieces):,} chunks.", remedy=f"Use at most {_MOST_CHUNKS:,}.", param="chunks"
            )
        digest, manifest = self._described(pieces, origin)
        now = self._clock()
        version = Version(
            id=f"dataset/{name}@{digest}",
            artifact_id=f"dataset/{name}",
            digest=digest,
            manifest=manifest,
            created_us=now,
            created_by=by,
        )
        with self._records.write(by) as unit:
            known = unit.get(Version, version.id)
            if known is None:
                artifact = Artifact(id=version.artifact_id, kind="dataset", name=name, title=title, created_us=now)
                if unit.get(Artifact, artifact.id) is None:
                    unit.add(artifact)
                unit.add(version)
            link(
                unit,
                (edge(ref, version.id, origin.relation, by=by, now_us=now) for ref in dict.fromkeys(origin.sources)),
            )
        return Registered(known or version, known is None)

    def add(self, name: str, rows: Iterable[Mapping[str, Any]], origin: Origin, *, by: str) -> Registered:
        """Chunks and version in one: for rows that are made here."""
        pieces = [self._blobs.put(joined(chunk)) for chunk in chunks(map(canonical_row, rows))]
        return self.register(name, pieces, origin, by=by)

    def extend(self, name: str, rows: Sequence[Mapping[str, Any]], origin: Origin, *, by: str) -> Registered:
        """A version of the rows that the dataset has, and these that it has not; the first one where there is none."""
        try:
            latest = self.resolve(name)
        except NotFound:
            return self.add(name, rows, origin, by=by)
        kept = [row for piece in self.pieces(latest) for row in self.chunk(piece)]
        known = set(kept)
        new = [row for row in dict.fromkeys(map(canonical_row, rows)) if row not in known]
        environments = {*latest.manifest["source"].get("environments", ()), *origin.detail.get("environments", ())}
        detail = {**origin.detail, **({"environments": sorted(environments)} if environments else {})}
        grown = msgspec.structs.replace(origin, detail=detail, sources=[latest.id, *origin.sources])
        pieces = [self._blobs.put(joined(chunk)) for chunk in chunks([*kept, *new])]
        return self.register(name, pieces, grown, by=by)

    def _described(self, digests: Sequence[str], origin: Origin) -> tuple[str, dict[str, Any]]:
        table, schema = TableDigest(), Schema()
        pieces: list[Chunk] = []
        for digest in digests:
            data = self._blob(digest)
            self._blobs.put(data)  # young again: nobody may sweep it until the version refers to it
            rows = _rows(data, digest)
            pieces.append(Chunk(digest, len(rows), sum(len(row) + 1 for row in rows)))
            for row in rows:
                table.add(row_digest(row))
                schema.add(_decoded(row, digest))
        count = sum(piece.rows for piece in pieces)
        if not count:
            raise UsageError("The dataset has no rows.", remedy="Give it at least one.", param="chunks")
        manifest = {
            "format": FORMAT,
            "rows": count,
            "bytes": sum(piece.bytes for piece in pieces),
            "chunks": self._blobs.put(msgspec.json.encode(pieces)),
            "schema": [{**msgspec.structs.asdict(each), "types": list(each.types)} for each in schema.columns()],
            "source": {"kind": origin.kind, **origin.detail},
            **{field: value for field in ("description", "licence") if (value := getattr(origin, field))},
        }
        return table.text, manifest

    # --- reading ---

    def list(self) -> Sequence[tuple[Artifact, Version]]:
        """Every dataset with its latest version."""
        with self._records.read() as view:
            return [(each, version_of(view, each.name)) for each in every(view, Artifact, {"kind": "dataset"})]

    def resolve(self, reference: str) -> Version:
        """See `version_of`."""
        with self._records.read() as view:
            return version_of(view, reference)

    def versions(self, name: str) -> tuple[Sequence[Version], Sequence[Alias]]:
        """(newest first, the aliases) of a dataset that is there."""
        with self._records.read() as view:
            where = {"artifact_id": version_of(view, name).artifact_id}
            found = sorted(every(view, Version, where), key=lambda each: (each.created_us, each.id), reverse=True)
            return found, list(every(view, Alias, where))

    def rows(self, version: Version, *, start: int = 0, limit: int = 100) -> Sequence[Row]:
        """At most `limit` rows from the place `start` on, fewer where they are large; none at the end."""
        if start < 0 or not 1 <= limit <= _LONGEST_PAGE:
            raise UsageError(
                f"{limit} rows from {start} cannot be read.", remedy=f"Ask for 1 to {_LONGEST_PAGE:,}.", param="limit"
            )
        found: list[Row] = []
        size = 0
        for index, data in self._from(version, start):
            size += len(data)
            if len(found) == limit or (found and size > _PAGE_BYTES):
                break
            found.append(Row(index, digest_bytes(data), _decoded(data, version.id)))
        return found

    def pieces(self, version: Version) -> Sequence[Chunk]:
        """The chunks of a version in order. UsageError when it was not made of rows: anybody may register one."""
        listed = version.manifest.get("chunks")
        if version.manifest.get("format") == FORMAT and isinstance(listed, str):
            with suppress(msgspec.MsgspecError):
                return msgspec.json.decode(self._blob(listed), type=list[Chunk])
        raise UsageError(
            f"{version.id} holds no rows that can be read here.",
            remedy="Push it again: genaiops dataset push.",
            code="no_rows",
        )

    def held(self) -> set[str]:
        """The blobs that all versions need. StoreError when that cannot be known."""
        found: set[str] = set()
        with self._records.read() as view:
            names = [each.id for each in every(view, Artifact, {"kind": "dataset"})]
            versions = [version for name in names for version in every(view, Version, {"artifact_id": name})]
        for version in versions:
            with suppress(UsageError):  # without a list of chunks that can be read it needs none
                found.update(piece.digest for piece in self.pieces(version))
                found.add(version.manifest["chunks"])
        return found

    def chunk(self, piece: Chunk) -> Sequence[bytes]:
        """Its rows in canonical form."""
        return self._chunk(piece.digest)

    def _from(self, version: Version, start: int) -> Iterator[tuple[int, bytes]]:
        first = 0
        for piece in self.pieces(version):
            if first + piece.rows > start:
                for number, row in enumerate(self._chunk(piece.digest), first):
                    if number >= start:
                        yield number, row
            first += piece.rows

    def _chunk(self, digest: str) -> Sequence[bytes]:
        return _rows(self._blob(digest), digest)

    def _blob(self, digest: str) -> bytes:
        try:
            return self._blobs.get(digest)
        except NotFound as error:
            raise NotFound(
                f"The chunk {digest} is not there.", remedy="Send it first, or push the dataset again.", param="chunks"
            ) from error


def _rows(data: bytes, digest: str) -> Sequence[bytes]:
    if not data.endswith(b"\n"):
        raise UsageError(f"The blob {digest} is no chunk of rows.", remedy="Send rows first.", param="chunks")
    return data[:-1].split(b"\n")


def _decoded(row: bytes, where: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(row, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UsageError(f"{where} is no chunk of rows: {error}.", remedy="Send rows.", param="chunks") from error
