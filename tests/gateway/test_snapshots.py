"""Snapshots and keys: taken up whole, in short steps, and acknowledged when in force."""

import hashlib
import time
from collections.abc import Iterator

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import KeyEntry
from genaiops.gateway.keyring import KeyLog, Keyring
from tests.gateway.harness import CHAT, Home, key, route, running, target, until
from tests.gateway.upstream import Upstream, answers


async def test_nothing_starts_without_a_snapshot(home: Home) -> None:
    with pytest.raises(StoreError, match="no Snapshot"):
        async with running(home):
            pass


async def test_a_change_is_in_force_with_the_next_request(home: Home) -> None:
    """The version is a word that each request reads: no timer runs here."""
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            assert home.observer.acknowledged() == {0: 1}
            assert (await worker.post(key="new")).status == 401
            home.publish(key("new", key_id="new"), targets=(target(up.url),))
            assert (await worker.post(key="new")).status == 200
            assert home.observer.acknowledged() == {0: 2}
            home.publish(key(removed=True), targets=(target(up.url),))
            assert (await worker.post()).status == 401
            assert (await worker.post(key="new")).status == 200
            home.publish(key("new", key_id="new", models=("x",)), targets=(target(up.url),))
            assert (await worker.post(key="new")).status == 403
            home.publish(targets=(target(up.url, enabled=False),))
            assert (await worker.get("/v1/models", key="new")).json["data"] == []
            home.publish(key("third"), restart=True, targets=(target(up.url),))
            assert (await worker.post(key="new")).status == 401
            assert (await worker.post(key="third")).status == 200
            assert home.observer.acknowledged() == {0: home.version}


async def test_a_rotated_key_works_until_its_overlap_ends(home: Home) -> None:
    soon = time.time_ns() // 1000 + 60_000_000
    async with Upstream(answers()) as up:
        home.publish(key("old", not_after_us=soon), key("new"), targets=(target(up.url),))
        async with running(home) as worker:
            assert (await worker.post(key="old")).status == (await worker.post(key="new")).status == 200
            home.publish(key("old", not_after_us=soon - 60_000_001), targets=(target(up.url),))
            assert (await worker.post(key="old")).error["code"] == "expired_api_key"


async def test_unchanged_targets_keep_their_connections_and_changed_ones_close_theirs(home: Home) -> None:
    async with Upstream(answers()) as one, Upstream(answers()) as two:
        home.publish(key(), targets=(target(one.url, id="a"), target(two.url, id="b", model="n")))
        async with running(home) as worker:
            await worker.post()
            await worker.post(body={**CHAT, "model": "n"})
            assert (one.connections, two.connections) == (1, 1)
            home.publish(targets=(target(one.url, id="a"), target(two.url, id="b", model="n2")), routes=(route("a"),))
            await worker.post()
            await until(lambda: two.connections == 0)
            assert one.connections == 1
            assert len(worker.transports) == 2


async def test_a_call_that_is_under_way_ends_under_its_own_snapshot(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            version = home.version
            await worker.post()
            home.publish(targets=())
            got = await worker.post()
    assert got.status == 404
    assert [one.snapshot_version for one in home.admitted()] == [version]


class Log:
    """A key log in memory that says how it was read."""

    def __init__(self, count: int) -> None:
        self.entries = [
            (hashlib.sha256(b"key-%d" % number).digest(), msgspec.msgpack.encode(key(f"key-{number}")), False)
            for number in range(count)
        ]
        self.reads: list[tuple[str, int, int]] = []

    def latest(self) -> None:
        return None

    def raw_keys(self, file: str, start: int, end: int) -> Iterator[tuple[bytes, bytes, bool]]:
        self.reads.append((file, start, end))
        yield from self.entries[start:end]


def test_a_hundred_thousand_keys_are_read_in_short_steps() -> None:
    log = Log(100_000)
    ring: Keyring[KeyEntry] = Keyring(lambda entry: entry, hot=100)
    keys = KeyLog(log, ring)
    keys.aim("one", 100_000)
    steps = 0
    while not keys.step(0.002):
        steps += 1
        assert len(ring) == 0  # a new generation is put in place when it is whole
    assert steps > 1
    assert len(ring) == 100_000
    found = ring.find(b"key-77777", self_ := object())
    assert found is not None
    assert ring.find(b"key-77777", self_) is found
    for number in range(500):
        assert ring.find(b"key-%d" % number, self_) is not None
    assert len(ring._hot) == 100
    assert ring.find(b"key-100000", self_) is None


def test_the_key_log_is_read_from_where_it_was_left() -> None:
    log = Log(300)
    keys = KeyLog(log, Keyring(lambda entry: entry, hot=10))
    for file, offset in (("one", 100), ("one", 100), ("one", 200), ("two", 300)):
        keys.aim(file, offset)
        while not keys.step(0.01):
            pass
    assert log.reads == [("one", 0, 100), ("one", 100, 200), ("two", 0, 300)]


def test_what_was_made_of_a_key_depends_on_what_it_was_made_for() -> None:
    made: list[str] = []

    def make(entry: KeyEntry) -> str:
        made.append(entry.key_name)
        return entry.key_name

    log = Log(1)
    ring: Keyring[str] = Keyring(make, hot=10)
    keys = KeyLog(log, ring)
    keys.aim("one", 1)
    assert keys.step(1)
    one, two = object(), object()
    assert [ring.find(b"key-0", plan) for plan in (one, one, two, two)] == ["tests"] * 4
    assert len(made) == 2
