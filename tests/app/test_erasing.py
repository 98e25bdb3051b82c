"""A person is erased from an installation: traces, blobs, records, audit log, caches; also when it is killed."""

import base64
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.settings import Embedded, Settings
from genaiops.app.sweeping import needed, sweep
from genaiops.core.clock import now_us
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import (
    Answer,
    CachePolicy,
    Case,
    Content,
    Experiment,
    Held,
    HeldBody,
    Person,
    Route,
    RouteTarget,
    Run,
    Target,
    Version,
)
from genaiops.domain.experiments import ExperimentMetric, ExperimentPlan, ExperimentUnit
from genaiops.govern import verify
from genaiops.hub import Origin
from genaiops.hub import opened as opened_task
from genaiops.ports.telemetry import Batch, RollupQuery, TraceFilter
from tests.app.running import until
from tests.engines.telemetry.calls import DAY, call, content, root, trace_id

LONG_AGO = 1_000_000_000


def settings_of(home: Home) -> Settings:
    return Settings(home=str(home.path), embedded=Embedded(enabled=False))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """With six calls of ann and bob."""
    home = Home(tmp_path / "home")
    prepare(settings_of(home), {})
    with opened(home) as made:
        for number in range(6):
            who = "ann" if number % 2 else "bob"
            made.telemetry.write(call(number, now_us() - number * DAY, f"{who} said word{number}", user_id=who))
    return home


@contextlib.contextmanager
def opened(home: Home) -> Generator[Services]:
    made = Services(settings_of(home))
    yield made
    made.erasing.stop()
    made.stores.close()


@pytest.fixture
def services(home: Home) -> Iterator[Services]:
    with opened(home) as made:
        yield made


