"""Marks of verdicts: scores, cases for policies with nothing of anybody in them, rates of false alarms."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import Forbidden, NotFound
from genaiops.domain import GuardEvent, GuardVerdict, Mark
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Telemetry
from genaiops.watch import Marked, Marking, guard_points, mark_verdict, masked, rule_figures
from genaiops.watch._alike import Alike
from tests.engines.telemetry.calls import DAY, HOUR, NOW, content, root, trace_id
from tests.engines.telemetry.test_verdicts import event, guarded

SECRET = "ann.miller@mail.example.org, card 4111 1111 1111 1111, sk-proj-4fGh7Jk2LmN9pQrS"
ASKED = json.dumps({"messages": [{"role": "user", "content": f"I am {SECRET}"}]}).encode()
SAID = json.dumps({"choices": [{"message": {"role": "assistant", "content": "call 030 1234567"}}]}).encode()


class KeptCases:
    """In memory; the real ones have tests in tests/hub."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.closed = False

    def keep(self, row: dict[str, Any], *, tenant_id: str, by: str) -> str:
        if self.closed:
            raise Forbidden("They are of another unit.")
        self.rows[row["id"]] = row
        return f"{tenant_id} {len(self.rows)} {by}"

    def drop(self, case_id: str, *, tenant_id: str, by: str) -> str | None:
        return f"{tenant_id} {by}" if self.rows.pop(case_id, None) is not None else None


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def write(telemetry: Telemetry, number: int, *events: GuardEvent, **facts: Any) -> None:
    telemetry.write(guarded(number, *events, **facts))


def kept(telemetry: Telemetry, number: int, *events: GuardEvent) -> None:
    span = msgspec.structs.replace(root(number), content="inline")
    telemetry.write(Batch(spans=[span], contents=[content(span, input=ASKED, output=SAID)]))
    telemetry.add_verdicts(trace_id(number), events)


def verdict(telemetry: Telemetry, number: int, at: int = 0) -> GuardVerdict:
    trace = telemetry.trace(trace_id(number))
    assert trace is not None
    return trace.verdicts[at]


def mark(
    telemetry: Telemetry, tmp_path: Path, cases: KeptCases, number: int, said: Mark | None, *, at: int = 0
) -> Marked:
    trace = telemetry.trace(trace_id(number))
    assert trace is not None
    marking = Marking(mark=said, note="an order number", at_us=NOW + at, by="act_1")
    return mark_verdict(telemetry, open_blobs(tmp_path / "blobs"), cases, trace, trace.verdicts[at].id, marking)


def test_a_mark_is_a_score_and_a_case(telemetry: Telemetry, tmp_path: Path) -> None:
    cases = KeptCases()
    kept(telemetry, 1, event(), event("out", direction="out", action="block"))
    done = mark(telemetry, tmp_path, cases, 1, "false_alarm")
    assert (done.verdict.mark, done.verdict.marked_by, done.case) == ("false_alarm", "act_1", "kept")
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    (score,) = trace.scores
    assert (score.name, score.label, score.value, score.source) == ("guard:mail", "false_alarm", 0.0, "person")
    assert score.span_id == trace.verdicts[0].span_id
    (row,) = cases.rows.values()
    expected = {"action": "allow", "rule": "mail"}
    assert (row["expect"], row["rule"], row["note"]) == (expected, "mail", "an order number")
    assert (row["changed"], "output" in row) == (True, False)
    mark(telemetry, tmp_path, cases, 1, "right", at=1)
    outward = list(cases.rows.values())[1]
    assert outward["expect"] == {"action": "block", "kinds": ["email"], "rule": "out"}
    assert re.fullmatch(r"call \d{3} \d{7}", outward["output"])
    assert outward["output"] != "call 030 1234567"
    undone = mark(telemetry, tmp_path, cases, 1, None)
    assert (undone.verdict.mark, undone.case, undone.score.label, len(cases.rows)) == (None, "dropped", "unmarked", 1)


@pytest.mark.parametrize(
    ("at", "said", "expected"),
    [
        (0, "right", {"action": "redact", "kinds": ["email"], "rule": "mail"}),
        (0, "false_alarm", {"action": "flag"}),  # another rule noticed something
        (1, "right", {"action": "redact", "kinds": ["email"], "rule": "words"}),
        (1, "false_alarm", {"action": "redact"}),
        (2, "right", {"action": "block", "kinds": ["email"], "rule": "shadowed"}),
        (3, "right", {"action": "hold", "kinds": ["email"], "rule": "out"}),
    ],
)
def test_a_case_expects_what_follows_of_all_that_it_shows(
    telemetry: Telemetry, tmp_path: Path, at: int, said: Mark, expected: dict[str, Any]
) -> None:
    shadow = event("shadowed", action="block", shadow=True)
    kept(telemetry, 1, event(), event("words", action="flag"), shadow, event("out", direction="out", action="hold"))
    cases = KeptCases()
    mark(telemetry, tmp_path, cases, 1, said, at=at)
    assert [each["expect"] for each in cases.rows.values()] == [expected]


