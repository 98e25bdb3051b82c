"""Cases of guard policies: kept, replaced, dropped, each business unit's its own."""

from pathlib import Path
from typing import Any

import pytest

from genaiops.engines.blobs_folder import open_blobs
from genaiops.hub import GuardCases, Hub, held_rows
from genaiops.ports.blobs import Blobs
from tests.hub.conftest import Clock


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


def row(name: str, **facts: Any) -> dict[str, Any]:
    known = {"id": name, "input": [], "trace_id": "0" * 32, "environment_id": "prod", "expect": {"action": "allow"}}
    return {**known, **facts}


def rows(hub: Hub, blobs: Blobs, name: str = "guard-cases") -> list[tuple[str, str]]:
    datasets = hub.datasets(blobs)
    found = datasets.rows(datasets.resolve(f"{name}@current"))
    return [(each.row["id"], each.row["expect"]["action"]) for each in found]


def test_what_is_taken_back_is_gone(hub: Hub, blobs: Blobs, clock: Clock) -> None:
    cases = GuardCases(hub, blobs)
    kept: list[str] = []
    for name in ("a", "b", "b"):
        clock.move(1)
        kept.append(cases.keep(row(name), tenant_id="default", by="admin"))
    assert rows(hub, blobs) == [("a", "allow"), ("b", "allow")]
    clock.move(1)
    cases.keep(row("a", expect={"action": "block"}, environment_id="dev"), tenant_id="default", by="admin")
    assert rows(hub, blobs) == [("b", "allow"), ("a", "block")]
    version = hub.datasets(blobs).resolve("guard-cases@current")
    assert version.manifest["source"] == {"kind": "traces", "environments": ["dev", "prod"]}
    assert cases.drop("a", tenant_id="default", by="admin") is not None
    assert rows(hub, blobs) == [("b", "allow")]
    assert cases.drop("a", tenant_id="default", by="admin") is None
    assert cases.drop("b", tenant_id="default", by="admin") is None  # a dataset has rows
    cases.keep(row("a"), tenant_id="default", by="admin")
    assert cases.drop("b", tenant_id="default", by="admin") is not None
    assert rows(hub, blobs) == [("a", "allow")]  # these rows were the first version


def test_every_version_tells_whose_calls_are_in_it(hub: Hub, blobs: Blobs, clock: Clock) -> None:
    cases = GuardCases(hub, blobs)
    ann, bob = b"a" * 16, b"b" * 16
    cases.keep(row("a", trace_id=ann.hex()), tenant_id="default", by="admin")
    clock.move(1)
    newest = cases.keep(row("b", trace_id=bob.hex()), tenant_id="default", by="admin")
    assert newest in {each.version for each in held_rows(hub.records, [ann])}


def test_units_keep_their_own(hub: Hub, blobs: Blobs) -> None:
    cases = GuardCases(hub, blobs)
    assert cases.drop("a", tenant_id="retail", by="admin") is None
    cases.keep(row("a"), tenant_id="retail", by="admin")
    assert rows(hub, blobs, "retail/guard-cases") == [("a", "allow")]
