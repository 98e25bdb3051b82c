"""Copies beside the calls that they copy: pair by pair, over users."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Cost, Score
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Telemetry, TraceFilter
from genaiops.watch import ShadowLine, ShadowReport, shadow_report
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import NOW, REQUEST, admitted, attempt, settled, trace_id

COPY = 1000
"""What a copy's number has more than that of its call."""


def said(text: str) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


class Life:
    def __init__(self, folder: Path) -> None:
        self.blobs = open_blobs(folder / "blobs")
        self.telemetry: Telemetry = open_telemetry(folder / "telemetry", writer=True)

    def call(self, number: int, text: str, *, us: int, nano: int | None = 70, status: Any = "ok", **facts: Any) -> None:
        error = facts.pop("error", None)
        one = msgspec.structs.replace(attempt(number), cost=Cost(nano))
        end = settled(number, (one,))
        end = msgspec.structs.replace(end, end_us=NOW + number * 1000 + us, status=status, error_type=error)
        call = admitted(number, route_id="r", model="r", **facts)
        spans, content = spans_of(call, ended(end), REQUEST, said(text), self.blobs)
        self.telemetry.write(Batch(spans=spans, contents=[content] if content else []))

    def pair(self, number: int, user: str | None, live: str, copy: str, *, us: int = 500, **more: Any) -> None:
        """A call of 1 ms, and its copy."""
        self.call(number, live, us=1000, user_id=user)
        known: dict[str, Any] = {"key_id": "shadow/r", "shadow_of": trace_id(number), "application": "shadow/r"}
        self.call(number + COPY, copy, us=us, user_id=user, **{**known, **more})

    def report(self, **more: Any) -> ShadowReport:
        where = TraceFilter(key_id="shadow/r", target_id="t")
        return shadow_report(self.telemetry, self.blobs, where, **more)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    yield made
    made.telemetry.close()


def line(report: ShadowReport, name: str) -> ShadowLine:
    return next(each for each in report.lines if each.metric == name)


def test_differences_are_of_pairs_and_over_users(life: Life) -> None:
    for number in range(1, 31):
        life.pair(number, f"user {number % 10}", "yes", "yes" if number % 3 else "no", us=400 + number, nano=35)
    report = life.report()
    assert (report.copies, report.pairs, report.unpaired, report.users, report.more) == (30, 30, 0, 10, False)
    assert (report.told, report.same) == (30, 20)
    latency = line(report, "latency")
    assert latency.difference == pytest.approx(sum(400 + n - 1000 for n in range(1, 31)) / 30 / 1e6)
    assert (latency.pairs, latency.users, latency.won, latency.lost, latency.state) == (30, 10, 30, 0, "better")
    assert latency.interval is not None
    assert latency.difference is not None
    assert latency.interval[0] < latency.difference < latency.interval[1] < 0
    assert "over 10 clusters" in latency.method
    cost = line(report, "cost")
    assert (cost.live, cost.copy) == (pytest.approx(70e-9), pytest.approx(35e-9))
    assert line(report, "errors").state == "open"
    assert report.shown[0].live.trace_id == trace_id(30).hex()
    assert len(report.shown) == 20


def test_one_user_alone_says_nothing(life: Life) -> None:
    for number in (1, 2, 3):
        life.pair(number, "ann", "yes", "no")
    errors = line(life.report(), "errors")
    assert (errors.pairs, errors.difference, errors.why) == (3, None, "Pairs of two users at least are needed.")


def test_calls_of_nobody_are_each_their_own(life: Life) -> None:
    for number in (1, 2, 3):
        life.pair(number, None, "yes", "no")
    assert (life.report().users, line(life.report(), "latency").users) == (3, 3)


def test_a_failure_is_an_error_and_no_latency(life: Life) -> None:
    for number in range(1, 6):
        life.pair(number, None, "yes", "", status="error" if number == 1 else "ok")
    report = life.report(lost="errors")
    assert line(report, "errors").lost == 1
    assert line(report, "latency").pairs == 4
    assert [each.live.trace_id for each in report.shown] == [trace_id(1).hex()]


def test_a_cost_that_nobody_knows_makes_no_pair(life: Life) -> None:
    for number in range(1, 5):
        life.pair(number, None, "yes", "no", nano=None if number == 1 else 70)
    assert line(life.report(), "cost").pairs == 3


def test_checks_and_scores(life: Life) -> None:
    for number in range(1, 21):
        life.pair(number, f"user {number}", '{"a": 1}', "not at all" if number > 4 else '{"a": 1}')
        for trace, value in ((number, 0.5), (number + COPY, 0.9)):
            score = Score(
                identifier=f"s{trace}",
                trace_id=trace_id(trace),
                name="helpful",
                value=value,
                source="model",
                created_us=NOW,
                created_by="judge",
            )
            life.telemetry.add_score(score)
    report = life.report(checks=("is_json", "exact_match", "is_json"))
    form = line(report, "is_json")
    assert (form.live, form.copy, form.lost, form.state) == (1.0, 0.2, 16, "worse")
    helpful = line(report, "score:helpful")
    assert (helpful.state, helpful.difference) == ("better", pytest.approx(0.4))
    (alike,) = report.alike
    assert (alike.metric, alike.mean, alike.pairs) == ("exact_match", pytest.approx(0.2), 20)
    assert alike.interval is not None
    assert alike.interval[0] < 0.2 < alike.interval[1]


def test_what_limits_refused_says_nothing(life: Life) -> None:
    life.pair(1, None, "yes", "no")
    life.pair(2, None, "yes", "", status="error", error="budget_exceeded")
    report = life.report()
    assert (report.copies, report.pairs, report.unpaired) == (2, 1, 1)


def test_what_has_no_pair_is_counted(life: Life) -> None:
    life.pair(1, None, "yes", "no")
    life.call(7, "lonely", us=10, key_id="shadow/r", shadow_of=trace_id(99))
    life.call(8, "another target", us=10, key_id="shadow/other", shadow_of=trace_id(1))
    report = life.report()
    assert (report.copies, report.pairs, report.unpaired) == (2, 1, 1)


def test_only_the_newest_are_looked_at(life: Life) -> None:
    for number in range(1, 8):
        life.pair(number, None, "yes", "no")
    report = life.report(most=5)
    assert (report.copies, report.more) == (5, True)
    assert life.report(most=7).more is False


def test_nothing_yet(life: Life) -> None:
    report = life.report(checks=("refusal",))
    assert (report.copies, report.shown) == (0, [])
    assert line(report, "refusal").why


@pytest.mark.parametrize("name", ["judge", "corpus_bleu", "groundedness", "latency", "code", "auc_roc"])
def test_checks_that_cannot_be(life: Life, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        life.report(checks=(name,))


def test_unknown_names(life: Life) -> None:
    with pytest.raises(NotFound, match="refusl"):
        life.report(checks=("refusl",))
    with pytest.raises(UsageError, match="latancy"):
        life.report(lost="latancy")
