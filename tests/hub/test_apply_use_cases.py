"""Use cases in files: written, changed and retired by them; what is protected is never half done."""

import copy
from typing import Any

import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.hub import Hub, NewApplication, export
from tests.hub.test_apply import applied

SECTION = ("use_cases",)
FILE: dict[str, Any] = {
    "applications": {"support": {}},
    "use_cases": {
        "answers": {
            "title": "Answers",
            "applications": ["support"],
            "business_case": {"problem": "Too many calls."},
            "requirement": [{"id": "R1", "text": "It is polite."}],
            "kpi": [{"name": "calls", "direction": "at_most", "target": 100}],
        }
    },
}


def test_a_file_writes_it_down_and_a_second_time_there_is_nothing_to_do(hub: Hub) -> None:
    assert [(each.kind, each.name) for each in applied(hub, FILE).plan.changes] == [
        ("application", "support"),
        ("use case", "answers"),
    ]
    held = hub.use_cases.get("answers")
    assert (held.use_case.owner, held.use_case.applications, held.by) == ("admin", ("support",), "admin")
    assert applied(hub, FILE).plan.changes == ()
    written = export(hub)
    assert written["use_cases"]["answers"]["kpi"] == [{"direction": "at_most", "name": "calls", "target": 100.0}]
    assert applied(hub, written, prune=True).plan.changes == ()
    assert len(hub.use_cases.versions("answers")) == 1


def test_it_follows_its_file_and_keeps_its_owner(hub: Hub) -> None:
    applied(hub, FILE)
    bea = hub.actors.create("bea", "person", roles=("product-owner",), by="admin")
    document = copy.deepcopy(FILE)
    answers = document["use_cases"]["answers"]
    answers |= {"owner": "bea", "business_case": {"problem": "Too many calls.", "value": "Fewer."}}
    answers["kpi"][0]["target"] = 90
    (change,) = applied(hub, document).plan.changes
    assert {each.field for each in change.fields} == {"owner", "business_case.value", "kpi"}
    del answers["owner"]
    assert applied(hub, document).plan.changes == ()  # not said: who it is
    assert hub.use_cases.get("answers").use_case.owner == bea.id
    assert len(hub.use_cases.versions("answers")) == 2


def test_what_is_not_named_stays_and_is_retired_with_prune(hub: Hub) -> None:
    applied(hub, FILE)
    assert applied(hub, {"use_cases": {}}).plan.surplus == (("use case", "answers"),)
    assert applied(hub, {"use_cases": {}, "applications": {}}, prune=True, dry_run=True).plan.changes
    assert hub.use_cases.get("answers")
    applied(hub, {"use_cases": {}, "applications": {}}, prune=True)
    with pytest.raises(NotFound):
        hub.use_cases.get("answers")
    assert "use_cases" not in export(hub, SECTION)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"kpi": [{"name": "a", "target": 1, "suite": "s"}]}, "use_cases.answers.kpi[0].check"),
        ({"kpi": [{"name": "a"}]}, "use_cases.answers.kpi[0].target"),
        ({"kpis": []}, "use_cases.answers.kpis"),
        ({"owner": "nobody"}, "use_cases.answers.owner"),
        ({"applications": ["nowhere"]}, "use_cases.answers.applications"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(hub: Hub, more: Any, place: str) -> None:
    document = copy.deepcopy(FILE)
    document["use_cases"]["answers"] |= more
    with pytest.raises(UsageError) as told:
        applied(hub, document)
    assert told.value.param == place
    assert hub.applications.list() == []


def test_a_protected_one_is_refused_and_nothing_else_happens(hub: Hub) -> None:
    hub.applications.create(NewApplication(name="support"), by="admin")
    applied(hub, FILE)
    hub.actors.create("bea", "person", roles=("admin",), by="admin")  # another who could approve
    hub.policies.push({"protected_aliases": ["use-case/*@current"]}, emergency="We are three here.", by="admin")
    document = copy.deepcopy(FILE)
    document["use_cases"]["answers"]["title"] = "Other"
    document["applications"]["more"] = {}
    with pytest.raises(Conflict, match="a file is applied as a whole") as told:
        applied(hub, document)
    assert told.value.code == "use_case_protected"
    assert [each.id for each in hub.applications.list()] == ["support"]
    with pytest.raises(Conflict, match="applied as a whole"):
        applied(hub, {"use_cases": {}}, prune=True)
    assert hub.use_cases.get("answers").use_case.title == "Answers"
