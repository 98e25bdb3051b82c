"""Releases: immutable manifests of all that an application runs on, named by their digest."""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Application, Release, ReleaseManifest
from genaiops.hub._guards import keep_default
from genaiops.hub._lineage import edges_of_release, link
from genaiops.hub._manifests import checked_manifest, manifest_digest, missing_pins
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_text, every, existing
from genaiops.ports.records import Records, View

_HEX = re.compile(r"[0-9a-f]{6,64}")
_NOTE = 1000


class ManifestChange(msgspec.Struct, frozen=True):
    """A place of the manifest (`parameters.temperature`) before and after; null: it is not there."""

    field: str
    before: Any
    after: Any


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a release is what its name says, and all that it names is there. `digest`: of its manifest as it is."""

    release_id: str
    digest: str
    unchanged: bool
    missing: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.unchanged and not self.missing


class Releases(Service[Release]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Release, "release")

    def create(self, application_id: str, manifest: ReleaseManifest, *, note: str = "", by: str) -> Release:
        """The release with this manifest; the same manifest again is the same release, and changes nothing."""
        checked_text(note, param="note", longest=_NOTE)
        with self._records.write(by) as unit:
            existing(unit, Application, application_id, word="application", param="application")
            manifest = checked_manifest(unit, manifest)
            digest = manifest_digest(manifest)
            release_id = f"{application_id}@{digest}"
            known = unit.get(Release, release_id)
            if known is not None:
                return known
            release = Release(
                id=release_id,
                application_id=application_id,
                digest=digest,
                manifest=manifest,
                note=note,
                created_us=self._clock(),
                created_by=by,
            )
            keep_default(unit, manifest.pins.get("guard"), self._clock())
            unit.add(release)
            link(unit, edges_of_release(release))
        return release

    def of(self, application_id: str) -> Sequence[Release]:
        """Newest first."""
        with self._records.read() as view:
            existing(view, Application, application_id, word="application", param="application")
            return releases_of(view, application_id)

    def resolve(self, application_id: str, reference: str) -> Release:
        """As `resolved`."""
        with self._records.read() as view:
            return resolved(view, application_id, reference)

    def diff(self, before: Release, after: Release) -> Sequence[ManifestChange]:
        """What changed of the manifest, by place, in order of the places."""
        old, new = (_flat(msgspec.to_builtins(one.manifest)) for one in (before, after))
        return [
            ManifestChange(field, old.get(field), new.get(field))
            for field in sorted(old.keys() | new.keys())
            if old.get(field) != new.get(field)
        ]

    def verify(self, release: Release) -> Verdict:
        """Works the digest out anew, and looks up everything that is pinned."""
        digest = manifest_digest(release.manifest)
        with self._records.read() as view:
            missing = tuple(missing_pins(view, release.manifest))
        same = digest == release.digest and release.id == f"{release.application_id}@{digest}"
        return Verdict(release_id=release.id, digest=digest, unchanged=same, missing=missing)


def releases_of(view: View, application_id: str) -> list[Release]:
    found = every(view, Release, {"application_id": application_id})
    return sorted(found, key=lambda release: (release.created_us, release.id), reverse=True)


def resolved(view: View, application_id: str, reference: str) -> Release:
    """The release that a text names: `latest`, its digest, or at least 6 hexadecimal digits that begin only one."""
    existing(view, Application, application_id, word="application", param="application")
    found = releases_of(view, application_id)
    if not found:
        raise NotFound(
            f"The application {application_id!r} has no release.",
            remedy=f"Make one: genaiops release create {application_id} --model NAME",
            param="release",
        )
    if reference == "latest":
        return found[0]
    digits = reference.removeprefix(f"{application_id}@").removeprefix("sha256:")
    if _HEX.fullmatch(digits) is None:
        raise UsageError(
            f"{reference[:120]!r} names no release.",
            remedy="Write its digest, at least 6 digits of it, or latest.",
            param="release",
        )
    named = [release for release in found if release.digest.removeprefix("sha256:").startswith(digits)]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(f"{len(named)} releases begin with {digits!r}.", remedy="Give more digits.", param="release")
    raise NotFound(
        f"The application {application_id!r} has no release {reference!r}.",
        remedy=f"genaiops release list {application_id} shows them.",
        param="release",
    )


def _flat(value: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {place: value}
    found: dict[str, Any] = {}
    for name, inner in cast("dict[str, Any]", value).items():
        found |= _flat(inner, f"{place}.{name}" if place else name)
    return found
