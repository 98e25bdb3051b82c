"""A key without a key, for who may write the data directory."""

from pathlib import Path

import pytest

from genaiops.app.doctor import examine
from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.recovering import ACTOR, recover
from genaiops.app.settings import Embedded, Settings
from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub, KeyChange
from tests.cli.conftest import Shell


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    prepare(Settings(home=str(home.path), embedded=Embedded(enabled=False)), {})
    return home


def hub_of(home: Home) -> Hub:
    return Hub(open_records(f"sqlite:///{home.path / 'records.db'}"))


def lose_every_key(home: Home) -> None:
    """As time does it: a key that is asked for is never taken from the last administrator, but it can end."""
    then = now_us()
    hub = Hub(hub_of(home).records, clock=lambda: then)  # however long the change takes, it has not ended meanwhile
    hub.keys.change(hub.keys.page()[0].id, KeyChange(expires_us=then + 1), by="admin")


def test_all_keys_are_lost(home: Home) -> None:
    lose_every_key(home)
    found = [each for each in examine({"home": str(home.path)}).findings if each.check == "administrator"]
    assert [each.status for each in found] == ["fail"]
    assert "genaiops key recover" in (found[0].remedy or "")
    made = recover(str(home.path))
    assert made.file == home.admin_key
    assert home.admin_key.read_text() == f"{made.secret}\n"
    assert home.admin_key.stat().st_mode & 0o777 == 0o600
    hub = hub_of(home)
    key, actor = hub.keys.authenticate(made.secret)
    assert (key.scopes, actor.id) == (("calls", "api"), "admin")
    with hub.records.read() as view:
        assert view.changes(view.version() - 1)[-1].actor_id == ACTOR
    assert not [each for each in examine({"home": str(home.path)}).findings if each.check == "administrator"]


def test_a_key_that_works_is_not_written_over(home: Home) -> None:
    before = home.admin_key.read_text()
    made = recover(str(home.path))
    assert made.file is None
    assert home.admin_key.read_text() == before
    assert hub_of(home).keys.authenticate(made.secret)[0] == made.key


def test_a_home_without_an_installation(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no records in .*/nothing"):
        recover(str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_the_command_prints_the_secret_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(monkeypatch, capsys)
    ran = shell.ok("key", "recover", "--home", str(home.path))
    assert hub_of(home).keys.authenticate(ran.out.strip())[1].id == "admin"
    assert "shown this once" in ran.err
    as_json = shell.ok("key", "recover", "--home", str(home.path), "--json").json()
    assert hub_of(home).keys.authenticate(as_json["secret"])[0].id == as_json["id"]
