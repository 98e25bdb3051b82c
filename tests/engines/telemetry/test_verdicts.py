"""Verdicts of guards: kept once, listed, summed by the hour, marked, and what an erasure leaves of them."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import GuardEvent, GuardVerdict, Span, guard_spans, verdicts_of
from genaiops.ports.telemetry import Batch, RollupQuery, Telemetry
from genaiops.ports.verdicts import GuardMarks, GuardQuery, VerdictFilter
from tests.engines.telemetry.calls import DAY, HOUR, NOW, root, span_id, trace_id
from tests.examples import examples

OpenTelemetry = Callable[..., Telemetry]
EVER: dict[str, Any] = {"since_us": NOW - 400 * DAY, "until_us": NOW + 400 * DAY}


def event(rule: str = "mail", **facts: Any) -> GuardEvent:
    known: dict[str, Any] = {
        "policy": "default@sha256:aa",
        "detector": "pii",
        "direction": "in",
        "action": "redact",
        "kinds": {"email": 2},
        "provenance": ("user",),
        "places": ("messages[0].content",),
        "duration_us": 300,
    }
    return GuardEvent(rule=rule, **{**known, **facts})


def guarded(number: int, *events: GuardEvent, start_us: int = NOW, **facts: Any) -> Batch:
    call = root(number, start_us, **facts)
    return Batch(spans=[call, *guard_spans(call, events)], verdicts=verdicts_of(call, events))


def found(telemetry: Telemetry, **where: Any) -> list[GuardVerdict]:
    """All pages."""
    rows: list[GuardVerdict] = []
    cursor = None
    while True:
        page = telemetry.verdicts(VerdictFilter(**where), cursor=cursor, limit=2)
        rows += page.rows
        cursor = page.next
        if cursor is None:
            return rows


def test_a_verdict_comes_back_as_it_was(telemetry: Telemetry) -> None:
    said = [event(score=0.25, error="late", shadow=True), event("size", kinds={}, provenance=(), places=())]
    telemetry.write(guarded(1, *said, key_id="key_b", application="support"))
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    assert [each.event for each in trace.verdicts] == said
    assert found(telemetry) == list(trace.verdicts)[::-1]
    telemetry.write(guarded(2, event("other")))
    assert [each.event.rule for each in telemetry.verdicts_of([trace_id(2), trace_id(1), trace_id(9)])] == [
        "other",
        *(each.rule for each in said),
    ]
    assert (trace.verdicts[0].key_id, trace.verdicts[0].application, trace.verdicts[0].count) == (
        "key_b",
        "support",
        2,
    )
    assert [span.kind for span in trace.spans].count("guardrail") == 1
    assert {each.span_id for each in trace.verdicts} <= {span.span_id for span in trace.spans}


def test_the_same_again_changes_nothing(telemetry: Telemetry) -> None:
    whole = event("", kinds={}, action="allow")
    batch = guarded(1, event(), event(direction="out"), event(policy="other@b"), whole)
    telemetry.write(batch)
    telemetry.write(batch)
    telemetry.write(guarded(1, event(action="block"), whole))
    telemetry.write(guarded(1, event(), event()))
    assert len(found(telemetry)) == 3
    sums = telemetry.guard_rollup(GuardQuery(**EVER, step="all", group_by=("rule",)))
    assert {each.group["rule"]: each.events for each in sums} == {"": 1, "mail": 3}


def test_two_calls_of_one_trace_have_verdicts_of_their_own(telemetry: Telemetry) -> None:
    second = msgspec.structs.replace(root(1), span_id=span_id(1, 7), parent_id=span_id(1))
    telemetry.write(guarded(1, event()))
    telemetry.write(Batch(spans=[second], verdicts=verdicts_of(second, [event()])))
    assert {each.call_id for each in found(telemetry)} == {span_id(1), span_id(1, 7)}
    assert telemetry.add_verdicts(trace_id(1), [event("late")], call_id=span_id(1, 7)) == 1
    assert [each.call_id for each in found(telemetry, rule="late")] == [span_id(1, 7)]


def test_what_is_found_after_the_call_comes_to_its_trace(telemetry: Telemetry) -> None:
    with pytest.raises(NotFound):
        telemetry.add_verdicts(trace_id(1), [event()])
    telemetry.write(guarded(1, key_id="key_c"))
    late = event("injection", action="flag", duration_us=90_000)
    assert telemetry.add_verdicts(trace_id(1), [late]) == 1
    assert telemetry.add_verdicts(trace_id(1), [late]) == 0
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    assert (trace.verdicts[0].event, trace.verdicts[0].key_id) == (late, "key_c")
    (span,) = [span for span in trace.spans if span.kind == "guardrail"]
    assert (span.start_us, span.duration_us) == (NOW + 250_000, 90_000)
    (sums,) = telemetry.guard_rollup(GuardQuery(**EVER, step="all"))
    assert sums.events == 1
    (calls,) = telemetry.rollup(RollupQuery(since_us=NOW - HOUR, until_us=NOW + HOUR, step="all"))
    assert (calls.calls, calls.errors) == (1, 0)


def test_filters(telemetry: Telemetry) -> None:
    telemetry.write(guarded(1, event(), event("key", detector="secret", action="block")))
    telemetry.write(guarded(2, event(shadow=True, direction="out"), start_us=NOW + 10, key_id="key_b"))
    telemetry.write(guarded(3, event(policy="strict@x"), start_us=NOW + 20, environment_id="env_dev", tenant_id="t"))
    telemetry.mark(found(telemetry, rule="key")[0], "right", at_us=NOW, by="ann")
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [3, 2, 1, 1]),
        ({"rule": "mail"}, [3, 2, 1]),
        ({"policy": "strict"}, [3]),
        ({"policy": "nothing"}, []),
        ({"detector": "secret"}, [1]),
        ({"action": "block"}, [1]),
        ({"action": "redact", "direction": "in"}, [3, 1]),
        ({"shadow": True}, [2]),
        ({"shadow": False, "rule": "mail"}, [3, 1]),
        ({"key_id": "key_b"}, [2]),
        ({"environment_id": "env_dev"}, [3]),
        ({"tenant_id": "default"}, [2, 1, 1]),
        ({"since_us": NOW + 10, "until_us": NOW + 20}, [2]),
        ({"marked": True}, [1]),
        ({"marked": False, "detector": "pii"}, [3, 2, 1]),
    ]
    numbers = {trace_id(number): number for number in (1, 2, 3)}
    for where, expected in cases:
        assert [numbers[each.trace_id] for each in found(telemetry, **where)] == expected, where
    for wrong in ("", "x", "1", "1.x", "1." + "9" * 30):
        with pytest.raises(UsageError):
            telemetry.verdicts(VerdictFilter(), cursor=wrong)


def test_sums(telemetry: Telemetry) -> None:
    telemetry.write(guarded(1, event(duration_us=100), event("size", kinds={}, error="late", action="allow")))
    telemetry.write(guarded(2, event(duration_us=300), start_us=NOW + HOUR, tenant_id="t", environment_id=None))
    telemetry.write(guarded(3, event(shadow=True), start_us=NOW + DAY))
    query = GuardQuery(since_us=NOW, until_us=NOW + 2 * DAY, group_by=("rule", "shadow"))
    by_hour = telemetry.guard_rollup(query)
    assert [(each.start_us - NOW, each.group["rule"], each.group["shadow"]) for each in by_hour] == [
        (0, "mail", ""),
        (0, "size", ""),
        (HOUR, "mail", ""),
        (DAY, "mail", "shadow"),
    ]
    (rule,) = telemetry.guard_rollup(
        msgspec.structs.replace(query, step="all", group_by=(), where={"rule": "mail", "shadow": ""})
    )
    assert (rule.events, rule.findings, rule.errors, rule.duration.count, rule.duration.total) == (2, 4, 0, 2, 400)
    by_day = telemetry.guard_rollup(msgspec.structs.replace(query, step="day", group_by=()))
    assert [(each.start_us, each.events, each.errors) for each in by_day] == [
        (NOW - 12 * HOUR, 3, 1),
        (NOW + 12 * HOUR, 1, 0),
    ]
    assert {
        each.duration.count for each in telemetry.guard_rollup(msgspec.structs.replace(query, durations=False))
    } == {0}
    only = msgspec.structs.replace(query, step="all", group_by=(), where={"tenant_id": "t", "environment_id": ""})
    assert [each.events for each in telemetry.guard_rollup(only)] == [1]
    assert telemetry.guard_rollup(msgspec.structs.replace(only, where={"tenant_id": "nobody"})) == []
    with pytest.raises(UsageError):
        telemetry.guard_rollup(msgspec.structs.replace(query, where={"1; DROP": "x"}))


def test_what_tells_of_probing(telemetry: Telemetry) -> None:
    minute = 60_000_000
    start = NOW // minute * minute
    block = event("cards", action="block")
    over = event("tools.session", action="block", detector="tools")
    injection = event("attempts", action="flag", detector="injection")
    leak = event("canary", action="flag", detector="canary", direction="out")
    fine = event("attempts", action="allow", detector="injection", error="late")
    telemetry.write(guarded(1, block, event("more", action="block"), start_us=start, key_id="key_a"))
    telemetry.write(guarded(2, block, injection, start_us=start + 1, key_id="key_a"))
    telemetry.write(guarded(3, leak, start_us=start + minute, key_id="key_a"))
    telemetry.write(guarded(4, injection, start_us=start, key_id="key_b", tenant_id="retail"))
    telemetry.write(guarded(5, over, event(), fine, event("shy", action="block", shadow=True), key_id="key_c"))
    telemetry.write(guarded(6, block, key_id=None))
    rows = telemetry.probing(start, start + 2 * minute)
    assert [(each.start_us - start, each.key_id, each.tenant_id) for each in rows] == [
        (0, "key_a", "default"),
        (0, "key_b", "retail"),
        (minute, "key_a", "default"),
    ]
    assert [(each.blocked, each.injections, each.extractions) for each in rows] == [(2, 1, 0), (0, 1, 0), (0, 0, 1)]
    assert rows[0].trace_id in (trace_id(1), trace_id(2))
    assert len(telemetry.probing(start, start + minute)) == 2
    assert [each.start_us - start for each in telemetry.probing(start, start + 2 * minute, key_id="key_a")] == [
        0,
        minute,
    ]
    assert telemetry.probing(start, start + 2 * minute, key_id="nobody") == []


def test_marks(telemetry: Telemetry) -> None:
    for number in range(4):
        telemetry.write(guarded(number, event(), event("size"), start_us=NOW + number))
    verdicts = found(telemetry, rule="mail")
    for verdict, said in zip(verdicts, ("right", "false_alarm", "false_alarm", "right"), strict=True):
        telemetry.mark(verdict, said, at_us=NOW + DAY, by="ann")
    query = GuardQuery(since_us=NOW, until_us=NOW + 10)
    assert telemetry.guard_marks(query) == [GuardMarks("default", "mail", 2, 2)]
    again = telemetry.mark(verdicts[0], "false_alarm", at_us=NOW + 2 * DAY, by="bob")
    assert (again.mark, again.marked_us, again.marked_by) == ("false_alarm", NOW + 2 * DAY, "bob")
    assert found(telemetry, rule="mail")[0] == again
    telemetry.mark(verdicts[1], None, at_us=NOW, by="ann")
    assert telemetry.guard_marks(query) == [GuardMarks("default", "mail", 1, 2)]
    assert telemetry.guard_marks(msgspec.structs.replace(query, where={"tenant_id": "nobody"})) == []
    assert telemetry.guard_marks(msgspec.structs.replace(query, where={"shadow": "shadow"})) == []
    assert telemetry.guard_marks(msgspec.structs.replace(query, since_us=NOW + 1, until_us=NOW + 2)) == [
        GuardMarks("default", "mail", 0, 1)
    ]
    with pytest.raises(NotFound):
        telemetry.mark(msgspec.structs.replace(again, event=event("gone")), "right", at_us=NOW, by="ann")


def test_an_unstorable_verdict_stops_nobody(telemetry: Telemetry) -> None:
    hostile = event(kinds={"\ud800": 1 << 80}, places=("\ud800",), error="\ud800", duration_us=1 << 70)
    telemetry.write(guarded(1, hostile, event("fine")))
    assert telemetry.add_verdicts(trace_id(1), [msgspec.structs.replace(hostile, rule="later")]) == 1
    assert {each.event.rule for each in found(telemetry)} == {"mail", "fine", "later"}


@settings(
    max_examples=examples(15),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.lists(
                st.builds(
                    event,
                    st.sampled_from(["", "a", "b"]),
                    direction=st.sampled_from(["in", "out"]),
                    action=st.sampled_from(["flag", "block"]),
                    shadow=st.booleans(),
                    kinds=st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 9), max_size=2),
                ),
                max_size=4,
            ),
        ),
        max_size=8,
    )
)
def test_sums_are_those_of_what_is_there(
    new_store: Callable[[], Telemetry], batches: list[tuple[int, list[GuardEvent]]]
) -> None:
    """Whatever comes twice, and in whatever order."""
    telemetry = new_store()
    for number, events in batches:
        telemetry.write(guarded(number, *events, start_us=NOW + number * HOUR // 2))
    rows = found(telemetry)
    sums = telemetry.guard_rollup(GuardQuery(**EVER, group_by=("rule", "action", "shadow", "direction")))
    kept = [each for each in sums if each.group["rule"]]
    assert sum(each.events for each in kept) == len(rows)
    assert sum(each.findings for each in kept) == sum(each.count for each in rows)
    firsts: dict[int, list[GuardEvent]] = {}
    for number, events in batches:
        firsts.setdefault(number, events)
    split = GuardQuery(since_us=NOW - DAY, until_us=NOW + 2 * DAY, step="all", group_by=("rule",))
    by_day = {each.group["rule"]: (each.events, each.duration.count) for each in telemetry.guard_rollup(split)}
    by_hour: dict[str, int] = {}
    for each in sums:
        by_hour[each.group["rule"]] = by_hour.get(each.group["rule"], 0) + each.events
    assert by_day == {rule: (times, times) for rule, times in by_hour.items()}
    looks = sum(each.rule == "" for events in firsts.values() for each in events)
    assert sum(each.events for each in sums if not each.group["rule"]) == looks
    once = {(number, each.rule, each.direction) for number, events in batches for each in events if each.rule}
    assert len(rows) == len(once)
    telemetry.close()


def test_spans_of_guards() -> None:
    call: Span = root(1, duration_us=1000, finish_reason="stop", input_preview="hello", owns_usage=True)
    events = [event("", duration_us=700), event(duration_us=90), event(direction="out", duration_us=5000, error="late")]
    inward, outward = guard_spans(call, events)
    assert (inward.name, inward.start_us, inward.duration_us, inward.status) == ("guard in", NOW, 700, "ok")
    assert (outward.name, outward.start_us, outward.duration_us) == ("guard out", NOW, 1000)
    assert (outward.status, outward.error_type, outward.error_message) == ("error", "guard_error", "late")
    assert (inward.parent_id, inward.owns_usage, inward.input_preview, inward.is_root) == (
        call.span_id,
        False,
        "",
        False,
    )
    assert guard_spans(call, [event("")]) == []
    assert guard_spans(call, [event(shadow=True, error="late")])[0].status == "ok"
