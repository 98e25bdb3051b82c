"""Findings of bias over HTTP and in the console: closed only with their source and their mitigation."""

import re

from litestar.testing import TestClient

from genaiops.app.services import Services
from genaiops.app.web import build
from tests.api.conftest import Api

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
CASES = [{"id": "one", "input": "{A person} asks for a loan."}]


def test_it_is_recorded_changed_and_closed_with_both(admin: Api) -> None:
    made = admin.call("POST", "/findings", {"title": "Women are declined", "attribute": "gender"}, status=201)
    assert (made["state"], made["source"], made["evidence"]) == ("open", "unknown", {})
    place = f"/findings/{made['id']}"
    refused = admin.refused("POST", f"{place}/close", {"source": "data"}, status=400)
    assert (refused["code"], refused["param"]) == ("finding_incomplete", "mitigation")
    assert admin.get(place)["source"] == "unknown"
    assert admin.call("PATCH", place, {"mitigation": "balanced"})["mitigation"] == "balanced"
    done = admin.call("POST", f"{place}/close", {"source": "data"})
    assert (done["state"], done["closed_by"]) == ("closed", "admin")
    assert admin.refused("PATCH", place, {"title": "x"}, status=409)["code"] == "finding_closed"
    assert admin.call("POST", f"{place}/reopen", {})["state"] == "open"
    assert admin.refused("POST", "/findings", {"title": "x", "run": "run_none"}, status=404)["param"] == "run"
    assert admin.refused("POST", "/findings", {"title": " "}, status=400)["param"] == "title"


def test_the_page_asks_for_both(services: Services, admin: Api) -> None:
    with TestClient(build(services), raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        csrf = TOKEN.findall(browser.get("/login").text)[0]
        assert browser.post("/login", data={"csrf": csrf, "key": admin.key, "next": "/"}).status_code == 303
        page = browser.get("/arena/findings").text
        form = {"csrf": TOKEN.findall(page)[0], "title": "Names <b>matter</b>"}
        place = browser.post("/arena/findings", data=form).headers["location"]
        page = browser.get(place).text
        assert "Names &lt;b&gt;matter&lt;/b&gt;" in page
        assert "closed only with both" in page
        form = {"csrf": form["csrf"], "verb": "close", "source": "model", "mitigation": ""}
        browser.post(place, data=form)
        assert "has no mitigation" in browser.get(place).text
        browser.post(place, data={**form, "mitigation": "another model"})
        page = browser.get(place).text
        assert "It is closed." in page
        assert "another model" in page


def test_cases_become_families(admin: Api) -> None:
    asked = {"cases": CASES, "attributes": {"gender": ["woman", "man"]}}
    made = admin.call("POST", "/suites/expand", asked)
    assert (made["families"], made["language"], made["left"]) == (1, "en", [])
    assert [each["input"] for each in made["cases"]] == ["A woman asks for a loan.", "A man asks for a loan."]
    changed = admin.call("POST", "/suites/expand", {"cases": CASES, "perturbations": ["upper_case"]})
    assert len(changed["cases"]) == 2
    assert admin.refused("POST", "/suites/expand", {"cases": CASES}, status=400)["param"] == "attributes"
    refused = admin.refused("POST", "/suites/expand", {"cases": CASES, "attributes": {"height": []}}, status=404)
    assert "height" in refused["message"]
