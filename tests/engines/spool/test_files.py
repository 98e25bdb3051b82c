"""The files of a spool: damage, a full disk, sudden death."""

import contextlib
import logging
import resource
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import StoreError
from genaiops.domain import CallRecord, Charge
from genaiops.engines.spool_files import FilesSpoolReader, FilesSpoolWriter, open_reader, open_writer
from tests.engines.spool.calls import admitted, refused, settled
from tests.examples import examples

LIFE = "w0-77"


class Paused(msgspec.Struct, frozen=True, array_like=True, tag="paused"):
    """A kind of record that only a newer program knows."""

    sequence: int


def write(folder: Path, *, segments: int = 3, calls: int = 4) -> list[list[tuple[CallRecord, bytes]]]:
    """What the segments of a dead life hold."""
    writer = open_writer(folder, column=0, life_us=77, segment_calls=calls)
    written: list[list[tuple[CallRecord, bytes]]] = []
    for segment in range(segments):
        written.append([(admitted(10 * segment + call), b"body" * call) for call in range(calls)])
        for record, body in written[-1]:
            writer.append(record, body)
    writer.close()
    return written


def read(reader: FilesSpoolReader) -> list[tuple[CallRecord, bytes]]:
    return [(frame.record, frame.body) for frame in reader.frames(LIFE, 0, 0)]


def ends(folder: Path, segment: int) -> list[int]:
    return [frame.end for frame in open_reader(folder).frames(LIFE, 0, 0) if frame.segment == segment]


@settings(max_examples=examples(150), deadline=None)
@given(segment=st.integers(1, 3), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
@example(segment=1, place=0.0, bit=0, cut=True)
def test_damage_anywhere_costs_no_more_than_the_rest_of_its_segment(
    segment: int, place: float, bit: int, cut: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = write(folder)
        frame_ends = ends(folder, segment)
        path = folder / LIFE / f"{segment:08d}.spool"
        data = bytearray(path.read_bytes())
        at = int(place * len(data))
        if cut:
            del data[at:]
        else:
            data[at] ^= 1 << bit
        path.write_bytes(data)
        whole = sum(end <= at for end in frame_ends)
        expected = [
            frame for number, held in enumerate(written, 1) for frame in (held[:whole] if number == segment else held)
        ]
        reader = open_reader(folder)
        assert read(reader) == expected
        assert read(reader) == expected
        assert reader.skipped == 0


@settings(max_examples=examples(150), deadline=None)
@given(garbage=st.binary(max_size=300), keep=st.integers(0, 4))
def test_garbage_after_frames_is_no_frame(garbage: bytes, keep: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        [written] = write(folder, segments=1)
        path = folder / LIFE / "00000001.spool"
        end = [0, *ends(folder, 1)][keep]
        path.write_bytes(path.read_bytes()[:end] + garbage)
        assert read(open_reader(folder)) == written[:keep]


def test_damage_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path)
    path = tmp_path / LIFE / "00000002.spool"
    data = bytearray(path.read_bytes())
    data[25] ^= 1
    path.write_bytes(data)
    reader = open_reader(tmp_path)
    for _ in range(3):
        assert len(read(reader)) == 8
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.ERROR
    assert f"segment 2 (the frame is damaged); the {len(data)} bytes after it are lost" in caplog.text


def test_a_frame_still_being_written_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77)
    writer.append(admitted(1), b"whole")
    path = tmp_path / LIFE / "00000001.spool"
    size = path.stat().st_size
    writer.append(admitted(2), b"b" * 100_000)
    data = path.read_bytes()
    reader = open_reader(tmp_path)
    for length in (size, size + 1, size + 19, size + 20, size + 100, len(data) - 1):
        path.write_bytes(data[:length])
        assert len(read(reader)) == 1
    assert not caplog.records
    path.write_bytes(data)
    assert len(read(reader)) == 2
    path.write_bytes(data[:-1])
    writer.close()
    assert len(read(reader)) == 1
    assert "its last frame was not finished" in caplog.text


def test_records_of_a_newer_program_are_skipped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77)
    writer.append(admitted(1))
    newer: list[object] = [Paused(1), Paused(2)]
    for record in newer:
        writer.append(record, b"unknown")  # pyright: ignore[reportArgumentType]
    writer.append(settled(1), b"known")
    writer.append(Paused(3))  # pyright: ignore[reportArgumentType]
    reader = open_reader(tmp_path)
    for _ in range(2):
        assert read(reader) == [(admitted(1), b""), (settled(1), b"known")]
    assert reader.skipped == 3
    assert len(caplog.records) == 3
    writer.close()


def test_fields_added_by_a_newer_program_do_no_harm(tmp_path: Path) -> None:
    newer_charge = msgspec.defstruct(
        "Newer", [*((field, object) for field in Charge.__struct_fields__), ("more", int)], array_like=True
    )
    record = msgspec.structs.replace(settled(1), charged=(newer_charge("b", 0, 5, 99),))
    writer = open_writer(tmp_path, column=0, life_us=77)
    writer.append(record)
    assert read(open_reader(tmp_path)) == [(msgspec.structs.replace(record, charged=(Charge("b", 0, 5),)), b"")]
    writer.close()


