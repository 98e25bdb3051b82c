"""KnownDocument documents: artifacts `index/NAME` whose versions are fingerprints of texts, never the texts.

Each document is a piece (an index of its own, in a blob); a version is the pieces put together, named by the digest of
that index, with a list of its documents beside it. Pieces come first and a version is registered when all of them are
there: what breaks off half-way leaves no version, and what was sent need not be sent again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.checks.verbatim import Index
from genaiops.core.errors import NotFound, StoreError, TooLarge, UsageError
from genaiops.domain import Actor, Alias, Artifact, Version
from genaiops.hub._artifacts import may_see
from genaiops.hub._guards import CURRENT, GuardUse, uses_of_documents
from genaiops.hub._registered import FORMAT, PREFIX, documents_version, is_registered
from genaiops.hub._validation import checked_name, checked_text, every, suggestion
from genaiops.ports.blobs import Blobs
from genaiops.ports.records import Records

_MOST_DOCUMENTS: Final = 20_000
_MOST_PLACES: Final = 50_000_000
_FORM: Final = (8, 1)
"""k and window of every piece, so that all of them go together."""
_LONGEST_ID: Final = 200


class KnownDocument(msgspec.Struct, frozen=True):
    """A document of a version. `digest` is that of its text, `piece` of the blob of its fingerprints; `marks`: how many
    these are, none where it has too few words to be found."""

    id: str
    digest: str
    words: int
    marks: int
    piece: str


class DocumentsState(msgspec.Struct, frozen=True, kw_only=True):
    """KnownDocument documents with their versions, oldest first. `uses`: guard policies that pin one of them, and by
    which alias they are in force."""

    artifact: Artifact
    versions: Sequence[Version]
    aliases: Mapping[str, str]
    uses: Sequence[GuardUse]


class Fingerprints:
    """`blobs` holds pieces, indexes and lists."""

    def __init__(self, records: Records, blobs: Blobs, clock: Callable[[], int]) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock

    # --- writing ---

    def put(self, data: bytes) -> KnownDocument:
        """Keep the piece of one document for a version to come. UsageError for what is none."""
        try:
            index = Index.read(data)
        except (StoreError, msgspec.MsgspecError, ValueError) as error:
            raise UsageError("This is no piece of fingerprints.", remedy="Send what Index.write made.") from error
        if len(index.documents) != 1 or not _is_sound(index) or (index.k, index.window) != _FORM:
            raise UsageError(
                "A piece has one document with its fingerprints in order, of every run of 8 words.",
                remedy="Send what Index.exact makes of one document.",
                param="marks",
            )
        document = index.documents[0]
        check_document_id(document.id)
        piece = self._blobs.put(data)
        return KnownDocument(document.id, document.digest, document.words, document.marks, piece)

    def put_text(self, document_id: str, text: str) -> KnownDocument:
        """The piece of a text, which itself is not kept."""
        check_document_id(document_id)
        return self.put(Index.exact([(document_id, text)]).write())

    def missing(self, digests: Iterable[str]) -> Sequence[str]:
        """The pieces of these that have to be sent."""
        return [digest for digest in dict.fromkeys(digests) if not self._blobs.exists(digest)]

    def register(
        self,
        name: str,
        pieces: Sequence[str],
        *,
        remove: Sequence[str] = (),
        anew: bool = False,
        title: str = "",
        by: str,
    ) -> Version:
        """The latest version with these pieces, whose documents replace those of the same id, and without those that
        `remove` names; `anew`: of these pieces only. The same as a former version is that version. NotFound when
        a piece was never sent or a document is not there."""
        checked_name(name, word="index")
        checked_text(title, param="title")
        known = {} if anew else {one.id: one for one in self._latest_documents(name)}
        for each in remove:
            if known.pop(each, None) is None:
                raise NotFound(
                    f"There is no document {each[:200]!r} in {name!r}.", remedy=suggestion(each, known), param="remove"
                )
        for digest in dict.fromkeys(pieces):
            one = self.put(self._piece(digest))
            known[one.id] = one
        if not known:
            raise UsageError("No document would be left.", remedy="Give at least one.", param="pieces")
        if len(known) > _MOST_DOCUMENTS:
            raise TooLarge(f"More than {_MOST_DOCUMENTS:,} documents.", remedy="Make several indexes.", param="pieces")
        index = self._put_together(list(known.values()))
        listed = [msgspec.structs.replace(known[each.id], marks=each.marks) for each in index.documents]
        data = index.write()
        manifest = {
            "format": FORMAT,
            "documents": len(listed),
            "words": sum(one.words for one in listed),
            "marks": len(index),
            "bytes": len(data),
            "k": index.k,
            "window": index.window,
            "list": self._blobs.put(msgspec.json.encode(listed)),
        }
        return self._keep(name, self._blobs.put(data), manifest, title, by)

    def _put_together(self, documents: Sequence[KnownDocument]) -> Index:
        from genaiops.checks.verbatim.merging import merge  # numpy: only who makes indexes waits for it

        indexes: list[Index] = []
        places = 0
        for one in documents:
            index = Index.read(self._piece(one.piece))
            places += len(index)
            if places > _MOST_PLACES:
                raise TooLarge(
                    f"The documents have more than {_MOST_PLACES:,} fingerprints together.",
                    remedy="Make several indexes; a policy may name all of them.",
                    param="pieces",
                )
            indexes.append(index)
        return merge(*indexes)

    def _keep(self, name: str, digest: str, manifest: dict[str, Any], title: str, by: str) -> Version:
        now = self._clock()
        artifact_id = f"{PREFIX}{name}"
        version = Version(
            id=f"{artifact_id}@{digest}",
            artifact_id=artifact_id,
            digest=digest,
            manifest=manifest,
            created_us=now,
            created_by=by,
        )
        with self._records.write(by) as unit:
            known = unit.get(Version, version.id)
            if known is None:
                if unit.get(Artifact, artifact_id) is None:
                    unit.add(Artifact(id=artifact_id, kind="index", name=name, title=title, owner=by, created_us=now))
                unit.add(version)
        return known or version

    # --- reading ---

    def list(self, actor: Actor | None = None) -> Sequence[DocumentsState]:
        """Those that the actor may see, by name."""
        with self._records.read() as view:
            names = [
                one.name
                for one in every(view, Artifact, {"kind": "index"})
                if (actor is None or may_see(actor, one)) and is_registered(view, one.name)
            ]
        return [self.get(name, actor) for name in sorted(names)]

    def get(self, name: str, actor: Actor | None = None) -> DocumentsState:
        """NotFound also for what the actor may not see."""
        with self._records.read() as view:
            artifact = view.get(Artifact, f"{PREFIX}{name}")
            if (
                artifact is None
                or (actor is not None and not may_see(actor, artifact))
                or not is_registered(view, name)
            ):
                names = [
                    one.name for one in every(view, Artifact, {"kind": "index"}) if actor is None or may_see(actor, one)
                ]
                raise NotFound(
                    f"There are no registered documents {name[:80]!r}.",
                    remedy=suggestion(name, names) or "Make them: genaiops policy fingerprint NAME FILES.",
                    param="name",
                )
            where = {"artifact_id": artifact.id}
            versions = sorted(every(view, Version, where), key=lambda one: (one.created_us, one.id))
            aliases = {one.name: one.version_id for one in every(view, Alias, where)}
            return DocumentsState(
                artifact=artifact, versions=versions, aliases=aliases, uses=tuple(uses_of_documents(view, name))
            )

    def version(self, reference: str) -> Version:
        """By `name`, `name@alias` or `name@sha256:...`, which may be the beginning of a digest. NotFound."""
        with self._records.read() as view:
            return documents_version(view, reference)

    def documents(self, version: Version) -> Sequence[KnownDocument]:
        """In order of their ids."""
        return msgspec.json.decode(self._blobs.get(version.manifest["list"]), type=list[KnownDocument])

    def held(self) -> set[str]:
        """The blobs that all versions need."""
        found: set[str] = set()
        with self._records.read() as view:
            versions = [
                version
                for artifact in every(view, Artifact, {"kind": "index"})
                for version in every(view, Version, {"artifact_id": artifact.id})
                if version.manifest.get("format") == FORMAT
            ]
        for version in versions:
            found |= {version.digest, version.manifest["list"], *(one.piece for one in self.documents(version))}
        return found

    def _latest_documents(self, name: str) -> Sequence[KnownDocument]:
        """Of what `current` names, else of the version that was made last."""
        with self._records.read() as view:
            versions = list(every(view, Version, {"artifact_id": f"{PREFIX}{name}"}))
            if not versions:
                return ()
            alias = view.get(Alias, f"{PREFIX}{name}@{CURRENT}")
            if alias is not None:
                return self.documents(documents_version(view, name))
        return self.documents(max(versions, key=lambda one: (one.created_us, one.id)))

    def _piece(self, digest: str) -> bytes:
        try:
            return self._blobs.get(digest)
        except NotFound as error:
            raise NotFound(
                f"The piece {digest} is not there.", remedy="Send it first, or run the command again.", param="pieces"
            ) from error


def check_document_id(document_id: str) -> None:
    """UsageError for what cannot name a document."""
    if not document_id.strip() or len(document_id) > _LONGEST_ID or not document_id.isprintable():
        raise UsageError(
            f"{document_id[:80]!r} cannot name a document.",
            remedy=f"Use 1 to {_LONGEST_ID} characters that can be printed.",
            param="id",
        )


def _is_sound(index: Index) -> bool:
    """Whether its fingerprints are numbers that an index can have, in order, of its only document."""
    from genaiops.checks.verbatim.merging import is_sound

    return is_sound(index)
