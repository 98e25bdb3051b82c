"""What every engine of the snapshots ports does."""

from collections.abc import Sequence
from itertools import islice

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import KeyEntry, Route, RouteTarget, Snapshot
from genaiops.ports.snapshots import SnapshotReader
from tests.engines.snapshots.conftest import Snapshots
from tests.engines.snapshots.keys import entry

ROUTE = Route(id="fast", targets=(RouteTarget("smollm2", 3),), created_us=1)


def snapshot(version: int, file: str = "", offset: int = 0) -> Snapshot:
    return Snapshot(version=version, compiled_us=1, routes=(ROUTE,), keys_file=file, keys_offset=offset)


def keys(reader: SnapshotReader, file: str, start: int, end: int) -> Sequence[KeyEntry]:
    found: list[KeyEntry] = []
    for digest, encoded, removed in reader.raw_keys(file, start, end):
        found.append(msgspec.msgpack.decode(encoded, type=KeyEntry))
        assert (digest, removed) == (found[-1].digest, found[-1].removed)
    return found


def test_nothing_was_published(snapshots: Snapshots) -> None:
    assert snapshots.reader().latest() is None
    snapshots.writer()
    assert snapshots.reader().latest() is None


def test_the_latest_is_what_was_published_last(snapshots: Snapshots) -> None:
    writer, reader = snapshots.writer(), snapshots.reader()
    writer.publish(snapshot(1))
    writer.publish(snapshot(2))
    assert reader.latest() == snapshot(2)
    assert snapshots.reader().latest() == snapshot(2)


def test_keys_come_as_a_sequence_of_changes(snapshots: Snapshots) -> None:
    writer, reader = snapshots.writer(), snapshots.reader()
    first = [entry(number) for number in range(5)]
    file, middle = writer.append_keys(first)
    assert keys(reader, file, 0, middle) == first
    again, end = writer.append_keys([entry(1, removed=True), entry(7)])
    assert again == file
    assert keys(reader, file, middle, end) == [entry(1, removed=True), entry(7)]
    assert keys(reader, file, 0, end) == [*first, entry(1, removed=True), entry(7)]
    assert keys(reader, file, end, end) == []
    assert writer.append_keys([]) == (file, end)


def test_a_new_generation_leaves_the_one_in_force(snapshots: Snapshots) -> None:
    writer, reader = snapshots.writer(), snapshots.reader()
    file, end = writer.append_keys([entry(1)])
    writer.publish(snapshot(1, file, end))
    new, new_end = writer.restart_keys(entry(number) for number in (1, 2))
    assert new != file
    assert keys(reader, file, 0, end) == [entry(1)]
    assert keys(reader, new, 0, new_end) == [entry(1), entry(2)]
    assert writer.append_keys([entry(3)])[0] == new
    writer.publish(snapshot(2, new, new_end))
    assert keys(reader, file, 0, end) == [entry(1)], "a worker may still be reading the last one"
    writer.publish(snapshot(3, new, new_end))
    with pytest.raises(StoreError, match="is gone") as caught:
        keys(reader, file, 0, end)
    assert caught.value.code == "keys_gone"
    assert keys(reader, new, 0, new_end) == [entry(1), entry(2)]


def test_a_restarted_writer_goes_on(snapshots: Snapshots) -> None:
    writer = snapshots.writer()
    writer.restart_keys([])
    file, end = writer.append_keys([entry(1)])
    writer.publish(snapshot(1, file, end))
    again, later = snapshots.writer().append_keys([entry(2)])
    assert again == file
    assert keys(snapshots.reader(), file, 0, later) == [entry(1), entry(2)]


def test_keys_can_be_taken_in_chunks(snapshots: Snapshots) -> None:
    writer, reader = snapshots.writer(), snapshots.reader()
    entries = [entry(number) for number in range(20_000)]
    file, end = writer.restart_keys(entries)
    iterator = reader.raw_keys(file, 0, end)
    found: list[bytes] = []
    while chunk := list(islice(iterator, 999)):
        found += [digest for digest, _, _ in chunk]
    assert found == [entry.digest for entry in entries]


def test_less_than_the_range_is_an_error(snapshots: Snapshots) -> None:
    writer, reader = snapshots.writer(), snapshots.reader()
    file, middle = writer.append_keys([entry(1)])
    file, end = writer.append_keys([entry(2)])
    for start, stop in ((0, end + 1), (0, end - 1), (1, end), (middle, middle + 5)):
        with pytest.raises(StoreError, match="is damaged at offset") as caught:
            keys(reader, file, start, stop)
        assert caught.value.code == "corrupt"


def test_only_names_of_key_logs_are_taken(snapshots: Snapshots) -> None:
    for name in ("", "../keys-1.log", "snapshot.msgpack", "keys-x.log"):
        with pytest.raises(StoreError, match="does not name a key log"):
            keys(snapshots.reader(), name, 0, 1)
