"""Which address and which key a client takes, and where the administrator's key never goes."""

from pathlib import Path

import pytest

from genaiops.core.errors import ConfigError
from genaiops.sdk import default_home, find_address

RUNNING = "http://127.0.0.1:4321"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "supervisor.json").write_text(f'{{"pid": 1, "url": "{RUNNING}", "processes": []}}')
    (tmp_path / "admin.key").write_text("admin-secret\n")
    return tmp_path


def test_what_runs_in_the_home_is_found(home: Path) -> None:
    address = find_address(environ={"GENAIOPS_HOME": str(home)})
    assert (address.url, address.key) == (RUNNING, "admin-secret")


def test_variables_win_over_the_default_home(home: Path) -> None:
    environ = {
        "GENAIOPS_HOME": str(home),
        "GENAIOPS_URL": "https://ops.example.com/",
        "GENAIOPS_API_KEY": "mine",
    }
    address = find_address(environ=environ)
    assert (address.url, address.key) == ("https://ops.example.com", "mine")


def test_a_home_that_is_named_wins_over_variables(home: Path) -> None:
    environ = {"GENAIOPS_URL": "https://ops.example.com", "GENAIOPS_API_KEY": "mine"}
    address = find_address(home=home, environ=environ)
    assert (address.url, address.key) == (RUNNING, "admin-secret")


@pytest.mark.parametrize("environ", [{}, {"GENAIOPS_URL": RUNNING, "GENAIOPS_API_KEY": "mine"}])
def test_a_home_that_is_named_and_not_there(home: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"no data directory .*/typo") as missing:
        find_address(home=home / "typo", environ=environ)
    assert missing.value.param == "home"


def test_arguments_win_over_everything(home: Path) -> None:
    environ = {"GENAIOPS_HOME": str(home), "GENAIOPS_URL": "http://other:1", "GENAIOPS_API_KEY": "mine"}
    address = find_address("http://127.0.0.1:9/v1", "given", environ=environ)
    assert (address.url, address.key) == ("http://127.0.0.1:9", "given")


@pytest.mark.parametrize("url", ["https://ops.example.com", "http://10.0.0.7:4000", "http://127.0.0.1.example.com"])
def test_the_administrators_key_stays_on_this_machine(home: Path, url: str) -> None:
    assert find_address(url, environ={"GENAIOPS_HOME": str(home)}).key is None
    assert find_address(url, home=home, environ={}).key is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "http://[::1]:5000", "http://localhost:5000"])
def test_it_may_be_sent_to_another_port_of_this_machine(home: Path, url: str) -> None:
    assert find_address(url, home=home, environ={}).key == "admin-secret"


def test_it_may_be_sent_to_what_runs_in_its_home(home: Path) -> None:
    (home / "run" / "supervisor.json").write_text('{"url": "http://10.0.0.7:4000"}')
    assert find_address(home=home, environ={}).key == "admin-secret"


def test_nothing_is_there(tmp_path: Path) -> None:
    environ = {"GENAIOPS_HOME": str(tmp_path), "GENAIOPS_PORT": "4100"}
    address = find_address(environ=environ)
    assert (address.url, address.key) == ("http://127.0.0.1:4100", None)


def test_a_damaged_state_is_as_none(home: Path) -> None:
    (home / "run" / "supervisor.json").write_text("{")
    assert find_address(home=home, environ={}).url == "http://127.0.0.1:4000"


@pytest.mark.parametrize(
    "url", ["ftp://x", "localhost:4000", "http://", "http://x:99999", "http://x/?a=1", "http://user:hunter2@x"]
)
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_address(url, environ={"GENAIOPS_HOME": str(tmp_path)})
    assert caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_the_key_is_not_in_the_representation() -> None:
    assert "given" not in repr(find_address("http://x", "given", environ={}))


def test_default_home() -> None:
    assert default_home({"XDG_DATA_HOME": "/data"}) == Path("/data/genaiops")
    assert default_home({"HOME": "/root"}) == Path("/root/.local/share/genaiops")
