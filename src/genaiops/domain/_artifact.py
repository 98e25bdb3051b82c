"""Artifacts of the Hub: named things with immutable versions, and names that move."""

from typing import Any, Literal

import msgspec

from genaiops.domain._prompt import Visibility

ArtifactKind = Literal[
    "model",
    "prompt",
    "dataset",
    "embedding",
    "index",
    "policy",
    "suite",
    "judge",
    "pipeline",
    "blueprint",
    "report",
    "use-case",
]


class Artifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named thing. `id` is `kind/name`; `owner` an actor's id. Of `visibility` `team` only `team_id` sees it."""

    id: str
    kind: ArtifactKind
    name: str
    tenant_id: str = "default"
    title: str = ""
    description: str = ""
    owner: str = ""
    team_id: str | None = None
    visibility: Visibility = "organisation"
    tags: tuple[str, ...] = ()
    created_us: int


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An immutable version. `id` is `kind/name@sha256:...`; `manifest` describes it (files with digests, licence,
    source, card). `text`: as somebody wrote it, comments included, where it was pushed as one; the digest is that of
    the manifest, so the same meaning written in another way is the same version, with the text that was pushed last.
    """

    id: str
    artifact_id: str
    digest: str
    manifest: dict[str, Any] = {}
    created_us: int
    created_by: str = ""
    text: str = ""


class Alias(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name that moves. `id` is `kind/name@alias`."""

    id: str
    artifact_id: str
    name: str
    version_id: str
    moved_us: int
    moved_by: str = ""
