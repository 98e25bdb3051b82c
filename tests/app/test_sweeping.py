"""Blobs go when retention has dropped what refers to them: real files, calls that go on, a crash in the middle."""

import contextlib
import os
import random
import threading
import time
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from genaiops.app.sweeping import YOUNG_US, Swept, sweep
from genaiops.core.clock import now_us
from genaiops.core.errors import StoreError
from genaiops.domain import Content, Span
from genaiops.engines.blobs_folder import FolderBlobs, open_blobs
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.hub import Hub, Origin
from genaiops.ports.telemetry import Batch
from tests.engines.telemetry.calls import content, root

DAY_US = 86_400_000_000


class Lock:
    """Holds up who puts blobs, as the fold loop does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def caught_up(self, seconds: float = 0.0) -> Generator[None]:
        del seconds
        with self.lock:
            yield


class Stores:
    """A telemetry and blobs; every blob that `call` puts is as old as its call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs: FolderBlobs = open_blobs(folder / "blobs")
        self.telemetry: SqliteTelemetry = open_telemetry(folder / "telemetry", writer=True)
        self.telemetry.migrate()
        self.lock = Lock()
        self.held: set[str] = set()
        self.now_us = now_us()

    def put(self, data: bytes, days: int) -> str:
        digest = self.blobs.put(data)
        (path,) = (self.folder / "blobs").glob(f"*/*/{digest[7:]}.zst")
        when = (self.now_us - days * DAY_US) / 1e6 - (0 if days else 2 * YOUNG_US / 1e6)
        os.utime(path, (when, when))
        return digest

    def call(self, number: int, days: int, *, media: str | None = None, **payload: str) -> None:
        start_us = self.now_us - days * DAY_US
        span: Span = msgspec.structs.replace(root(number, start_us), content="blob")
        said: Content = content(span, **payload)
        if media is not None:
            listed = msgspec.json.encode([{"digest": media, "kept": True, "bytes": 1, "media_type": "image/png"}])
            said = msgspec.structs.replace(said, attributes={"genaiops.media": msgspec.Raw(listed)})
        self.telemetry.write(Batch(spans=[span], contents=[said]))

    def sweep(self) -> Swept:
        return sweep(self.telemetry, self.blobs, self.lock, lambda: self.held, at_us=self.now_us)

    def keep(self, days: int) -> int:
        return self.telemetry.purge_content(self.now_us - days * DAY_US)


@pytest.fixture
def stores(tmp_path: Path) -> Generator[Stores]:
    made = Stores(tmp_path)
    yield made
    made.telemetry.close()


def test_a_blob_goes_with_the_last_content_that_refers_to_it(stores: Stores) -> None:
    old, shared, young = (
        stores.put(random.Random(at).randbytes(90_000), days) for at, days in ((1, 9), (2, 9), (3, 0))
    )
    picture, spoken = stores.put(b"picture" * 20_000, 9), stores.put(b"spoken" * 20_000, 0)
    stores.call(1, 9, input_blob=old, output_blob=shared)
    stores.call(2, 9, media=picture)
    stores.call(3, 0, input_blob=shared, output_blob=young)
    stores.call(4, 0, media=spoken)
    assert stores.sweep() == Swept()
    assert stores.keep(3) == 1
    swept = stores.sweep()
    assert set(stores.blobs.digests()) == {shared, young, spoken}
    assert swept.blobs == 2
    assert swept.bytes >= 90_000
    assert stores.sweep() == Swept()


def test_the_rows_of_a_dataset_stay(stores: Stores, tmp_path: Path) -> None:
    with contextlib.closing(open_records(f"sqlite:///{tmp_path / 'records.db'}")) as records:
        records.migrate()
        datasets = Hub(records).datasets(stores.blobs)
        version = datasets.add("answers", [{"n": 1}, {"n": 2}], Origin(), by="admin").version
        stores.put(b"nobody's", 9)
        for path in (tmp_path / "blobs").glob("*/*/*.zst"):
            os.utime(path, (0, 0))
        swept = sweep(stores.telemetry, stores.blobs, stores.lock, datasets.held, at_us=stores.now_us)
        assert swept.blobs == 1
        assert [row.row for row in datasets.rows(version)] == [{"n": 1}, {"n": 2}]


