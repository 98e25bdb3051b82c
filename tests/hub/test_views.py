"""Saved views: one's own, shared ones, and who may change them."""

import pytest

from genaiops.core.errors import Conflict, Forbidden, NotFound, UsageError
from genaiops.hub import Hub


def test_ones_own_first_then_what_others_share(hub: Hub) -> None:
    other = hub.actors.create("ben", "person", roles=("viewer",), by="admin").id
    hub.views.create("/traces", "status=error", "Mine", by="admin")
    hub.views.create("/costs", "by=key", "Theirs", by=other)
    shared = hub.views.create("/users", "sort=cost", "All see it", shared=True, by=other)
    assert [each.name for each in hub.views.seen_by("admin")] == ["Mine", "All see it"]
    hub.views.change(shared.id, shared=False, name="Not any more", by=other)
    assert [each.name for each in hub.views.seen_by("admin")] == ["Mine"]
    assert [each.name for each in hub.views.seen_by(other)] == ["Not any more", "Theirs"]


def test_only_who_saved_it_changes_it(hub: Hub) -> None:
    other = hub.actors.create("ben", "person", roles=("admin",), by="admin").id
    saved = hub.views.create("/traces", "", "Mine", shared=True, by="admin")
    with pytest.raises(Forbidden):
        hub.views.change(saved.id, name="Yours", by=other)
    with pytest.raises(Forbidden):
        hub.views.remove(saved.id, by=other)
    assert hub.views.remove(saved.id, by="admin") == saved
    with pytest.raises(NotFound):
        hub.views.get(saved.id)


def test_names_are_ones_own_and_pages_are_of_this_site(hub: Hub) -> None:
    other = hub.actors.create("ben", "person", roles=("viewer",), by="admin").id
    hub.views.create("/traces", "", "Errors", by="admin")
    hub.views.create("/traces", "", "Errors", by=other)
    with pytest.raises(Conflict, match="already"):
        hub.views.create("/costs", "", " Errors ", by="admin")
    for page in ("https://elsewhere.example", "//elsewhere.example", "traces", "/traces?status=error"):
        with pytest.raises(UsageError):
            hub.views.create(page, "", "Another", by="admin")
    for name in ("", "   ", "two\nlines", "x" * 81):
        with pytest.raises(UsageError):
            hub.views.create("/traces", "", name, by="admin")
