"""Golden sets on the server: what is read when, and that nothing is when nobody watches."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app import watching
from genaiops.app.suite_kind import SUITE
from genaiops.app.watching import WATCHED, SuiteWatches
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, Answer, Run, Verdict
from genaiops.engines.records_sql import open_records
from genaiops.engines.runs_sql import open_runs
from genaiops.hub import Hub, bootstrap
from genaiops.ports.runs import RunFilter, Runs

NOW = 1_700_000_000_000_000
HOUR_US = 3_600_000_000
CASES = [f"case {number}" for number in range(12)]


class Read:
    """A store of runs that counts how often it is asked."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        return getattr(self._runs, name)


class Life:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_us = NOW
        monkeypatch.setattr(watching, "now_us", lambda: self.now_us)
        records = open_records(f"sqlite:///{folder}/records.db")
        records.migrate()
        bootstrap(records, now_us=NOW)
        self.hub = Hub(records, clock=lambda: self.now_us, kinds={"suite": SUITE})
        self.runs = open_runs(f"sqlite:///{folder}/runs.db")
        self.store: Any = Read(self.runs)
        self.begun: list[str] = []
        self.refuses = False
        self.open()

    def open(self) -> None:
        self.watches = SuiteWatches(self.hub, self.store, self._begin)

    def close(self) -> None:
        self.runs.close()
        self.hub.records.close()

    def watch(self, every: str = "1h") -> None:
        document = {
            "case": [{"id": each, "input": each} for each in CASES],
            "target": [{"name": "served", "model": "m"}],
            "check": [{"metric": "refusal"}],
            "watch": {"every": every},
        }
        version = self.hub.artifacts.register("suite", "golden", document, by="admin")
        self.hub.artifacts.move("suite/golden", "prod", version.id, by="admin")

    def _begin(self, actor: Actor, suite: str, environment: str, facts: Mapping[str, str]) -> Run:
        if self.refuses:
            raise UsageError("There is no model m.", remedy="Add it.")
        self.begun.append(f"{actor.id} {suite} {environment}")
        version = self.hub.artifacts.resolve(f"suite/{suite}")
        made = Run(
            id=f"run_{len(self.begun)}",
            kind="evaluation",
            subject=version.id,
            inputs={"suite": version.id},
            environment=dict(facts),
            created_us=self.now_us,
        )
        self.runs.create(made, ())
        return made

    def answer(self, run_id: str, said: str) -> None:
        answers = [
            Answer(target="served", case=each, state="answered", output=f"{said} to {each}", at_us=1) for each in CASES
        ]
        self.runs.add(run_id, answers)
        self.runs.update(msgspec.structs.replace(self.runs.get(run_id), state="done"))

    def reads(self) -> int:
        before = self.store.asked
        self.watches.step()
        return self.store.asked - before

    def look(self, said: str) -> str:
        self.now_us += HOUR_US
        self.watches.step()
        self.answer(f"run_{len(self.begun)}", said)
        self.watches.step()
        return self.runs.get(f"run_{len(self.begun)}").environment[WATCHED]


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    made = Life(tmp_path, monkeypatch)
    yield made
    made.close()


def test_nothing_is_read_where_nothing_is_due(life: Life) -> None:
    life.watches.step()  # what a process that ended left behind
    assert [life.reads() for _ in range(3)] == [0, 0, 0]
    life.watch()
    life.watches.step()
    assert life.begun == ["admin golden@prod dev"]
    life.answer("run_1", "yes")
    life.watches.step()
    life.now_us += HOUR_US - 1
    life.watches.step()  # whether older ones are left, once in ten minutes
    assert life.reads() == 0
    assert life.look("yes") == "learned"
    assert len(life.begun) == 2


def test_the_first_runs_stay_what_later_ones_are_held_against(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_PAGE", 3)  # more runs than a page has
    life.watch()
    assert [life.look("yes") for _ in range(8)] == ["learned", "learned", *["p=1"] * 6]
    assert float(life.look("no").removeprefix("p=")) < 0.0001
    assert [one.kind for one in life.hub.alerts.in_state()] == ["answers_changed"]


def test_what_ended_while_nobody_looked_is_judged_later(life: Life) -> None:
    life.watch()
    life.watches.step()
    life.answer("run_1", "yes")
    life.open()  # another process
    life.watches.step()
    assert life.runs.list(RunFilter(has=("watch", WATCHED))).rows[0].environment[WATCHED] == "learned"
    assert life.runs.list(RunFilter(lacks=(WATCHED,))).rows == []


def test_a_refusal_is_said_and_not_tried_at_each_step(life: Life) -> None:
    life.watch()
    life.refuses = True
    life.watches.step()
    assert [one.kind for one in life.hub.alerts.in_state()] == ["watch_failed"]
    life.refuses = False
    life.watches.step()
    assert life.begun == []
    life.now_us += 61_000_000
    life.watches.step()
    assert len(life.begun) == 1


def test_a_run_is_judged_when_its_verdict_stands(life: Life) -> None:
    """Its process writes it once more with the verdict, and would take away what was noted before."""
    life.watch()
    life.watches.step()
    life.answer("run_1", "yes")
    done = msgspec.structs.replace(life.runs.get("run_1"), ended_us=life.now_us)
    life.runs.update(done)
    life.watches.step()
    assert WATCHED not in life.runs.get("run_1").environment
    life.runs.update(msgspec.structs.replace(done, verdict=Verdict(outcome="pass")))
    life.watches.step()
    assert life.runs.get("run_1").environment[WATCHED] == "learned"


def test_a_run_that_never_gets_a_verdict_is_judged_later(life: Life) -> None:
    life.watch()
    life.watches.step()
    life.answer("run_1", "yes")
    life.runs.update(msgspec.structs.replace(life.runs.get("run_1"), ended_us=life.now_us))
    life.watches.step()
    assert WATCHED not in life.runs.get("run_1").environment
    life.now_us += 61_000_000
    life.watches.step()
    assert life.runs.get("run_1").environment[WATCHED] == "learned"
