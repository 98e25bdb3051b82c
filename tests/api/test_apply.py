"""`/api/state`: in force at once, all or nothing, and only what each caller may change."""

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.services import Services
from genaiops.domain import ReleaseManifest, Target
from genaiops.hub import SECTIONS, NewApplication, NewKey
from tests.api.conftest import Api
from tests.api.test_any_input import TEXTS, VALUES
from tests.examples import examples

TARGET = {"provider": "echo", "settings": {"text": "Hello."}, "credentials": ["NOWHERE_KEY"]}


def send(api: Api, state: Any, *, status: int = 200, **more: Any) -> Any:
    return api.call("POST", "/state", {"state": state, **more}, status=status)


def test_a_plan_is_looked_at_and_then_carried_out(admin: Api) -> None:
    send(admin, {"targets": {"left-over": TARGET}})
    state = {
        "targets": {"applied": TARGET},
        "keys": {"applied-key": {"models": ["applied"]}},
    }
    looked = send(admin, state, dry_run=True)
    assert looked["applied"] is False
    assert looked["missing_secrets"] == ["NOWHERE_KEY"]
    assert [(each["action"], each["kind"], each["name"]) for each in looked["changes"]] == [
        ("add", "target", "applied"),
        ("add", "key", "applied-key"),
    ]
    assert admin.refused("GET", "/targets/applied", status=404)
    answer = admin.send("POST", "/state", json={"state": state, "plan": looked["plan"]})
    assert (answer.status_code, answer.headers["x-genaiops-published"]) == (200, "true")
    done = answer.json()
    (key,) = done["keys"]
    assert Api(admin.client, key["secret"]).refused("GET", "/me", status=403)["code"] == "scope_missing"
    again = send(admin, state)
    assert (again["changes"], again["keys"], again["unchanged"]) == ([], [], 2)
    assert {"kind": "target", "name": "left-over"} in again["surplus"]
    error = admin.refused("POST", "/state", {"state": state, "plan": looked["plan"]}, status=409)
    assert (error["code"], error["param"]) == ("plan_changed", "plan")


def test_what_is_shown_can_be_sent_back(admin: Api) -> None:
    send(admin, {"teams": {"sent-back": {"title": "Back"}}})
    state = admin.get("/state")
    assert state["teams"]["sent-back"] == {"title": "Back"}
    done = send(admin, state, prune=True, dry_run=True)
    assert (done["changes"], done["surplus"]) == ([], [])
    assert set(admin.get("/state", sections="teams, keys")) == {"teams", "keys"}
    assert admin.refused("GET", "/state?sections=team", status=400)["param"] == "sections"


def test_errors_name_the_place(admin: Api) -> None:
    error = admin.refused("POST", "/state", {"state": {"targets": {"bad.one": {"provider": "ehco"}}}}, status=400)
    assert (error["param"], "Did you mean 'echo'?" in error["message"]) == ("targets.bad.one.provider", True)
    assert admin.refused("POST", "/state", {"state": [], "dry_run": True}, status=400)["param"] == "state"


def test_each_change_needs_its_permission(people: Mapping[str, Api]) -> None:
    target = {"targets": {"mine": TARGET}}
    send(people["operator"], target)
    assert send(people["viewer"], target)["missing_secrets"] == []  # nothing to change, so nothing is asked for
    changed = {"targets": {"mine": {**TARGET, "max_concurrency": 2}}}
    for role in ("developer", "viewer"):
        for dry_run in (True, False):
            body = {"state": changed, "dry_run": dry_run}
            assert people[role].refused("POST", "/state", body, status=403)["code"] == "permission_missing"
    people["operator"].refused("POST", "/state", {"state": {"teams": {"no": {}}}}, status=403)
    people["operator"].refused("POST", "/state", {"state": {**changed, "teams": {"no": {}}}}, status=403)
    assert "max_concurrency" not in people["operator"].get("/state")["targets"]["mine"]


def test_an_experiment_needs_what_its_deployment_needs(
    people: Mapping[str, Api], services: Services, client: TestClient[Litestar]
) -> None:
    eve = services.hub.actors.create("eve", "person", roles=("ml-engineer",), by="admin")
    _, key = services.hub.keys.create(NewKey(name="eve", actor_id=eve.id, scopes=("api",)), by="admin")
    engineer = Api(client, key)
    services.hub.applications.create(NewApplication(name="tried"), by="admin")
    services.hub.applications.acknowledge("tried", "It uses generative AI.", by="admin")
    services.hub.targets.create(
        Target(id="m", provider="echo", model="m", upstream_model="m", created_us=0), by="admin"
    )
    services.hub.releases.create("tried", ReleaseManifest(model="m"), by="admin")
    plan = {"primary": {"metric": "errors"}}

    def of(environment: str) -> dict[str, Any]:
        one = {"application": "tried", "environment": environment, "candidate": "latest", "plan": plan}
        return {"experiments": {"tried-out": one}}

    refused = people["viewer"].refused("POST", "/state", {"state": of("dev")}, status=403)
    assert refused["code"] == "permission_missing"
    send(engineer, of("dev"))
    moved = engineer.refused("POST", "/state", {"state": of("prod")}, status=403)
    assert moved["code"] == "permission_missing"
    assert services.hub.experiments.get("tried-out").environment_id == "dev"
    send(engineer, {"experiments": {}}, prune=True)
    assert services.hub.experiments.in_state() == []


def test_keys_are_for_oneself_or_for_those_one_may_make_keys_for(people: Mapping[str, Api]) -> None:
    send(people["developer"], {"keys": {"developers-own": {}}})
    others = {"keys": {"for-other": {"actor": "a-viewer"}}}
    people["developer"].refused("POST", "/state", {"state": others}, status=403)
    send(people["operator"], others)
    admins = {"keys": {"more-power": {"actor": "admin", "scopes": ["api"]}}}
    assert people["operator"].refused("POST", "/state", {"state": admins}, status=403)["code"] == "would_escalate"


def test_pruning_spares_the_callers_own_access(people: Mapping[str, Api], services: Services) -> None:
    before = services.hub.keys.count()
    looked = send(people["admin"], {"keys": {}, "actors": {}}, prune=True, dry_run=True)
    removed = {(each["kind"], each["name"]) for each in looked["changes"]}
    assert ("key", "admin") not in removed
    assert ("actor", "admin") not in removed
    assert services.hub.keys.count() == before


@settings(
    max_examples=examples(80),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.dictionaries(
        st.sampled_from(SECTIONS),
        st.one_of(VALUES, st.dictionaries(TEXTS, st.dictionaries(TEXTS, VALUES, max_size=2), max_size=2)),
        max_size=2,
    ),
    st.booleans(),
)
def test_any_state(admin: Api, state: dict[str, Any], prune: bool) -> None:
    answer = admin.send("POST", "/state", json={"state": state, "prune": prune, "dry_run": True})
    assert answer.status_code < 500, answer.text
