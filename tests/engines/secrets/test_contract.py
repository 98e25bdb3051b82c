"""What every engine of the secrets port does."""

import threading

import pytest

from genaiops.core.errors import NotFound, UsageError
from genaiops.ports.secrets import SecretInfo, Secrets
from tests.engines.secrets.conftest import OpenSecrets

VALUE = "sk-s3cr3t-välue"


@pytest.fixture
def secrets(open_secrets: OpenSecrets) -> Secrets:
    return open_secrets()


def test_nothing_is_there_at_first(secrets: Secrets) -> None:
    assert secrets.get("GAI_TEST_KEY") is None
    assert list(secrets.names()) == []


def test_put_get_replace_remove(open_secrets: OpenSecrets) -> None:
    open_secrets().put("GAI_TEST_KEY", VALUE)
    open_secrets().put("GAI_TEST_OTHER", "other")
    assert open_secrets().get("GAI_TEST_KEY") == VALUE
    open_secrets().put("GAI_TEST_KEY", "new")
    assert open_secrets().get("GAI_TEST_KEY") == "new"
    assert open_secrets().get("GAI_TEST_OTHER") == "other"
    open_secrets().remove("GAI_TEST_KEY")
    assert open_secrets().get("GAI_TEST_KEY") is None
    assert [info.name for info in open_secrets().names()] == ["GAI_TEST_OTHER"]
    with pytest.raises(NotFound, match="no stored secret GAI_TEST_KEY"):
        open_secrets().remove("GAI_TEST_KEY")


def test_the_environment_comes_first(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets.put("GAI_TEST_KEY", "stored")
    assert [info.source for info in secrets.names()] == ["store"]
    monkeypatch.setenv("GAI_TEST_KEY", "given")
    assert secrets.get("GAI_TEST_KEY") == "given"
    assert [info.source for info in secrets.names()] == ["environment"]
    monkeypatch.setenv("GAI_TEST_KEY", "")
    assert secrets.get("GAI_TEST_KEY") == "stored"
    monkeypatch.setenv("GAI_TEST_ONLY", "given")
    assert secrets.get("GAI_TEST_ONLY") == "given"


def test_names_tell_when_but_not_what(secrets: Secrets) -> None:
    secrets.put("GAI_TEST_KEY", VALUE)
    [info] = secrets.names()
    assert info.updated_us
    assert info == SecretInfo("GAI_TEST_KEY", "store", info.updated_us)
    secrets.rotate_key()
    assert list(secrets.names()) == [info]


def test_rotation_keeps_every_secret(open_secrets: OpenSecrets) -> None:
    values = {f"GAI_TEST_{number}": VALUE * number for number in range(1, 20)}
    for name, value in values.items():
        open_secrets().put(name, value)
    reading = open_secrets()
    for _ in range(3):
        open_secrets().rotate_key()
        assert {name: reading.get(name) for name in values} == values


@pytest.mark.parametrize("name", ["", "1X", "sk-" + "a" * 200, "a b", "a\n", "../x"])
def test_what_is_no_name_is_not_repeated(secrets: Secrets, name: str) -> None:
    for act in (secrets.get, secrets.remove, lambda name: secrets.put(name, VALUE)):
        with pytest.raises(UsageError, match="not a secret's name") as caught:
            act(name)
        assert len(name) < 3 or name not in str(caught.value)


def test_an_empty_secret_is_no_secret(secrets: Secrets) -> None:
    with pytest.raises(UsageError, match="is empty"):
        secrets.put("GAI_TEST_KEY", "")


def test_writers_lose_nothing_of_each_other(open_secrets: OpenSecrets) -> None:
    def work(writer: int) -> None:
        for number in range(8):
            open_secrets().put(f"GAI_TEST_{writer}_{number}", f"{writer} {number}")
        open_secrets().rotate_key()

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {info.name: open_secrets().get(info.name) for info in open_secrets().names()}
    assert found == {f"GAI_TEST_{w}_{n}": f"{w} {n}" for w in range(3) for n in range(8)}
