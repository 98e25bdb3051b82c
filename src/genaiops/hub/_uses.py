"""What stands on a version: the releases that pin it, and where they serve."""

from collections.abc import Iterable, Sequence

import msgspec

from genaiops.domain import Deployment, Edge
from genaiops.hub._validation import every
from genaiops.ports.records import View


class PinnedBy(msgspec.Struct, frozen=True, kw_only=True):
    """A release that pins a version, and the environments that it serves in."""

    release_id: str
    version_id: str
    environments: Sequence[str]


def pinned_by(view: View, version_ids: Iterable[str]) -> Sequence[PinnedBy]:
    """In order of the versions, the newest release of each first."""
    found: list[PinnedBy] = []
    for version_id in version_ids:
        edges = [edge for edge in every(view, Edge, {"source": version_id}) if edge.target.startswith("release/")]
        for edge in sorted(edges, key=lambda each: -each.created_us):
            release_id = edge.target.removeprefix("release/")
            places = [
                each.environment_id
                for each in every(view, Deployment, {"application_id": release_id.partition("@")[0]})
                if any(share.release_id == release_id for share in each.shares)
            ]
            found.append(PinnedBy(release_id=release_id, version_id=version_id, environments=places))
    return found
