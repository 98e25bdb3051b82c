"""Reports that a command writes say how the KPIs of use cases stand, wherever the records are."""

from pathlib import Path

import pytest

from genaiops.app.home import Home
from genaiops.app.local_suites import Local
from genaiops.checks.use_cases import read_use_case
from genaiops.domain import Actor
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub
from genaiops.ports.records import Records
from tests.engines.records.conftest import emptied

SUITE = """
[[target]]
name = "recorded"
recorded = true
[[case]]
input = "2+2"
expected = "4"
output = "4"
[[check]]
metric = "equals"
"""
USE_CASE = """
[[kpi]]
name = "right-answers"
suite = "answers"
check = "equals"
target = 0.01
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> tuple[Path, str]:
    """(a home whose settings name its records, their URL)"""
    home = Home(tmp_path / "home")
    home.prepare()
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        (tmp_path / "elsewhere.db").write_bytes(migrated_file.read_bytes())
    else:
        url = emptied(request.getfixturevalue("migrated_schema"))
    (home.path / "genaiops.toml").write_text(f'[stores]\nrecords = "{url}"\n')
    return home.path, url


def test_kpis_are_read_from_the_records_that_the_settings_name(
    settings: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, url = settings
    monkeypatch.chdir(tmp_path)
    records: Records = open_records(url)
    with records.write("admin") as unit:
        unit.add(Actor(id="admin", kind="person", name="admin", roles=("admin",), created_us=1))
    Hub(records).use_cases.put("support", read_use_case(USE_CASE).checked(), by="admin")
    records.close()
    (tmp_path / "answers.toml").write_text(SUITE)

    def nobody(*_: object) -> None: ...

    Local(file="answers.toml", home=str(home), reports={"markdown": str(tmp_path / "report.md")}).run(nobody, nobody)
    assert "right-answers" in (tmp_path / "report.md").read_text()
