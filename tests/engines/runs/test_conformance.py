"""The port Runs: what a run has is there when the call returned, once, in order, and found by what it is."""

from pathlib import Path

import msgspec
import pytest

from genaiops.core.errors import Conflict, NotFound, StoreError, UsageError
from genaiops.domain import Answer, Case, Judged, Outcome, Run, Verdict
from genaiops.engines.runs_sql import dump_runs, load_runs, open_runs
from genaiops.ports.runs import CaseFilter, RunFilter, Runs

CASES = [
    Case(id="first", input="How do I return it?", slices=("refund", "short")),
    Case(id="second", input="Where is 100% of my parcel?", slices=("parcel",)),
    Case(id="third", messages=({"role": "user", "content": "Straße\0"},), slices=("short",)),
]


def a_run(number: int = 1, **fields: object) -> Run:
    base = Run(id=f"run_{number}", kind="evaluation", subject="suite/answers@sha256:aa", created_us=1000 + number)
    return msgspec.structs.replace(base, **fields)


def an_answer(case: str, target: str = "new", repeat: int = 0, output: str = "It is so.") -> Answer:
    return Answer(target=target, case=case, repeat=repeat, state="answered", output=output, cost_nano=12, at_us=5)


def judged(case: str, target: str, outcome: Outcome, check: str = "equals", repeat: int = 0) -> Judged:
    verdict = Verdict(outcome=outcome, measure=1.0 if outcome == "pass" else 0.0)
    return Judged(target=target, case=case, repeat=repeat, check=check, metric="equals/1", verdict=verdict)


def ids(runs: Runs, where: CaseFilter) -> list[str]:
    page = runs.page("run_1", where)
    assert page.total == len(page.rows)
    return [row.case.id for row in page.rows]


def test_a_run_is_kept_as_it_is(runs: Runs) -> None:
    run = a_run(environment={"commit": "abc"}, verdict=Verdict(outcome="inconclusive", interval=(0.1, 0.2)))
    runs.create(run, CASES)
    assert runs.get(run.id) == run
    assert list(runs.cases(run.id)) == CASES
    later = msgspec.structs.replace(run, state="done", done=3, environment={"commit": "abd"})
    runs.update(later)
    assert runs.get(run.id) == later
    assert runs.list(RunFilter(environment={"commit": "abd"})).rows == [later]
    assert runs.list(RunFilter(environment={"commit": "abc"})).rows == []
    assert runs.list(RunFilter(has=("commit",), lacks=("branch",))).rows == [later]
    assert runs.list(RunFilter(has=("commit", "branch"))).rows == []
    assert runs.list(RunFilter(lacks=("commit",))).rows == []


def test_what_is_not_there(runs: Runs) -> None:
    for ask in (runs.get, runs.cases, runs.answered, runs.judged, runs.delete):
        with pytest.raises(NotFound, match="run_9"):
            ask("run_9")
    with pytest.raises(NotFound):
        runs.update(a_run(9))
    with pytest.raises(NotFound):
        runs.page("run_9", CaseFilter())
    runs.create(a_run(), ())
    with pytest.raises(Conflict):
        runs.create(a_run(), ())
    assert runs.remembered("nothing") is None


def test_pages_of_runs_are_newest_first(runs: Runs) -> None:
    for number in range(1, 6):
        runs.create(a_run(number, state="done" if number % 2 else "running"), ())
    runs.create(a_run(7, subject="suite/other@sha256:bb", kind="scan", tenant_id="sales"), ())
    first = runs.list(RunFilter(kind="evaluation"), limit=2)
    assert [run.id for run in first.rows] == ["run_5", "run_4"]
    rest = runs.list(RunFilter(kind="evaluation"), limit=9, cursor=first.next)
    assert [run.id for run in rest.rows] == ["run_3", "run_2", "run_1"]
    assert rest.next is None
    assert [run.id for run in runs.list(RunFilter(state="running")).rows] == ["run_4", "run_2"]
    assert [run.id for run in runs.list(RunFilter(subject="suite/other@")).rows] == ["run_7"]
    assert [run.id for run in runs.list(RunFilter(tenant_id="sales")).rows] == ["run_7"]
    assert [run.id for run in runs.list(RunFilter(since_us=1002, until_us=1004)).rows] == ["run_3", "run_2"]
    for cursor in ("x", "1", "1.", f"{'9' * 40}.a"):
        with pytest.raises(UsageError, match="no cursor"):
            runs.list(RunFilter(), cursor=cursor)


def test_an_answer_is_there_once(runs: Runs) -> None:
    runs.create(a_run(), CASES)
    runs.add("run_1", [an_answer("first"), an_answer("first", repeat=1)], [judged("first", "new", "fail")])
    runs.add("run_1", [an_answer("first", output="Another.")], [judged("first", "new", "pass")])
    assert sorted((each.repeat, each.output) for each in runs.answered("run_1")) == [(0, "Another."), (1, "It is so.")]
    assert [each.verdict.outcome for each in runs.judged("run_1")] == ["pass"]
    assert runs.judged("run_1", check="f1") == []


