"""Alerts over HTTP."""

from genaiops.app.services import Services
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
