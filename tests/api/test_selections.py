"""Which target of a run is chosen, over HTTP: compared by all who see it, chosen by who may approve, kept for good."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.app.signed_reports import verify_report
from tests.api.conftest import Api
from tests.console.run_seed import RUNS, SWEEP, evaluated, swept


@pytest.fixture(scope="module")
def run(services: Services) -> str:
    """Of two targets; the candidate is worse."""
    evaluated(services.home)
    return RUNS[1]


CHOICE: dict[str, Any] = {"check": "right", "chosen": "prod", "reasons": ["It is right more often"]}


def test_compared(admin: Api, people: Mapping[str, Api], run: str) -> None:
    found = people["viewer"].call("POST", f"/runs/{run}/selection/comparison", {"check": "right"})
    assert found["decision"] is None
    by_name = {each["target"]: each for each in found["selection"]["candidates"]}
    assert by_name["prod"]["figures"]["quality"]["mean"] == 1.0
    assert by_name["candidate"]["figures"]["quality"]["missing"] == 1
    assert set(found["selection"]["unknown"]) == {"cost", "energy", "risk"}
    assert admin.refused("GET", f"/runs/{RUNS[0]}/selection", status=404)


def test_chosen_by_who_may_approve_and_kept(admin: Api, people: Mapping[str, Api], run: str) -> None:
    path = f"/runs/{run}/selection"
    assert people["developer"].refused("POST", path, CHOICE, status=403)
    made = admin.call("POST", path, CHOICE, status=201)
    assert made["decision"]["chosen"] == "prod"
    admin_id = admin.get("/me")["actor"]["id"]
    assert (made["decision"]["state"], made["decision"]["approver"]) == ("proposed", "")
    assert made["decision"]["proposed_by"] == admin_id
    assert made["decision"]["reasons"] == ["It is right more often"]
    kept = people["viewer"].get(path)
    assert kept == made
    versions = admin.get(f"/artifacts/report/selection/{run}")["versions"]
    assert made["decision"]["version"] in [each["id"] for each in versions]
    walk = people["viewer"].get(f"/lineage/{made['decision']['version']}")
    refs = {each["ref"] for each in walk["nodes"]}
    assert f"run/{run}" in refs
    assert any(each.startswith("suite/orders@") for each in refs)


def test_another_person_approves(admin: Api, people: Mapping[str, Api], run: str) -> None:
    path = f"/runs/{run}/selection"
    choice = {**CHOICE, "reasons": ["Slept over"]}
    waiting = admin.call("POST", path, choice, status=201)["decision"]["approval"]
    assert admin.refused("POST", f"/approvals/{waiting}/approve", {}, status=403)["code"] == "self_approval"
    actor = admin.call("POST", "/actors", {"name": "selector", "kind": "person", "roles": ["security"]}, status=201)
    made = admin.call("POST", "/keys", {"name": "selector", "actor_id": actor["id"], "scopes": ["api"]}, status=201)
    Api(admin.client, made["secret"]).call("POST", f"/approvals/{waiting}/approve", {"comment": "yes"})
    decision = people["viewer"].get(path)["decision"]
    assert (decision["state"], decision["approver"]) == ("approved", actor["id"])
    assert decision["approved_at"] > decision["at"]
    again = admin.call("POST", path, {**CHOICE, "reasons": ["Thought over"]}, status=201)["decision"]
    second = Api(admin.client, made["secret"])
    second.call("POST", f"/approvals/{again['approval']}/refuse", {"comment": "no"})
    decision = people["viewer"].get(path)["decision"]
    assert (decision["state"], decision["approver"]) == ("refused", actor["id"])
    assert "REFUSED" in people["viewer"].send("GET", f"{path}/report?format=markdown").text


def test_its_report_is_a_signed_file(admin: Api, people: Mapping[str, Api], run: str, tmp_path: Path) -> None:
    forms = (("html", "html", b"<!doctype"), ("markdown", "md", b"## Selection"), ("pdf", "pdf", b"%PDF"))
    for form, suffix, begins in forms:
        got = people["viewer"].send("GET", f"/runs/{run}/selection/report?format={form}&check=right")
        assert got.status_code == 200, got.text
        assert f'filename="selection-{run}.{suffix}"' in got.headers["content-disposition"]
        assert got.content.startswith(begins)
        file = tmp_path / f"report.{suffix}"
        file.write_bytes(got.content)
        assert verify_report(file).holds
    assert admin.refused("GET", f"/runs/{run}/selection/report?format=odt", status=400)


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"check": None}, 400, "Several checks"),
        ({"chosen": "nobody"}, 400, "no candidate"),
        ({"reasons": [" "]}, 400, "one reason"),
        ({"text": "candidate = [{target = 'prod', licence = 'x'}]\nlicences = ['MIT']"}, 409, "licence is x"),
        ({"text": "candidate = [{target = 'prod', retrieval = {k = 3}}]"}, 400, "prod lacks chunker"),
        ({"text": "candidate = 3"}, 400, "candidate"),
        ({"text": "["}, 400, ""),
    ],
)
def test_bad_input(admin: Api, run: str, changed: dict[str, Any], status: int, said: str) -> None:
    error = admin.refused("POST", f"/runs/{run}/selection", {**CHOICE, **changed}, status=status)
    assert said in str(error)


def test_nobody_registers_a_choice_past_it(admin: Api, run: str) -> None:
    body = {"kind": "report", "name": f"selection/{run}", "manifest": {"decision": {"approver": "somebody"}}}
    assert admin.refused("POST", "/artifacts", body, status=400)["code"] == "made_elsewhere"


def test_leader_board_of_what_one_sees(admin: Api, people: Mapping[str, Api], run: str) -> None:
    found = people["viewer"].get("/suites/board", suite="orders", check="exact")
    assert [(each["target"], each["run"]) for each in found["entries"]] == [("prod", run), ("candidate", run)]
    assert [(each["first"], each["last"]) for each in found["entries"]] == [(1, 1), (2, 2)]
    assert (found["check"], found["checks"], found["runs"]) == ("exact", ["right", "exact"], 2)
    assert found["entries"][0]["quality"]["mean"] == 1.0
    for path in ("/suites/board?suite=order", "/suites/trend?suite=order"):
        refused = people["viewer"].refused("GET", path, status=404)
        assert "There is no suite 'order'." in str(refused)
        assert "genaiops suite list" in str(refused)
    said = admin.refused("GET", "/suites/board?suite=orders&check=wrong", status=400)
    assert "right, exact" in str(said)


def test_a_sweep(admin: Api, people: Mapping[str, Api], services: Services, run: str) -> None:
    swept(services.home)
    found = people["viewer"].get(f"/runs/{SWEEP}/sweep", check="right")
    assert len(found["cells"]) == 6
    assert [(each["context"], each["shots"]) for each in found["enough"]] == [(0, 1), (1, 1)]
    assert found["cells"][1]["tokens"]["asked"] == 42.0
    assert (found["exact"], found["across"]) == (False, "tokens")
    assert "no sweep" in str(admin.refused("GET", f"/runs/{run}/sweep", status=400))
    assert "Several checks" in str(admin.refused("GET", f"/runs/{SWEEP}/sweep", status=400))


def test_a_sweep_is_begun_with_a_dataset(admin: Api) -> None:
    document = {
        "case": [{"input": "where is box 1", "expected": "hall"}],
        "target": [{"name": "small", "model": "nobody"}],
        "check": [{"metric": "equals"}],
    }
    body = {"name": "boxes-sweep", "document": document, "sweep": {"shots": [0, 1], "file": "x.jsonl"}}
    assert "not on the server" in str(admin.refused("POST", "/runs", body, status=400))
    body = {**body, "sweep": {"shots": [0, 1]}}
    assert "nothing that examples" in str(admin.refused("POST", "/runs", body, status=400))
