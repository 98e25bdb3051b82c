"""Backup while it runs, restore, and go on: the same keys, traces, budgets, contents and secrets."""

import contextlib
import json
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard

from genaiops.app.backup import restore
from genaiops.app.home import Home
from genaiops.core.errors import Conflict, StoreError
from genaiops.engines.secrets_file import open_secrets
from genaiops.engines.telemetry_sqlite import open_telemetry
from tests.app.running import Installation, environment, request, until

BIG = "x" * 100_000


def genaiops(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genaiops", *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )


def ledger(home: Home) -> dict[tuple[str, int], int]:
    with contextlib.closing(open_telemetry(home.telemetry, writer=False)) as telemetry:
        return dict(telemetry.ledger())


def traces(installation: Installation) -> list[dict[str, Any]]:
    answer = request(f"{installation.url}/api/traces?limit=200", key=installation.key)
    assert answer.status == 200, answer.body
    return answer.body["data"]


class Backup(NamedTuple):
    """Made under load. `before`: how many calls were folded when it began."""

    file: Path
    home: Home
    key: str
    before: int


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Backup:
    folder = tmp_path_factory.mktemp("backup")
    file = folder / "all.tar.zst"
    with Installation(folder / "first", "--no-embedded") as installation:
        installation.start().add_echo()
        open_secrets(installation.home.path).put("OPENAI_API_KEY", "sk-secret")
        body = {"scope": {"kind": "tenant", "id": "default"}, "limit": "1000 calls", "period": "total"}
        assert request(f"{installation.url}/api/budgets", key=installation.key, body=body).status in {200, 201}
        assert installation.ask(content=BIG).status == 200
        for _ in range(9):
            assert installation.ask().status == 200
        until(lambda: len(traces(installation)) >= 10 or None, "the traces")
        before = len(traces(installation))
        stop = threading.Event()

        def load() -> None:
            while not stop.wait(0.02):
                installation.ask()

        thread = threading.Thread(target=load)
        thread.start()
        made = genaiops("backup", str(file), "--home", str(installation.home.path), "--json")
        stop.set()
        thread.join()
        assert made.returncode == 0, made.stderr
        assert not json.loads(made.stdout)["with_key"]
        return Backup(file, installation.home, installation.key, before)


def test_a_restored_installation_goes_on(backup: Backup, tmp_path: Path) -> None:
    file, first, key, before = backup
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    home = Home(tmp_path / "second")
    made = genaiops("restore", str(file), "--home", str(home.path), "--keys", str(first.person_keys))
    assert made.returncode == 0, made.stderr
    assert "Put secrets.key there" in made.stdout
    assert not home.secrets_key.exists()
    assert not home.admin_key.exists()
    (charged,) = ledger(home).values()
    home.admin_key.write_text(key)
    home.secrets_key.write_bytes(first.secrets_key.read_bytes())
    home.secrets_key.chmod(0o600)
    assert open_secrets(home.path).get("OPENAI_API_KEY") == "sk-secret"
    with Installation(home.path, "--no-embedded") as installation:
        installation.start()
        found = traces(installation)
        assert len(found) == charged >= before  # spans and ledger are of the same moment
        assert _detail(installation, found[-1]["trace_id"]).count("x") >= len(BIG)  # the oldest, whose body is a blob
        assert installation.ask().status == 200
        until(lambda: len(traces(installation)) == charged + 1 or None, "the next trace")
        (budget,) = request(f"{installation.url}/api/budgets", key=key).body["data"]
        assert budget["limit"]
        assert installation.stop() == 0
    assert list(ledger(home).values()) == [charged + 1]


def _detail(installation: Installation, trace_id: str) -> str:
    answer = request(f"{installation.url}/api/traces/{trace_id}", key=installation.key)
    assert answer.status == 200, answer.body
    return json.dumps(answer.body)


def test_records_of_sqlite_go_on_in_postgresql(backup: Backup, tmp_path: Path, postgres_url: str) -> None:
    from sqlalchemy.engine import make_url

    from genaiops.domain import ApiKey
    from genaiops.engines.records_sql import open_records
    from tests.engines.records.conftest import Places

    places = Places("postgres", tmp_path, postgres_url)
    url = places.empty()
    try:
        shown = make_url(url).render_as_string(hide_password=False)
        restore(backup.file, Home(tmp_path / "second"), keys=[backup.home.person_keys], records_url=shown)
        with contextlib.closing(open_records(url)) as records, records.read() as view:
            assert len(view.find(ApiKey)) == 1
        assert not (tmp_path / "second" / "records.db").exists()
    finally:
        places.clear()


def test_nothing_is_left_of_a_damaged_backup(backup: Backup, tmp_path: Path) -> None:
    data = backup.file.read_bytes()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    wrong = bytearray(plain)
    at = plain.index(b"SQLite format 3") + 5000
    wrong[at] ^= 1
    pack = zstandard.ZstdCompressor().compress
    cases = {
        "cut": data[: len(data) // 2],
        "changed": pack(bytes(wrong)),
        "no manifest": pack(plain[: plain.rindex(b"manifest.json")]),
        "nothing": b"",
    }
    for name, content in cases.items():
        file = tmp_path / "damaged"
        file.write_bytes(content)
        with pytest.raises(StoreError) as caught:
            restore(file, Home(tmp_path / "second"), keys=[backup.home.person_keys])
        assert caught.value.code == "backup_damaged", name
        assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged"], name


def test_what_is_there_is_not_overwritten(backup: Backup, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="is not empty"):
        restore(backup.file, backup.home, keys=[])
    again = genaiops("backup", str(backup.file), "--home", str(backup.home.path))
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_with_its_key_it_decrypts_its_secrets(backup: Backup, tmp_path: Path) -> None:
    file = tmp_path / "keyed"
    made = genaiops("backup", str(file), "--home", str(backup.home.path), "--with-key")
    assert made.returncode == 0, made.stderr
    home = Home(tmp_path / "second")
    restore(file, home, keys=[backup.home.person_keys])
    assert open_secrets(home.path).get("OPENAI_API_KEY") == "sk-secret"
    assert home.admin_key.read_text().strip() == backup.key
    assert stat.S_IMODE(home.secrets_key.stat().st_mode) == 0o600
    with contextlib.closing(sqlite3.connect(home.records)) as records:
        assert records.execute("PRAGMA quick_check").fetchone() == ("ok",)