def test_cases_by_their_ids_and_those_without_a_word(runs: Runs) -> None:
    runs.create(a_run(), CASES)
    failed = msgspec.structs.replace(an_answer("second"), state="timeout", output="")
    runs.add("run_1", [an_answer("first"), failed, an_answer("third")], [judged("third", "new", "error")])
    assert ids(runs, CaseFilter(ids=("third", "first", "nobody"))) == ["first", "third"]
    assert ids(runs, CaseFilter(ids=())) == []
    assert ids(runs, CaseFilter(missing=True)) == ["second", "third"]
    assert ids(runs, CaseFilter(missing=True, target="new", check="f1")) == ["second"]
    assert ids(runs, CaseFilter(missing=True, target="old")) == []


def test_answers_for_the_cache_are_kept_with_those_of_the_run_and_read_together(runs: Runs) -> None:
    runs.create(a_run(), CASES)
    kept = {f"key-{number}": an_answer("first", output=str(number)) for number in range(700)}
    runs.add("run_1", [an_answer("first")], remember=kept)
    assert runs.recalled([*kept, "nobody"]) == kept
    assert runs.remembered("key-7") == kept["key-7"]
    runs.add("run_1", (), remember={"key-7": an_answer("first", output="Newer.")})
    assert runs.recalled(["key-7"])["key-7"].output == "Newer."
    assert runs.recalled([]) == {}


def test_ten_thousand_rows_go_in(runs: Runs) -> None:
    many = [Case(id=f"case-{number}", input="x") for number in range(2000)]
    runs.create(a_run(), many)
    runs.add("run_1", [an_answer(case.id) for case in many], [judged(case.id, "new", "pass") for case in many])
    page = runs.page("run_1", CaseFilter(), start=1990, limit=50)
    assert (page.total, page.next, len(page.rows)) == (2000, None, 10)
    assert [row.number for row in page.rows] == list(range(1990, 2000))
    assert all(len(row.answers) == len(row.judged) == 1 for row in page.rows)
    assert runs.page("run_1", CaseFilter(), limit=10).next == 10


def test_cases_are_found_by_what_happened(runs: Runs) -> None:
    runs.create(a_run(), CASES)
    runs.add(
        "run_1",
        [an_answer("first"), an_answer("second", output="On its WAY"), an_answer("third", "old")],
        [
            judged("first", "new", "pass"),
            judged("first", "old", "fail"),
            judged("second", "new", "fail"),
            judged("second", "old", "pass"),
            judged("third", "new", "error"),
            judged("third", "old", "pass"),
            judged("third", "new", "pass", "f1"),
            judged("third", "old", "fail", "f1"),
        ],
    )
    runs.add("run_1", [Answer(target="new", case="third", state="timeout")])
    assert ids(runs, CaseFilter()) == ["first", "second", "third"]
    assert ids(runs, CaseFilter(slice="short")) == ["first", "third"]
    assert ids(runs, CaseFilter(slice="shor")) == []
    assert ids(runs, CaseFilter(text="its way")) == ["second"]
    assert ids(runs, CaseFilter(text="0%")) == ["second"]
    assert ids(runs, CaseFilter(text="THIRD")) == ["third"]
    assert ids(runs, CaseFilter(state="timeout")) == ["third"]
    assert ids(runs, CaseFilter(state="timeout", target="old")) == []
    assert ids(runs, CaseFilter(outcome="fail", target="new")) == ["second"]
    assert ids(runs, CaseFilter(outcome="fail", check="f1")) == ["third"]
    assert ids(runs, CaseFilter(target="new", against="old", changed="won")) == ["first", "third"]
    assert ids(runs, CaseFilter(target="new", against="old", changed="lost")) == ["second"]
    assert ids(runs, CaseFilter(target="new", against="old", changed="won", check="f1")) == ["third"]


def test_a_run_goes_with_all_it_has(runs: Runs) -> None:
    for number in (1, 2):
        runs.create(a_run(number, environment={"commit": "abc"}), CASES)
        runs.add(f"run_{number}", [an_answer("first")], [judged("first", "new", "pass")])
    runs.delete("run_1")
    assert [run.id for run in runs.list(RunFilter()).rows] == ["run_2"]
    runs.create(a_run(), CASES)
    assert runs.answered("run_1") == runs.judged("run_1") == []
    assert len(runs.answered("run_2")) == 1


def test_the_cache_by_content(runs: Runs) -> None:
    runs.remember("sha256:aa", an_answer("first"))
    runs.remember("sha256:aa", an_answer("first", output="Newer."))
    found = runs.remembered("sha256:aa")
    assert found is not None
    assert found.output == "Newer."


def test_all_is_there_after_it_was_opened_anew(runs: Runs, url: str) -> None:
    runs.create(a_run(), CASES)
    again = open_runs(url)
    assert again.get("run_1") == a_run()
    again.close()


def test_what_was_made_of_a_run_is_kept_until_it_has_more(runs: Runs) -> None:
    with pytest.raises(NotFound):
        runs.keep("run_1", "report", b"one")
    runs.create(a_run(), CASES)
    assert runs.kept("run_1", "report") is None
    runs.keep("run_1", "report", b"one")
    runs.keep("run_1", "report", b"two")
    assert runs.kept("run_1", "report") == b"two"
    runs.add("run_1", [an_answer("first")])
    assert runs.kept("run_1", "report") is None
    runs.keep("run_1", "report", b"three")
    runs.delete("run_1")
    assert runs.kept("run_1", "report") is None


