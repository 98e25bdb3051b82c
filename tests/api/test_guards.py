"""Guard policies over HTTP: pushed, compared, attached, tried."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import Content, Span
from genaiops.hub import Hub, NewKey, default_text, read_guard
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api
from tests.guard.judging import WordJudge

STRICT = """\
description = "No bombs."
[[rules]]
id = "bombs"
detector = "words"
action = "block"
options = { words = ["bomb"] }
"""
BROKEN = STRICT + 'actoin = "flag"\n'


@pytest.fixture(scope="module", autouse=True)
def judging(services: Services) -> Iterator[None]:
    """The Hub with a judge, as the application hands it one."""
    former = services.hub
    services.hub = Hub(former.records, consenting=former.consents, judge=WordJudge())
    yield
    services.hub = former


@pytest.fixture(scope="module")
def strict(admin: Api) -> str:
    return admin.call("PUT", "/guards/strict", {"text": STRICT})["digest"]


def test_the_default_is_there_before_anybody_pushed_one(admin: Api) -> None:
    found = {one["name"]: one for one in admin.get("/guards")["data"]}
    assert found["default"]["builtin"]
    assert found["default"]["actions"] == {"redact": 2, "flag": 4}
    one = admin.get("/guards/default")
    assert one["text"] == default_text()
    assert admin.call("POST", "/guards/check", {"policy": one["policy"]})["faults"] == []


def test_a_policy_is_pushed_and_found(admin: Api, strict: str) -> None:
    one = admin.get("/guards/strict")
    assert (one["digest"], one["aliases"], one["builtin"], one["text"]) == (strict, {"current": strict}, False, STRICT)
    assert one["policy"]["rules"][0]["action"] == "block"
    assert [version["digest"] for version in one["versions"]] == [strict]
    assert admin.get("/guards/strict", version=strict[:16])["digest"] == strict
    assert admin.refused("GET", "/guards/strickt", status=404)["remedy"] == "Did you mean 'strict'?"
    assert admin.refused("GET", "/guards/strict?version=prod", status=404)["param"] == "version"
    assert admin.refused("GET", "/guards/approvals", status=404)["param"] == "name"


def test_a_broken_policy_is_refused_with_its_line_and_the_old_one_stays(admin: Api, strict: str) -> None:
    refused = admin.refused("PUT", "/guards/strict", {"text": BROKEN}, status=400)
    assert refused["code"] == "guard_invalid"
    assert refused["param"] == "rules[0].actoin"
    assert "line 7: rules[0].actoin" in refused["message"]
    assert admin.get("/guards/strict")["digest"] == strict
    (fault,) = admin.call("POST", "/guards/check", {"text": BROKEN, "form": "toml"})["faults"]
    assert (fault["line"], fault["path"], fault["remedy"]) == (7, "rules[0].actoin", "Did you mean 'action'?")


def test_what_a_detector_cannot_do_is_refused_with_its_line(admin: Api) -> None:
    text = STRICT.replace('["bomb"]', "5")
    (fault,) = admin.call("POST", "/guards/check", {"text": text})["faults"]
    assert (fault["line"], fault["message"]) == (6, "The words are no list.")
    assert "line 6" in admin.refused("PUT", "/guards/strict", {"text": text}, status=400)["message"]
    artifact = {"kind": "policy", "name": "other", "manifest": read_as_object(text)}
    refused = admin.refused("POST", "/artifacts", artifact, status=400)
    assert refused["param"] == "rules[0].options.words"


def read_as_object(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def test_the_schema_tells_policies_from_others(admin: Api) -> None:
    schema = admin.get("/guards/schema")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(read_as_object(default_text()))
    assert read_guard(BROKEN).policy is None
    assert not validator.is_valid(read_as_object(BROKEN))


def test_aliases_move_and_come_back(admin: Api) -> None:
    one = admin.call("PUT", "/guards/moved", {"text": STRICT})["digest"]
    two = admin.call("PUT", "/guards/moved", {"text": STRICT.replace("block", "flag"), "alias": "beta"})["digest"]
    assert admin.get("/guards/moved")["aliases"] == {"current": one, "beta": two}
    path = "/guards/moved/aliases/current"
    assert admin.call("PUT", path, {"version": "beta"})["version_id"].endswith(two)
    assert admin.call("PUT", path, {"undo": True})["version_id"].endswith(one)
    assert admin.call("PUT", path, {"version": two[:14]})["version_id"].endswith(two)
    assert admin.refused("PUT", path, {}, status=400)["param"] == "version"
    admin.call("DELETE", "/guards/moved/aliases/beta")
    assert admin.get("/guards/moved")["aliases"] == {"current": two}


def test_the_default_can_be_named_and_taken_back(admin: Api) -> None:
    builtin = admin.get("/guards/default")["digest"]
    admin.call("PUT", "/guards/default/aliases/beta", {"version": "current"})
    assert admin.get("/guards/default")["aliases"] == {"beta": builtin}
    admin.call("PUT", "/guards/default", {"text": STRICT})
    assert not admin.get("/guards/default")["builtin"]
    admin.call("DELETE", "/guards/default/aliases/current")
    assert admin.get("/guards/default")["builtin"]


def test_two_policies_are_compared_rule_by_rule(admin: Api, strict: str) -> None:
    body = {"before": {"guard": "strict"}, "after": {"text": STRICT.replace("block", "flag")}}
    found = admin.call("POST", "/guards/diff", body)
    assert (found["before"], found["after"]) == (f"strict@{strict}", None)
    (one,) = found["differences"]
    assert (one["rule"], one["change"], one["weight"]) == ("bombs", "changed", "mildly")
    assert one["fields"] == [{"field": "action", "before": "block", "after": "flag"}]
    body["after"] = {"guard": "strict", "text": STRICT}
    assert admin.refused("POST", "/guards/diff", body, status=400)["remedy"] == "Give one of guard, text, policy."


def test_who_may_change_policies(people: Mapping[str, Api], strict: str) -> None:
    developer = people["developer"]
    assert developer.get("/guards/strict")["digest"] == strict
    artifact = {"kind": "policy", "name": "strict", "manifest": {"longest": 1}}
    for method, path, body in (
        ("PUT", "/guards/default", {"text": ""}),
        ("PUT", "/guards/strict/aliases/current", {"undo": True}),
        ("POST", "/artifacts", artifact),
        ("PUT", "/aliases/policy/strict@current", {"undo": True}),
        ("DELETE", "/aliases/policy/strict@current", None),
        ("PATCH", "/artifacts/policy/strict", {"title": "mine"}),
    ):
        assert "policies" in developer.refused(method, path, body, status=403)["message"], path


def test_keys_routes_and_environments_name_policies(
    admin: Api, people: Mapping[str, Api], services: Services, echo: str, strict: str
) -> None:
    refused = admin.refused("POST", "/keys", {"name": "guarded", "guard": "strickt"}, status=404)
    assert (refused["param"], "'strict'" in refused["message"]) == ("guard", True)
    key = admin.call("POST", "/keys", {"name": "guarded", "guard": "strict@current"}, status=201)
    assert key["guard"] == "strict"
    route = {"id": "guarded", "targets": [{"target_id": echo, "weight": 1}], "guard": f"strict@{strict}"}
    assert admin.call("POST", "/routes", route, status=201)["guard"] == f"strict@{strict}"
    assert admin.call("PATCH", "/environments/preprod", {"guard": "strict"})["guard"] == "strict"
    uses = [(use["kind"], use["name"]) for use in admin.get("/guards/strict")["uses"]]
    assert uses == [("environment", "preprod"), ("route", "guarded"), ("key", "guarded")]
    busy = admin.refused("DELETE", "/guards/strict/aliases/current", status=409)
    assert busy["code"] == "in_use"
    assert admin.call("PATCH", f"/keys/{key['id']}", {"guard": None})["guard"] is None
    assert admin.call("PATCH", "/environments/preprod", {"guard": None})["guard"] is None
    admin.call("DELETE", "/routes/guarded")
    assert admin.get("/guards/strict")["uses"] == []


def test_nobody_takes_their_own_key_out_of_the_guards_sight(people: Mapping[str, Api], strict: str) -> None:
    developer = people["developer"]
    assert developer.call("POST", "/keys", {"name": "own"}, status=201)["guard"] is None
    developer.refused("POST", "/keys", {"name": "mild", "guard": "strict"}, status=403)
    key = next(each["id"] for each in developer.get("/keys")["data"] if each["name"] == "own")
    developer.refused("PATCH", f"/keys/{key}", {"guard": "strict"}, status=403)
    state = {"state": {"keys": {"own": {"guard": "strict"}}}}
    developer.refused("POST", "/state", state, status=403)
    assert people["operator"].call("PATCH", f"/keys/{key}", {"guard": "strict"})["guard"] == "strict"


def test_a_file_that_is_applied_names_policies(admin: Api, strict: str) -> None:
    state = {"environments": {"dev": {"kind": "dev", "guard": "strict"}}, "keys": {"filed": {"guard": "strict"}}}
    admin.call("POST", "/state", {"state": state})
    found = admin.get("/state")
    assert found["environments"]["dev"]["guard"] == "strict"
    assert found["keys"]["filed"]["guard"] == "strict"
    assert admin.call("POST", "/state", {"state": state})["changes"] == []
    state["environments"]["dev"]["guard"] = "nothing"
    assert admin.refused("POST", "/state", {"state": state}, status=404)["param"] == "environments.dev.guard"
    del state["environments"]["dev"]["guard"]
    admin.call("POST", "/state", {"state": state})
    assert admin.get("/environments/dev")["guard"] is None


def test_a_policy_is_tried_on_cases(admin: Api, services: Services, strict: str) -> None:
    cases = [
        {"input": "a bomb", "expect": {"action": "block", "kinds": ["bomb"]}},
        {"input": "a cake", "expect": {"action": "block"}, "note": "cakes, too"},
    ]
    found = admin.call("POST", "/guards/test", {"guard": "strict", "cases": cases})
    assert (found["policy"], found["cases"], found["passed"]) == (f"strict@{strict}", 2, 1)
    assert [result["note"] for result in found["results"] if not result["passed"]] == ["cakes, too"]
    draft = admin.call("POST", "/guards/test", {"text": STRICT, "cases": cases[:1]})
    assert draft["passed"] == 1
    chunk = admin.call("POST", "/datasets/chunks", {"rows": cases}, status=201)["digest"]
    admin.call("POST", "/datasets", {"name": "cases", "chunks": [chunk]}, status=201)
    assert admin.call("POST", "/guards/test", {"guard": "strict", "dataset": "cases"})["passed"] == 1
    assert admin.refused("POST", "/guards/test", {"guard": "strict"}, status=400)["param"] == "cases"
    wrong = {"guard": "strict", "cases": [{"input": "x"}]}
    assert admin.refused("POST", "/guards/test", wrong, status=400)["param"] == "cases[0]"


def recorded(services: Services, text: str, *, environment: str = "dev", content: Any = "inline") -> str:
    fields: dict[str, Any] = {"trace_id": new_trace_id(), "span_id": new_span_id(), "start_us": now_us() - 1_000_000}
    span = Span(
        **fields,
        name="chat replayed",
        kind="gateway",
        operation="chat",
        request_model="replayed",
        environment_id=environment,
        content=content,
    )
    asked = json.dumps({"model": "replayed", "messages": [{"role": "user", "content": text}]}).encode()
    kept = (Content(**fields, input=asked),) if content == "inline" else ()
    services.telemetry.write(Batch(spans=(span,), contents=kept))
    return span.trace_id.hex()


def followed(api: Api, run: dict[str, Any]) -> dict[str, Any]:
    while run["state"] in ("waiting", "running"):
        time.sleep(0.01)
        run = api.get(f"/guards/replays/{run['id']}")
    return run


def test_a_candidate_is_tried_on_recorded_calls(
    admin: Api, people: Mapping[str, Api], services: Services, strict: str
) -> None:
    differs = recorded(services, "a knife")
    recorded(services, "a bomb")
    recorded(services, "a bomb", environment="prod", content="preview")
    text = STRICT.replace('["bomb"]', '["bomb", "knife"]')
    body = {"candidate": {"text": text}, "against": {"guard": "strict"}, "model": "replayed"}
    run = followed(admin, admin.call("POST", "/guards/replay", body, status=202))
    assert run["state"] == "done", run
    report = run["report"]
    assert (report["seen"], report["judged"], report["not_recorded"], report["different"]) == (3, 2, 1, 1)
    assert report["against"] == f"strict@{strict}"
    assert report["rules"] == [
        {"policy": "", "rule": "bombs", "both": 1, "lost": 0, "gained": 1, "changed": 0, "stricter": 1, "milder": 0}
    ]
    (example,) = report["examples"]
    assert (example["trace_id"], example["before"], example["after"]) == (differs, "allow", "block")
    assert "knife" not in json.dumps({**example, "found_after": {}}), "no word of the call is told"
    assert [each["id"] for each in admin.get("/guards/replays")["data"]] == [run["id"]]
    assert people["operator"].get("/guards/replays")["data"] == []
    people["operator"].refused("GET", f"/guards/replays/{run['id']}", status=404)
    assert admin.call("POST", f"/guards/replays/{run['id']}/stop")["state"] == "done"
    assert admin.refused("POST", f"/guards/replays/{run['id']}/resume", status=409)["code"] == "not_resumable"
    for verb in ("stop", "resume"):
        people["operator"].refused("POST", f"/guards/replays/{run['id']}/{verb}", status=404)
    people["operator"].refused("DELETE", f"/guards/replays/{run['id']}", status=404)
    assert admin.call("DELETE", f"/guards/replays/{run['id']}")["id"] == run["id"]
    admin.refused("GET", f"/guards/replays/{run['id']}", status=404)


def test_who_may_not_read_a_calls_content_learns_nothing_of_it(admin: Api, services: Services, strict: str) -> None:
    """A data engineer reads content below prod."""
    actor = services.hub.actors.create("dan", "person", roles=("data-engineer",), by="admin")
    _, text = services.hub.keys.create(NewKey(name="dan", actor_id=actor.id, scopes=("api",)), by="admin")
    dan = Api(admin.client, text)
    recorded(services, "a bomb", environment="prod")
    body = {"candidate": {"text": STRICT}, "against": {"policy": {}}, "environment_id": "prod"}
    mine = followed(dan, dan.call("POST", "/guards/replay", body, status=202))["report"]
    whole = followed(admin, admin.call("POST", "/guards/replay", body, status=202))["report"]
    assert (mine["judged"], mine["examples"]) == (0, [])
    assert whole["judged"] == 1


def test_the_text_that_was_pushed_is_kept_with_its_comments(admin: Api) -> None:
    first = "# why: orders\n" + STRICT
    made = admin.call("PUT", "/guards/written", {"text": first})
    assert made["text"] == first
    assert admin.get("/guards/written")["text"] == first
    again = admin.call("PUT", "/guards/written", {"text": first.replace("orders", "bombs")})
    assert again["digest"] == made["digest"], "its meaning is the same"
    assert admin.get("/guards/written")["text"] == first.replace("orders", "bombs")
    admin.call("PUT", "/guards/written", {"policy": {}, "alias": "bare"})
    assert admin.get("/guards/written", version="bare")["text"] is None
    body = {"before": {"guard": "written"}, "after": {"text": first}}
    found = admin.call("POST", "/guards/diff", body)
    assert found["differences"] == []
    assert [line for line in found["text"] if line[0] in "+-"] == ["-# why: bombs", "+# why: orders"]
    bare = {"before": {"guard": "written"}, "after": {"guard": "written@bare"}}
    assert admin.call("POST", "/guards/diff", bare)["text"] is None
    assert admin.get("/guards/default")["text"].startswith("#")


def test_a_candidate_takes_the_place_of_its_predecessor(admin: Api, services: Services, strict: str) -> None:
    """Nothing says what held for these calls: what holds now for calls without a key is the default."""
    recorded(services, "a bomb")
    candidate = {"text": STRICT}
    run = followed(admin, admin.call("POST", "/guards/replay", {"candidate": candidate}, status=202))
    report = run["report"]
    assert (report["union"], report["against"]) == (True, "default@current")
    assert report["assumed"] == report["judged"] > 0
    assert report["actions"]["allow"]["block"] == report["different"] > 0
    assert {(each["policy"], each["rule"]) for each in report["rules"]} == {("default", "bombs")}
    admin.call("PUT", "/guards/strict", {"text": STRICT.replace("block", "flag"), "alias": "next"})
    run = followed(admin, admin.call("POST", "/guards/replay", {"candidate": {"guard": "strict@next"}}, status=202))
    assert run["report"]["against"] == "strict@current"
    assert run["report"]["untouched"] == run["report"]["seen"] - run["report"]["not_recorded"] > 0
    for body, param in (
        ({"instead_of": "strict@nxt"}, "instead_of"),
        ({"instead_of": f"strict@{strict}"}, "instead_of"),
        ({"instead_of": "strict", "against": {"guard": "strict"}}, "instead_of"),
        ({"limit": 0}, "limit"),
        ({"examples": 1000}, "examples"),
        ({"since": "soon"}, "since"),
    ):
        status = 404 if body.get("instead_of") == "strict@nxt" else 400
        assert (
            admin.refused("POST", "/guards/replay", {"candidate": candidate, **body}, status=status)["param"] == param
        )
