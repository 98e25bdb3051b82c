"""Facts over HTTP: claims of texts, traces and runs, against what they were given or a corpus; and before people."""

from typing import Any

import msgspec
import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.domain import Answer, Case, Judged, Run, Verdict
from genaiops.hub import NewKey, Origin
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api
from tests.engines.telemetry.calls import content, root, trace_id

PASSAGE = "The Aurora bridge was opened on 12 May 1931. It carries 23,000 vehicles a day."
SAID = "The Aurora bridge was opened on 12 May 1931. It was painted blue by monks."
TRACE, BARE, SPANS = (trace_id(number).hex() for number in (1, 2, 3))


def called(services: Services, number: int, *messages: dict[str, Any]) -> None:
    span = root(number, now_us(), environment_id="dev", content="inline")
    asked = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "When?"}, *messages]})
    answer = msgspec.json.encode({"choices": [{"message": {"role": "assistant", "content": SAID}}]})
    services.telemetry.write(Batch(spans=[span], contents=[content(span, input=asked, output=answer)]))


@pytest.fixture(scope="module", autouse=True)
def things(services: Services) -> None:
    """A trace with a source, one without, a dataset, and a run that a judge looked at."""
    call = {"id": "c", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    tool = {"role": "tool", "tool_call_id": "c", "content": PASSAGE}
    called(services, 1, {"role": "assistant", "content": None, "tool_calls": [call]}, tool)
    called(services, 2)
    rows = [{"id": "history", "text": PASSAGE}, {"id": "other", "text": "The castle burned in 1690."}]
    services.hub.datasets(services.blobs).add("handbook", rows, Origin(), by="admin")
    services.hub.datasets(services.blobs).add("odd", [{"words": PASSAGE}], Origin(), by="admin")
    run = Run(
        id="run_facts",
        kind="evaluation",
        subject="suite/s@sha256:0",
        state="done",
        inputs={"environment": "environment/dev"},
        created_us=1,
        created_by="admin",
    )
    services.runs.store.create(run, [Case(id="q1", input="When?", context=(PASSAGE,)), Case(id="q2", input="Why?")])
    verdict = Verdict(outcome="fail", measure=0.5, evidence=("P1: The Aurora bridge was opened", "unsupported: Monks."))
    services.runs.store.add(
        run.id,
        [Answer(target="new", case=case, state="answered", output=SAID, trace_id=TRACE) for case in ("q1", "q2")],
        [Judged(target="new", case="q1", check="true", metric="judge/1", verdict=verdict)],
    )


def verdicts(found: Any) -> list[str]:
    return [claim["verdict"] for each in found["data"] for claim in each["claims"]]


def test_the_claims_of_a_trace_are_held_against_what_it_was_given(admin: Api) -> None:
    found = admin.get(f"/traces/{TRACE}/claims")
    (one,) = found["data"]
    assert verdicts(found) == ["supported", "not_enough_evidence"]
    right = one["claims"][0]
    assert (right["citation"]["source"], right["citation"]["title"]) == ("1", "search")
    assert PASSAGE[right["citation"]["start"] : right["citation"]["end"]] == right["citation"]["quote"]
    assert SAID[right["start"] : right["end"]] == right["text"]
    assert 0 < one["confidence"] < 1
    (method,) = found["methods"]
    assert {"recall", "false_alarms", "brier", "ece"} <= {each["measure"] for each in method["measured"]}


def test_without_a_source_nothing_is_said_of_claims(admin: Api) -> None:
    (one,) = admin.get(f"/traces/{BARE}/claims")["data"]
    assert (one["claims"], one["confidence"]) == ([], None)
    assert "corpus" in one["why"]
    admin.refused("GET", f"/traces/{'0' * 32}/claims", status=404)


def test_the_claims_of_a_run_with_what_a_judge_said(admin: Api) -> None:
    found = admin.get("/runs/run_facts/claims", limit=1)
    assert (found["next"], verdicts(found)) == (1, ["supported", "not_enough_evidence"])
    (judged,) = found["data"][0]["judged"]
    assert [(each["supported"], each["source"]) for each in judged["claims"]] == [(True, "1"), (False, None)]
    assert judged["claims"][0]["start"] == 0
    assert judged["about"], "what the judge is worth stands beside it"
    (other,) = admin.get("/runs/run_facts/claims", case="q2")["data"]
    assert "context" in other["why"]
    admin.refused("GET", "/runs/run_facts/claims?case=nope", status=404)
    admin.refused("GET", "/runs/nope/claims", status=404)


def test_a_text_is_held_against_sources_and_against_a_dataset(admin: Api) -> None:
    text = "The bridge was opened on 12 May 1932. The castle burned in 1690."
    found = admin.call("POST", "/facts/check", {"text": text, "corpus": "handbook"})
    assert verdicts(found) == ["refuted", "supported"]
    assert [claim["citation"]["source"] for claim in found["data"][0]["claims"]] == ["history", "other"]
    sources = [{"id": "a.md", "text": PASSAGE}]
    assert verdicts(admin.call("POST", "/facts/check", {"text": text, "sources": sources}))[0] == "refuted"
    run = {"id": "run_facts", "cases": ["q2"]}
    assert verdicts(admin.call("POST", "/facts/check", {"run": run, "corpus": "handbook"}))[0] == "supported"
    named = {"text": "The bridge was opened on 12 May 1931.", "corpus": "odd", "column": "words"}
    assert verdicts(admin.call("POST", "/facts/check", named)) == ["supported"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "facts"),
        ({"text": "a", "trace_ids": [TRACE]}, 400, "facts"),
        ({"text": "It burned."}, 400, "sources"),
        ({"text": "It burned.", "corpus": "odd"}, 400, "column"),
        ({"text": "It burned.", "corpus": "handbook", "sources": [{"id": "a", "text": "b"}]}, 400, "corpus"),
        ({"text": "It burned.", "corpus": "nope"}, 404, None),
        ({"run": {"id": "run_facts", "cases": ["nope"]}}, 404, "case"),
        ({"run": {"id": "run_facts", "target": "nope"}}, 404, "run"),
    ],
)
def test_what_cannot_be_checked_is_refused(admin: Api, body: Any, status: int, param: str | None) -> None:
    error = admin.refused("POST", "/facts/check", body, status=status)
    assert error["remedy"]
    assert param in (None, error["param"])


