"""Sessions and end users: sums of their traces; and lists by scores."""

from genaiops.domain import Cost, Score
from genaiops.ports.telemetry import Batch, ScoreIs, Telemetry, TraceFilter
from tests.engines.telemetry.calls import MINUTE, NOW, SECOND, attempt, root, trace_id


def talk(number: int, session: str | None, user: str | None, **facts: object) -> Batch:
    who = {"session_id": session, "user_id": user, **facts}
    start = NOW + number * MINUTE
    cost = Cost(nano=None) if number == 3 else Cost(nano=1000)
    return Batch(spans=[root(number, start, **who), attempt(number, start, cost=cost, session_id=session)])


def filled(telemetry: Telemetry) -> Telemetry:
    telemetry.write(talk(1, "s1", "ana"))
    telemetry.write(talk(2, "s1", "ana", status="error", user_verified=True))
    telemetry.write(talk(3, "s2", "ana"))
    telemetry.write(talk(4, "s2", "ben", environment_id="env_dev"))
    telemetry.write(talk(5, None, None))
    return telemetry


def test_a_session_is_the_sum_of_its_traces(telemetry: Telemetry) -> None:
    found = filled(telemetry).tallies("session_id", TraceFilter())
    assert found.total == 2
    assert found.since_us is None
    later, first = found.rows
    assert (first.id, first.traces, first.errors, first.cost_nano, first.cost_unknown) == ("s1", 2, 1, 2000, 0)
    assert (first.input_tokens, first.output_tokens) == (30, 14)
    assert (first.first_us, first.last_us) == (NOW + MINUTE, NOW + 2 * MINUTE)
    assert (first.others, first.other, first.verified) == (1, "ana", 1)
    assert (later.id, later.cost_nano, later.cost_unknown, later.others, later.other) == ("s2", 1000, 1, 2, "ana")


def test_users_in_every_order_page_by_page(telemetry: Telemetry) -> None:
    filled(telemetry)
    for order in ("last", "first", "traces", "errors", "tokens", "cost"):
        rows = telemetry.tallies("user_id", TraceFilter(), order=order, ascending=True).rows
        assert {row.id for row in rows} == {"ana", "ben"}
    assert [row.id for row in telemetry.tallies("user_id", TraceFilter(), order="traces").rows] == ["ana", "ben"]
    second = telemetry.tallies("user_id", TraceFilter(), order="traces", offset=1, limit=1)
    assert [row.id for row in second.rows] == ["ben"]
    assert second.total == 2


def test_filters_hold_for_every_trace_that_counts(telemetry: Telemetry) -> None:
    filled(telemetry)
    dev = telemetry.tallies("user_id", TraceFilter(environment_id="env_dev"))
    assert [(row.id, row.traces) for row in dev.rows] == [("ben", 1)]
    one = telemetry.tallies("user_id", TraceFilter(session_id="s1"))
    assert [(row.id, row.traces) for row in one.rows] == [("ana", 2)]
    assert telemetry.tallies("user_id", TraceFilter(environment_id="nowhere")).rows == ()
    recent = telemetry.tallies("session_id", TraceFilter(since_us=NOW + 3 * MINUTE))
    assert [row.id for row in recent.rows] == ["s2"]


def test_a_trace_with_two_roots_counts_once(telemetry: Telemetry) -> None:
    """A program's own root, and the gateway's below it."""
    above = root(1, NOW, span_id=b"above..!", kind="agent", session_id="s1")
    below = root(1, NOW + SECOND, parent_id=b"above..!", session_id="s1")
    telemetry.write(Batch(spans=[above, below, attempt(1, NOW + SECOND)]))
    row = telemetry.tallies("session_id", TraceFilter()).rows[0]
    assert (row.traces, row.input_tokens, row.cost_nano) == (1, 15, 1000)


def score(number: int, name: str, at: int = 0, by: str = "ana", **facts: object) -> Score:
    facts = {"source": "person", **facts}
    return Score(
        identifier=f"{number} {name} {at} {by}",
        trace_id=trace_id(number),
        name=name,
        created_us=NOW + at,
        created_by=by,
        **facts,  # pyright: ignore[reportArgumentType]
    )


def scored(telemetry: Telemetry, **where: object) -> list[int]:
    rows = telemetry.list(TraceFilter(**where)).rows  # pyright: ignore[reportArgumentType]
    return [number for row in rows for number in range(6) if row.root.trace_id == trace_id(number)]


def test_traces_by_their_scores(telemetry: Telemetry) -> None:
    filled(telemetry)
    telemetry.add_score(score(1, "feedback", value=0.0, label="down"))
    telemetry.add_score(score(1, "feedback", at=5, value=1.0, label="up"))
    telemetry.add_score(score(2, "feedback", value=0.0, label="down"))
    telemetry.add_score(score(3, "quality", value=0.4, source="model"))
    telemetry.add_score(score(4, "quality", value=0.9, source="model"))
    assert scored(telemetry, scores=(ScoreIs("feedback"),)) == [2, 1]
    # The first one thought better of it.
    assert scored(telemetry, scores=(ScoreIs("feedback", "=", "down"),)) == [2]
    assert scored(telemetry, scores=(ScoreIs("quality", "<=", 0.5),)) == [3]
    assert scored(telemetry, scores=(ScoreIs("quality", ">=", 0.4),)) == [4, 3]
    assert scored(telemetry, scores=(ScoreIs("feedback"),), text="nothing") == []
    assert scored(telemetry, scores=(ScoreIs("nobody-says-this"),)) == []
