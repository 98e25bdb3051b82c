"""What guards said, asked for by the API; marks of people; what other business units and roles see of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound
from genaiops.domain import GuardEvent
from genaiops.hub import ConfinedTelemetry, Reach
from genaiops.ports.verdicts import GuardQuery, VerdictFilter
from tests.api.conftest import Api
from tests.api.test_traces import SECOND, call

POLICY = "watched@sha256:0a"


def event(rule: str, **facts: Any) -> GuardEvent:
    known: dict[str, Any] = {
        "detector": "pii",
        "direction": "in",
        "action": "redact",
        "kinds": {"email": 1},
        "places": ("messages[0].content",),
        "duration_us": 200,
    }
    return GuardEvent(policy=POLICY, rule=rule, **{**known, **facts})


@pytest.fixture(scope="module")
def guarded(services: Services) -> list[str]:
    """Three calls of one key, oldest first: redacted and blocked, redacted, only in shadow."""
    ids: list[str] = []
    said = (
        (event("mail"), event("secret", detector="secret", direction="out", action="block")),
        (event("mail"),),
        (event("mail", shadow=True),),
    )
    for number, events in enumerate(said):
        batch = call(now_us() - (30 - number) * SECOND, key_id="key_guarded")
        services.telemetry.write(batch)
        services.telemetry.add_verdicts(batch.spans[0].trace_id, events)
        ids.append(batch.spans[0].trace_id.hex())
    return ids


def listed(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/guards/verdicts", policy="watched", limit=1, **parameters, **cursor)
        found += page["data"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_verdicts(admin: Api, guarded: list[str]) -> None:
    rows = listed(admin, key_id="key_guarded")
    assert [each["trace_id"] for each in rows] == [guarded[2], guarded[1], guarded[0], guarded[0]]
    assert [each["trace_id"] for each in listed(admin, action="block")] == [guarded[0]]
    assert [each["trace_id"] for each in listed(admin, shadow="true", rule="mail")] == [guarded[2]]
    assert listed(admin, until="1h") == []
    trace = admin.get(f"/traces/{guarded[0]}")
    assert [each["rule"] for each in trace["verdicts"]] == ["mail", "secret"]
    assert {each["kind"] for each in trace["spans"]} == {"gateway", "llm", "guardrail"}
    for wrong in ({"action": "shout"}, {"shadow": "perhaps"}, {"rules": "mail"}, {"cursor": "x"}):
        admin.refused("GET", "/guards/verdicts", status=400, params=wrong)


def test_figures(admin: Api, guarded: list[str]) -> None:
    found = admin.get("/guards/figures", policy="watched", since="1h")
    mail, secret = found["rules"]
    assert (mail["rule"], mail["redacted"], mail["shadow"], mail["noted"]) == ("mail", 2, {"redact": 1}, 3)
    assert (secret["blocked"], secret["looked_at"]) == (1, None)
    assert secret["false_alarms"] == {"marked": 0, "false_alarms": 0, "rate": None, "low": None, "high": None}
    assert sum(each["actions"].get("redact", 0) for each in found["series"]) == 2
    assert admin.get("/guards/figures", policy="watched", rule="nothing")["rules"] == []
    admin.refused("GET", "/guards/figures", status=400, params={"since": "1h", "until": "2h"})


def test_marks(people: Mapping[str, Api], guarded: list[str]) -> None:
    admin = people["admin"]
    verdict = admin.get(f"/traces/{guarded[1]}")["verdicts"][0]
    place = f"/traces/{guarded[1]}/verdicts/{verdict['id']}/mark"
    done = admin.call("POST", place, {"mark": "false_alarm", "note": "a test address"})
    assert (done["verdict"]["mark"], done["case"]) == ("false_alarm", "kept")
    rows = admin.get("/datasets/rows", ref=done["case_version"].removeprefix("dataset/"))["data"]
    (row,) = [each["row"] for each in rows if each["row"]["id"] == f"{guarded[1]}/{verdict['id']}"]
    assert (row["expect"], row["note"], row["input"][0]["content"]) == (
        {"action": "allow", "rule": "mail"},
        "a test address",
        "say hello",
    )
    trace = admin.get(f"/traces/{guarded[1]}")
    assert [(each["name"], each["label"], each["source"]) for each in trace["scores"]] == [
        ("guard:mail", "false_alarm", "person")
    ]
    mail = admin.get("/guards/figures", policy="watched", since="1h")["rules"][0]
    assert (mail["false_alarms"]["rate"], mail["false_alarms"]["marked"]) == (1.0, 1)
    assert [each["trace_id"] for each in listed(admin, marked="true")] == [guarded[1]]
    assert admin.call("POST", place, {"mark": None})["verdict"]["mark"] is None
    for body, status in (({"mark": "wrong"}, 400), ({}, 400)):
        admin.refused("POST", place, body, status=status)
    admin.refused("POST", f"/traces/{guarded[1]}/verdicts/{'0' * 16}/mark", {"mark": "right"}, status=404)
    admin.refused("POST", f"/traces/{'9' * 32}/verdicts/{verdict['id']}/mark", {"mark": "right"}, status=404)
    people["viewer"].refused("POST", place, {"mark": "right"}, status=403)


def test_who_reaches_less_sees_less(services: Services, guarded: list[str]) -> None:
    everything = GuardQuery(since_us=0, until_us=1 << 60, step="all", where={"policy": "watched"})
    where = VerdictFilter(policy="watched")

    def seen(reach: Reach) -> tuple[int, int, int]:
        telemetry = ConfinedTelemetry(services.telemetry, reach, services.hub)
        events = sum(each.events for each in telemetry.guard_rollup(everything))
        return len(telemetry.verdicts(where).rows), events, len(telemetry.guard_marks(everything))

    assert seen(Reach(tenant_id="elsewhere")) == (0, 0, 0)
    assert seen(Reach(environment_id="prod")) == (0, 0, 0)
    assert seen(Reach(tenant_id="default", environment_id="dev"))[:2] == (4, 4)
    blind = ConfinedTelemetry(services.telemetry, Reach(content=frozenset()), services.hub)
    assert {each.event.places for each in blind.verdicts(where).rows} == {()}
    trace = blind.trace(bytes.fromhex(guarded[0]))
    assert trace is not None
    assert {each.event.places for each in trace.verdicts} == {()}
    other = ConfinedTelemetry(services.telemetry, Reach(tenant_id="elsewhere"), services.hub)
    with pytest.raises(NotFound):
        other.mark(trace.verdicts[0], "right", at_us=1, by="eve")
    asked = other.verdicts(VerdictFilter(tenant_id="default"))
    assert (asked.rows, asked.next) == ((), None)
