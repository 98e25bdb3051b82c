"""Queues over HTTP: what is put in, who sees what of it, and what comes out. Who only labels sees nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.app.services import Services
from genaiops.core.clock import now_us
from genaiops.domain import Answer, Case, Person, Run
from genaiops.hub import NewKey, Origin
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api
from tests.engines.telemetry.calls import content, root, trace_id

GRADE = {"name": "grade", "kind": "choice", "options": [{"name": "bad", "worth": 0}, {"name": "good", "worth": 1}]}
FIX = {"name": "fix", "kind": "correction", "optional": True}
TRACE = trace_id(1).hex()
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
ASKED = b'{"messages": [{"role": "user", "content": "Where is it?"}]}'
SAID = b'{"choices": [{"message": {"role": "assistant", "content": "It is here."}}]}'


def called(services: Services, number: int, **facts: Any) -> None:
    """A trace of a call with its content."""
    span = root(number, now_us(), environment_id="dev", content="inline", **facts)
    services.telemetry.write(Batch(spans=[span], contents=[content(span, input=ASKED, output=SAID)]))


def somebody(services: Services, admin: Api, name: str, role: Any, **more: Any) -> Api:
    actor = services.hub.actors.create(name, "person", roles=[role], by="admin")
    new = NewKey(name=name, actor_id=actor.id, environment_id=more.get("environment_id", "dev"), scopes=("api",))
    return Api(admin.client, services.hub.keys.create(new, by="admin")[1])


@pytest.fixture(scope="module")
def experts(services: Services, admin: Api) -> Mapping[str, Api]:
    return {name: somebody(services, admin, name, "domain-expert") for name in ("ann", "bob", "eve")}


@pytest.fixture(scope="module", autouse=True)
def things(services: Services) -> None:
    """A trace, a dataset and a run."""
    called(services, 1)
    rows = [{"id": f"q{n}", "input": f"q{n}", "output": f"answer {n}", "other": f"other {n}"} for n in range(6)]
    services.hub.datasets(services.blobs).add("seen", rows, Origin(), by="admin")
    cases = [Case(id=f"c{n}", input=f"question {n}", expected=f"right {n}") for n in range(3)]
    run = Run(
        id="run_labelled",
        kind="evaluation",
        subject="suite/s@sha256:0",
        state="done",
        inputs={"environment": "environment/dev"},
        created_us=1,
        created_by="admin",
    )
    answers = [
        Answer(target=target, case=case.id, state="answered", output=f"{target} says {case.input}")
        for case in cases
        for target in ("old", "new")
    ]
    services.runs.store.create(run, cases)
    services.runs.store.add(run.id, answers)


def made(admin: Api, name: str, *questions: Any, **more: Any) -> None:
    admin.call("POST", "/queues", {"name": name, "questions": questions or [GRADE], **more}, status=201)


def label(api: Api, name: str, place: int, **answers: Any) -> Any:
    return api.call("PUT", f"/queues/{name}/items/{place}/label", {"answers": answers, "seconds": 2})


def test_two_label_the_same_and_a_version_with_its_lineage_appears(admin: Api, experts: Mapping[str, Api]) -> None:
    made(admin, "twice", GRADE, FIX, labellers=["ann", "bob"], overlap_share=1, guidelines="# Be kind")
    assert admin.call("POST", "/queues/twice/items", {"dataset": "seen"}, status=201) == {
        "added": 6,
        "there": 0,
        "skipped": 0,
    }
    ann, bob, eve = (experts[name] for name in ("ann", "bob", "eve"))
    for place in range(1, 7):
        item = ann.call("POST", "/queues/twice/next", {})["item"]
        assert item["place"] == place
        assert (item["source"], item["row"], item["labels"]) == ("", {}, [])  # blind
        label(ann, "twice", place, grade="good" if place % 2 else "bad")
        label(bob, "twice", place, grade="good" if place in (1, 2, 3, 5) else "bad", fix=f"better {place}")
    assert ann.call("POST", "/queues/twice/next", {})["item"] is None
    found = admin.get("/queues/twice/results")
    assert found["items"] == {"open": 0, "done": 5, "disputed": 1, "settled": 0, "erased": 0}
    [grade, _] = found["questions"]
    assert 0 < grade["agreement"]["value"] < 1
    assert [each["actor"] for each in found["labellers"]] == ["ann", "bob"]
    assert eve.refused("POST", "/queues/twice/next", {}, status=403)["code"] == "not_a_labeller"
    assert ann.refused("POST", "/queues/twice/items/2/settle", {"answers": {"grade": "good"}}, status=403)
    admin.call("POST", "/queues/twice/items/2/settle", {"answers": {"grade": "good", "fix": "right"}})
    version = admin.call("POST", "/queues/twice/dataset", {"dataset": "seen", "whole": True}, status=201)
    assert (version["rows"], version["source"]["queue"], version["source"]["labellers"]) == (6, "twice", ["ann", "bob"])
    rows = [each["row"] for each in admin.get("/datasets/rows", ref=version["id"].removeprefix("dataset/"))["data"]]
    assert rows[1]["grade"] == "good"
    assert [row["expected"] for row in rows] == ["better 1", "right", *(f"better {n}" for n in range(3, 7))]
    walk = admin.get(f"/lineage/{version['id']}", direction="up")
    assert {"queue/twice"} < {edge["source"] for edge in walk["edges"]}
    history = admin.get("/queues/twice/items/2/history")["data"]
    assert [each["by"] for each in history] == ["admin", "bob", "ann", "ann", "admin"]
    lines = admin.get("/queues/twice/judge-labels", question="grade")["data"]
    assert lines[0] == {"output": "answer 0", "label": [1.0, 1.0], "input": "q0"}


def test_a_person_who_only_labels_sees_queues_alone(admin: Api, experts: Mapping[str, Api]) -> None:
    made(admin, "others", labellers=["bob"])
    made(admin, "hers", labellers=["ann"])
    ann = experts["ann"]
    names = {each["id"] for each in ann.get("/queues")["data"]}
    assert "hers" in names
    assert "others" not in names
    assert ann.get("/queues/hers")["may_label"] is True
    assert ann.refused("GET", "/queues/others", status=403)["code"] == "not_a_labeller"
    for method, path in (
        ("GET", "/traces"),
        ("GET", "/datasets"),
        ("GET", "/keys"),
        ("GET", "/queues/hers/items"),
        ("POST", "/queues/hers/dataset"),
        ("DELETE", "/queues/hers"),
    ):
        body = {"dataset": "x"} if method == "POST" else None
        assert ann.refused(method, path, body, status=403)["code"] == "permission_missing"
    assert ann.call("PUT", "/queues/hers/guidelines", {"guidelines": "Mine."})["revision"] == 2
    assert ann.refused("PUT", "/queues/others/guidelines", {"guidelines": "x"}, status=403)


def test_labels_of_a_trace_become_scores_of_it(admin: Api, experts: Mapping[str, Api], services: Services) -> None:
    made(admin, "traces", labellers=["ann"])
    assert admin.call("POST", "/queues/traces/items", {"trace_ids": [TRACE]}, status=201)["added"] == 1
    assert admin.call("POST", "/queues/traces/items", {"traces": {"since": "1h"}}, status=201)["there"] == 1
    item = experts["ann"].call("POST", "/queues/traces/next", {})["item"]
    assert item["answers"] == ["It is here."]
    label(experts["ann"], "traces", 1, grade="bad")
    for _ in range(2):
        assert admin.call("POST", "/queues/traces/scores") == {"scores": 1, "traces": 1}
    scores = [each for each in admin.get("/scores", name="grade")["data"] if each["trace_id"] == TRACE]
    assert [(each["label"], each["value"], each["source"]) for each in scores] == [("bad", 0.0, "person")]
    version = admin.call("POST", "/datasets/add", {"name": "cases", "trace_ids": [TRACE]}, status=201)
    more = admin.call("POST", "/datasets/add", {"name": "cases", "run": {"id": "run_labelled"}}, status=201)
    assert (version["rows"], more["rows"]) == (1, 7)
    assert admin.call("POST", "/datasets/add", {"name": "cases", "trace_ids": [TRACE]}, status=201)["created"] is False


def test_duels_of_a_run_are_blind_and_rated(admin: Api, experts: Mapping[str, Api]) -> None:
    made(admin, "duel", {"name": "better", "kind": "preference"}, labellers=["ann"])
    wanted = {"id": "run_labelled", "target": "new", "against": "old"}
    assert admin.call("POST", "/queues/duel/items", {"run": wanted}, status=201)["added"] == 3
    ann = experts["ann"]
    while (item := ann.call("POST", "/queues/duel/next", {})["item"]) is not None:
        assert item["sides"] == []
        label(ann, "duel", item["place"], better="left" if item["answers"][0].startswith("new") else "right")
    duels = admin.get("/queues/duel/results")["duels"]
    assert [each["name"] for each in duels["ranking"]["ratings"]] == ["new", "old"]
    assert (duels["pairs"][0]["won"], duels["pairs"][0]["rate"]["value"]) == (3, 1.0)
    for wrong, why in (
        ({"id": "run_labelled", "against": "old"}, "names two"),
        ({"id": "run_labelled", "target": "new", "against": "new"}, "no duel with itself"),
    ):
        assert why in admin.refused("POST", "/queues/duel/items", {"run": wrong}, status=400)["message"]
    assert admin.refused("POST", "/queues/duel/items", {"run": {**wanted, "target": "nev"}}, status=404)


def test_cases_of_a_run_are_drawn_by_lot_with_all_their_answers(admin: Api) -> None:
    made(admin, "drawn", labellers=["ann"])
    wanted = {"run": {"id": "run_labelled", "draw": 2}}
    assert admin.call("POST", "/queues/drawn/items", wanted, status=201)["added"] == 4
    assert admin.call("POST", "/queues/drawn/items", wanted, status=201)["there"] == 4
    sources = [each["source"].split("/")[2:] for each in admin.get("/queues/drawn/items")["data"]]
    assert {target for _, target in sources} == {"new", "old"}
    assert len({case for case, _ in sources}) == 2
    whole = {"run": {"id": "run_labelled", "draw": 100}}
    assert admin.call("POST", "/queues/drawn/items", whole, status=201)["added"] == 2


def test_a_picture_is_shown_as_it_is(admin: Api, experts: Mapping[str, Api], services: Services) -> None:
    pixel = f"data:image/png;base64,{PIXEL}"
    rows = [{"prompt": "a cat", "a": pixel, "b": pixel, "n": n} for n in range(2)]
    services.hub.datasets(services.blobs).add("pictures", rows, Origin(), by="admin")
    made(admin, "pictures", {"name": "better", "kind": "preference"})
    body = {"dataset": "pictures", "answers": ["a", "b"], "sides": ["flux", "sdxl"]}
    assert admin.call("POST", "/queues/pictures/items", body, status=201)["added"] == 2
    item = experts["ann"].call("POST", "/queues/pictures/next", {})["item"]
    assert item["answers"] == [pixel, pixel]
    label(experts["ann"], "pictures", item["place"], better="tie")
    [pair] = admin.get("/queues/pictures/results")["duels"]["pairs"]
    assert (pair["one"], pair["other"], pair["tied"], pair["rate"]["value"]) == ("flux", "sdxl", 1, 0.5)


def test_what_cannot_be_added_is_said(admin: Api, services: Services) -> None:
    made(admin, "wrong")
    for body, status, why in (
        ({}, 400, "Nothing is named"),
        ({"dataset": "seen", "trace_ids": [TRACE]}, 400, "trace_ids and dataset are given"),
        ({"dataset": "absent"}, 404, "absent"),
        ({"dataset": "seen", "answers": ["nothing"]}, 400, "no column 'nothing'"),
        ({"dataset": "seen", "answers": ["output", "other"]}, 400, "one answer"),
        ({"trace_ids": ["0" * 31 + "9"]}, 404, "is none"),
        ({"traces": {"model": "nobody"}}, 404, "No trace meets"),
        ({"run": {"id": "run_absent"}}, 404, "no run"),
        ({"run": {"id": "run_labelled", "cases": ["c9"]}}, 404, "no case 'c9'"),
    ):
        assert why in admin.refused("POST", "/queues/wrong/items", body, status=status)["message"]
    assert admin.get("/queues/wrong")["items"] == {}
    assert admin.refused("POST", "/queues", {"name": "wrong", "questions": [GRADE]}, status=409)
    robot = services.hub.actors.create("robot", "service_account", roles=["developer"], by="admin")
    refused = admin.refused("PATCH", "/queues/wrong", {"labellers": [robot.id]}, status=400)
    assert "may not label" in refused["message"]


def test_a_sandboxs_key_and_other_units_see_no_queues(admin: Api, services: Services) -> None:
    services.hub.create_sandbox("box", by="admin")
    boxed = somebody(services, admin, "boxed", "developer", environment_id="box")
    assert boxed.refused("GET", "/queues", status=403)["code"] == "sandbox_data"
    admin.call("POST", "/tenants", {"name": "retail"}, status=201)
    actor = services.hub.actors.create("rita", "person", roles=("developer",), tenant_id="retail", by="admin")
    new = NewKey(name="r", actor_id=actor.id, tenant_id="retail", environment_id="retail-dev", scopes=("api",))
    rita = Api(admin.client, services.hub.keys.create(new, by="admin")[1])
    made(admin, "ours")
    assert rita.get("/queues")["data"] == []
    assert rita.refused("GET", "/queues/ours", status=404)
    made(rita, "theirs")
    assert rita.get("/queues/theirs")["tenant_id"] == "retail"
    assert [each["id"] for each in rita.get("/queues")["data"]] == ["theirs"]


def test_an_erasure_reaches_queues(admin: Api, experts: Mapping[str, Api], services: Services) -> None:
    called(services, 70, user_id="carl")
    made(admin, "carls", FIX, GRADE, labellers=["ann"])
    admin.call("POST", "/queues/carls/items", {"trace_ids": [trace_id(70).hex()]}, status=201)
    label(experts["ann"], "carls", 1, grade="good", fix="Carl lives in Paris.")
    services.erasing.begin(Person("carl"), "request 9", by="admin")
    assert services.erasing.work()
    item = admin.get("/queues/carls/items/1")
    assert (item["state"], item["content"], item["answers"]) == ("erased", False, [])
    assert item["labels"][0]["answers"] == {"grade": "good"}
    assert "Carl lives" not in str(admin.get("/queues/carls/items/1/history"))
