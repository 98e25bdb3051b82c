"""Pictures of runs: kept once beside the database, read back as they were, gone with the person that they are of."""

import base64
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from genaiops.core.digest import digest_bytes
from genaiops.domain import Answer, Case
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.records_sql import open_database
from genaiops.engines.runs_sql import dump_runs, load_runs, open_runs
from genaiops.engines.runs_sql._pictures import Pictures
from genaiops.engines.runs_sql._schema import ANSWERS, CASES, REMEMBERED
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import CaseFilter, Runs
from tests.engines.runs.test_conformance import TRACE, a_run


def some_bytes(seed: int, size: int = 4000) -> bytes:
    return random.Random(seed).randbytes(size)


def url_of(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


ASKED, SAID, TURN, OTHER = (some_bytes(seed) for seed in range(4))
PARTS = (
    {"type": "text", "text": "What is it?"},
    {"type": "image_url", "image_url": {"url": url_of(ASKED), "detail": "low"}},
)
CASE = Case(id="shown", messages=({"role": "user", "content": list(PARTS)},), metadata={"trace_id": TRACE.hex()})
ANSWER = Answer(
    target="new",
    case="shown",
    state="answered",
    output=url_of(SAID),
    media=(url_of(SAID), "data:image/gif;base64,R0lGODdh"),
    turns=({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url_of(TURN)}}]},),
)
PLAIN = Answer(target="new", case="other", state="answered", output="It is so.", media=(url_of(OTHER),))


@pytest.fixture
def shown(runs: Runs) -> Runs:
    runs.create(a_run(), [CASE, Case(id="other", input="?")])
    runs.add("run_1", [ANSWER, PLAIN], remember={"key": ANSWER})
    return runs


def rows_of(url: str) -> list[tuple[bytes, Any]]:
    database = open_database(url, 1)
    try:
        with database.reading() as connection:
            tables = (CASES, ANSWERS, REMEMBERED)
            return [tuple(row) for each in tables for row in connection.execute(select(each.c.body, each.c.pictures))]
    finally:
        database.engine.dispose()


def test_they_are_kept_once_beside_the_documents_and_read_as_they_were(shown: Runs, url: str, blobs: Blobs) -> None:
    assert shown.cases("run_1")[0] == CASE
    assert sorted(shown.answered("run_1"), key=lambda each: each.case) == [PLAIN, ANSWER]
    assert shown.remembered("key") == ANSWER
    assert shown.recalled(["key", "none"]) == {"key": ANSWER}
    rows = shown.page("run_1", CaseFilter()).rows
    assert (rows[0].case, list(rows[0].answers)) == (CASE, [ANSWER])
    digests = {digest_bytes(each) for each in (ASKED, SAID, TURN, OTHER)}
    assert set(blobs.digests()) == shown.pictures() == digests
    assert all(len(body) < 1000 for body, _ in rows_of(url))
    named = [each for _, column in rows_of(url) if column for each in msgspec.json.decode(column)]
    assert {
        "path": ["messages", 0, "content", 1, "image_url", "url"],
        "digest": digest_bytes(ASKED),
        "media_type": "image/png",
        "size": 4000,
    } in named


def test_a_text_that_looks_like_a_reference_is_a_text(runs: Runs, blobs: Blobs) -> None:
    """Nobody reads somebody else's picture by writing down its name."""
    digest = blobs.put(SAID)
    claim = msgspec.json.encode([{"path": ["output"], "digest": digest, "media_type": "image/png", "size": 1}]).decode()
    case = Case(id="sly", input=claim, metadata={"pictures": claim})
    runs.create(a_run(), [case])
    assert runs.cases("run_1") == [case]


def test_runs_of_before_have_them_within_and_are_read(shown: Runs, url: str, blobs: Blobs) -> None:
    shown.close()
    database = open_database(url, 1)
    with database.writing() as connection:
        for table, one in ((CASES, CASE), (ANSWERS, ANSWER), (REMEMBERED, ANSWER)):
            here = table.c.case_id == "shown"
            connection.execute(table.update().where(here).values(body=msgspec.json.encode(one)))
            connection.execute(text(f"DROP INDEX {table.name}_pictures"))
            connection.execute(text(f"ALTER TABLE {table.name} DROP COLUMN pictures"))
        connection.execute(text("UPDATE eval_revision SET revision = 2"))
    database.engine.dispose()
    assert len(list(dump_runs(url))) >= 5, "a backup of what was not brought up yet"
    opened = open_runs(url, blobs)
    try:
        assert opened.cases("run_1")[0] == CASE
        assert opened.remembered("key") == ANSWER
        assert next(each for each in opened.answered("run_1") if each.case == "shown") == ANSWER
        assert opened.pictures() == set()
        opened.add("run_1", [ANSWER])
        assert opened.pictures() == {digest_bytes(SAID), digest_bytes(TURN)}
    finally:
        opened.close()


def test_what_a_person_showed_is_named_before_it_goes_and_by_nobody_afterwards(shown: Runs, url: str) -> None:
    gone = {digest_bytes(each) for each in (ASKED, SAID, TURN)}
    assert shown.pictured([TRACE]) == gone
    assert shown.erase([TRACE]) == 1
    assert shown.pictures() == {digest_bytes(OTHER)}
    assert shown.pictured([TRACE]) == set()
    answer = next(each for each in shown.answered("run_1") if each.case == "shown")
    assert (answer.state, answer.output, answer.media, answer.turns) == ("answered", "", (), ())
    assert not any(b"base64" in body for body, _ in rows_of(url))


def test_one_that_is_gone_leaves_the_rest_to_be_read(shown: Runs, blobs: Blobs) -> None:
    blobs.remove(digest_bytes(OTHER))
    answer = next(each for each in shown.answered("run_1") if each.case == "other")
    assert (answer.output, answer.media) == ("It is so.", ("data:image/png;base64,",))


def test_a_backup_has_them_within_its_rows(shown: Runs, url: str, blobs: Blobs, tmp_path: Path) -> None:
    rows = list(dump_runs(url, blobs=blobs))
    drawn = [row for row in rows if row.trace]
    assert all(b"base64" not in msgspec.json.encode(row.bare) for row in drawn)
    there, other = open_blobs(tmp_path / "elsewhere"), f"sqlite:///{tmp_path / 'other.db'}"
    load_runs(other, ((row.table, row.values) for row in rows), blobs=there)
    loaded = open_runs(other, there)
    try:
        assert loaded.page("run_1", CaseFilter()) == shown.page("run_1", CaseFilter())
        assert loaded.pictures() == set(there.digests()) == shown.pictures()
    finally:
        loaded.close()


def test_a_run_that_is_deleted_names_none(shown: Runs) -> None:
    shown.delete("run_1")
    assert shown.pictures() == {digest_bytes(SAID), digest_bytes(TURN)}, "those of the cache by content"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20) | st.just(url_of(ASKED)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["", "=", "\n", "é", "data:image/png;base64,"]),
)
def test_whatever_a_document_is_it_comes_back(document: Any, after: str) -> None:
    body = msgspec.json.encode({"a": document, "b": url_of(SAID) + after})
    pictures = Pictures(MEMORY)
    bare, beside = pictures.taken(body)
    assert pictures.whole(bare, beside) == body
    assert (beside is None) == (after != "" and url_of(ASKED).encode() not in body)


class _Memory:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        self.kept[digest_bytes(data)] = data
        return digest_bytes(data)

    def get(self, digest: str) -> bytes:
        return self.kept[digest]


MEMORY: Any = _Memory()
