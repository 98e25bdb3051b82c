"""Runs of suites over HTTP: who may begin which, who sees them, and what they pin. None of them is asked here."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

import genaiops
from genaiops.app.services import Services
from genaiops.domain import Answer, Judged, Verdict
from genaiops.hub import NewKey
from tests.api.conftest import Api

SUITE = {"target": [{"name": "a", "model": "parrot"}], "case": [{"input": "x", "expected": "y"}]}


@pytest.fixture(scope="module")
def strangers(admin: Api, services: Services) -> Api:
    """Somebody of another business unit."""
    admin.call("POST", "/tenants", {"name": "retail"}, status=201)
    actor = services.hub.actors.create("stranger", "person", roles=("operator",), tenant_id="retail", by="admin")
    _, text = services.hub.keys.create(
        NewKey(name="s", actor_id=actor.id, tenant_id="retail", environment_id="retail-dev", scopes=("api",)),
        by="admin",
    )
    return Api(admin.client, text)


def begun(api: Api, name: str = "mine", **more: Any) -> dict[str, Any]:
    return api.call("POST", "/runs", {"name": name, "document": SUITE, **more}, status=201)


def test_a_run_pins_what_it_is_of(admin: Api, echo: str) -> None:
    prompt = {"messages": [{"role": "user", "content": "Say {{word}}"}], "variables": {"word": {"type": "string"}}}
    body = {"kind": "prompt", "name": "runs/say", "manifest": prompt, "alias": "tried"}
    version = admin.call("POST", "/artifacts", body, status=201)["id"]
    document = {**SUITE, "target": [{"name": "p", "prompt": "runs/say@tried", "model": "parrot"}]}
    run = admin.call("POST", "/runs", {"name": "pinned", "document": document, "branch": "topic"}, status=201)
    assert run["state"] == "waiting"
    assert run["total"] == 1
    assert run["inputs"]["target/p"] == version
    assert run["inputs"]["environment"] == "environment/dev"
    assert run["environment"]["branch"] == "topic"
    assert admin.get("/artifacts/suite/pinned")["versions"][0]["id"] == run["subject"] == run["inputs"]["suite"]
    again = admin.call(
        "POST",
        "/runs",
        {"suite": run["subject"].removeprefix("suite/"), "targets": [{"name": "b", "recorded": True}]},
        status=201,
    )
    assert again["total"] == 2
    assert [one["id"] for one in admin.get("/runs", suite="pinned")["data"]] == [again["id"], run["id"]]


def test_only_who_may_call_there_begins_runs(people: Mapping[str, Api], admin: Api, echo: str) -> None:
    assert people["viewer"].refused("POST", "/runs", {"name": "v", "document": SUITE}, status=403)
    run = begun(people["developer"])
    assert run["created_by"] != "admin"
    # An address of one's own choice may name any secret.
    away = {**SUITE, "target": [{"name": "u", "url": "http://127.0.0.1:9/", "secret": "KEY"}]}
    error = people["developer"].refused("POST", "/runs", {"name": "u", "document": away}, status=403)
    assert "targets" in error["message"]
    assert begun(people["operator"], "u", document=away)["inputs"]["target/u"] == "url/http://127.0.0.1:9/"
    local = {**SUITE, "target": [{"name": "f", "python": "os:getcwd"}]}
    error = admin.refused("POST", "/runs", {"name": "f", "document": local}, status=400)
    assert "--local" in error["remedy"]


def test_runs_of_others(people: Mapping[str, Api], admin: Api, strangers: Api, echo: str) -> None:
    run = begun(admin)["id"]
    assert people["viewer"].get(f"/runs/{run}")["report"] is None
    assert people["developer"].refused("POST", f"/runs/{run}/stop", status=403)
    assert strangers.refused("GET", f"/runs/{run}", status=404)
    assert strangers.refused("GET", f"/runs/{run}/cases", status=404)
    assert strangers.refused("GET", f"/runs/{run}/report", status=404)
    assert admin.refused("GET", f"/runs/{run}/report", status=409)["code"] == "run_under_way"
    assert strangers.get("/runs")["data"] == []
    assert admin.call("POST", f"/runs/{run}/stop")["state"] == "stopped"
    report = admin.get(f"/runs/{run}")["report"]
    assert report["verdict"]["reason"] == "The run is stopped: 0 of 1 asked."
    assert admin.get(f"/runs/{run}/cases", q="x")["total"] == 1
    for form, begins in (("markdown", "<!-- genaiops"), ("junit", "<?xml"), ("html", "<!doctype html"), ("jsonl", "{")):
        written = admin.send("GET", f"/runs/{run}/report", params={"format": form})
        assert written.status_code == 200, written.text
        assert written.text.lower().startswith(begins)
        assert run in written.headers["content-disposition"]
    assert admin.call("POST", f"/runs/{run}/resume")["state"] == "waiting"
    assert admin.refused("DELETE", f"/runs/{run}", status=409)["code"] == "run_under_way"
    admin.call("POST", f"/runs/{run}/stop")
    admin.call("DELETE", f"/runs/{run}", status=204)
    assert admin.refused("GET", f"/runs/{run}", status=404)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "suite"),
        ({"suite": "a@b", "text": "x"}, "suite"),
        ({"document": SUITE}, "name"),
        ({"name": "a", "text": "[[check]]\nmetric = 'f7'"}, "check[0].metric"),
        ({"name": "Not A Name", "document": SUITE}, None),
        ({"name": "a", "document": {**SUITE, "cases": [{"traces": {"modle": "x"}}]}}, "cases"),
        ({"name": "a", "document": SUITE, "targets": [{"name": "a"}]}, "target[0]"),
        ({"name": "a", "document": SUITE, "run": {"spend": "much"}}, "run.spend"),
        ({"name": "a", "document": SUITE, "environment_id": "nowhere"}, None),
        ({"name": "a", "document": {**SUITE, "target": [{"name": "r", "release": "x@1"}]}}, None),
        ({"name": "a", "document": SUITE, "releases": ["x@1"]}, "releases"),
    ],
)
def test_bad_input(admin: Api, body: dict[str, Any], param: str | None) -> None:
    before = len(admin.get("/runs")["data"])
    answer = admin.send("POST", "/runs", json=body)
    assert 400 <= answer.status_code < 500 or answer.status_code == 501, answer.text
    if param is not None:
        assert answer.json()["error"]["param"] == param
    assert len(admin.get("/runs")["data"]) == before


def test_events_end_with_the_run(admin: Api, echo: str) -> None:
    run = begun(admin)["id"]
    admin.call("POST", f"/runs/{run}/stop")
    answer = admin.send("GET", f"/runs/{run}/events")
    assert "event: run" in answer.text
    assert '"state":"stopped"' in answer.text


def test_a_broken_suite_is_refused_with_its_lines(admin: Api) -> None:
    text = "[[check]]\nmetric = 'f7'\n"
    faults = admin.call("POST", "/suites/check", {"text": text})["faults"]
    assert {fault["line"] for fault in faults} == {2}
    error = admin.refused("POST", "/suites", {"name": "broken", "text": text}, status=400)
    assert "line 2: check[0].metric" in error["message"]
    # Neither by the door of all artifacts.
    body = {"kind": "suite", "name": "broken", "manifest": {"kind": "suite", "check": [{"metric": "f7"}]}}
    assert admin.refused("POST", "/artifacts", body, status=400)["code"] == "suite_invalid"
    assert admin.send("GET", "/artifacts/suite/broken").status_code == 404
    kept = admin.call("POST", "/suites", {"name": "whole", "document": SUITE, "alias": "tried"}, status=201)
    [listed] = [one for one in admin.get("/suites")["data"] if one["name"] == "whole"]
    assert listed["aliases"] == {"tried": kept["digest"]}


def test_what_was_measured_of_a_model(admin: Api, strangers: Api, services: Services, echo: str) -> None:
    document = {**SUITE, "check": [{"metric": "equals"}], "target": [{"name": "small", "model": "parrot"}]}
    run_id = begun(admin, "capitals", document=document)["id"]
    assert run_id not in [each["run"]["id"] for each in admin.get("/models/benchmarks", model="parrot")["data"]]
    store = services.runs.store
    run = store.get(run_id)
    (case,) = store.cases(run_id)
    verdict = Verdict(outcome="pass", measure=1.0)
    answer = Answer(target="small", case=case.id, state="answered", output="y")
    store.add(
        run_id, [answer], [Judged(target="small", case=case.id, check="equals", metric="equals/1", verdict=verdict)]
    )
    store.update(msgspec.structs.replace(run, state="done", done=1))
    line = admin.get("/models/benchmarks", model="parrot")["data"][0]
    assert line["run"]["id"] == run_id
    assert line["harness"] == genaiops.__version__
    assert line["target"] == "small"
    assert [(each["check"], each["mean"], each["n"]) for each in line["figures"]] == [("equals", 1.0, 1)]
    assert admin.get(f"/runs/{run_id}/slices")["data"] == []
    assert admin.refused("GET", f"/runs/{run_id}/slices?by=race", status=400)["param"] == "by"
    assert strangers.refused("GET", f"/runs/{run_id}/slices", status=404)
    assert strangers.get("/models/benchmarks", model="parrot")["data"] == []
    assert admin.get("/models/benchmarks", model="unknown")["data"] == []
