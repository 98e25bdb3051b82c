from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.app.own_classifiers import own_classifiers
from genaiops.core.errors import UsageError
from genaiops.domain import Target
from genaiops.engines.records_sql import open_records
from genaiops.guard import detector_of
from genaiops.hub import EmbeddedModel, Hub, OwnModel, bootstrap, compile_snapshot
from genaiops.ports.records import Records

FIRST = (
    EmbeddedModel.smollm2("http://127.0.0.1:5001/v1", context_window=2048, credentials=("EMBEDDED_KEY",)),
    EmbeddedModel.minilm("http://127.0.0.1:5002/v1", credentials=("EMBEDDED_KEY",), manifest={"files": ["a"]}),
)
LATER = (
    EmbeddedModel.smollm2("http://127.0.0.1:6001/v1", context_window=4096, credentials=("EMBEDDED_KEY",)),
    EmbeddedModel.minilm("http://127.0.0.1:6002/v1", credentials=("EMBEDDED_KEY",), manifest={"files": ["a"]}),
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Records]:
    records = open_records(f"sqlite:///{tmp_path}/records.db")
    records.migrate()
    yield records
    records.close()


def version(records: Records) -> int:
    with records.read() as view:
        return view.version()


def test_the_first_start(fresh: Records) -> None:
    text = bootstrap(fresh, now_us=7, embedded=FIRST)
    assert text is not None
    hub = Hub(fresh, clock=lambda: 8)
    key, actor = hub.keys.authenticate(text)
    assert (actor.id, actor.kind, actor.roles) == ("admin", "person", ("admin",))
    assert (key.name, key.scopes, key.environment_id, key.team_id) == ("admin", ("calls", "api"), "dev", "default")
    smollm2, minilm = hub.targets.get("smollm2"), hub.targets.get("minilm")
    assert (smollm2.provider, smollm2.operations) == ("llamacpp", ("chat", "text_completion"))
    assert (smollm2.max_output_tokens, smollm2.context_window) == (512, 2048)
    assert (smollm2.base_url, smollm2.credentials) == ("http://127.0.0.1:5001/v1", ("EMBEDDED_KEY",))
    assert (minilm.provider, minilm.operations) == ("minilm", ("embeddings",))
    free = [price for price in hub.prices.list() if price.source == "embedded"]
    assert sorted((p.provider, p.model, p.input, p.output, p.valid_from_us) for p in free) == [
        ("llamacpp", "smollm2", 0, 0, 0),
        ("minilm", "minilm", 0, 0, 0),
    ]
    assert [each.artifact_id for each in hub.artifacts.versions("embedding/minilm")] == ["embedding/minilm"]
    with fresh.read() as view:
        assert {change.actor_id for change in view.changes(0)} == {"bootstrap"}
        snapshot = compile_snapshot(view, now_us=9, keys_file="", keys_offset=0)
    assert {target.id for target in snapshot.targets} == {"smollm2", "minilm"}


def test_a_later_start_with_nothing_new_writes_nothing(fresh: Records) -> None:
    bootstrap(fresh, now_us=7, embedded=FIRST)
    before = version(fresh)
    assert bootstrap(fresh, now_us=8, embedded=FIRST) is None
    assert bootstrap(fresh, now_us=8) is None
    assert version(fresh) == before


def test_a_later_start_only_moves_the_address(fresh: Records) -> None:
    bootstrap(fresh, now_us=7, embedded=FIRST)
    hub = Hub(fresh)
    tuned = hub.targets.replace(msgspec.structs.replace(hub.targets.get("smollm2"), max_output_tokens=64), by="admin")
    bootstrap(fresh, now_us=8, embedded=LATER)
    moved = hub.targets.get("smollm2")
    assert moved.base_url == "http://127.0.0.1:6001/v1"
    assert (moved.max_output_tokens, moved.context_window, moved.created_us) == (64, 2048, tuned.created_us)
    bootstrap(fresh, now_us=9, embedded=FIRST)
    assert hub.targets.get("smollm2").base_url == "http://127.0.0.1:5001/v1"
    assert len([price for price in hub.prices.list() if price.source == "embedded"]) == 2


def test_what_a_person_made_of_it_stays(fresh: Records) -> None:
    bootstrap(fresh, now_us=7, embedded=FIRST)
    hub = Hub(fresh)
    own = hub.targets.replace(
        msgspec.structs.replace(hub.targets.get("smollm2"), base_url="http://10.0.0.5/v1"), by="admin"
    )
    hub.targets.remove("minilm", by="admin")
    before = version(fresh)
    bootstrap(fresh, now_us=8, embedded=LATER)
    assert hub.targets.list() == [own]
    assert version(fresh) == before


def test_a_target_of_that_name_that_is_not_ours_stays(fresh: Records) -> None:
    bootstrap(fresh, now_us=7)
    hub = Hub(fresh)
    own = hub.targets.create(
        Target(id="smollm2", provider="echo", model="smollm2", upstream_model="x", created_us=0), by="admin"
    )
    bootstrap(fresh, now_us=8, embedded=FIRST)
    assert hub.targets.get("smollm2") == own
    assert hub.targets.get("minilm").base_url == "http://127.0.0.1:5002/v1"  # embedded later than the first start


def test_a_key_that_could_not_be_delivered_leaves_nothing(fresh: Records) -> None:
    def fail(_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        bootstrap(fresh, now_us=7, deliver=fail)
    assert version(fresh) == 0
    delivered: list[str] = []
    text = bootstrap(fresh, now_us=8, deliver=delivered.append)
    assert delivered == [text]
    assert bootstrap(fresh, now_us=9, deliver=delivered.append) is None
    assert delivered == [text]


def test_an_address_that_cannot_be(fresh: Records) -> None:
    with pytest.raises(UsageError, match="base_url"):
        bootstrap(fresh, now_us=7, embedded=[EmbeddedModel.minilm("nowhere")])
    assert version(fresh) == 0


def test_the_classifiers_of_the_program_are_models_with_cards(fresh: Records) -> None:
    for now in (1, 2):  # a second start changes nothing
        bootstrap(fresh, now_us=now, own=tuple(own_classifiers()))
    artifacts = Hub(fresh).artifacts
    assert [one.id for one in artifacts.of_kind("model")] == [
        f"model/guard-{name}" for name in ("injection", "topics", "toxicity")
    ]
    for name in ("injection", "toxicity"):
        (version,) = artifacts.versions(f"model/guard-{name}")
        detector = detector_of(name)
        assert detector.model == version.artifact_id
        assert version.manifest["files"][0]["digest"] == version.manifest["card"]["version"] == detector.version
        assert all(source["licence"] for source in version.manifest["card"]["sources"])
    newer = OwnModel(name="guard-injection", title="", manifest={"card": {"version": "sha256:2"}})
    bootstrap(fresh, now_us=3, own=(newer,))
    assert len(artifacts.versions("model/guard-injection")) == 2
