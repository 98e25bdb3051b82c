"""A store as lines and back, from one database into the other, and forwards from every earlier revision with data.

`revisions/REVISION.jsonl` is a store as a program of that revision left it: made once, when the revision was the
newest, and never changed afterwards. A new revision needs such a file of its own.
"""

import json
from collections import Counter
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from genaiops.core.errors import Conflict, StoreError
from genaiops.domain import Budget, Machine, Price, Team, Version
from genaiops.engines.records_sql import dump, load, migrations, open_records
from genaiops.govern import verify
from genaiops.ports.records import COLLECTIONS
from tests.engines.records.conftest import Places

FOLDER = Path(__file__).parent / "revisions"
REVISIONS = sorted(script.revision for script in ScriptDirectory(migrations.__path__[0]).walk_revisions())


def rows(lines: list[bytes]) -> list[str]:
    return [json.dumps(json.loads(line), sort_keys=True) for line in lines[1:]]


@pytest.mark.parametrize("revision", REVISIONS)
def test_forwards_from_every_revision_with_its_data(places: Places, revision: str) -> None:
    lines = (FOLDER / f"{revision}.jsonl").read_bytes().splitlines(keepends=True)
    assert json.loads(lines[0]) == {"revision": revision}
    url = places.empty()
    counts = load(url, lines)
    assert counts == Counter(json.loads(line)[0] for line in lines[1:])
    records = open_records(url)
    assert records.migrate() == ()  # it is at this program's revision
    with records.read() as view:
        for noun, collection in COLLECTIONS.items():
            assert len(view.find(noun)) == counts.get(collection.name, 0), noun
        assert view.version() == counts["changes"]
        assert [team.title for team in view.find(Team)] == ["", "Search"]
        assert view.find(Budget)[0].limit == 25_000_000_000
        assert view.find(Version)[0].manifest["licence"] == "Apache-2.0"
        assert view.find(Price)
        report = verify(view.audit)
        # The files were shortened: four prices lost their changes.
        assert [found.message[:28] for found in report.findings] == ["The record prices/anthropic/"] * 4
        assert report.sealed == counts["changes"]
    with records.write("ann") as unit:
        unit.add(Machine(id="later", name="later", created_us=5))
    with records.read() as view:
        assert view.version() == counts["changes"] + 1
    records.close()


def test_lines_are_the_same_from_and_into_either_database(places: Places, tmp_path: Path) -> None:
    given = (FOLDER / f"{REVISIONS[-1]}.jsonl").read_bytes().splitlines(keepends=True)
    here, there = places.empty(), f"sqlite:///{tmp_path / 'there.db'}"
    load(here, given)
    lines = list(dump(here))
    load(there, lines)
    assert rows(list(dump(there))) == rows(lines) == rows(given)


def test_a_store_that_holds_something_is_left_alone(places: Places) -> None:
    url = places.empty()
    lines = (FOLDER / f"{REVISIONS[-1]}.jsonl").read_bytes().splitlines(keepends=True)
    load(url, lines)
    with pytest.raises(Conflict, match="is not empty"):
        load(url, lines)
    assert rows(list(dump(url))) == rows(lines)


def test_lines_of_a_newer_program_are_refused_and_leave_nothing(places: Places) -> None:
    url = places.empty()
    with pytest.raises(StoreError) as caught:
        load(url, [b'{"revision":"r9999"}\n'])
    assert caught.value.code == "store_newer"
    with pytest.raises(StoreError):
        list(dump(url))
    load(url, (FOLDER / "r0001.jsonl").read_bytes().splitlines(keepends=True))
