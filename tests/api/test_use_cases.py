"""Use cases over HTTP and in the console: set by product owners alone, and what their KPIs hold up."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from genaiops.app.kept_suites import keep_suite
from genaiops.app.running import SERVER
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.arena import read_suite_document
from genaiops.core.clock import now_us
from genaiops.domain import Answer, Case, Judged, Run, Verdict
from genaiops.hub import NewKey
from tests.api.conftest import Api

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
SUITE = {
    "target": [{"name": "candidate", "release": "desk@latest"}],
    "check": [{"name": "right", "metric": "equals"}],
    "case": [{"input": "x", "expected": "y"}],
}
USE_CASE = {
    "title": "Answers of the desk",
    "applications": ["desk"],
    "business_case": {"problem": "Too many calls."},
    "kpi": [
        {"name": "right-answers", "suite": "answers", "check": "right", "target": 0.8},
        {"name": "handling-time", "direction": "at_most", "target": 240, "unit": "s"},
    ],
}


@pytest.fixture(scope="module")
def olga(services: Services, admin: Api) -> Api:
    """A product owner."""
    actor = services.hub.actors.create("olga", "person", roles=("product-owner",), by="admin")
    _, text = services.hub.keys.create(NewKey(name="olga", actor_id=actor.id, scopes=("api",)), by="admin")
    return Api(admin.client, text)


@pytest.fixture(scope="module")
def desk(admin: Api, echo: str) -> str:
    """An application with a release."""
    admin.call("POST", "/applications", {"name": "desk"}, status=201)
    admin.call("POST", "/applications/desk/acknowledgement", {"statement": "It uses generative AI."})
    return release(admin, 1)


def release(admin: Api, seed: int) -> str:
    body = {"application": "desk", "model": "parrot", "parameters": {"seed": seed}}
    return admin.call("POST", "/releases", body, status=201)["id"]


def ran(services: Services, node: str, right: int, of: int, **more: Any) -> str:
    """A run of answers@prod as a server leaves it, in which `right` of `of` answers passed."""
    version = services.hub.artifacts.resolve("suite/answers@prod")
    suite = read_suite_document(version.manifest).checked()
    keep_suite(services.home, suite)
    now = now_us()
    run = Run(
        id=f"run_{node[-6:]}_{right}_{of}",
        kind="evaluation",
        subject=version.id,
        name="answers",
        state="done",
        inputs={"suite": version.id, "target/candidate": node},
        environment={SERVER: "here"},
        verdict=Verdict(outcome="pass"),
        created_us=now,
        ended_us=now,
    )
    run = msgspec.structs.replace(run, **more)
    ids = [str(at) for at in range(of)]
    services.stores.runs.create(run, [Case(id=each, input="x", expected="y") for each in ids])
    answers = [Answer(target="candidate", case=each, state="answered") for each in ids]
    judged = [
        Judged(
            target="candidate",
            case=each,
            check="right",
            metric="equals/1",
            verdict=Verdict(outcome="pass" if at < right else "fail", measure=float(at < right)),
        )
        for at, each in enumerate(ids)
    ]
    services.stores.runs.add(run.id, answers, judged)
    return run.id


def deploy(admin: Api, reference: str, environment: str = "prod") -> Any:
    body = {"application": "desk", "environment": environment, "release": reference.rpartition("@")[2]}
    return admin.send("POST", "/deployments", json=body)


def consented(answer: Any, olga: Api) -> None:
    """It waits for another person, who consents."""
    assert answer.status_code == 202, answer.text
    olga.call("POST", f"/approvals/{answer.headers['x-genaiops-approval']}/approve", {})


def test_a_product_owner_sets_it_and_nobody_else_does(
    olga: Api, people: Mapping[str, Api], admin: Api, desk: str
) -> None:
    made = olga.call("PUT", "/use-cases/desk", {"document": USE_CASE})
    assert made["use_case"]["owner"] == made["by"]
    assert [(each["kpi"], each["status"], each["gates"]) for each in made["kpis"]] == [
        ("right-answers", "not_measured", True),
        ("handling-time", "not_measured", False),
    ]
    assert made["kpis"][0]["command"] == "genaiops suite push answers FILE --alias prod"
    for role in ("developer", "operator"):
        assert people[role].refused("PUT", "/use-cases/desk", {"document": USE_CASE}, status=403)
        alias = {"version": made["version"]}
        assert people[role].refused("PUT", "/aliases/use-case/desk@current", alias, status=403)
    body = {"kind": "use-case", "name": "mine", "manifest": USE_CASE}
    assert admin.refused("POST", "/artifacts", body, status=400)["code"] == "made_elsewhere"
    assert people["viewer"].get("/use-cases/desk")["version"] == made["version"]
    assert people["viewer"].get("/use-cases")["data"][0]["standing"] == {"not_measured": 2}


def test_what_is_wrong_is_told(olga: Api, desk: str) -> None:
    checked = olga.call("POST", "/use-cases/check", {"text": 'title = "x"\n[[kpi]]\nname = "a"\ntarget = "much"\n'})
    assert checked["use_case"] is None
    assert checked["faults"][0]["line"] == 4
    assert olga.refused("PUT", "/use-cases/desk", {}, status=400)["param"] == "text"
    assert olga.refused("PUT", "/use-cases/desk", {"document": {}}, status=400)["code"] == "use_case_invalid"
    assert olga.refused("GET", "/use-cases/dask", status=404)["remedy"] == "Did you mean 'desk'?"
    body = {"kpi": "right-answers", "value": 1}
    assert olga.refused("POST", "/use-cases/desk/figures", body, status=409)["code"] == "kpi_measured"
    assert olga.refused("GET", "/use-cases/desk?release=away@latest", status=404)


def test_only_what_meets_its_kpis_comes_into_production(olga: Api, admin: Api, services: Services, desk: str) -> None:
    olga.call("PUT", "/use-cases/desk", {"document": USE_CASE})
    assert "There is no suite answers@prod" in deploy(admin, "latest").json()["error"]["message"]
    consented(admin.send("POST", "/suites", json={"name": "answers", "document": SUITE, "alias": "prod"}), olga)
    refused = deploy(admin, "latest").json()["error"]
    assert refused["code"] == "gate_failed"
    assert f"genaiops suite run answers@prod --release {desk}" in refused["message"]
    # Of commands, of another release and of too few cases nothing follows.
    ran(services, f"release/{desk}", 60, 60, environment={}, id="run_local")
    other = release(admin, 2)
    ran(services, f"release/{other}", 60, 60)
    assert "has not been run for" in deploy(admin, desk).json()["error"]["message"]
    few = ran(services, f"release/{desk}", 10, 10)
    refused = deploy(admin, desk).json()["error"]["message"]
    assert f"is inconclusive (at least 0.8 is asked): 1, 0.741 to 1, n 10, by {few}" in refused
    assert "more cases would likely decide" in refused
    bad = ran(services, f"release/{desk}", 30, 60)
    assert f"is not met (at least 0.8 is asked): 0.5, 0.387 to 0.613, n 60, by {bad}" in deploy(admin, desk).text
    good = ran(services, f"release/{desk}", 59, 60)
    consented(deploy(admin, desk), olga)
    found = {line["release"]: line for line in olga.get("/use-cases/desk")["kpis"] if line["gates"]}
    assert (found[desk]["status"], found[desk]["run"], found[desk]["where"]) == ("met", good, "prod")
    assert (found[other]["status"], found[other]["where"]) == ("met", "newest")
    approval = next(each for each in admin.get("/approvals")["data"] if each["subject"] == "deployment:desk@prod")
    assert approval["verdicts"]["kpis"]["outcome"] == "pass"
    assert "desk, set by olga at " in approval["verdicts"]["kpis"]["reason"]

    # A KPI that became harder holds the next one up, but no roll-back.
    consented(deploy(admin, other), olga)
    harder = {**USE_CASE, "kpi": [{**USE_CASE["kpi"][0], "target": 0.99}]}  # type: ignore[dict-item, index]
    olga.call("PUT", "/use-cases/desk", {"document": harder})
    third = release(admin, 3)
    ran(services, f"release/{third}", 60, 60)
    assert "is inconclusive (at least 0.99 is asked)" in deploy(admin, third).text
    consented(admin.send("POST", "/deployments/desk@prod/rollback", json={}), olga)
    assert deploy(admin, third, "dev").status_code == 200
    olga.call("POST", "/use-cases/desk/undo", {})
    consented(deploy(admin, third), olga)
    run = admin.get(f"/runs/{good}")
    assert [(line["kpi"], line["status"], line["of"]) for line in run["kpis"]] == [
        ("right-answers", "met", "candidate")
    ]


def test_a_release_that_is_a_prompt_with_a_model_is_measured_by_these(
    olga: Api, admin: Api, services: Services, echo: str
) -> None:
    """And by nothing that is asked in another way."""
    prompt = {"messages": [{"role": "user", "content": "Say {{input}}"}], "model": "parrot"}
    prompt |= {"variables": [{"name": "input"}]}
    said = services.hub.artifacts.register("prompt", "asked/say", prompt, by="admin")
    admin.call("POST", "/applications", {"name": "asked"}, status=201)
    plain = {"application": "asked", "model": "parrot", "prompt": said.id.removeprefix("prompt/")}
    alone = admin.call("POST", "/releases", plain, status=201)["id"]
    warm = admin.call("POST", "/releases", {**plain, "parameters": {"temperature": 1}}, status=201)["id"]
    target = {"name": "candidate", "prompt": "asked/say@tried"}
    document = {**SUITE, "target": [target]}
    consented(admin.send("POST", "/suites", json={"name": "answers", "document": document, "alias": "prod"}), olga)
    olga.call("PUT", "/use-cases/asked", {"document": {**USE_CASE, "applications": ["asked"]}})
    missing = {line["release"]: line for line in olga.get("/use-cases/asked")["kpis"] if line["gates"]}
    assert missing[warm]["command"] == f"genaiops suite run answers@prod --prompt {said.id.removeprefix('prompt/')}"
    ran(services, said.id, 60, 60, id="run_of_prompt")
    for release_id, status in ((alone, "met"), (warm, "not_measured")):
        [line, _] = olga.get("/use-cases/asked", release=release_id)["kpis"]
        assert line["status"] == status
    [line, _] = olga.get("/use-cases/asked", release=alone)["kpis"]
    assert line["of"].endswith(" (its prompt and model)")


def test_kpis_as_checks_and_history(olga: Api, desk: str) -> None:
    olga.call("PUT", "/use-cases/other", {"document": {**USE_CASE, "applications": []}})
    checks = olga.get("/use-cases/other/checks", suite="answers")
    assert checks == {"right-answers": {"name": "right-answers", "metric": "equals", "floor": 0.8}}
    assert olga.get("/use-cases/other/checks", suite="questions") == {}
    assert olga.call("DELETE", "/use-cases/other") is None
    assert olga.refused("GET", "/use-cases/other", status=404)
    assert olga.refused("DELETE", "/use-cases/other", status=404)


def test_the_pages(services: Services, olga: Api, people: Mapping[str, Api], desk: str) -> None:
    text = 'applications = ["desk"]\n[business_case]\nproblem = "<b>calls</b>"\n[[kpi]]\nname = "calls"\ntarget = 5\n'
    with TestClient(build(services), raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        csrf = TOKEN.findall(browser.get("/login").text)[0]
        assert browser.post("/login", data={"csrf": csrf, "key": olga.key, "next": "/"}).status_code == 303
        form = {"csrf": TOKEN.findall(browser.get("/arena/use-cases").text)[0]}
        wrong = browser.post("/arena/use-cases", data={**form, "name": "calls", "text": text + "tarjet = 5\n"})
        assert wrong.status_code == 400
        assert "tarjet" in wrong.text
        place = browser.post("/arena/use-cases", data={**form, "name": "calls", "text": text}).headers["location"]
        page = browser.get(place).text
        assert "&lt;b&gt;calls&lt;/b&gt;" in page
        assert "Nothing is gated" in page
        assert "what people report" in page
        browser.post(place, data={**form, "verb": "report", "kpi": "calls", "value": "7,5", "note": "week 46"})
        page = browser.get(place).text
        assert "week 46" in page
        assert "reported by olga" in page
        wrong = browser.post(place, data={**form, "verb": "report", "kpi": "calls", "value": "many"})
        assert (wrong.status_code, "is no number" in wrong.text, 'value="many"' in wrong.text) == (400, True, True)
        browser.post("/arena/use-cases", data={**form, "name": "calls", "text": text.replace("= 5", "= 9")})
        assert "Set back to this" in browser.get(place).text
        browser.post(place, data={**form, "verb": "retire"})
        assert "calls is retired" in browser.get("/arena/use-cases").text


def test_what_its_suite_can_never_show_is_refused(olga: Api, admin: Api, services: Services) -> None:
    """Where the suite is known; where it is not there yet, the check warns."""
    kpi = {"name": "k", "suite": "shown@dev", "check": "right", "target": 1.5}
    text = 'title = "x"\n[[kpi]]\nname = "k"\nsuite = "shown@dev"\ncheck = "right"\ntarget = 1.5\n'
    checked = olga.call("POST", "/use-cases/check", {"text": text})
    assert checked["use_case"] is not None
    assert checked["warnings"] == ["k: there is no suite shown@dev yet, so its check and target are not looked at."]
    admin.call("POST", "/artifacts", {"kind": "suite", "name": "shown", "manifest": SUITE, "alias": "dev"}, status=201)
    checked = olga.call("POST", "/use-cases/check", {"text": text})
    assert (checked["use_case"], checked["warnings"], checked["faults"][0]["line"]) == (None, [], 6)
    refused = olga.refused("PUT", "/use-cases/shown", {"text": text}, status=400)
    assert "The target 1.5 is out of range: Equals a reference is from 0 to 1." in refused["message"]
    wrong = {"kpi": [{**kpi, "check": "nope", "target": 0.5}]}
    refused = olga.refused("PUT", "/use-cases/shown", {"document": wrong}, status=400)
    assert (refused["param"], "there are: right" in refused["message"]) == ("kpi[0].check", True)
    made = olga.call("PUT", "/use-cases/shown", {"document": {"kpi": [{**kpi, "target": 0.5}]}})
    assert (made["by_name"], made["owner_name"]) == ("olga", "olga")
    assert olga.get("/use-cases/shown/history")["data"][0]["by_name"] == "olga"
    olga.call("DELETE", "/use-cases/shown")