def test_a_chunk_that_was_sent_long_ago_is_young_once_a_version_has_it(stores: Stores, tmp_path: Path) -> None:
    with contextlib.closing(open_records(f"sqlite:///{tmp_path / 'records.db'}")) as records:
        records.migrate()
        datasets = Hub(records).datasets(stores.blobs)
        chunk = datasets.put_chunk([{"n": 1}]).digest
        for path in (tmp_path / "blobs").glob("*/*/*.zst"):
            os.utime(path, (0, 0))
        datasets.register("gold", [chunk], Origin(), by="admin")
    assert stores.sweep().blobs == 0


def test_what_was_just_put_is_not_swept_although_nothing_refers_to_it_yet(stores: Stores) -> None:
    waiting = stores.blobs.put(b"its content is not committed yet")
    old = stores.put(b"old" * 1000, 9)
    assert stores.sweep().blobs == 1
    assert list(stores.blobs.digests()) == [waiting]
    assert not stores.blobs.exists(old)


def test_a_blob_that_is_put_again_while_it_is_marked_stays(stores: Stores) -> None:
    """A new call brings what nothing referred to any more: between the look at the contents and the removal."""
    digest = stores.put(b"again" * 1000, 9)

    class Busy(Lock):
        @contextlib.contextmanager
        def caught_up(self, seconds: float = 0.0) -> Generator[None]:
            del seconds
            stores.blobs.put(b"again" * 1000)
            yield

    assert sweep(stores.telemetry, stores.blobs, Busy(), set, at_us=stores.now_us) == Swept()
    assert stores.blobs.exists(digest)


def test_a_crash_in_the_middle_loses_nothing_that_is_needed(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genaiops.app.sweeping.BLOBS", 3)
    monkeypatch.setattr("genaiops.app.sweeping.SPANS", 2)
    needed = {stores.put(b"needed %d" % at, 0) for at in range(7)}
    for at, digest in enumerate(sorted(needed)):
        stores.call(at, 0, input_blob=digest)
    for at in range(10):
        stores.put(b"unused %d" % at, 9)

    class Dying(Lock):
        left = 2

        @contextlib.contextmanager
        def caught_up(self, seconds: float = 0.0) -> Generator[None]:
            del seconds
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            yield

    with pytest.raises(KeyboardInterrupt):
        sweep(stores.telemetry, stores.blobs, Dying(), set, at_us=stores.now_us)
    left = set(stores.blobs.digests())
    assert needed < left
    assert len(left) == len(needed) + 4
    assert stores.sweep().blobs == 4
    assert set(stores.blobs.digests()) == needed


def test_nothing_is_swept_when_content_cannot_be_read(stores: Stores) -> None:
    digest = stores.put(b"needed" * 1000, 0)
    stores.call(1, 0, input_blob=digest)
    stores.telemetry.close()
    (path,) = (stores.folder / "telemetry").glob("content-*.db")
    path.write_bytes(b"no database at all" * 1000)
    stores.telemetry = open_telemetry(stores.folder / "telemetry", writer=True)
    with pytest.raises(StoreError):
        stores.sweep()
    assert stores.blobs.exists(digest)


def test_calls_go_on_while_it_sweeps(stores: Stores) -> None:
    """Blobs are put and referred to all the time: none that is referred to is missing in the end."""
    monkey = [stores.put(b"blob %d" % at, 9) for at in range(60)]
    stop, failed = threading.Event(), list[Exception]()

    def traffic() -> None:
        chance, number = random.Random(5), 0
        while not stop.is_set():
            number += 1
            with stores.lock.lock:  # the folder's: put, then commit
                digest = stores.blobs.put(b"blob %d" % chance.randrange(60))
                time.sleep(0)
                try:
                    stores.call(number, 0, input_blob=digest)
                except Exception as error:  # noqa: BLE001 - told to the test
                    failed.append(error)

    thread = threading.Thread(target=traffic)
    thread.start()
    for _ in range(20):
        stores.sweep()
    stop.set()
    thread.join()
    assert not failed
    place, needed = 0, set[str]()
    while True:
        reached, some = stores.telemetry.blobs(after=place, limit=100)
        needed |= some
        if reached == place:
            break
        place = reached
    assert needed <= set(stores.blobs.digests())
    assert set(monkey) >= needed
