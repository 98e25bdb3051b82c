"""Which target of a run is chosen, over HTTP: compared by all who see it, chosen by who may approve, kept for good."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.app.services import Services
from tests.api.conftest import Api
from tests.console.run_seed import RUNS, evaluated


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
    assert admin.refused("GET", f"/runs/{run}/selection", status=404)


def test_chosen_by_who_may_approve_and_kept(admin: Api, people: Mapping[str, Api], run: str) -> None:
    path = f"/runs/{run}/selection"
    assert people["developer"].refused("POST", path, CHOICE, status=403)
    made = admin.call("POST", path, CHOICE, status=201)
    assert made["decision"]["chosen"] == "prod"
    assert made["decision"]["approver"] == admin.get("/me")["actor"]["id"]
    assert made["decision"]["reasons"] == ["It is right more often"]
    kept = people["viewer"].get(path)
    assert kept == made
    versions = admin.get(f"/artifacts/report/selection/{run}")["versions"]
    assert [each["id"] for each in versions] == [made["decision"]["version"]]


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
    assert people["viewer"].get("/suites/board", suite="nobody")["entries"] == []
    said = admin.refused("GET", "/suites/board?suite=orders&check=wrong", status=400)
    assert "right, exact" in str(said)
