"""Calls of an experiment become users, and users sums: each once, whenever the reader is ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.domain import Experiment, Score
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan, GuardMetric
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.experiments_sql import open_experiments
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.experiments import ExperimentStore
from genaiops.ports.telemetry import Batch, Telemetry
from genaiops.watch import ExperimentReader, LookedAt, calls_to_check, keep_looked_at
from genaiops.watch._experiments import LATE_US, LONGEST_US
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import NOW, admitted, settled, trace_id

OLD, NEW = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
WINDOW_US = 10_000_000
PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="score:helpful", better="higher"),
    guards=tuple(GuardMetric(metric=name, better="lower", margin=1.0) for name in ("errors", "cost", "tokens")),
    share=50,
    window_us=WINDOW_US,
)
EXPERIMENT = Experiment(
    id="shorter",
    application_id="support",
    environment_id="dev",
    candidate=f"support@{NEW}",
    baseline=f"support@{OLD}",
    plan=PLAN,
    state="running",
    created_us=NOW,
    started_us=NOW,
)


class Life:
    """A telemetry with calls, and the store of an experiment."""

    def __init__(self, folder: Path) -> None:
        self.blobs = open_blobs(folder / "blobs")
        self.telemetry: Telemetry = open_telemetry(folder / "telemetry", writer=True)
        self.store: ExperimentStore = open_experiments(f"sqlite:///{folder}/runs.db")
        self.reader = ExperimentReader(self.telemetry, self.store, "here")

    def call(self, number: int, release: str, user: str | None, **more: Any) -> None:
        known: dict[str, Any] = {"application": "support", "release": release, "deployment": "support@dev"}
        call = admitted(number, user_id=user, **{**known, **more})
        spans, content = spans_of(call, ended(settled(number)), b"{}", b"{}", self.blobs)
        self.telemetry.write(Batch(spans=spans, contents=[content] if content else []))

    def score(self, number: int, value: float, by: str = "ann", at: int = 1) -> None:
        self.telemetry.add_score(
            Score(
                identifier=f"{number}-{by}-{at}",
                trace_id=trace_id(number),
                name="helpful",
                value=value,
                source="user",
                created_us=NOW + at,
                created_by=by,
            )
        )

    def step(self, seconds: float = 3600) -> Any:
        return self.reader.step(EXPERIMENT, NOW + int(seconds * 1_000_000))


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    made.reader.begin(EXPERIMENT, made.telemetry.head(), NOW)
    yield made
    made.store.close()
    made.telemetry.close()


def test_a_user_is_the_mean_over_its_calls(life: Life) -> None:
    life.call(1, NEW, "ann")
    life.call(2, NEW, "ann", operation="chat")
    life.call(3, OLD, "bob")
    life.score(1, 1.0)
    life.score(2, 0.0)
    life.score(2, 1.0, by="bob")
    life.score(3, 0.25, at=1)
    life.score(3, 0.75, at=2)  # the same person thinks better of it: the latest counts
    early = life.step(10)
    assert early.entered == {"candidate": 1, "baseline": 1}
    assert early.counted == {}
    late = life.step()
    assert late.counted == {"candidate": 1, "baseline": 1}
    helpful = late.sums["score:helpful"]
    assert (helpful["candidate"].y, helpful["baseline"].y) == (pytest.approx(2 / 3), 0.75)
    assert late.sums["cost"]["candidate"].mean == pytest.approx(70 / 1e9)
    assert late.sums["tokens"]["baseline"].mean == 7
    assert late.sums["errors"]["candidate"].n == 1
    assert life.step(9999) == life.step(9999)  # nothing counts twice


def test_what_comes_later_changes_nothing(life: Life) -> None:
    life.call(1, NEW, "ann")
    life.score(1, 1.0)
    before = life.step()
    life.score(1, 0.0, by="late")
    life.call(2, NEW, "ann")
    life.call(20_000, NEW, "ann")
    after = life.step(9999)
    assert after.sums == before.sums
    assert after.counted == {"candidate": 1}


def test_calls_behind_the_window_do_not_count(life: Life) -> None:
    life.call(1, NEW, "ann")
    life.call(20_000, NEW, "ann")  # 20 s later
    assert life.step((WINDOW_US + LATE_US) / 1e6 + 1).sums["tokens"]["candidate"].mean == 7
    life.call(5, NEW, "eve")
    assert life.step(20).counted == {"candidate": 1}


def test_what_is_not_of_it_is_left_out(life: Life) -> None:
    life.call(1, NEW, None)
    life.call(2, NEW, "ann", application="other")
    life.call(3, NEW, "ann", environment_id="prod")
    life.call(4, "sha256:" + "cc" * 32, "ann")
    life.call(5, NEW, "ann", key_id="shadow/route", shadow_of=trace_id(1))
    life.call(6, OLD, None, session_id="s1")
    found = life.step()
    assert (found.entered, found.nobody, found.crossed) == ({"baseline": 1}, 1, 0)


def test_who_changes_arms_is_of_the_first(life: Life) -> None:
    life.call(1, NEW, "ann")
    life.call(2, OLD, "ann")
    life.call(3, OLD, "ann")
    found = life.step()
    assert (found.entered, found.crossed) == ({"candidate": 1}, 1)


def test_two_readers_of_the_same_do_not_double(life: Life) -> None:
    other = ExperimentReader(life.telemetry, life.store, "here")
    for number in range(1, 60):
        life.call(number, NEW if number % 2 else OLD, f"u{number}")
    life.step()
    other.step(EXPERIMENT, NOW + 3_600_000_000)
    found = ExperimentReader(life.telemetry, life.store, "here").step(EXPERIMENT, NOW + 3_600_000_000)
    assert found.counted == {"candidate": 30, "baseline": 29}
    assert found.sums["tokens"]["candidate"].n == 30


def test_names_of_users_are_not_kept(life: Life) -> None:
    life.call(1, NEW, "ann@example.org")
    life.step(1)
    with life.store.work("shorter") as work:
        (unit,) = work.due(NOW * 2, limit=9)
    assert "ann" not in str(unit)


@pytest.mark.parametrize(("metric", "known"), [("errors", 0.0), ("tokens", 7.0), ("score:helpful", 0.25)])
def test_what_was_known_before_the_start(tmp_path: Path, metric: str, known: float) -> None:
    """Of a user who came before: their own mean; of others what is usual."""
    life = Life(tmp_path)
    life.call(1, OLD, "ann", start_us=NOW - 5_000_000)
    life.call(2, OLD, "ann", start_us=NOW - 4_000_000)
    life.score(1, 0.5)
    life.score(2, 0.0)
    plan = msgspec.structs.replace(
        PLAN, primary=ExperimentMetric(metric=metric, better="lower"), guards=(), before_us=60_000_000
    )
    experiment = msgspec.structs.replace(EXPERIMENT, plan=plan)
    life.reader.begin(experiment, life.telemetry.head(), NOW)
    for number, user in ((3, "ann"), (4, "new")):
        life.call(number, NEW, user)
        life.score(number, 1.0)
    life.reader.step(experiment, NOW + 1000)
    with life.store.work("shorter") as work:
        units = work.due(NOW * 2, limit=9)
    assert [one.before for one in units] == [known, None]
    found = life.reader.step(experiment, NOW + 3_600_000_000)
    assert found.typical == known
    assert found.sums[metric]["candidate"].x == pytest.approx(2 * known)
    assert found.entered == {"candidate": 2}
    life.store.close()
    life.telemetry.close()


def test_scores_are_read_from_where_it_stopped(life: Life) -> None:
    life.call(1, NEW, "ann")
    life.score(1, 1.0)
    place = life.step(1).places["here"]
    assert place.scores == life.telemetry.score_place() == 1
    life.score(1, 0.0, by="bob", at=-7_200_000_000)  # as of two hours before
    found = life.step(1)
    assert found.places["here"].scores == 2
    with life.store.work("shorter") as work:  # its store was restored, from when there was more
        there = msgspec.structs.replace(found.places["here"], scores=99)
        work.keep(msgspec.structs.replace(found, places={"here": there}))
    life.score(1, 1.0, by="eve")
    late = life.step()
    assert late.places["here"].scores == 3
    assert late.sums["score:helpful"]["candidate"].y == pytest.approx(2 / 3)


def test_a_score_may_come_before_its_call(life: Life) -> None:
    """A program tells of its trace, and scores it, before the gateway's part of it is there."""
    life.call(1, NEW, "ann", trace_id=trace_id(1), application="other")
    life.score(1, 0.0)
    life.step(1)
    life.call(2, NEW, "ann", trace_id=trace_id(1))
    life.score(1, 1.0, by="bob")
    assert life.step().sums["score:helpful"]["candidate"].mean == 0.5


