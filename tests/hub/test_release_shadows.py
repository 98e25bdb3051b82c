"""A release in shadow: what it needs is in the Snapshot, and it ends with the next change of what serves."""

import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Release
from genaiops.hub import Hub, NewShadow, compile_snapshot
from tests.hub.test_deploying import releases

__all__ = ["releases"]

Both = tuple[Release, Release]


def test_a_release_in_shadow(hub: Hub, releases: Both) -> None:
    first, second = releases
    with pytest.raises(NotFound, match="support@dev"):
        hub.release_shadows.begin("support@dev", NewShadow(release="latest"), by="admin")
    hub.deployments.deploy("support", "dev", first.digest, by="admin")
    with pytest.raises(Conflict, match="serves on support@dev already"):
        hub.release_shadows.begin("support@dev", NewShadow(release=first.digest), by="admin")
    with pytest.raises(UsageError, match="share is 2"):
        hub.release_shadows.begin("support@dev", NewShadow(release="latest", share=2), by="admin")
    made = hub.release_shadows.begin("support@dev", NewShadow(release="latest", share=0.5), by="admin")
    assert made.shadow is not None
    assert (made.shadow.release_id, made.shadow.application) == (second.id, "shadow/support")
    assert made.shares == hub.deployments.get("support@dev").shares
    assert len(hub.deployments.history("support", "dev")) == 1  # what serves is the same
    with hub.records.read() as view:
        snapshot = compile_snapshot(view, now_us=1, keys_file="", keys_offset=0)
    assert {one.id for one in snapshot.releases} == {first.id, second.id}
    assert hub.release_shadows.end("support@dev", by="admin").shadow is None
    with pytest.raises(NotFound, match="No release is in shadow"):
        hub.release_shadows.end("support@dev", by="admin")
    hub.release_shadows.begin("support@dev", NewShadow(release="latest"), by="admin")
    hub.deployments.deploy("support", "dev", second.digest, by="admin")
    assert hub.deployments.get("support@dev").shadow is None
