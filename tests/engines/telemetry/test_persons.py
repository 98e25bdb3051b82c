"""One person is taken out of a store: who, what was said and comments go, sums stay."""

from pathlib import Path

import msgspec
import pytest

from genaiops.domain import Belongings, Content, Erasure, GuardEvent, Person, Score
from genaiops.engines.telemetry_sqlite import SqlitePersons, SqliteTelemetry
from genaiops.ports.telemetry import Batch, RollupQuery, Telemetry, TraceFilter
from genaiops.ports.verdicts import GuardQuery
from tests.engines.telemetry.calls import DAY, NOW, attempt, call, content, numbers, root, trace_id

ANN = Person("ann")
MARK = Erasure(id="ers_1", begun_us=NOW, begun_by="admin", reason="request 7")
SAID = "zanzibarwunsch"
"""A word that nobody else says, to be looked for in the bytes of the files."""


@pytest.fixture
def persons(telemetry: Telemetry) -> SqlitePersons:
    assert isinstance(telemetry, SqliteTelemetry)
    for number in range(6):
        who = "ann" if number % 2 else "bob"
        text = f"{SAID} {number}" if who == "ann" else f"hello {number}"
        facts = {"user_id": who, "session_id": f"of-{who}", "input_preview": text, "error_message": f"about {text}"}
        telemetry.write(call(number, NOW - (number % 3) * DAY, text, **facts))
    for number in (1, 2):
        score = Score(
            identifier=f"thumb-{'ann' if number == 1 else 'bob'}-{number}",
            trace_id=trace_id(number),
            name="thumb",
            value=1.0,
            source="person",
            comment=f"{SAID} said so",
            created_us=NOW,
        )
        telemetry.write(Batch(scores=[score]))
    return SqlitePersons(telemetry)


def bare(given: Content) -> Content:
    return Content(trace_id=given.trace_id, span_id=given.span_id, start_us=given.start_us, attributes={})


def all_of(persons: SqlitePersons, person: Person, limit: int = 2) -> list[bytes]:
    found: list[bytes] = []
    place, reached = -1, 0
    while place != reached:
        place = reached
        reached, traces = persons.traces_of(person, after=place, limit=limit)
        found += traces
    return list(dict.fromkeys(found))


def erase(persons: SqlitePersons, person: Person = ANN) -> None:
    persons.begin(MARK, person)
    persons.erase(MARK.id, person, all_of(persons, person), bare)


def test_what_is_a_persons_is_counted(persons: SqlitePersons) -> None:
    found = persons.belongings(ANN)
    assert (found.traces, found.spans, found.contents, found.sessions) == (3, 6, 3, 1)
    assert (found.scores, found.comments) == (1, 1)
    assert (found.first_us, found.last_us) == (NOW - 2 * DAY, NOW + 100)
    assert persons.belongings(Person("nobody")) == Belongings()
    assert persons.belongings(Person("ann", "retail")).traces == 0
    assert all_of(persons, Person("ann", "default")) == all_of(persons, ANN)


def test_nothing_of_a_person_is_left_and_sums_stay(
    persons: SqlitePersons, telemetry: Telemetry, tmp_path: Path
) -> None:
    month = RollupQuery(since_us=NOW - 9 * DAY, until_us=NOW + DAY, step="all")
    before = telemetry.rollup(month)
    rows = {row.root.trace_id: (row.input_tokens, row.cost_nano) for row in telemetry.list(TraceFilter()).rows}
    erase(persons)
    assert persons.belongings(ANN).traces == 0
    assert telemetry.list(TraceFilter(user_id="ann")).rows == []
    assert telemetry.list(TraceFilter(session_id="of-ann")).rows == []
    assert telemetry.list(TraceFilter(text=SAID)).rows == []
    assert numbers(list(telemetry.list(TraceFilter(text="hello")).rows)) == [0, 4, 2]
    assert telemetry.rollup(month) == before
    assert {row.root.trace_id: (row.input_tokens, row.cost_nano) for row in telemetry.list(TraceFilter()).rows} == rows
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    first = trace.spans[0]
    assert (first.user_id, first.session_id, first.input_preview, first.error_message) == (None, None, "", None)
    assert first.content == "erased"
    assert [each.input for each in trace.contents.values()] == [None]
    assert [(each.comment, "ann" in each.identifier) for each in trace.scores] == [("", False)]
    other = telemetry.trace(trace_id(2))
    assert other is not None
    assert (other.scores[0].comment, other.spans[0].user_id) == (f"{SAID} said so", "bob")