def test_who_is_not_looked_at_by_all_checks_is_waited_for_but_not_for_ever(life: Life) -> None:
    guard = GuardMetric(metric="check/short", better="higher", margin=0.1)
    experiment = msgspec.structs.replace(EXPERIMENT, plan=msgspec.structs.replace(PLAN, guards=(guard,)))
    life.call(1, NEW, "ann")
    over = NOW + WINDOW_US + LATE_US + 1_000_000
    assert life.reader.step(experiment, over).counted == {}
    assert life.reader.step(experiment, over + 60_000_000).counted == {}
    waiting = calls_to_check(life.telemetry, life.store, experiment, "here", limit=100)
    assert waiting is not None
    (call,) = waiting.calls
    said = [LookedAt(unit=call.unit, said={"check/short": ("scored", 0.25)})]
    assert keep_looked_at(life.store, experiment, "here", waiting, said, {})
    assert not keep_looked_at(life.store, experiment, "here", waiting, said, {})  # each call once
    assert calls_to_check(life.telemetry, life.store, experiment, "here", limit=100) is None
    assert life.reader.step(experiment, over + 61_000_000).sums["check/short"]["candidate"].y == 0.25
    life.call(2, NEW, "eve")
    assert life.reader.step(experiment, over + 62_000_000).counted == {"candidate": 1}
    assert life.reader.step(experiment, over + LONGEST_US).counted == {"candidate": 2}
    late = calls_to_check(life.telemetry, life.store, experiment, "here", limit=100)
    assert late is not None
    assert [one.state for one in late.calls] == ["late"]
