"""Datasets and lineage over real stores."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.rows import canonical_row, chunks
from genaiops.domain import Commit, Deployment, Edge, Release, ReleaseManifest, Share, Target
from genaiops.engines.blobs_folder import open_blobs
from genaiops.hub import Datasets, EmbeddedModel, Hub, NewApplication, Origin, RowDiff, bootstrap, diff_rows
from tests.examples import examples
from tests.hub.conftest import START_US, Clock

COUNT = itertools.count()
ROWS = st.lists(st.fixed_dictionaries({"n": st.integers(0, 6)}, optional={"x": st.booleans()}), min_size=1, max_size=12)
SHARED = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def datasets(hub: Hub, tmp_path: Path) -> Datasets:
    return hub.datasets(open_blobs(tmp_path / "blobs"))


def add(datasets: Datasets, name: str, rows: Sequence[dict[str, Any]], **origin: Any) -> Any:
    return datasets.add(name, rows, Origin(**origin), by="admin").version


def test_a_version_is_named_by_its_rows(datasets: Datasets, clock: Clock) -> None:
    first = datasets.add("d", [{"a": 1, "b": 2.0}], Origin(licence="MIT"), by="admin")
    again = datasets.add("d", [{"b": 2, "a": 1}], Origin(licence="other"), by="eve")
    assert (first.created, again.created, again.version) == (True, False, first.version)
    clock.move(1)
    second = add(datasets, "d", [{"a": 1}, {"c": None}])
    assert datasets.resolve("d") == second
    assert datasets.resolve(f"d@{first.version.digest[:15]}") == first.version
    assert [column["name"] for column in second.manifest["schema"]] == ["a", "c"]
    assert second.manifest["schema"][0] == {"name": "a", "types": ["integer"], "missing": 1}
    assert [row.row for row in datasets.rows(second, start=1)] == [{"c": None}]
    for reference in ("e", "d@gold", "d@sha256:00000000"):
        with pytest.raises(NotFound):
            datasets.resolve(reference)


def test_nothing_is_a_version_until_its_chunks_are_there(datasets: Datasets, hub: Hub) -> None:
    piece = datasets.put_chunk([{"a": 1}])
    absent = "sha256:" + "0" * 64
    assert datasets.missing([piece.digest, absent]) == [absent]
    with pytest.raises(NotFound, match="is not there"):
        datasets.register("d", [piece.digest, absent], Origin(), by="admin")
    with pytest.raises(UsageError, match="no rows"):
        datasets.register("d", [], Origin(), by="admin")
    with pytest.raises(UsageError, match="Row 1 of the chunk"):
        datasets.put_chunk([{"a": 1}, {"a": "\ud800"}])
    assert hub.artifacts.of_kind("dataset") == []


def rebuilt(before: Sequence[dict[str, Any]], diff: RowDiff) -> list[dict[str, Any]]:
    gone, come = {each.index for each in diff.removed}, {each.index: each.row for each in diff.added}
    kept = iter([row for index, row in enumerate(before) if index not in gone])
    return [come[index] if index in come else next(kept) for index in range(diff.rows_after)]


@SHARED
@given(ROWS, ROWS)
def test_a_diff_leads_from_one_version_to_the_other(
    datasets: Datasets, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    name = f"diff{next(COUNT)}"
    diff = diff_rows(datasets, add(datasets, name, before), add(datasets, name, after))
    made = rebuilt(before, diff)
    assert sorted(map(canonical_row, made)) == sorted(map(canonical_row, after))
    if not diff.reordered:
        assert list(map(canonical_row, made)) == list(map(canonical_row, after))
    assert (diff.removed_count, diff.added_count) == (len(diff.removed), len(diff.added))


def test_a_diff_by_key(datasets: Datasets) -> None:
    one = add(datasets, "k", [{"id": n, "v": 0} for n in range(3000)])
    two = add(datasets, "k", [{"id": n, "v": n == 1500} for n in range(2, 3001)])
    diff = diff_rows(datasets, one, two, key="id", most=5)
    assert (diff.removed_count, diff.added_count, diff.changed_count) == (2, 1, 2998)
    assert (diff.changed[0].key, diff.changed[0].fields) == (2, ["v"])
    with pytest.raises(UsageError, match="has no field 'x'"):
        diff_rows(datasets, one, two, key="x")
    double = add(datasets, "k", [{"id": 1, "v": 1}, {"id": 1, "v": 2}])
    with pytest.raises(UsageError, match="Two rows have the id 1"):
        diff_rows(datasets, one, double, key="id")


def test_versions_share_chunks(datasets: Datasets) -> None:
    rows = [{"n": n} for n in range(20_000)]
    one, two = add(datasets, "s", rows), add(datasets, "s", [*rows[:9_000], {"n": -1}, *rows[9_001:]])
    old, new = ({piece.digest for piece in datasets.pieces(each)} for each in (one, two))
    assert len(old) == len(list(chunks(map(canonical_row, rows))))
    assert len(new - old) <= 2


def test_lineage_from_a_deployment_back_to_a_file(hub: Hub, datasets: Datasets) -> None:
    raw = add(datasets, "raw", [{"a": 1}], sources=["file/raw.csv"])
    clean = add(datasets, "clean", [{"a": 2}], sources=[raw.id])
    hub.lineage.add(clean.id, "model/tuned", "trained_on", by="admin")
    manifest = ReleaseManifest(model="tuned", pins={"dataset": clean.id}, commit=Commit(sha="abc", repository="git/x"))
    release = Release(id="app@sha256:1", application_id="app", digest="sha256:1", manifest=manifest, created_us=1)
    there = Deployment(
        id="app@prod", application_id="app", environment_id="prod", shares=(Share("app@sha256:1"),), since_us=2
    )
    with hub.records.write("admin") as unit:
        unit.add_all([release, there])
    walk = hub.lineage.walk("deployment/app@prod", "up")
    found = {node.ref: node.stage for node in walk.nodes}
    assert walk.complete
    assert found == {
        "deployment/app@prod": "deployed",
        "release/app@sha256:1": "deployed",
        "model/tuned": "trained",
        "commit/git/x@abc": "created",
        clean.id: "curated",
        raw.id: "curated",
        "file/raw.csv": "created",
    }
    near = hub.lineage.walk("deployment/app@prod", "up", depth=1)
    assert (len(near.nodes), near.complete) == (2, False)
    down = {node.ref for node in hub.lineage.walk("file/raw.csv", "down").nodes}
    assert {raw.id, clean.id, "model/tuned"} <= down
    again = hub.lineage.add(clean.id, "model/tuned", "trained_on", by="eve")
    assert [each.id for each in walk.edges].count(again.id) == 1
    with pytest.raises(UsageError, match="names nothing"):
        hub.lineage.walk("nothing", "up")


def test_what_stands_on_what_is_drawn_whoever_made_it(hub: Hub) -> None:
    """A release, a deployment, a prompt that includes another: one form of edge, in both directions."""
    tone = hub.artifacts.register("prompt", "tone", {"messages": [{"role": "system", "content": "Brief."}]}, by="admin")
    hub.artifacts.move("prompt/tone", "beta", tone.id, by="admin")
    said = {"messages": [{"role": "system", "content": "{{> tone@beta}}"}]}
    answer = hub.artifacts.register("prompt", "answer", said, by="admin")
    hub.targets.create(Target(id="t", provider="echo", model="smollm2", upstream_model="m", created_us=0), by="admin")
    hub.applications.create(NewApplication(name="app"), tenant_id="default", by="admin")
    manifest = ReleaseManifest(model="smollm2", prompt=answer.id, commit=Commit(sha="a" * 40))
    release = hub.releases.create("app", manifest, by="admin")
    hub.deployments.deploy("app", "dev", release.digest, by="admin")
    below = {node.ref for node in hub.lineage.walk(tone.id, "down").nodes}
    assert {answer.id, f"release/{release.id}", "deployment/app@dev"} <= below
    for source in ("model/smollm2", f"commit/{'a' * 40}"):
        assert f"release/{release.id}" in {node.ref for node in hub.lineage.walk(source, "down").nodes}
    with hub.records.read() as view:
        assert {edge.id.partition("/")[0] for edge in view.find(Edge, {}, limit=1000)} == {"edge"}


def test_rings_end(hub: Hub) -> None:
    hub.lineage.add("report/a", "report/b", "derived", by="admin")
    hub.lineage.add("report/b", "report/a", "derived", by="admin")
    assert len(hub.lineage.walk("report/a", "up").nodes) == 2


def test_weights_that_come_along_lead_to_their_package(hub: Hub) -> None:
    manifest = {
        "source": "https://example.com/model",
        "origin": {"package": "llm-x", "version": "1.0", "sha256": "ab", "licence": "MIT", "source": ""},
    }
    model = EmbeddedModel.smollm2("http://127.0.0.1:1/v1", context_window=64, manifest=manifest)
    for _ in range(2):
        bootstrap(hub.records, now_us=START_US, embedded=[model])
    found = {node.ref for node in hub.lineage.walk("model/smollm2", "up").nodes}
    assert {"package/llm-x@1.0", "url/https://example.com/model"} <= found


def test_pickles_are_no_models(hub: Hub) -> None:
    with pytest.raises(UsageError, match="can run code"):
        hub.artifacts.register("model", "m", {"files": [{"name": "pytorch_model.bin"}]}, by="admin")


@pytest.mark.parametrize("chunks", [None, 5, "../x", "sha256:" + "0" * 64, []])
def test_a_manifest_that_only_looks_like_rows(hub: Hub, datasets: Datasets, chunks: Any) -> None:
    """It cannot be read, and keeps nobody from finding out what the others need."""
    made = add(datasets, "good", [{"n": 1}])
    odd = hub.artifacts.register("dataset", "odd", {"format": "rows/1", "chunks": chunks}, by="admin")
    with pytest.raises(UsageError):
        datasets.rows(odd)
    assert datasets.held() == {made.manifest["chunks"], *(piece.digest for piece in datasets.pieces(made))}


def test_a_list_of_chunks_that_is_none(hub: Hub, datasets: Datasets) -> None:
    chunk = datasets.put_chunk([{"n": 1}]).digest
    odd = hub.artifacts.register("dataset", "odd", {"format": "rows/1", "chunks": chunk}, by="admin")
    with pytest.raises(UsageError, match="holds no rows"):
        datasets.rows(odd)
    assert datasets.held() == set()
