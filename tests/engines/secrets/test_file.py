"""The files of the secret store: that nothing leaks, the wrong key, damage, a crash in the middle of a rotation."""

import logging
import os
import pickle
import traceback
from pathlib import Path

import pytest

from genaiops.core.errors import StoreError
from genaiops.engines.secrets_file import FileSecrets, open_secrets

VALUE = "sk-s3cr3t-value-0123456789"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def secrets(home: Path) -> FileSecrets:
    made = open_secrets(home)
    made.put("GAI_TEST_KEY", VALUE)
    made.put("GAI_TEST_OTHER", "other")
    return made


def leaks(*texts: object) -> bool:
    return any(VALUE in text or VALUE in repr(text) for text in map(str, texts))


def looked_up(secrets: FileSecrets) -> tuple[list[str | None], list[str]]:
    """The values, or the whole text of the error."""
    try:
        return [secrets.get("GAI_TEST_KEY"), secrets.get("GAI_TEST_OTHER")], []
    except StoreError as error:
        return [], traceback.format_exception(error)


def test_files_are_for_their_owner_only_and_hold_no_value(home: Path, secrets: FileSecrets) -> None:
    secrets.rotate_key()
    assert {path.name for path in home.iterdir()} == {"secrets.enc", "secrets.key", "secrets.lock"}
    for path in home.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert VALUE.encode() not in path.read_bytes()
    assert home.stat().st_mode & 0o777 == 0o700


def test_nothing_is_made_by_looking(home: Path) -> None:
    assert open_secrets(home).get("GAI_TEST_KEY") is None
    assert open_secrets(home).names() == []
    assert not home.exists()


def test_the_object_shows_no_value(secrets: FileSecrets) -> None:
    assert secrets.get("GAI_TEST_KEY") == VALUE
    assert not leaks(secrets, repr(secrets), vars(secrets), secrets.names())
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(secrets)


def test_a_lost_key_file(home: Path, secrets: FileSecrets) -> None:
    (home / "secrets.key").unlink()
    for act in (lambda: secrets.get("GAI_TEST_KEY"), lambda: secrets.put("GAI_TEST_NEW", VALUE), secrets.rotate_key):
        with pytest.raises(StoreError, match=r"key file .* is missing") as caught:
            act()
        assert caught.value.code == "secrets_key_missing"
        assert "Restore secrets.key" in str(caught.value)
    assert secrets.get("GAI_TEST_ABSENT") is None


def test_a_wrong_key_file(home: Path, secrets: FileSecrets, tmp_path: Path) -> None:
    open_secrets(tmp_path / "elsewhere").put("GAI_TEST_KEY", "x")
    (home / "secrets.key").write_bytes((tmp_path / "elsewhere" / "secrets.key").read_bytes())
    before = (home / "secrets.enc").read_bytes()
    for act in (lambda: secrets.get("GAI_TEST_KEY"), lambda: secrets.put("GAI_TEST_NEW", VALUE), secrets.rotate_key):
        with pytest.raises(StoreError, match="is not the key that") as caught:
            act()
        assert caught.value.code == "secrets_key_wrong"
    assert (home / "secrets.enc").read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "hello\n", "genaiops-key-1 c2hvcnQ=\n", "genaiops-key-1 " + "a" * 43 + "=\nmore\n"]
)
def test_a_damaged_key_file(home: Path, secrets: FileSecrets, text: str) -> None:
    (home / "secrets.key").write_text(text)
    with pytest.raises(StoreError, match="is not a key file"):
        secrets.get("GAI_TEST_KEY")


def test_every_damage_of_the_store_is_noticed(home: Path, secrets: FileSecrets) -> None:
    path = home / "secrets.enc"
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        found, told = looked_up(secrets)
        assert not leaks(*told)
        assert told or found in ([None, "other"], [VALUE, None]), "a changed name is another secret's, and unreadable"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(StoreError):
            secrets.get("GAI_TEST_KEY")


def test_a_value_cannot_be_put_under_another_name(home: Path, secrets: FileSecrets) -> None:
    path = home / "secrets.enc"
    secrets.put("GAI_TEST_KE2", "public")
    swapped = path.read_bytes().replace(b"GAI_TEST_KEY", b"GAI_TEST_KE?").replace(b"GAI_TEST_KE2", b"GAI_TEST_KEY")
    path.write_bytes(swapped.replace(b"GAI_TEST_KE?", b"GAI_TEST_KE2"))
    for name in ("GAI_TEST_KEY", "GAI_TEST_KE2"):
        with pytest.raises(StoreError, match="damaged or was tampered with") as caught:
            secrets.get(name)
        assert not leaks(*traceback.format_exception(caught.value))
    assert secrets.get("GAI_TEST_OTHER") == "other"


@pytest.mark.parametrize("survived", range(4))
def test_a_rotation_that_was_cut_off(
    home: Path, secrets: FileSecrets, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """A rotation replaces three files one after the other; the process dies before number `survived`."""
    replaced = 0
    replace = Path.replace

    class Killed(BaseException):
        pass

    def counted(self: Path, target: Path) -> Path:
        nonlocal replaced
        if replaced == survived:
            raise Killed
        replaced += 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", counted)
    if survived < 3:
        with pytest.raises(Killed):
            secrets.rotate_key()
    else:
        secrets.rotate_key()
    monkeypatch.undo()
    again = open_secrets(home)
    assert (again.get("GAI_TEST_KEY"), again.get("GAI_TEST_OTHER")) == (VALUE, "other")
    again.put("GAI_TEST_NEW", "new")
    assert (home / "secrets.key").read_text().count("genaiops-key-1") == 1
    again.rotate_key()
    assert [again.get(info.name) for info in again.names()] == [VALUE, "new", "other"]
    assert {path.name for path in home.iterdir()} == {"secrets.enc", "secrets.key", "secrets.lock"}


def test_the_former_key_opens_nothing_after_a_rotation(home: Path, secrets: FileSecrets) -> None:
    former = (home / "secrets.key").read_bytes()
    secrets.rotate_key()
    (home / "secrets.key").write_bytes(former)
    with pytest.raises(StoreError, match="is not the key that"):
        secrets.get("GAI_TEST_KEY")


def test_a_key_file_that_others_can_read_is_told(
    home: Path, secrets: FileSecrets, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "secrets.key").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert secrets.get("GAI_TEST_KEY") == VALUE
    assert "can be read by others" in caplog.text
    assert not leaks(caplog.text)


def test_no_room(home: Path, secrets: FileSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        secrets.put("GAI_TEST_NEW", VALUE)
    assert not leaks(*traceback.format_exception(caught.value))
    monkeypatch.undo()
    assert secrets.get("GAI_TEST_NEW") is None
    assert secrets.get("GAI_TEST_KEY") == VALUE