def test_runs_are_found_by_what_they_ask(runs: Runs) -> None:
    asked = a_run(1, inputs={"target/new": "model/small", "target/old": "prompt/a@sha256:aa"})
    runs.create(asked, CASES)
    runs.create(a_run(2, inputs={"target/small": "model/large"}), CASES)
    assert runs.list(RunFilter(asks="model/small")).rows == [asked]
    assert runs.list(RunFilter(asks="model/none")).rows == []


def test_a_store_of_the_first_revision_is_brought_up(runs: Runs, url: str) -> None:
    from sqlalchemy import text

    from genaiops.engines.records_sql import open_database

    a_drawn_run(runs)
    asked = a_run(2, inputs={"target/new": "model/small"})
    runs.create(asked, CASES)
    runs.close()
    database = open_database(url, 1)
    with database.writing() as connection:
        for old in (
            "DROP INDEX eval_cases_trace",
            "DROP INDEX eval_remembered_case",
            "ALTER TABLE eval_cases DROP COLUMN trace",
            "ALTER TABLE eval_remembered DROP COLUMN case_id",
            "DROP TABLE eval_asked",
            "DROP TABLE eval_kept",
            "UPDATE eval_revision SET revision = 1",
        ):
            connection.execute(text(old))
    database.engine.dispose()
    opened = open_runs(url)
    try:
        assert opened.list(RunFilter(asks="model/small")).rows == [asked]
        assert opened.erase([TRACE]) == 1
        assert opened.remembered("key") is None
        assert opened.remembered("other") is not None
    finally:
        opened.close()


def test_what_a_newer_program_wrote_is_left_alone(runs: Runs, url: str) -> None:
    from sqlalchemy import text

    from genaiops.engines.records_sql import open_database

    database = open_database(url, 1)
    with database.writing() as connection:
        connection.execute(text("UPDATE eval_revision SET revision = 99"))
    database.engine.dispose()
    with pytest.raises(StoreError, match="revision 99"):
        open_runs(url)


TRACE = bytes(range(16))
DRAWN = Case(id="drawn", input="ann asks", cluster="of-ann", metadata={"trace_id": TRACE.hex(), "note": "ann"})


def a_drawn_run(runs: Runs) -> None:
    """One case of it was made of a trace."""
    runs.create(a_run(), [*CASES, DRAWN])
    said = msgspec.structs.replace(
        judged("drawn", "new", "fail"), verdict=Verdict(outcome="fail", reason="ann said so")
    )
    answer = an_answer("drawn", output="Hello ann")
    runs.add("run_1", [an_answer("first"), answer], [judged("first", "new", "pass"), said], remember={"key": answer})
    runs.remember("other", an_answer("first"))


def test_what_a_person_said_goes_and_figures_stay(runs: Runs) -> None:
    a_drawn_run(runs)
    runs.keep("run_1", "columns", b"digests of words")
    assert runs.erase([]) == runs.erase([b"other" * 3]) == 0
    assert runs.kept("run_1", "columns") is not None
    assert runs.erase([TRACE, b"x"]) == 1
    assert runs.kept("run_1", "columns") is None
    assert runs.erase([TRACE]) == 0
    (row,) = runs.page("run_1", CaseFilter(ids=("drawn",))).rows
    assert row.case == Case(id="drawn", cluster="erased")
    assert (row.answers[0].state, row.answers[0].output, row.answers[0].cost_nano) == ("answered", "", 12)
    assert row.judged[0].verdict == Verdict(outcome="fail")
    assert runs.page("run_1", CaseFilter(text="ann")).total == 0
    assert list(runs.cases("run_1"))[:3] == CASES
    assert runs.remembered("key") is None
    assert runs.remembered("other") is not None


def test_rows_go_into_another_store(runs: Runs, url: str, tmp_path: Path) -> None:
    a_drawn_run(runs)
    runs.update(a_run(environment={"commit": "abc"}))
    rows = list(dump_runs(url))
    assert {row.table for row in rows if row.trace} == {"eval_cases", "eval_answers", "eval_judged"}
    assert all(b"ann" not in str(row.bare).encode() for row in rows if row.trace)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert load_runs(other, ((row.table, row.values) for row in rows)) == len(rows)
    loaded = open_runs(other)
    try:
        assert loaded.page("run_1", CaseFilter()) == runs.page("run_1", CaseFilter())
        assert loaded.list(RunFilter(environment={"commit": "abc"})) == runs.list(RunFilter())
        assert loaded.remembered("key") is None
    finally:
        loaded.close()


def test_rows_of_a_table_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="eval_dreams"):
        load_runs(f"sqlite:///{tmp_path / 'new.db'}", [("eval_dreams", {})])
    assert list(dump_runs(f"sqlite:///{tmp_path / 'none.db'}")) == []
    assert not (tmp_path / "none.db").exists()