@contextmanager
def room_for(size: int) -> Generator[None]:
    """No file may grow over `size`: the kernel then writes part of a frame, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [4000, 4001, 4019, 4100, 5000, 9000])
def test_a_full_disk_leaves_no_part_of_a_frame(tmp_path: Path, room: int) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77)
    reader = open_reader(tmp_path)
    done = 0

    def fill() -> None:
        nonlocal done
        while True:
            writer.append(admitted(done), b"b" * 700)
            done += 1

    with room_for(room), pytest.raises(StoreError, match="the disk is full") as caught:
        fill()
    assert caught.value.code == "spool_full"
    assert len(read(reader)) == done
    path = tmp_path / LIFE / "00000001.spool"
    assert path.stat().st_size == ends(tmp_path, 1)[-1]
    writer.append(settled(1), b"there is room again")
    assert read(reader)[-1] == (settled(1), b"there is room again")
    writer.close()


def test_no_room_for_a_new_segment(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77, segment_calls=1)
    writer.append(admitted(1))
    life = tmp_path / LIFE
    life.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError) as caught:
        writer.append(admitted(2))
    assert caught.value.code == "spool_failed"
    (tmp_path / "elsewhere").rename(life)
    writer.append(admitted(2))
    assert [record for record, _ in read(open_reader(tmp_path))] == [admitted(1), admitted(2)]
    writer.close()


def test_segments_are_bounded_in_bytes_too(tmp_path: Path) -> None:
    writer: FilesSpoolWriter = open_writer(tmp_path, column=0, life_us=77, segment_bytes=1000)
    for sequence in range(6):
        writer.append(refused(sequence), b"b" * 600)
    assert {frame.segment for frame in open_reader(tmp_path).frames(LIFE, 0, 0)} == {1, 2, 3}
    writer.close()


WRITING = """
import os, sys
from pathlib import Path
from genaiops.engines.spool_files import open_writer
from tests.engines.spool.calls import admitted
writer = open_writer(Path(sys.argv[1]), column=0, life_us=77, segment_calls=500)
for sequence in range(1, 1_000_000):
    body = b"b" * (sequence % 50_000)
    writer.append(admitted(sequence), writer.set_aside(body) if sequence % 7 == 0 else body)
    os.write(1, b"%d\\n" % sequence)
"""


@pytest.mark.parametrize("kill_after", [1, 499, 501, 2000])
def test_what_append_returned_from_survives_a_kill(tmp_path: Path, kill_after: int) -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path], stdout=subprocess.PIPE, cwd=root, env={"PYTHONPATH": str(root)}
    ) as writing:
        assert writing.stdout
        for _ in range(kill_after):
            writing.stdout.readline()
        assert open_reader(tmp_path).is_alive(LIFE)
        writing.kill()
        acknowledged = writing.stdout.read().count(b"\n") + kill_after
    reader = open_reader(tmp_path)
    assert not reader.is_alive(LIFE)
    found = read(reader)
    assert acknowledged <= len(found) <= acknowledged + 1
    assert [record for record, _ in found] == [admitted(sequence) for sequence in range(1, len(found) + 1)]
    assert all(len(body) == sequence % 50_000 for sequence, (_, body) in enumerate(found, 1))


def test_a_full_disk_leaves_nothing_of_a_large_body(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77)
    with room_for(50_000), pytest.raises(StoreError, match="the disk is full"):
        writer.set_aside(b"b" * 100_000)
    assert sorted(path.name for path in (tmp_path / LIFE).iterdir()) == ["00000001.spool", "alive"]
    aside = writer.set_aside(b"b" * 100_000)
    with room_for(10), pytest.raises(StoreError, match="the disk is full"):
        writer.append(admitted(1), aside)
    assert sorted(path.name for path in (tmp_path / LIFE).iterdir()) == ["00000001.spool", "alive"]
    writer.append(admitted(1), writer.set_aside(b"b" * 100_000))
    assert read(open_reader(tmp_path)) == [(admitted(1), b"b" * 100_000)]
    writer.close()


def test_large_bodies_count_as_the_segment_that_they_belong_to(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77, segment_bytes=100_000)
    for sequence in range(4):
        writer.append(admitted(sequence), writer.set_aside(b"b" * 60_000))
    assert {frame.segment for frame in open_reader(tmp_path).frames(LIFE, 0, 0)} == {1, 2}
    writer.close()


def test_a_large_body_that_is_gone_or_short_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = open_writer(tmp_path, column=0, life_us=77)
    for sequence in range(3):
        writer.append(admitted(sequence), writer.set_aside(b"b" * 100_000))
    writer.append(settled(1), b"small")
    first, second, _ = sorted((tmp_path / LIFE).glob("*.body"))
    first.unlink()
    second.write_bytes(b"short")
    found = read(open_reader(tmp_path))
    assert [len(body) for _, body in found] == [0, 0, 100_000, 5]
    assert caplog.text.count("is left out") == 2
    writer.close()


def test_a_segment_is_finished_when_it_is_old_and_holds_something(tmp_path: Path) -> None:
    with contextlib.closing(open_writer(tmp_path, column=0, life_us=1)) as writer:
        reader = open_reader(tmp_path)
        assert reader.newest("w0-1") == 1
        writer.tend(seconds=0.0)
        assert reader.newest("w0-1") == 1, "there is nothing in it"
        writer.append(admitted(1), b"asked")
        writer.tend()
        assert reader.newest("w0-1") == 1, "it is young"
        writer.tend(seconds=0.0)
        assert reader.newest("w0-1") == 2
        writer.append(settled(1), b"said")
        assert [frame.segment for frame in reader.frames("w0-1", 0, 0)] == [1, 2]
    assert open_reader(tmp_path).newest("w9-9") == 0
