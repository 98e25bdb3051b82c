"""Artifacts: named things, their immutable versions, and names that move."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import Alias, Artifact, ArtifactKind, Version
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_choice, checked_name, checked_text, every, existing
from genaiops.ports.records import Records, Unit


class Artifacts(Service[Artifact]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Artifact, "artifact")

    def of_kind(self, kind: ArtifactKind) -> Sequence[Artifact]:
        return self._all({"kind": kind})

    def register(
        self, kind: ArtifactKind, name: str, manifest: Mapping[str, Any], *, title: str = "", by: str
    ) -> Version:
        """The version with this manifest, named by the manifest's digest; the artifact is made with its first version.

        Registering the same manifest again changes nothing and gives the version that is there.
        """
        with self._records.write(by) as unit:
            return register(
                unit,
                Artifact(id=f"{kind}/{name}", kind=kind, name=name, title=title, created_us=self._clock()),
                manifest,
                by=by,
            )

    def versions(self, artifact_id: str) -> Sequence[Version]:
        """Oldest first."""
        with self._records.read() as view:
            self._existing(view, artifact_id)
            found = list(every(view, Version, {"artifact_id": artifact_id}))
        return sorted(found, key=lambda version: (version.created_us, version.id))

    def move(self, artifact_id: str, alias: str, version_id: str, *, by: str) -> Alias:
        """Let `kind/name@alias` name that version from now on."""
        checked_name(alias, word="alias", param="alias")
        with self._records.write(by) as unit:
            self._existing(unit, artifact_id)
            version = existing(unit, Version, version_id, word="version", param="version_id")
            if version.artifact_id != artifact_id:
                raise UsageError(
                    f"{version_id!r} is a version of {version.artifact_id!r}, not of {artifact_id!r}.",
                    remedy="Name one of its own versions.",
                    param="version_id",
                )
            moved = Alias(
                id=f"{artifact_id}@{alias}",
                artifact_id=artifact_id,
                name=alias,
                version_id=version_id,
                moved_us=self._clock(),
                moved_by=by,
            )
            if unit.get(Alias, moved.id) is None:
                unit.add(moved)
            else:
                unit.replace(moved)
        return moved

    def aliases(self, artifact_id: str) -> Sequence[Alias]:
        with self._records.read() as view:
            self._existing(view, artifact_id)
            return list(every(view, Alias, {"artifact_id": artifact_id}))

    def resolve(self, reference: str) -> Version:
        """The version that `kind/name@alias` or `kind/name@sha256:...` names now."""
        with self._records.read() as view:
            if "@sha256:" in reference:
                return existing(view, Version, reference, word="version")
            alias = existing(view, Alias, reference, word="alias")
            return existing(view, Version, alias.version_id, word="version")


def register(unit: Unit, artifact: Artifact, manifest: Mapping[str, Any], *, by: str) -> Version:
    """As `Artifacts.register`, within a unit."""
    checked_choice(artifact.kind, get_args(ArtifactKind), word="kind of artifact", param="kind")
    checked_name(artifact.name, word="artifact")
    checked_text(artifact.title, param="title")
    try:
        plain: dict[str, Any] = msgspec.to_builtins(dict(manifest), str_keys=True)
        digest = digest_value(plain)
    except (TypeError, UnicodeEncodeError) as error:
        raise UsageError(f"The manifest is not JSON: {error}.", remedy="Mend that value.", param="manifest") from error
    if not plain:
        raise UsageError("The manifest is empty.", remedy="Say what the version is made of.", param="manifest")
    version = Version(
        id=f"{artifact.id}@{digest}",
        artifact_id=artifact.id,
        digest=digest,
        manifest=plain,
        created_us=artifact.created_us,
        created_by=by,
    )
    known = unit.get(Version, version.id)
    if known is not None:
        return known
    if unit.get(Artifact, artifact.id) is None:
        unit.add(artifact)
    unit.add(version)
    return version
