"""Publishing with real stores: versions, keys, budgets' beginnings, acknowledgement."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app import budgets
from genaiops.app.home import Home
from genaiops.app.metering import open_metering
from genaiops.app.opening import OpenStores
from genaiops.app.publish import Publisher
from genaiops.app.settings import Embedded, Settings
from genaiops.core.clock import now_us, window
from genaiops.domain import (
    Budget,
    Charge,
    Cost,
    Energy,
    EnergyBasis,
    KeyEntry,
    Range,
    Scope,
    Span,
    Target,
    Usage,
)
from genaiops.engines import snapshot_files
from genaiops.engines.counters_mmap import open_counters
from genaiops.hub import Hub, NewBudget, NewKey, bootstrap
from genaiops.ports.counters import Reading
from genaiops.ports.telemetry import Batch


class Place:
    """An installation without processes."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.settings = Settings(home=str(folder))
        self.home = Home(folder)
        self.home.prepare()
        self.stores = OpenStores(self.settings, self.home, writer=True)
        self.stores.migrate()
        self.hub = Hub(self.stores.records)
        bootstrap(self.stores.records, now_us=now_us())
        self.reader = snapshot_files.open_reader(self.home.snapshots)
        self.publisher = self.make_publisher(**options)

    def make_publisher(self, **options: Any) -> Publisher:
        return Publisher(
            records=self.stores.records,
            telemetry=self.stores.telemetry,
            counters=self.stores.counters,
            writer=snapshot_files.open_writer(self.home.snapshots),
            reader=self.reader,
            **options,
        )

    def keys(self) -> dict[str, KeyEntry]:
        """What a worker would know of the keys, by name."""
        snapshot = self.reader.latest()
        assert snapshot is not None
        found: dict[bytes, KeyEntry] = {}
        for digest, encoded, removed in self.reader.raw_keys(snapshot.keys_file, 0, snapshot.keys_offset):
            if removed:
                found.pop(digest, None)
            else:
                found[digest] = msgspec.msgpack.decode(encoded, type=KeyEntry)
        return {entry.key_name: entry for entry in found.values()}

    def spend(self, nano: int, tokens: int) -> None:
        span = Span(
            trace_id=now_us().to_bytes(16, "big"),
            span_id=b"12345678",
            name="chat",
            kind="gateway",
            start_us=now_us() - 1000,
            team_id="search",
            environment_id="dev",
            usage=Usage(input_uncached=tokens),
            cost=Cost(nano),
            owns_usage=True,
        )
        energy = Energy(EnergyBasis(method="modelled"), Range(1e-6, 2e-6, 3e-6))
        attempt = msgspec.structs.replace(
            span, span_id=b"attempt_", parent_id=span.span_id, kind="llm", owns_usage=False, energy=energy
        )
        self.stores.telemetry.write(Batch(spans=[span, attempt]))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.stores.close()


def tokens_budget(limit: str = "1000 tokens") -> NewBudget:
    return NewBudget(scope=Scope("team", "search"), limit=limit, period="month")


def counted(place: Place, budget: Budget) -> Reading:
    start, _ = window(budget.period, budget.timezone, now_us())
    return place.stores.counters.read(budget.id, start)


def test_the_first_publishing_holds_everything(place: Place) -> None:
    version = place.publisher.publish()
    snapshot = place.reader.latest()
    assert snapshot is not None
    assert snapshot.version == version == place.stores.counters.version()
    assert list(place.keys()) == ["admin"]


def test_nothing_new_is_nothing_published(place: Place) -> None:
    place.publisher.publish()
    before = (place.home.snapshots / "snapshot.msgpack").stat().st_ino
    assert place.publisher.publish() == place.publisher.version
    assert (place.home.snapshots / "snapshot.msgpack").stat().st_ino == before


def test_a_key_is_added_changed_and_taken_out(place: Place) -> None:
    place.publisher.publish()
    key, _ = place.hub.keys.create(NewKey(name="app", actor_id="admin", addresses=("10.0.0.0/8",)), by="admin")
    place.publisher.publish()
    assert place.keys()["app"].addresses == ("10.0.0.0/8",)
    place.hub.keys.revoke(key.id, by="admin")
    place.publisher.publish()
    assert list(place.keys()) == ["admin"]


def test_another_publisher_goes_on_where_the_last_one_was(place: Place) -> None:
    place.publisher.publish()
    place.hub.keys.create(NewKey(name="app", actor_id="admin"), by="admin")
    again = place.make_publisher()
    assert again.version < again.publish()
    assert set(place.keys()) == {"admin", "app"}


