"""Business units, roles and approvals as people type them, against what really runs."""

from pathlib import Path

import pytest

from genaiops.sdk import Client
from tests.app.running import Installation
from tests.cli.conftest import Shell


@pytest.fixture(scope="module")
def bob(installation: Installation) -> str:
    """The key of a second person who consents."""
    with Client(home=installation.home.path) as client:
        actor = client.post("/api/actors", {"name": "bob", "kind": "person", "roles": ["security"]})
        made = client.post("/api/keys", {"name": "bob", "actor_id": actor["id"], "scopes": ["api"]})
    return made["secret"]


def test_a_protected_change_waits_for_another_person(connected: Shell, bob: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(connected.ok("policy", "show").out.replace("expires_days: 7", "expires_days: 2"))
    differs = connected.run("policy", "diff", str(file))
    assert differs.status == 1
    assert "+expires_days: 2" in differs.out
    asked = connected.run("policy", "push", str(file), "--reason", "faster")
    assert asked.status == 1
    assert "Nothing has changed yet" in asked.err
    assert "approved, by one of: bob" in asked.err
    (approval,) = connected.ok("approval", "list", "--state", "pending").column("ID")
    shown = connected.ok("approval", "show", approval).out
    assert "alias:policy/approvals@current" in shown
    assert "not gated" in shown
    own = connected.run("approval", "approve", approval)
    assert own.status == 2
    assert "nobody consents to their own change" in own.err
    assert "is changed" in connected.ok("approval", "approve", approval, "--key", bob).out
    assert "expires_days: 2" in connected.ok("policy", "show").out
    assert connected.run("policy", "diff", str(file)).status == 0
    assert connected.run("approval", "withdraw", approval).status == 2


def test_a_datasets_protected_alias_asks_with_a_reason(connected: Shell, bob: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"a": 1}\n', encoding="utf-8")
    waits = connected.run("dataset", "push", "kept/gold", str(rows), "--alias", "prod", "--reason", "first gold")
    assert waits.status == 1
    assert "Nothing has changed yet" in waits.err
    (approval,) = connected.ok("approval", "list", "--state", "pending").column("ID")
    assert "first gold" in connected.ok("approval", "show", approval).out
    connected.ok("approval", "approve", approval, "--key", bob)
    assert "prod" in connected.ok("dataset", "show", "kept/gold").out
    rows.write_text('{"a": 2}\n', encoding="utf-8")
    connected.ok("dataset", "push", "kept/gold", str(rows))
    moved = connected.ok("dataset", "alias", "kept/gold", "prod", "kept/gold", "--emergency", "the old one is wrong")
    assert "kept/gold@prod is" in moved.out


def test_a_business_unit_and_its_people(connected: Shell) -> None:
    made = connected.ok("tenant", "create", "retail", "--title", "Retail", "--admin", "rita").out
    assert "retail-dev, retail-preprod, retail-prod" in made
    assert "retail-prod (prod)" in connected.ok("tenant", "show", "retail").out
    connected.ok("actor", "create", "ed", "--role", "ml-engineer", "--tenant", "retail")
    assert (
        "data-scientist, reviewer"
        in connected.ok("actor", "set", "ed", "--role", "data-scientist", "--role", "reviewer").out
    )
    assert connected.run("actor", "set", "ed", "--role", "kin").status == 2
    assert connected.run("tenant", "remove", "retail").status == 2
    lines = connected.ok("role", "show", "ml-engineer").out.splitlines()
    assert lines[1].split() == ["PERMISSION", "SANDBOX", "DEV", "PREPROD", "PROD"]
    assert ["content", "yes", "yes", "yes", "-"] in [line.split() for line in lines]


def test_a_sandbox_ends(connected: Shell) -> None:
    connected.ok("env", "create", "trial", "--kind", "sandbox", "--cap", "2 USD", "--expires", "14d")
    assert connected.ok("env", "expire", "trial", "30d").out.startswith("trial ends: ")
    assert connected.run("env", "expire", "trial", "never").status == 2
    connected.ok("env", "remove", "trial")