def test_the_files_hold_nothing_of_it_afterwards(persons: SqlitePersons, telemetry: Telemetry, tmp_path: Path) -> None:
    def holds(word: bytes) -> set[str]:
        return {path.name for path in tmp_path.rglob("*.db*") if word in path.read_bytes()}

    assert holds(SAID.encode())
    erase(persons)
    (waiting,) = persons.unfinished()
    assert waiting.person == ANN
    assert len(waiting.parts) == 4, "three days and the figures"
    for part in waiting.parts:
        persons.rewrite(part)
    # bob's score says the word too
    assert telemetry.trace(trace_id(2)) is not None
    assert holds(SAID.encode()) == {"figures.db"}
    persons.keep(msgspec.structs.replace(MARK, finished_us=NOW, traces=3))
    assert persons.unfinished() == []
    assert [each.traces for each in persons.erasures()] == [3]
    assert holds(b"of-ann") == set()
    assert not any(b"\x05ann" in path.read_bytes() for path in tmp_path.rglob("figures.db-wal"))
    assert numbers(list(telemetry.list(TraceFilter(text="hello")).rows)) == [0, 4, 2]


def test_again_changes_nothing_and_the_same_span_sent_again_brings_nothing_back(
    persons: SqlitePersons, telemetry: Telemetry
) -> None:
    erase(persons)
    assert persons.erase(MARK.id, ANN, [trace_id(1)], bare).contents == 0
    sent = call(1, NOW - DAY, SAID, user_id="ann")
    assert telemetry.write(sent).spans == 0
    assert telemetry.list(TraceFilter(text=SAID)).rows == []
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    assert trace.spans[0].user_id is None


def test_spans_that_name_somebody_else_or_are_anothers_stay(telemetry: Telemetry) -> None:
    assert isinstance(telemetry, SqliteTelemetry)
    persons = SqlitePersons(telemetry)
    mine, theirs = root(1, user_id="ann", content="inline"), attempt(1, user_id="bob", content="inline")
    nobodys = attempt(1, step=2, content="inline")
    foreign = attempt(1, step=3, tenant_id="retail", content="inline")
    spans = [mine, theirs, nobodys, foreign]
    telemetry.write(Batch(spans=spans, contents=[content(each, f"word{at}") for at, each in enumerate(spans)]))
    erase(persons, Person("ann", "default"))
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    states = {span.span_id: (span.content, span.user_id) for span in trace.spans}
    assert [states[each.span_id] for each in spans] == [
        ("erased", None),
        ("inline", "bob"),
        ("erased", None),
        ("inline", None),
    ]


def test_blobs_are_remembered_before_content_goes(persons: SqlitePersons, telemetry: Telemetry) -> None:
    span = root(30, user_id="ann", content="blob")
    telemetry.write(Batch(spans=[span], contents=[content(span, input_blob="sha256:" + "1" * 64)]))
    erase(persons)
    (waiting,) = persons.unfinished()
    assert waiting.blobs == {"sha256:" + "1" * 64}
    assert telemetry.blobs()[1] == set()


def test_of_verdicts_only_figures_stay(persons: SqlitePersons, telemetry: Telemetry) -> None:
    said = GuardEvent(
        policy="p@1",
        rule="mail",
        detector="pii",
        direction="in",
        action="redact",
        kinds={"email": 1},
        places=(f"metadata.{SAID}",),
        error=f"{SAID} is no address",
    )
    for number in (1, 2):
        telemetry.add_verdicts(trace_id(number), [said])
    everything = GuardQuery(since_us=NOW - 9 * DAY, until_us=NOW + DAY, step="all")
    before = telemetry.guard_rollup(everything)
    erase(persons)
    hers, his = telemetry.trace(trace_id(1)), telemetry.trace(trace_id(2))
    assert hers is not None
    assert his is not None
    assert his.verdicts[0].event == said
    assert hers.verdicts[0].event == msgspec.structs.replace(said, places=(), error="erased")
    assert telemetry.guard_rollup(everything) == before
