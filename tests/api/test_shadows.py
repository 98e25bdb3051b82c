"""Shadow copies beside live answers, asked for by the API."""

import msgspec
import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.domain import Route, RouteTarget, ShadowPolicy, Target
from tests.api.conftest import Api
from tests.api.test_traces import SECOND, call


@pytest.fixture(scope="module")
def copied(services: Services) -> list[str]:
    """Traces of three live calls; their copies cost as much and were all quicker."""
    targets = services.hub.targets
    for name in ("loud", "quiet"):
        targets.create(Target(id=name, provider="echo", model=name, upstream_model=name, created_us=0), by="admin")
    shadow = ShadowPolicy("quiet", "shadow/copied")
    for name, policy in (("copied", shadow), ("alone", None)):
        route = Route(id=name, targets=(RouteTarget("loud"),), shadow=policy, created_us=0)
        services.hub.routes.create(route, by="admin")
    ids: list[str] = []
    for number in range(3):
        at_us = now_us() - (30 - number) * SECOND
        live, copy = call(at_us), call(at_us + SECOND, key_id="shadow/copied")
        services.telemetry.write(live)
        ids.append(live.spans[0].trace_id.hex())
        root = msgspec.structs.replace(copy.spans[0], target_id="quiet", duration_us=100_000 + number)
        told = {"genaiops.shadow_of": msgspec.Raw(msgspec.json.encode(ids[-1]))}
        contents = [msgspec.structs.replace(each, attributes=told) for each in copy.contents]
        spans = [root, *copy.spans[1:]]
        services.telemetry.write(msgspec.structs.replace(copy, spans=spans, contents=contents))
    return ids


def test_pairs(admin: Api, copied: list[str]) -> None:
    found = admin.get("/shadows/copied")
    assert (found["route"], found["target"], found["copies"], found["pairs"]) == ("copied", "quiet", 3, 3)
    latency = next(each for each in found["lines"] if each["metric"] == "latency")
    assert (latency["won"], latency["lost"], latency["live"]) == (3, 0, pytest.approx(0.2))
    assert [each["live"]["trace_id"] for each in found["shown"]] == copied[::-1]
    assert admin.get("/shadows/copied", limit=1)["shown"][0]["live"]["trace_id"] == copied[2]
    assert admin.get("/shadows/copied", lost="latency")["shown"] == []
    assert admin.get("/shadows/copied", until="1h")["copies"] == 0
    assert admin.get("/shadows/copied", target="loud")["copies"] == 0
    assert admin.get("/shadows/copied", most=2)["more"] is True


@pytest.mark.parametrize(
    ("place", "query", "param"),
    [
        ("alone", {}, "target"),
        ("copied", {"check": "judge"}, "check"),
        ("copied", {"lost": "beauty"}, "lost"),
        ("copied", {"since": "soon"}, "since"),
        ("copied", {"most": "0"}, "most"),
    ],
)
def test_what_cannot_be(admin: Api, copied: list[str], place: str, query: dict[str, str], param: str) -> None:
    assert admin.refused("GET", f"/shadows/{place}", status=400, params=query)["param"] == param


def test_unknown_names(admin: Api, copied: list[str]) -> None:
    admin.refused("GET", "/shadows/nowhere", status=404)
    admin.refused("GET", "/shadows/copied", status=404, params={"check": "refusl"})