def test_claims_come_before_people_and_measure_the_method(services: Services, admin: Api) -> None:
    made = admin.call(
        "POST", "/facts/queue", {"queue": "facts", "trace_ids": [TRACE], "sample": 1, "labels": 1}, status=201
    )
    assert made == {"queue": "facts", "made": True, "claims": 2, "added": 2, "there": 0}
    again = admin.call("POST", "/facts/queue", {"queue": "facts", "trace_ids": [TRACE], "sample": 1}, status=201)
    assert (again["made"], again["added"], again["there"]) == (False, 0, 2)
    assert admin.get("/facts/errors/facts")["claims"] == 0
    actor = services.hub.actors.create("fay", "person", roles=["domain-expert"], by="admin")
    new = NewKey(name="fay", actor_id=actor.id, environment_id="dev", scopes=("api",))
    fay = Api(admin.client, services.hub.keys.create(new, by="admin")[1])
    for verdict in ("supported", "refuted"):
        item = fay.call("POST", "/queues/facts/next", {})["item"]
        assert item["row"] == {}, "nobody is shown what the program thinks"
        answers = {"facts": [{"verdict": verdict, "source": "a book"}]}
        fay.call("PUT", f"/queues/facts/items/{item['place']}/label", {"answers": answers})
    found = admin.get("/facts/errors/facts")
    assert (found["claims"], found["precision"]["value"], found["recall"]["value"]) == (2, 1.0, 1.0)
    assert found["precision"]["low"] < 0.5, "one answer is not certain"
    assert admin.call("POST", "/queues/facts/scores") == {"scores": 1, "traces": 1}
    scores = admin.get(f"/traces/{TRACE}")["scores"]
    assert [(each["name"], each["value"]) for each in scores] == [("facts", 0.5)]
    rows = admin.call("POST", "/queues/facts/dataset", {"dataset": "checked"}, status=201)
    assert rows["rows"] == 2


def test_who_may_not_read_what_people_wrote_is_told_no_claims(services: Services, admin: Api) -> None:
    actor = services.hub.actors.create("vic", "person", roles=["stakeholder"], by="admin")
    new = NewKey(name="vic", actor_id=actor.id, environment_id="dev", scopes=("api",))
    vic = Api(admin.client, services.hub.keys.create(new, by="admin")[1])
    vic.refused("GET", "/runs/run_facts/claims", status=403)
    vic.refused("POST", "/facts/check", {"run": {"id": "run_facts"}}, status=403)
    vic.refused("POST", "/facts/queue", {"queue": "x", "trace_ids": [TRACE]}, status=403)
    vic.refused("GET", f"/traces/{TRACE}/claims", status=404)
