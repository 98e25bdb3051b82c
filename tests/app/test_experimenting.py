"""Experiments that go on by themselves: calls are read, looked at, and what the plan says is done."""

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.app.experiment_gate import ExperimentGate
from genaiops.app.experimenting import Experimenting
from genaiops.app.suite_kind import SUITE
from genaiops.core.errors import Conflict, ConsentNeeded
from genaiops.domain import Actor, Experiment, ReleaseManifest, Target
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan, GuardMetric
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.experiments_sql import open_experiments
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import Consenting, Hub, NewApplication, NewExperiment, bootstrap
from genaiops.ports.telemetry import Batch
from genaiops.watch import erase_from_experiments
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import NOW, admitted, settled

PLAN = ExperimentPlan(
    primary=ExperimentMetric(metric="errors", better="lower"),
    guards=(GuardMetric(metric="tokens", better="lower", margin=5.0),),
    share=50,
    least=100,
    most=1000,
    window_us=1_000_000,
)
HOUR_US = 3_600_000_000


class Life:
    """A hub with two releases, and calls of as many users as one likes."""

    def __init__(self, folder: Path) -> None:
        self._open(folder)
        self.records.migrate()
        bootstrap(self.records, now_us=NOW)
        target = Target(id="echo", provider="echo", model="parrot", upstream_model="parrot", created_us=0)
        self.hub.targets.create(target, by="admin")
        self.hub.applications.create(NewApplication(name="support"), by="admin")
        self.hub.applications.acknowledge("support", "It uses generative AI.", by="admin")
        self.releases: list[str] = []
        for seed in (1, 2):
            self.now_us += 1
            manifest = ReleaseManifest(model="parrot", parameters={"seed": seed})
            self.releases.append(self.hub.releases.create("support", manifest, by="admin").id)

    @classmethod
    def again(cls, folder: Path) -> "Life":
        """As another process finds what is there."""
        made = cls.__new__(cls)
        made._open(folder)
        return made

    def _open(self, folder: Path) -> None:
        self.now_us = NOW
        self.records = open_records(f"sqlite:///{folder}/records.db")
        clock: Callable[[], int] = lambda: self.now_us  # noqa: E731
        consenting = Consenting(clock, gates=(ExperimentGate(self.records),))
        self.hub = Hub(self.records, clock=clock, consenting=consenting, kinds={"suite": SUITE})
        self.telemetry = open_telemetry(folder / "telemetry", writer=True)
        self.blobs = open_blobs(folder / "blobs")
        self.store = open_experiments(f"sqlite:///{folder}/runs.db")
        self.experiments = Experimenting(self.hub, self.store, self.telemetry, machine="here", clock=clock)
        self._number = 0
        self._chance = random.Random(4)

    def close(self) -> None:
        self.store.close()
        self.telemetry.close()
        self.records.close()

    def begin(self, environment: str = "dev", **more: object) -> Experiment:
        new = NewExperiment(
            name="shorter",
            application="support",
            environment=environment,
            candidate=self.releases[1],
            plan=msgspec.structs.replace(PLAN, **more),
        )
        self.hub.experiments.create(new, by="admin")
        return self.experiments.start(self.hub, "shorter", by="admin")

    def calls(self, users: int, errors: tuple[float, float], environment: str = "dev") -> None:
        """One each, half of the users in each arm, with these shares of errors: candidate and baseline."""
        spans, contents = [], []
        for place in range(users):
            self._number += 1
            arm = place % 2
            call = admitted(
                self._number,
                user_id=f"user {self._number}",
                application="support",
                environment_id=environment,
                release=self.releases[1 - arm].partition("@")[2],
                deployment=f"support@{environment}",
                start_us=self.now_us,
            )
            end = ended(settled(self._number))
            if self._chance.random() < errors[arm]:
                end = msgspec.structs.replace(end, status="error", error_type="upstream_500")
            made, content = spans_of(call, end, b"{}", b"{}", self.blobs)
            spans += made
            contents += [content] if content is not None else []
        self.telemetry.write(Batch(spans=spans, contents=contents))

    def step(self) -> Experiment:
        self.now_us += HOUR_US
        self.experiments.step()
        return self.hub.experiments.get("shorter")

    def shares(self, deployment: str = "support@dev") -> dict[str, int]:
        return {each.release_id: each.weight for each in self.hub.deployments.get(deployment).shares}

    def alerts(self) -> dict[str, str]:
        return {each.kind: each.message for each in self.hub.alerts.in_state()}


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path)
    made.hub.deployments.deploy("support", "dev", made.releases[0], by="admin")
    yield made
    made.close()


def test_the_better_one_is_promoted_when_the_plan_says_so(life: Life) -> None:
    life.begin(promote=True)
    assert life.shares() == {life.releases[0]: 50, life.releases[1]: 50}
    life.calls(100, (0.0, 0.4))
    assert life.step().state == "running"  # fifty of each arm are too few
    life.calls(300, (0.0, 0.4))
    done = life.step()
    assert (done.state, done.outcome, done.decision) == ("decided", "better", "promoted")
    assert life.shares() == {life.releases[1]: 100}
    assert "The candidate is better." in life.alerts()["experiment_better"]
    looks = life.experiments.looks("shorter")
    assert [sum(each.counted) for each in looks] == [100, 400]
    assert life.experiments.now(done) == looks[-1]
    history = life.hub.deployments.history("support", "dev")
    assert [each.by for each in history] == ["admin", "admin", "admin"]