def test_marks_without_a_case(telemetry: Telemetry, tmp_path: Path) -> None:
    cases = KeptCases()
    write(telemetry, 1, event())
    assert mark(telemetry, tmp_path, cases, 1, "right").case == "no_content"
    assert mark(telemetry, tmp_path, cases, 1, None).case == "none"
    kept(telemetry, 2, event())
    cases.closed = True
    assert mark(telemetry, tmp_path, cases, 2, "right").case == "forbidden"
    assert verdict(telemetry, 2).mark == "right"
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    with pytest.raises(NotFound, match="mail"):
        mark_verdict(
            telemetry, open_blobs(tmp_path / "blobs"), cases, trace, "0" * 16, Marking(mark=None, at_us=1, by="a")
        )


def test_a_case_tells_nothing_of_whom_it_was_about(telemetry: Telemetry, tmp_path: Path) -> None:
    cases = KeptCases()
    kept(telemetry, 1, event())
    mark(telemetry, tmp_path, cases, 1, "right")
    text = json.dumps(list(cases.rows.values()))
    for told in ("ann.miller", "4111 1111 1111 1111", "4fGh7Jk2LmN9pQrS"):
        assert told not in text
    assert re.search(r"\w{3}\.\w{6}@\w{4}\.\w{7}\.org, card (\d{4} ){3}\d{4}, sk-proj-\w{16}", text)


@given(st.text(), st.lists(st.sampled_from(SECRET.split()), max_size=4))
def test_alike(text: str, words: list[str]) -> None:
    exchange = Alike()
    whole = " ".join([text, *words])
    first = exchange.text(whole)
    assert exchange.text(whole) == first
    assert len(first) == min(len(whole), 20_000)
    assert [each.isdigit() for each in first] == [each.isdigit() for each in whole[: len(first)]]


def test_masked() -> None:
    assert masked(f"I am {SECRET}, born in 1990") == "I am •••, card •••, •••, born in 1990"
    assert masked("internationalisation of 12 words") == "internationalisation of 12 words"


def test_numbers_keep_their_checksum() -> None:
    found = Alike().text("4111 1111 1111 1111")
    digits = [int(each) for each in found if each.isdigit()][::-1]
    assert sum(each if at % 2 == 0 else each * 2 - 9 * (each > 4) for at, each in enumerate(digits)) % 10 == 0


def test_figures_by_rule(telemetry: Telemetry) -> None:
    whole = event("", kinds={}, action="allow", duration_us=1000)
    write(telemetry, 1, whole, event(duration_us=100), event("size", detector="size", action="block", error="late"))
    write(telemetry, 2, whole, event(duration_us=300), event("words", action="block", shadow=True), start_us=NOW + HOUR)
    write(telemetry, 3, whole, start_us=NOW + HOUR)
    telemetry.mark(verdict(telemetry, 1), "right", at_us=NOW, by="ann")
    telemetry.mark(verdict(telemetry, 2), "false_alarm", at_us=NOW, by="ann")
    mail, size, words = rule_figures(telemetry, since_us=NOW, until_us=NOW + DAY)
    assert (mail.policy, mail.rule, mail.detector, mail.looked_at) == ("default", "mail", "pii", 3)
    assert (mail.noted, mail.did("redact"), mail.shadow, mail.findings, mail.errors) == (2, 2, {}, 4, 0)
    assert mail.p50_ms == pytest.approx(0.1, rel=0.03)
    alarms = mail.false_alarms
    assert (alarms.marked, alarms.rate) == (2, 0.5)
    assert (alarms.low, alarms.high) == pytest.approx((0.0945, 0.9055), abs=5e-4)
    assert (size.did("block"), size.errors, size.false_alarms.rate) == (1, 1, None)
    assert (words.did("block"), words.shadow) == (0, {"block": 1})
    points = guard_points(telemetry, since_us=NOW, until_us=NOW + DAY)
    assert [(each.start_us, each.actions, each.shadow) for each in points] == [
        (NOW, {"redact": 1, "block": 1}, {}),
        (NOW + HOUR, {"redact": 1}, {"block": 1}),
    ]
    (only,) = rule_figures(telemetry, since_us=NOW, until_us=NOW + DAY, where={"detector": "size"})
    assert (only.rule, only.looked_at) == ("size", 3)


def test_what_no_record_tells_is_unknown(telemetry: Telemetry) -> None:
    write(telemetry, 1, event())
    (mail,) = rule_figures(telemetry, since_us=NOW, until_us=NOW + DAY)
    assert mail.looked_at is None
    assert rule_figures(telemetry, since_us=NOW + 2 * DAY, until_us=NOW + 3 * DAY) == []
