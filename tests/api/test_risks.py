"""Risks over HTTP and in the console: the policies of this installation say how they stand."""

import re
from typing import Any

from litestar.testing import TestClient

from genaiops.app.services import Services
from genaiops.app.web import build
from tests.api.conftest import Api

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def states(admin: Api, risk: str) -> dict[str, Any]:
    return {each["kind"]: each["state"] for each in admin.get(f"/risks/{risk}")["controls"]}


def test_they_follow_the_policies_in_force(admin: Api, services: Services) -> None:
    """The default policy takes secrets out, and only notes personal data."""
    risks = {each["id"]: each for each in admin.get("/risks")["data"]}
    assert risks["secrets"]["owasp"] == ["LLM02:2025"]
    assert (states(admin, "secrets")["detector"], states(admin, "secrets")["mitigation"]) == ("in_force", "in_force")
    assert (states(admin, "personal-data")["detector"], states(admin, "personal-data")["mitigation"]) == (
        "in_force",
        "gap",
    )
    injection = admin.get("/risks/injection")["controls"][1]
    assert injection["state"] == "partly", "no guard server answers here"
    assert states(admin, "copied-works") == {"monitor": "gap", "detector": "gap", "mitigation": "gap"}
    measured = [part["measured"] for part in injection["parts"]]
    assert any("false alarms" in each for each in measured)

    text = 'kind = "guard"\n[[rules]]\nid = "pii"\ndetector = "pii"\naction = "redact"\n'
    policy = services.hub.guards.read(text, None).policy
    assert policy is not None
    services.hub.guards.push("strict", policy, by="admin")
    services.hub.environments.set_guard("prod", "strict", by="admin")
    assert states(admin, "personal-data")["mitigation"] == "in_force"
    assert states(admin, "secrets") == {"monitor": "gap", "detector": "gap", "mitigation": "gap"}
    assert admin.refused("GET", "/risks/secret", status=404)["remedy"] == "Did you mean 'secrets'?"


def test_the_page(services: Services, admin: Api) -> None:
    with TestClient(build(services), raise_server_exceptions=False) as browser:
        csrf = TOKEN.findall(browser.get("/login").text)[0]
        browser.post("/login", data={"csrf": csrf, "key": admin.key, "next": "/"})
        page = browser.get("/guardrails/risks").text
        assert "of 12 risks" in page
        assert "To close it: <code>genaiops policy push default FILE" in page
        assert page.count("verdict-fail") > 10
