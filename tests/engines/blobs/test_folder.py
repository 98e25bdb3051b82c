"""The files of the blob folder: where they are, damage, a full disk, what a killed process leaves."""

import os
import random
import resource
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genaiops.core.errors import StoreError
from genaiops.engines.blobs_folder import open_blobs

CONTENT = random.Random(7).randbytes(100_000)


@contextmanager
def room_for(size: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_where_a_blob_is(tmp_path: Path) -> None:
    name = open_blobs(tmp_path).put(b"x" * 100_000).removeprefix("sha256:")
    [path] = files(tmp_path)
    assert path == tmp_path / name[:2] / name[2:4] / f"{name}.zst"
    assert path.stat().st_size < 1000
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["empty", "cut", "flip", "other", "size"])
def test_damage_is_noticed(tmp_path: Path, damage: str) -> None:
    blobs = open_blobs(tmp_path)
    digest = blobs.put(CONTENT)
    [path] = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "empty":
        data.clear()
    elif damage == "cut":
        del data[-100:]
    elif damage == "flip":
        data[5000] ^= 4
    elif damage == "size":
        data[4:12] = b"\xe0" + b"\xff" * 7  # a frame that claims to hold exabytes
    else:
        other = open_blobs(tmp_path / "other")
        other.put(b"other content")
        data = bytearray(files(tmp_path / "other")[0].read_bytes())
    path.write_bytes(data)
    with pytest.raises(StoreError, match="does not hold what its name says") as caught:
        blobs.get(digest)
    assert caught.value.code == "corrupt"


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    small = blobs.put(b"small")
    with room_for(50_000), pytest.raises(StoreError, match="no room on the disk") as caught:
        blobs.put(CONTENT)
    assert caught.value.code == "disk_full"
    assert len(files(tmp_path)) == 1
    assert blobs.get(small) == b"small"
    assert blobs.get(blobs.put(CONTENT)) == CONTENT


def test_what_a_killed_process_left_goes_after_a_while(tmp_path: Path) -> None:
    open_blobs(tmp_path)
    old, new = tmp_path / "tmp" / "old", tmp_path / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    blobs = open_blobs(tmp_path)
    assert not old.exists()
    assert new.exists()
    assert list(blobs.digests()) == []


def test_foreign_files_are_no_blobs(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    digest = blobs.put(b"content")
    (tmp_path / "README").write_text("x")
    (tmp_path / "ab" / "cd").mkdir(parents=True, exist_ok=True)
    (tmp_path / "ab" / "cd" / "x.zst").write_text("x")
    assert list(blobs.digests()) == [digest]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        open_blobs(tmp_path / "blobs")
