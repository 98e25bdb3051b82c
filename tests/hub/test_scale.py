"""A hundred thousand keys."""

import tracemalloc

import pytest

from genaiops.domain import Actor
from genaiops.hub import Hub, NewKey, changed_key_entries, key_entries

KEYS = 100_000


@pytest.mark.slow
def test_a_hundred_thousand_keys_are_made_at_once_and_read_in_little_memory(hub: Hub, ann: Actor) -> None:
    with hub.records.read() as view:
        before = view.version()
    hub.keys.create_many([NewKey(name=f"k{number}", actor_id=ann.id) for number in range(KEYS)], by="admin")
    with hub.records.read() as view:
        assert view.version() == before + KEYS
        tracemalloc.start()
        assert sum(1 for _ in key_entries(view, None)) == KEYS + 1
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16_000_000
    hub.actors.disable(ann.id, by="admin")
    with hub.records.read() as view:
        assert sum(entry.removed for entry in changed_key_entries(view, view.changes(before + KEYS))) == KEYS