def test_a_new_key_log_holds_the_same_keys(place: Place) -> None:
    place.publisher.publish()
    first = place.reader.latest()
    place.hub.keys.create(NewKey(name="app", actor_id="admin"), by="admin")
    place.publisher.publish(anew=True)
    second = place.reader.latest()
    assert first is not None
    assert second is not None
    assert first.keys_file != second.keys_file
    assert set(place.keys()) == {"admin", "app"}


def test_no_environment_keeps_more_than_the_settings_allow(place: Place) -> None:
    place.make_publisher(ceiling="preview").publish(anew=True)
    snapshot = place.reader.latest()
    assert snapshot is not None
    assert {environment.id: environment.capture for environment in snapshot.environments} == {
        "dev": "preview",
        "preprod": "preview",
        "prod": "preview",
    }


def test_a_budget_made_in_its_period_begins_with_what_was_used(place: Place) -> None:
    place.hub.teams.create("search", by="admin")
    place.spend(nano=5_000_000_000, tokens=300)
    place.publisher.publish()
    tokens = place.hub.budgets.create(tokens_budget(), by="admin")
    money = place.hub.budgets.create(tokens_budget("25 USD"), by="admin")
    place.publisher.publish()
    assert counted(place, tokens) == Reading(300, 0)
    assert counted(place, money) == Reading(5_000_000_000, 0)
    start, _ = window("month", "UTC", now_us())
    assert place.stores.telemetry.ledger()[tokens.id, start] == 300


def test_what_is_known_of_the_energy_of_targets_is_published(place: Place) -> None:
    metering = open_metering(Settings(home=str(place.home.path), embedded=Embedded(model_threads=2)))
    assert metering is not None
    publisher = place.make_publisher(rates=metering.rates)
    far = Target(id="far", provider="openai", model="far", upstream_model="gpt-4o-mini", base_url=NOWHERE, created_us=0)
    near = Target(id="smollm2", provider="llamacpp", model="s", upstream_model="s", base_url=NOWHERE, created_us=0)
    strange = Target(id="strange", provider="openai", model="x", upstream_model="x", base_url=NOWHERE, created_us=0)
    place.hub.targets.create_all([far, near, strange], by="admin")
    publisher.publish()
    snapshot = place.reader.latest()
    assert snapshot is not None
    assert {rate.target_id for rate in snapshot.energy} == {"far", "smollm2"}
    assert snapshot.energy == metering.rates(snapshot.targets)


def test_a_budget_of_energy_begins_with_what_was_used(place: Place) -> None:
    place.hub.teams.create("search", by="admin")
    place.publisher.publish()
    place.spend(nano=0, tokens=300)
    made = place.hub.budgets.create(tokens_budget("5 kWh"), by="admin")
    place.publisher.publish()
    assert counted(place, made).settled == 2_000_000


NOWHERE = "http://127.0.0.1:1/v1"


def test_a_reset_budget_begins_with_nothing_and_only_once(place: Place) -> None:
    place.hub.teams.create("search", by="admin")
    place.spend(nano=0, tokens=300)
    place.publisher.publish()
    budget = place.hub.budgets.create(tokens_budget(), by="admin")
    place.publisher.publish()
    place.hub.budgets.reset(budget.id, by="admin")
    place.publisher.publish()
    assert counted(place, budget) == Reading(0, 0)
    place.stores.counters.recover(0, [Charge(budget.id, window("month", "UTC", now_us())[0], 40)])
    place.hub.budgets.set_limit(budget.id, "500 tokens", by="admin")
    place.publisher.publish()
    assert counted(place, budget) == Reading(40, 0)


def test_counters_are_rebuilt_from_the_ledger(place: Place) -> None:
    place.hub.teams.create("search", by="admin")
    budget = place.hub.budgets.create(tokens_budget(), by="admin")
    place.publisher.publish()
    start, _ = window("month", "UTC", now_us())
    place.stores.telemetry.write(Batch(ledger=[Charge(budget.id, start, 77)]))
    place.stores.counters.recover(0, [Charge(budget.id, start, 500)])
    with place.stores.records.read() as view:
        budgets.rebuild(view, counters=place.stores.counters, telemetry=place.stores.telemetry, columns=16)
    assert counted(place, budget) == Reading(77, 0)


async def test_it_waits_for_the_workers_and_for_no_longer(place: Place) -> None:
    version = place.publisher.publish()
    assert await place.publisher.publish_and_wait()  # nobody serves: nobody to wait for
    with contextlib.closing(open_counters(place.home.counters, column=0)) as worker:
        worker.acknowledge(version - 1)
        assert not await place.publisher.publish_and_wait(0.01)
        worker.acknowledge(version)
        assert await place.publisher.publish_and_wait(0.01)
