"""Claims as items of a queue: what is put in, what comes out as scores, and what the method is worth."""

from pathlib import Path
from typing import Any

import pytest

from genaiops.checks.facts import Checked, Source, check_facts
from genaiops.domain import Item
from genaiops.engines.blobs_folder import open_blobs
from genaiops.hub import Hub, Labelling, Said, decided_claims, fact_items, fact_queue, fact_scores

TRACE = "0af7651916cd43dd8448eb211c80319c"
SOURCE = Source("1", "The castle burned in 1690. It has a garden with old roses.", "search")
ANSWER = "The castle burned in 1690. It was sold to a bank. It has old roses."


@pytest.fixture
def labelling(hub: Hub, tmp_path: Path) -> Labelling:
    return hub.labelling(open_blobs(tmp_path / "blobs"))


def checked(**more: Any) -> Checked:
    fields: dict[str, Any] = {
        "answer": ANSWER,
        "claims": check_facts(ANSWER, [SOURCE]),
        "sources": (SOURCE,),
        "node": f"trace/{TRACE}",
        "nodes": (f"trace/{TRACE}",),
        "asked": (("user", "What of the castle?"),),
        "traces": (TRACE,),
        "environments": ("dev",),
        **more,
    }
    return Checked(**fields)


def said(labelling: Labelling, actor: str, item: Item, verdict: str) -> None:
    labelling.label("facts", item.place, Said(answers={"facts": [{"verdict": verdict, "source": "a book"}]}), by=actor)


def test_unsupported_claims_become_items_and_a_sample_of_the_others() -> None:
    (item,) = fact_items([checked()], 0.0)
    assert item.source == f"trace/{TRACE}#27-49"
    assert item.content.claims == item.content.answers == ("It was sold to a bank.",)
    assert item.content.asked == (("user", "What of the castle?"), ("answer", ANSWER))
    assert item.content.context[0].startswith("search: ")
    assert (item.content.row["verdict"], item.content.row["trace_id"]) == ("not_enough_evidence", TRACE)
    everything = fact_items([checked()], 1.0)
    assert len(everything) == 3
    many = [checked(node=f"trace/{n:032x}") for n in range(200)]
    drawn = fact_items(many, 0.2)
    assert 40 < len(drawn) - 200 < 120, "a fifth of 400"
    assert drawn == fact_items(many, 0.2), "the same each time"


def test_what_people_say_becomes_scores_and_measures_the_method(hub: Hub, labelling: Labelling) -> None:
    people = [hub.actors.create(name, "person", roles=["domain-expert"], by="admin").id for name in ("ann", "bob")]
    queues = labelling.queues
    queues.create(fact_queue("facts"), by="admin")
    assert queues.add("facts", fact_items([checked()], 1.0), by="admin").added == 3
    verdicts = {0: ("supported", "supported"), 1: ("refuted", "refuted"), 2: ("supported", "refuted")}
    for number, item in enumerate(queues.items("facts")):
        for actor, verdict in zip(people, verdicts[number], strict=True):
            said(labelling, actor, item, verdict)
    queue, items = queues.get("facts"), queues.items("facts")
    assert [item.state for item in items] == ["done", "done", "disputed"]
    decided = decided_claims(queues, queue, items)
    assert [(each.flagged, each.wrong) for each in decided] == [(False, False), (True, True)]
    scores = fact_scores(queue, items)
    assert {(each.created_by, each.value) for each in scores} == {(people[0], 2 / 3), (people[1], 1 / 3)}
    assert all(each.trace_id.hex() == TRACE and each.name == "facts" for each in scores)
    assert [each.identifier for each in fact_scores(queue, items)] == [each.identifier for each in scores]


def test_one_person_is_enough_where_one_is_wanted(labelling: Labelling) -> None:
    labelling.queues.create(fact_queue("facts", labels=1), by="admin")
    labelling.queues.add("facts", fact_items([checked()], 0.0), by="admin")
    assert [item.wanted for item in labelling.queues.items("facts")] == [1]
