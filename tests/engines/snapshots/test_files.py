"""The files of the Snapshot and the key log: damage, a full disk, a killed writer."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.core.errors import StoreError
from genaiops.domain import Snapshot
from genaiops.engines.snapshot_files import open_reader, open_writer
from tests.engines.snapshots.keys import entry
from tests.examples import examples


@contextmanager
def room_for(size: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def digests(folder: Path, file: str, end: int) -> list[bytes]:
    return [digest for digest, _, _ in open_reader(folder).raw_keys(file, 0, end)]


def test_a_torn_tail_is_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    file, end = open_writer(tmp_path).append_keys([entry(1), entry(2)])
    _, torn = open_writer(tmp_path).append_keys([entry(3)])
    path = tmp_path / file
    for length in range(end, torn, 7):
        path.write_bytes(path.read_bytes()[:length])
        assert digests(tmp_path, file, end) == [entry(1).digest, entry(2).digest]
        assert open_writer(tmp_path).append_keys([entry(3)]) == (file, torn)
        assert digests(tmp_path, file, torn) == [entry(1).digest, entry(2).digest, entry(3).digest]


@settings(max_examples=examples(100), deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_damaged_entry_is_never_handed_out(place: float, bit: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, end = open_writer(folder).append_keys([entry(number) for number in range(20)])
        path = folder / file
        data = bytearray(path.read_bytes())
        data[int(place * len(data))] ^= 1 << bit
        path.write_bytes(data)
        found: list[bytes] = []
        with pytest.raises(StoreError, match="is damaged at offset"):
            found.extend(encoded for _, encoded, _ in open_reader(folder).raw_keys(file, 0, end))
        assert found == [msgspec.msgpack.encode(entry(number)) for number in range(len(found))]


def test_a_damaged_snapshot_is_an_error(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.publish(Snapshot(version=1, compiled_us=1))
    path = tmp_path / "snapshot.msgpack"
    data = path.read_bytes()
    for damaged in (b"", data[:-1], b"\xc1" + data[1:], b"[]"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="cannot be read") as caught:
            open_reader(tmp_path).latest()
        assert caught.value.code == "corrupt"
    open_writer(tmp_path).publish(Snapshot(version=2, compiled_us=1))
    assert open_reader(tmp_path).latest() == Snapshot(version=2, compiled_us=1)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    file, end = writer.append_keys([entry(1)])
    writer.publish(Snapshot(version=1, compiled_us=1, keys_file=file, keys_offset=end))
    many = [entry(number) for number in range(100)]
    with room_for(end + 300):
        with pytest.raises(StoreError, match="no room") as caught:
            writer.append_keys(many)
        assert caught.value.code == "disk_full"
        with pytest.raises(StoreError, match="no room"):
            writer.restart_keys(many)
    with room_for(10), pytest.raises(StoreError, match="no room"):
        writer.publish(Snapshot(version=2, compiled_us=1))
    latest = open_reader(tmp_path).latest()
    assert latest
    assert latest.version == 1
    assert writer.append_keys([entry(2)])[0] == file
    assert digests(tmp_path, *writer.append_keys([entry(3)])) == [entry(number).digest for number in (1, 2, 3)]
    assert {path.name for path in tmp_path.iterdir()} == {file, "snapshot.msgpack"}


PUBLISHING = """
import os, sys
from pathlib import Path
from genaiops.domain import Snapshot
from genaiops.engines.snapshot_files import open_writer
from tests.engines.snapshots.keys import entry
writer = open_writer(Path(sys.argv[1]))
for version in range(1, 1_000_000):
    restart = version % 7 == 0
    file, end = writer.restart_keys(map(entry, range(version))) if restart else writer.append_keys([entry(version)])
    writer.publish(Snapshot(version=version, compiled_us=1, keys_file=file, keys_offset=end))
    os.write(1, b"%d\\n" % version)
"""


@pytest.mark.parametrize("kill_after", [1, 6, 7, 20])
def test_what_was_published_survives_a_kill(tmp_path: Path, kill_after: int) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISHING, tmp_path], stdout=subprocess.PIPE, cwd=root, env={"PYTHONPATH": str(root)}
    ) as publishing:
        assert publishing.stdout
        for _ in range(kill_after):
            publishing.stdout.readline()
        publishing.kill()
        acknowledged = publishing.stdout.read().count(b"\n") + kill_after
    latest = open_reader(tmp_path).latest()
    assert latest
    assert latest.version in {acknowledged, acknowledged + 1}
    assert digests(tmp_path, latest.keys_file, latest.keys_offset)
    file, end = open_writer(tmp_path).append_keys([entry(5)])
    assert digests(tmp_path, file, end)[-1] == entry(5).digest
    assert not list(tmp_path.glob(".*"))