def attach(services: Services) -> dict[str, str]:
    """Blobs of ann's alone and of both, the view, the dataset and the event that name her."""
    digests = {name: services.blobs.put(name.encode() * 9000) for name in ("hers", "both")}
    for path in services.home.path.glob("blobs/*/*/*.zst"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    for number, who, digest in ((20, "ann", "hers"), (21, "ann", "both"), (22, "bob", "both")):
        span = msgspec.structs.replace(root(number, now_us(), user_id=who), content="blob")
        said: Content = content(span, input_blob=digests[digest])
        services.telemetry.write(Batch(spans=[span], contents=[said]))
    services.hub.views.create("/traces", "user=ann&status=error", "hers", by="admin")
    services.hub.datasets(services.blobs).add(
        "answers",
        [{"n": 1}, {"n": 2}],
        Origin(
            kind="traces",
            detail={"traces": {"user_id": "ann"}},
            sources=[f"trace/{trace_id(number).hex()}" for number in (1, 2)],
        ),
        by="admin",
    )
    services.auditor.note("export", "traces", "all", {"user": "ann", "rows": 3}, by="admin")
    target = Target(id="t", provider="echo", model="t", upstream_model="t", created_us=0)
    services.hub.targets.create(target, by="admin")
    route = Route(id="r", targets=(RouteTarget("t"),), cache=CachePolicy(mode="exact"), created_us=0)
    services.hub.routes.create(route, by="admin")
    return digests


def take_part(services: Services) -> tuple[str, ...]:
    """ann and bob are in an experiment that runs; by which names it knows them."""
    plan = ExperimentPlan(primary=ExperimentMetric(metric="errors", better="lower"))
    running = Experiment(
        id="shorter",
        application_id="support",
        environment_id="dev",
        candidate="c",
        plan=plan,
        state="running",
        created_us=1,
        started_us=1,
    )
    with services.hub.records.write("admin") as unit:
        unit.add(running)
    names = tuple(hashlib.blake2b(f"shorter\0{who}".encode(), digest_size=16).hexdigest() for who in ("ann", "bob"))
    with services.stores.experiments.work("shorter") as work:
        work.put([ExperimentUnit(unit=name, arm="candidate", first_us=5) for name in names])
    return names


BEGUN_US = now_us()


def everything(services: Services) -> RollupQuery:
    """The same minutes each time."""
    return RollupQuery(since_us=BEGUN_US - 90 * DAY, until_us=BEGUN_US + DAY, step="all")


def verified(services: Services) -> int:
    """How many events were erased; nothing else is wrong."""
    with services.stores.records.read() as view:
        report = verify(view.audit)
    assert report.findings == ()
    return report.erased


def test_everything_that_names_a_person_goes_and_what_stays_is_told(services: Services) -> None:
    digests, users = attach(services), take_part(services)
    before = services.telemetry.rollup(everything(services))
    assert verified(services) == 0
    foreseen = services.erasing.foresee(Person("ann"))
    assert (foreseen.belongings.traces, foreseen.belongings.contents) == (5, 5)
    begun = services.erasing.begin(Person("ann"), "request 7", by="admin")
    assert services.erasing.work()
    done = services.erasing.get(begun.id)
    assert (done.traces, done.contents, done.blobs, done.views, done.caches) == (5, 5, 1, 1, 1)
    with services.stores.experiments.work("shorter") as work:
        assert (set(work.units(users)), done.experiments) == ({users[1]}, 1)
    assert done.finished_us is not None
    assert done.error is None
    assert [(held.version.partition("@")[0], held.rows) for held in done.datasets] == [("dataset/answers", 1)]
    assert done.datasets == foreseen.datasets
    assert not services.blobs.exists(digests["hers"])
    assert services.blobs.exists(digests["both"])
    assert services.telemetry.rollup(everything(services)) == before
    assert services.telemetry.list(TraceFilter(text="ann")).rows == []
    assert len(services.telemetry.list(TraceFilter(text="bob")).rows) == 3
    assert services.hub.views.seen_by("admin") == []
    assert services.hub.routes.get("r").cache_cleared_us
    assert verified(services) == done.events == 3, "the export, the view, the dataset's source"
    with services.stores.records.read() as view:
        (version,) = view.find(Version, {"artifact_id": "dataset/answers"})
        assert version.manifest["source"]["traces"] == {"user_id": "[erased]"}
        noted = [row for row in view.audit.rows(0, view.audit.size()) if row.event.collection == "erasures"]
    assert [(row.event.action, row.event.entity_id, row.event.actor_id) for row in noted] == [
        ("begin", begun.id, "admin"),
        ("finish", begun.id, "admin"),
    ]
    assert not any(row.payload and '"ann"' in (row.payload.body or "") for row in noted)
    with pytest.raises(NotFound, match="No trace names"):
        services.erasing.begin(Person("ann"), "again", by="admin")


def held(services: Services, number: int) -> Held:
    """An answer to the call of that number, which waits."""
    record = Held(
        id=f"held_{number:016x}",
        trace_id=trace_id(number),
        at_us=now_us(),
        key_id="key_1",
        actor_id="admin",
        tenant_id="default",
        environment_id="dev",
        application=None,
        operation="chat",
        model="m",
        direction="out",
        policy="default@sha256:1",
        rule="tickets",
        message="",
        found={"ticket": 1},
    )
    box = services.seals.seal(msgspec.msgpack.encode(HeldBody(b"it is hers", "text/plain", ())), record.id)
    services.hub.tasks.hold(record, services.blobs.put(box))
    return record


def picture(seed: int) -> str:
    return "data:image/png;base64," + base64.b64encode(random.Random(seed).randbytes(3000)).decode()


def test_pictures_of_runs_go_with_the_person_and_stay_where_others_show_them(services: Services) -> None:
    runs, blobs = services.stores.runs, services.blobs
    drawn = Case(id="hers", input="what is it?", metadata={"trace_id": trace_id(1).hex()})
    runs.create(
        Run(id="run_1", kind="evaluation", subject="suite/x", created_us=1), [drawn, Case(id="mine", input="a cat")]
    )
    answer = Answer(target="new", case="hers", state="answered", media=(picture(1), picture(2)))
    mine = msgspec.structs.replace(answer, case="mine", media=(picture(2),))
    runs.add("run_1", [answer, mine], remember={"key": answer})
    alone, shared = (digest_bytes(random.Random(seed).randbytes(3000)) for seed in (1, 2))
    assert runs.pictures() == {alone, shared}
    for path in services.home.path.glob("blobs/*/*/*.zst"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    begun = services.erasing.begin(Person("ann"), "request 7", by="admin")
    assert services.erasing.work()
    done = services.erasing.get(begun.id)
    assert (done.cases, done.blobs, done.error) == (1, 1, None)
    assert not blobs.exists(alone)
    assert {each.case: each.media for each in runs.answered("run_1")} == {"hers": (), "mine": (picture(2),)}
    assert needed(services.hub, runs, blobs) >= {shared}
    assert sweep(services.telemetry, blobs, services.folding, lambda: needed(services.hub, runs, blobs)).blobs == 0
    runs.delete("run_1")
    assert sweep(services.telemetry, blobs, services.folding, lambda: needed(services.hub, runs, blobs)).blobs == 1
    assert not blobs.exists(shared)


def test_what_waits_for_a_person_goes_with_whom_it_is_about(services: Services) -> None:
    hers, released, his = (held(services, number) for number in (1, 3, 2))
    actor = services.hub.actors.create("rita", "person", roles=("reviewer",), by="admin")
    services.hub.tasks.release(released.id, by=actor.id)
    begun = services.erasing.begin(Person("ann"), "request 9", by="admin")
    assert services.erasing.work()
    assert services.erasing.get(begun.id).held == 2
    one = services.hub.tasks.one
    assert [one(each.id).state for each in (hers, released, his)] == ["refused", "released", "pending"]
    for gone in (hers, released):
        assert "erased" in one(gone.id).reason
        assert not services.blobs.exists(one(gone.id).content)
    assert opened_task(one(his.id), services.blobs, services.seals).body == b"it is hers"
    assert verified(services) == 0


def test_a_blob_that_may_be_in_use_waits(services: Services) -> None:
    span = msgspec.structs.replace(root(30, now_us(), user_id="ann"), content="blob")
    digest = services.blobs.put(b"young" * 20_000)
    services.telemetry.write(Batch(spans=[span], contents=[content(span, input_blob=digest)]))
    begun = services.erasing.begin(Person("ann"), "request 8", by="admin")
    assert not services.erasing.work()
    waiting = services.erasing.get(begun.id)
    assert waiting.finished_us is None
    assert "within a minute" in str(waiting.error)
    for path in services.home.path.glob("blobs/*/*/*.zst"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert services.erasing.work()
    assert not services.blobs.exists(digest)
    assert services.erasing.get(begun.id).error is None


@pytest.mark.parametrize(
    ("person", "reason", "what"),
    [
        (Person("ann"), "Ann asked", "names the person"),
        (Person("ann"), " ", "needs a reason"),
        (Person(""), "request", "names nobody"),
    ],
)
def test_what_cannot_be_begun(services: Services, person: Person, reason: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        services.erasing.begin(person, reason, by="admin")
    assert services.erasing.list() == []


def test_killed_in_the_middle_it_goes_on_at_the_next_start(home: Home) -> None:
    with opened(home) as services:
        before = services.telemetry.rollup(everything(services))
    command = [sys.executable, "-m", "tests.app.dying", str(home.path), "ann"]
    died = subprocess.run(command, check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with opened(home) as services:
        (left,) = services.stores.persons.unfinished()
        assert left.person == Person("ann")
        assert len(services.telemetry.list(TraceFilter(user_id="ann")).rows) == 1
        services.erasing.start()
        until(lambda: services.erasing.get(left.erasure.id).finished_us, "the erasure to end")
        assert services.telemetry.list(TraceFilter(text="ann")).rows == []
        assert services.telemetry.list(TraceFilter(user_id="ann")).rows == []
        assert services.telemetry.rollup(everything(services)) == before
        verified(services)
