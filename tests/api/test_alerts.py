"""Alerts over HTTP."""

import re

from litestar.testing import TestClient

from genaiops.app.services import Services
from genaiops.app.web import build
from tests.api.conftest import Api


def test_an_alert_is_listed_acknowledged_and_closed(services: Services, admin: Api) -> None:
    services.hub.alerts.raise_alert(
        "guard_failed", "tests#late", "warning", "It could not say.", evidence={"trace_id": "ab"}
    )
    [alert] = [each for each in admin.get("/alerts", state="open")["data"] if each["subject"] == "tests#late"]
    assert (alert["severity"], alert["count"], alert["evidence"]) == ("warning", 1, {"trace_id": "ab"})
    made = admin.call("POST", f"/alerts/{alert['id']}/acknowledge", {"comment": "looking"})
    assert (made["state"], made["acknowledged_by"]) == ("acknowledged", "admin")
    assert admin.call("POST", f"/alerts/{alert['id']}/close", {})["state"] == "closed"
    assert admin.get(f"/alerts/{alert['id']}")["closed_at"] is not None
    assert admin.refused("POST", f"/alerts/{alert['id']}/close", {}, status=409)["code"] == "conflict"


TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def test_the_console_counts_shows_and_closes_them(services: Services, admin: Api) -> None:
    services.hub.alerts.raise_alert("guard_broken", "tests/<console>", "critical", "Calls are refused.")
    [alert] = [each for each in services.hub.alerts.in_state("open") if each.subject == "tests/<console>"]
    with TestClient(build(services), raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        csrf = TOKEN.findall(browser.get("/login").text)[0]
        assert browser.post("/login", data={"csrf": csrf, "key": admin.key, "next": "/"}).status_code == 303
        page = browser.get("/alerts").text
        assert "tests/&lt;console&gt;" in page
        assert re.search(r"Alerts \(\d+\)</a>", page)
        form = {"csrf": TOKEN.findall(page)[0], "id": alert.id, "verb": "close", "comment": "mended"}
        assert browser.post("/alerts", data=form).status_code == 303
        assert f"{alert.id} is closed." in browser.get("/alerts").text
    assert services.hub.alerts.get(alert.id).comment == "mended"
