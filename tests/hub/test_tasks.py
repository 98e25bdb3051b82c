"""What waits for a person: kept once, decided once, never by who asked."""

import threading

import pytest

from genaiops.core.errors import Conflict, Forbidden, NotFound
from genaiops.domain import Actor, Held, Pass, Task
from genaiops.hub import Consenting, Hub, compile_snapshot
from genaiops.ports.records import Change, Records
from tests.hub.conftest import START_US, Clock

HOUR = 3600


def held(number: int = 1, *, by: str = "admin", direction: str = "out", tenant: str = "default") -> Held:
    return Held(
        f"held_{number:016x}",
        number.to_bytes(16, "big"),
        START_US,
        "key_1",
        by,
        tenant,
        "dev",
        None,
        "chat",
        "m",
        direction,  # type: ignore[arg-type]
        "default@sha256:1",
        "secrets",
        "",
        {"api_key": 2},
        "ab" * 32 if direction == "in" else "",
    )


@pytest.fixture
def bob(hub: Hub) -> Actor:
    return hub.actors.create("bob", "person", roles=("reviewer",), by="admin")


def passes(hub: Hub, clock: Clock) -> tuple[Pass, ...]:
    with hub.records.read() as view:
        return compile_snapshot(view, now_us=clock(), keys_file="", keys_offset=0).passes


def test_a_spool_that_is_read_twice_makes_one_task(hub: Hub) -> None:
    for _ in range(2):
        hub.tasks.hold(held(), "sha256:content")
    [task] = hub.tasks.in_state()
    assert (task.id, task.state, task.kind, task.found) == (held().id, "pending", "held_answer", {"api_key": 2})
    assert task.expires_us == START_US + 72 * HOUR * 1_000_000
    assert hub.tasks.waiting() == 1
    assert set(hub.tasks.contents()) == {"sha256:content"}


def test_who_asked_does_not_decide_and_nobody_decides_twice(hub: Hub, bob: Actor) -> None:
    hub.tasks.hold(held(), "sha256:content")
    with pytest.raises(Forbidden) as own:
        hub.tasks.release(held().id, by="admin")
    assert own.value.code == "own_task"
    robot = hub.actors.create("robot", "service_account", roles=("admin",), by="admin")
    with pytest.raises(Forbidden, match="service account"):
        hub.tasks.release(held().id, by=robot.id)
    vera = hub.actors.create("vera", "person", roles=("viewer",), by="admin")
    with pytest.raises(Forbidden, match="lacks the permission 'review'"):
        hub.tasks.release(held().id, by=vera.id)
    released = hub.tasks.release(held().id, reason="made up", by=bob.id)
    assert (released.state, released.decided_by, released.reason, released.solo) == (
        "released",
        bob.id,
        "made up",
        False,
    )
    assert released.pass_until_us is None
    with pytest.raises(Conflict, match="released already"):
        hub.tasks.refuse(held().id, by=bob.id)
    with pytest.raises(NotFound):
        hub.tasks.refuse("held_0", by=bob.id)
    assert [change.actor_id for change in _history(hub)] == [bob.id, "gateway"]


def _history(hub: Hub) -> list[Change]:
    with hub.records.read() as view:
        return list(view.history(Task, held().id))


def test_the_only_person_decides_alone_and_that_stands_there(hub: Hub, records: Records, clock: Clock) -> None:
    hub.tasks.hold(held(), "sha256:content")
    team = Hub(records, clock=clock, consenting=Consenting(clock, mode="team"))
    with pytest.raises(Forbidden):
        team.tasks.release(held().id, by="admin")
    assert hub.tasks.release(held().id, by="admin").solo


def test_time_runs_out(hub: Hub, bob: Actor, clock: Clock) -> None:
    hub.tasks.hold(held(), "sha256:content")
    clock.move(72 * HOUR)
    assert hub.tasks.one(held().id).state == "expired"
    with pytest.raises(Conflict) as late:
        hub.tasks.release(held().id, by=bob.id)
    assert late.value.code == "task_expired"
    assert (hub.tasks.expire(), hub.tasks.expire()) == (1, 0)
    assert hub.tasks.get(held().id).state == "expired"
    assert hub.tasks.contents() == {}


def test_a_released_request_passes_for_an_hour(hub: Hub, bob: Actor, clock: Clock) -> None:
    hub.tasks.hold(held(direction="in"), "sha256:content")
    assert passes(hub, clock) == ()
    hub.tasks.release(held().id, by=bob.id)
    assert passes(hub, clock) == (Pass("key_1", "ab" * 32, START_US + HOUR * 1_000_000),)
    clock.move(HOUR)
    assert passes(hub, clock) == ()


def test_a_business_unit_sees_and_decides_its_own(hub: Hub, bob: Actor) -> None:
    hub.tenants.create("retail", by="admin")
    hub.tasks.hold(held(1), "sha256:one")
    hub.tasks.hold(held(2, tenant="retail"), "sha256:two")
    assert [task.tenant_id for task in hub.confined("retail").tasks.in_state()] == ["retail"]
    with pytest.raises(Forbidden, match="another business unit"):
        hub.tasks.release(held(2).id, by=bob.id)


def test_of_two_reviewers_at_once_one_decides(hub: Hub, bob: Actor) -> None:
    eve = hub.actors.create("eve", "person", roles=("security",), by="admin")
    hub.tasks.hold(held(), "sha256:content")
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def decide(actor_id: str, word: str) -> None:
        barrier.wait()
        try:
            outcomes.append(getattr(hub.tasks, word)(held().id, by=actor_id).state)
        except Conflict as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=decide, args=each) for each in ((bob.id, "release"), (eve.id, "refuse"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[1] == "task_decided"
    assert hub.tasks.get(held().id).state in outcomes
