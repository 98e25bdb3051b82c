"""The files of video jobs: one key whoever asks first, ids by owner, bounded."""

import threading
from pathlib import Path

import pytest

from genaiops.core.errors import StoreError
from genaiops.core.sealed import KEY_BYTES
from genaiops.engines import videos_files
from genaiops.engines.videos_files import open_videos

ME, YOU = b"me" * 6, b"yo" * 6


def test_all_who_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(open_videos(tmp_path).key())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) == KEY_BYTES
    assert [path.name for path in tmp_path.iterdir()] == ["sealing.key"]
    assert (tmp_path / "sealing.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_none_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "sealing.key").write_bytes(b"short")
    with pytest.raises(StoreError, match="is no key"):
        open_videos(tmp_path).key()


def test_ids_by_owner(tmp_path: Path) -> None:
    videos = open_videos(tmp_path)
    assert list(videos.recent(ME)) == []
    for number in range(5):
        videos.add(ME, f"video_{number}")
        open_videos(tmp_path).add(YOU, f"video_y{number}")
    videos.drop(ME, "video_3")
    videos.drop(ME, "video_unknown")
    assert list(open_videos(tmp_path).recent(ME)) == ["video_0", "video_1", "video_2", "video_4"]
    assert len(list(videos.recent(YOU))) == 5


def test_the_oldest_go_when_a_file_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos_files, "_LARGEST", 2000)
    monkeypatch.setattr(videos_files, "KEPT", 10)
    videos = open_videos(tmp_path)
    for number in range(500):
        videos.add(ME, f"video_{number}")
        assert videos.recent(ME)[-1] == f"video_{number}"
    assert list(videos.recent(ME)) == [f"video_{number}" for number in range(490, 500)]
    assert (tmp_path / "videos" / f"{ME.hex()}.ids").stat().st_size < 2100