def test_harm_is_rolled_back_when_the_plan_says_so(life: Life) -> None:
    guard = GuardMetric(metric="errors", better="lower", margin=0.05)
    primary = ExperimentMetric(metric="tokens", better="lower")
    life.begin(primary=primary, guards=(guard,), roll_back=True)
    life.calls(400, (0.5, 0.01))
    done = life.step()
    assert (done.outcome, done.decision) == ("harm", "rolled_back")
    assert life.shares() == {life.releases[0]: 100}
    assert "errors" in life.alerts()["experiment_harm"]


def test_shares_that_are_off_are_said_first(life: Life) -> None:
    life.begin(share=10)
    life.calls(400, (0.0, 0.9))  # half of them came to the candidate
    done = life.step()
    assert (done.state, done.outcome) == ("ended", "imbalance")
    assert "200 of 400 users" in done.reason
    assert life.shares()[life.releases[1]] == 10  # until somebody decides


def test_a_changed_deployment_ends_it(life: Life) -> None:
    life.begin()
    life.hub.deployments.roll_back("support", "dev", by="admin")
    assert life.step().outcome == "moved"


def test_it_goes_on_after_a_restart(life: Life) -> None:
    begun = life.begin()
    life.calls(150, (0.0, 0.4))
    life.step()
    life.experiments = Experimenting(life.hub, life.store, life.telemetry, machine="here", clock=lambda: life.now_us)
    life.calls(300, (0.0, 0.4))
    assert life.step().outcome == "better"
    assert life.experiments.tally(begun.id).counted == {"candidate": 225, "baseline": 225}


def test_a_machine_that_hears_of_it_later_misses_no_call(life: Life, tmp_path: Path) -> None:
    other, own = open_telemetry(tmp_path / "other", writer=True), life.telemetry
    there = Experimenting(life.hub, life.store, other, machine="there", clock=lambda: life.now_us)
    there.step()
    begun = life.begin()
    life.telemetry = other
    life.calls(10, (0.0, 0.0))  # before its next step
    life.telemetry = own
    there = Experimenting(life.hub, life.store, other, machine="there", clock=lambda: life.now_us)  # it was killed
    there.step()
    assert life.experiments.tally(begun.id).entered == {"candidate": 5, "baseline": 5}
    other.close()


def test_digests_of_users_go_with_its_end_and_before_with_an_erasure(life: Life) -> None:
    begun = life.begin()
    life.calls(50, (0.0, 0.4))
    life.experiments.step()
    names = [hashlib.blake2b(f"shorter\0user {n}".encode(), digest_size=16).hexdigest() for n in range(1, 51)]

    def known() -> int:
        with life.store.work(begun.id) as work:
            return len(work.units(names))

    assert known() == 50
    assert erase_from_experiments(life.store, [begun.id], "user 7") == 1
    assert erase_from_experiments(life.store, [begun.id], "user 7") == 0
    assert known() == 49
    life.step()
    tally = life.experiments.tally(begun.id)
    assert (sum(tally.entered.values()), sum(tally.counted.values())) == (50, 49)
    life.hub.experiments.end(begun.id, "stopped", "Enough.", by="admin")
    life.experiments.step()
    assert known() == 0
    assert life.experiments.tally(begun.id) == tally


def test_in_prod_the_gate_says_no_and_people_consent(life: Life) -> None:
    life.begin()
    bob: Actor = life.hub.actors.create("bob", "person", roles=("security",), by="admin")
    with pytest.raises(ConsentNeeded) as asked:
        life.hub.deployments.deploy("support", "prod", life.releases[0], by="admin")
    life.hub.approvals.approve(asked.value.approval_id, by=bob.id)
    plan = msgspec.structs.replace(PLAN, promote=True)
    new = NewExperiment(name="live", application="support", environment="prod", candidate=life.releases[1], plan=plan)
    life.hub.experiments.create(new, by="admin")
    with pytest.raises(ConsentNeeded) as asked:
        life.experiments.start(life.hub, "live", by="admin")
    life.hub.approvals.approve(asked.value.approval_id, by=bob.id)
    life.experiments.start(life.hub, "live", by="admin")
    with pytest.raises(Conflict, match="has not ended"):
        life.hub.deployments.deploy("support", "prod", life.releases[1], by="admin")
    life.calls(400, (0.0, 0.4), "prod")
    life.step()
    live = life.hub.experiments.get("live")
    assert (live.state, live.outcome) == ("ended", "better")
    assert live.approval_id is not None
    assert live.approval_id in life.alerts()["experiment_waits"]
    approval = life.hub.approvals.get(live.approval_id)
    assert approval.verdicts["experiments"]["outcome"] == "pass"
    life.hub.approvals.approve(live.approval_id, by=bob.id)
    life.step()
    assert life.hub.experiments.get("live").decision == "promoted"
    assert life.shares("support@prod") == {life.releases[1]: 100}
