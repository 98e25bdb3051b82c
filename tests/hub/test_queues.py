"""Queues over real stores: who is given what, what people say, where they differ, and what comes of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.core.errors import Conflict, Forbidden, NotFound, UsageError
from genaiops.domain import Item, Option, Question
from genaiops.engines.blobs_folder import open_blobs
from genaiops.hub import (
    Hub,
    Labelling,
    NewQueue,
    QueueChange,
    Said,
    held_of,
    item_of_row,
    judge_labels,
    labelled_rows,
    results,
)
from tests.examples import examples
from tests.hub.conftest import Clock

GRADE = Question(name="grade", kind="choice", options=(Option(name="bad", worth=0), Option(name="good", worth=1)))
STARS = Question(name="stars", kind="scale", least=1, most=5, tolerance=1)
FIX = Question(name="fix", kind="correction", optional=True)
BETTER = Question(name="better", kind="preference")
FACTS = Question(name="facts", kind="claims")
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def labelling(hub: Hub, tmp_path: Path) -> Labelling:
    return hub.labelling(open_blobs(tmp_path / "blobs"))


@pytest.fixture
def people(hub: Hub) -> Mapping[str, str]:
    """Name -> id."""
    roles: Sequence[tuple[str, Any]] = (
        ("ann", "domain-expert"),
        ("bob", "domain-expert"),
        ("eve", "domain-expert"),
        ("sam", "data-scientist"),
        ("vic", "viewer"),
    )
    return {name: hub.actors.create(name, "person", roles=[role], by="admin").id for name, role in roles}


def rows(count: int, **more: Any) -> list[Any]:
    return [
        item_of_row(
            {"input": f"question {n}", "output": f"It is {n}. Paris is in France.", **more},
            f"dataset/d@sha256:{'0' * 64}#{n}",
            sources=[f"dataset/d@sha256:{'0' * 64}"],
        )
        for n in range(count)
    ]


def make(labelling: Labelling, *questions: Question, items: Sequence[Any] | None = None, **more: Any) -> None:
    labelling.queues.create(NewQueue(name="q", questions=questions or (GRADE,), **more), by="admin")
    labelling.queues.add("q", rows(4) if items is None else items, by="admin")


def say(labelling: Labelling, place: int, by: str, **answers: Any) -> Item:
    return labelling.label("q", place, Said(answers=answers, seconds=3.0), by=by)


def test_nobody_is_given_what_somebody_else_has(labelling: Labelling, people: Mapping[str, str], clock: Clock) -> None:
    make(labelling, lease_minutes=10)
    ann, bob = people["ann"], people["bob"]
    first = labelling.next("q", by=ann)
    assert first is not None
    assert first.place == 1
    assert labelling.next("q", by=ann) == first  # the same until it is done
    second = labelling.next("q", by=bob)
    assert second is not None
    assert second.place == 2
    beside = labelling.next("q", by=ann, beside=1)
    assert beside is not None
    assert beside.place == 3  # ready for when the first is done
    clock.move(601)
    again = labelling.next("q", by=bob, beside=2)
    assert again is not None
    assert again.place == 1  # its time has run out
    say(labelling, 1, bob, grade="good")
    with pytest.raises(Conflict, match="has all its labels"):
        say(labelling, 1, ann, grade="bad")


def test_some_are_labelled_by_two_and_both_are_people_of_their_own(
    labelling: Labelling, people: Mapping[str, str]
) -> None:
    make(labelling, overlap=2, overlap_share=0.5)
    ann, bob = people["ann"], people["bob"]
    assert [item.wanted for item in labelling.queues.items("q")] == [1, 2, 1, 2]
    while (item := labelling.next("q", by=ann)) is not None:
        say(labelling, item.place, ann, grade="good")
    assert [item.state for item in labelling.queues.items("q")] == ["done", "open", "done", "open"]
    for grade in ("good", "bad"):
        item = labelling.next("q", by=bob)
        assert item is not None
        say(labelling, item.place, bob, grade=grade)
    assert labelling.next("q", by=bob) is None
    assert [item.state for item in labelling.queues.items("q")] == ["done", "done", "done", "disputed"]
    found = results(labelling.queues.get("q"), labelling.queues.items("q"))
    assert (found.labels, found.wanted) == (6, 6)
    [grade] = found.questions
    assert grade.counts == {"bad": 1, "good": 5}
    assert grade.confusion == [[0, 1], [1, 2]]
    assert grade.agreement is not None
    assert grade.agreement.items == 2
    assert [(each.labels, each.agrees["grade"].value) for each in found.labellers] == [(4, 0.5), (2, 0.5)]


def test_a_third_person_settles_what_two_differ_in(labelling: Labelling, people: Mapping[str, str]) -> None:
    make(labelling, GRADE, FIX, overlap_share=1.0)
    say(labelling, 1, people["ann"], grade="good")
    say(labelling, 1, people["bob"], grade="bad", fix="It is one.")
    assert "grade" not in held_of(labelling.queues.get("q"), labelling.queues.item("q", 1))
    with pytest.raises(Forbidden, match="yourself"):
        labelling.settle("q", 1, Said(answers={"grade": "good"}), by=people["ann"])
    with pytest.raises(Conflict, match="Nobody differs"):
        labelling.settle("q", 2, Said(answers={"grade": "good"}), by=people["eve"])
    settled = labelling.settle("q", 1, Said(answers={"grade": "bad", "fix": "One."}), by=people["eve"])
    assert (settled.state, settled.settled_by) == ("settled", people["eve"])
    with pytest.raises(Conflict, match="settled"):
        say(labelling, 1, people["ann"], grade="bad")
    queue, items = labelling.queues.get("q"), labelling.queues.items("q")
    [row] = labelled_rows(labelling.queues, queue, items, {actor: name for name, actor in people.items()}).values()
    assert (row["grade"], row["expected"], row["settled_by"]) == ("bad", "One.", "eve")
    assert [each["by"] for each in row["labels"]] == ["ann", "bob"]


def test_a_scale_tolerates_what_it_says(labelling: Labelling, people: Mapping[str, str]) -> None:
    make(labelling, STARS, overlap_share=1.0)
    for place, (one, other) in enumerate([(4, 5), (2, 5)], 1):
        say(labelling, place, people["ann"], stars=one)
        say(labelling, place, people["bob"], stars=str(other))
    items = labelling.queues.items("q")
    assert [item.state for item in items[:2]] == ["done", "disputed"]
    assert held_of(labelling.queues.get("q"), items[0]) == {"stars": 4.5}
    lines = judge_labels(labelling.queues, labelling.queues.get("q"), items, "stars")
    assert [line["label"] for line in lines] == [[0.75, 1.0], [0.25, 1.0]]
    assert lines[0]["output"] == "It is 0. Paris is in France."


def test_a_label_is_changed_and_taken_back_and_remembers_that(
    labelling: Labelling, people: Mapping[str, str], clock: Clock
) -> None:
    make(labelling, GRADE, FIX)
    ann = people["ann"]
    say(labelling, 1, ann, grade="good")
    clock.move(5)
    labelling.queues.guide("q", "# Good\nis right **and** polite.", by=ann)
    changed = say(labelling, 1, ann, grade="bad", fix="One.")
    assert (changed.labels[ann].edits, changed.labels[ann].revision) == (1, 2)
    back = labelling.take_back("q", 1, by=ann)
    assert (back.state, back.labels[ann].state) == ("open", "assigned")
    with pytest.raises(Conflict, match="nothing to take back"):
        labelling.take_back("q", 1, by=ann)
    said = [item.labels.get(ann) for _, _, item in labelling.queues.history("q", 1)]
    assert [label.values.get("grade") for label in said if label is not None and label.state == "done"] == [
        "bad",
        "good",
    ]


def test_a_skipped_item_is_left_to_others(labelling: Labelling, people: Mapping[str, str]) -> None:
    make(labelling)
    labelling.skip("q", 1, by=people["ann"])
    item = labelling.next("q", by=people["ann"])
    assert item is not None
    assert item.place == 2
    item = labelling.next("q", by=people["bob"])
    assert item is not None
    assert item.place == 1


def test_a_duel_is_blind_and_its_sides_are_drawn(labelling: Labelling, people: Mapping[str, str]) -> None:
    duels = [
        item_of_row(
            {"input": f"q{n}", "a": f"right {n}", "b": f"wrong {n}"},
            f"dataset/d@sha256:{'0' * 64}#{n}",
            sources=[],
            answers=("a", "b"),
            sides=("new", "old"),
        )
        for n in range(40)
    ]
    make(labelling, BETTER, items=duels)
    ann = people["ann"]
    seen: set[bool] = set()
    while (item := labelling.next("q", by=ann)) is not None:
        swapped = item.labels[ann].swapped
        seen.add(swapped)
        said = say(labelling, item.place, ann, better="right" if swapped else "left")
        assert said.labels[ann].values == {"better": "first"}
    assert seen == {True, False}
    found = results(labelling.queues.get("q"), labelling.queues.items("q")).duels
    assert found is not None
    assert found.ranking is not None
    assert [each.name for each in found.ranking.ratings] == ["new", "old"]
    [pair] = found.pairs
    assert (pair.one, pair.won, pair.rate.value) == ("new", 40, 1.0)
    assert pair.rate.low is not None
    assert pair.rate.low > 0.8
    assert found.left.n == 40
    names = {ann: "ann"}
    row = next(
        iter(labelled_rows(labelling.queues, labelling.queues.get("q"), labelling.queues.items("q"), names).values())
    )
    assert (row["better"], row["chosen"], row["rejected"]) == ("new", "right 0", "wrong 0")


def test_claims_have_verdicts_and_sources(labelling: Labelling, people: Mapping[str, str]) -> None:
    make(labelling, FACTS, overlap_share=1.0)
    first = labelling.queues.item("q", 1)
    content = labelling.queues.content(first)
    assert content is not None
    assert content.claims == ("It is 0.", "Paris is in France.")
    with pytest.raises(UsageError, match="list of 2"):
        say(labelling, 1, people["ann"], facts=["supported"])
    found = [{"verdict": "refuted", "source": "counted"}, {"verdict": "supported", "source": "https://example.org"}]
    say(labelling, 1, people["ann"], facts=found)
    say(labelling, 1, people["bob"], facts=["supported", "supported"])
    say(labelling, 2, people["ann"], facts=found)
    say(labelling, 2, people["bob"], facts=found)
    queue, items = labelling.queues.get("q"), labelling.queues.items("q")
    assert [item.state for item in items[:2]] == ["disputed", "done"]
    [question] = results(queue, items).questions
    assert question.agreement is not None
    assert question.agreement.items == 4  # claims
    [row] = labelled_rows(labelling.queues, queue, items, {}).values()
    assert row["facts"] == [
        {"claim": "It is 1.", **found[0]},
        {"claim": "Paris is in France.", **found[1]},
    ]


def test_who_may_label_where(hub: Hub, labelling: Labelling, people: Mapping[str, str]) -> None:
    hub.environments.create("prod-eu", "prod", by="admin")
    make(labelling, labellers=["ann", "sam"], items=rows(1))
    prod = item_of_row({"output": "x"}, "trace/" + TRACE, sources=["trace/" + TRACE], environments=["prod-eu"])
    labelling.queues.add("q", [prod], by="admin")
    for name, why in (("bob", "none of those who label"), ("vic", "lacks the permission")):
        with pytest.raises(Forbidden, match=why):
            labelling.next("q", by=people[name])
    # A data scientist labels below prod alone; a domain expert what is in the queue.
    with pytest.raises(Forbidden, match="do not let you label there"):
        say(labelling, 2, people["sam"], grade="good")
    say(labelling, 1, people["sam"], grade="good")
    assert labelling.next("q", by=people["sam"]) is None
    item = labelling.next("q", by=people["ann"])
    assert item is not None
    assert item.place == 2
    labelling.queues.change("q", QueueChange(state="closed"), by="admin")
    with pytest.raises(Conflict, match="closed"):
        labelling.next("q", by=people["ann"])
    service = hub.actors.create("robot", "service_account", roles=["admin"], by="admin")
    with pytest.raises(Forbidden, match="service account"):
        labelling.next("q", by=service.id)


def test_an_item_stands_once_in_a_queue(labelling: Labelling) -> None:
    make(labelling)
    found = labelling.queues.add("q", rows(6), by="admin")
    assert (found.added, found.there) == (2, 4)
    assert [item.place for item in labelling.queues.items("q")] == [1, 2, 3, 4, 5, 6]
    assert labelling.queues.remove("q", by="admin") == 6
    with pytest.raises(NotFound, match="no queue"):
        labelling.queues.items("q")


def test_an_erasure_takes_what_was_shown_and_written(labelling: Labelling, people: Mapping[str, str]) -> None:
    item = item_of_row({"output": "said by somebody", "trace_id": TRACE}, "trace/" + TRACE, sources=[])
    make(labelling, GRADE, FIX, items=[item, *rows(1)])
    queues, ann = labelling.queues, people["ann"]
    say(labelling, 1, ann, grade="good", fix="first words")
    say(labelling, 1, ann, grade="good", fix="other words")
    say(labelling, 2, ann, grade="good", fix="of nobody")
    assert set(queues.contents().values()) == {bytes.fromhex(TRACE)}
    assert len(queues.held()) == 2
    traces = [bytes.fromhex(TRACE)]
    digests = queues.of_traces(traces, tenant_id=None)
    assert len(digests) == 3  # what it showed, and what was written twice
    assert queues.of_traces(traces, tenant_id="other") == []
    assert (queues.erase(traces, tenant_id=None, by="admin"), queues.erase(traces, tenant_id=None, by="admin")) == (
        1,
        0,
    )
    erased = queues.item("q", 1)
    assert (erased.state, queues.content(erased), erased.labels[ann].values) == ("erased", None, {"grade": "good"})
    assert list(labelled_rows(queues, queues.get("q"), queues.items("q"), {})) == [queues.item("q", 2).source]
    with pytest.raises(Conflict, match="erased"):
        say(labelling, 1, ann, grade="bad")


@pytest.mark.parametrize(
    ("questions", "why"),
    [
        ((), "asks nothing"),
        ((Question(name="A", kind="text"),), "cannot be the name"),
        ((Question(name="a", kind="choice"),), "no choice"),
        ((Question(name="a", kind="scale", least=5, most=5),), "from 5 to 5"),
        ((Question(name="a", kind="text", options=(Option(name="x"),)),), "has options"),
        ((BETTER, Question(name="other", kind="preference")), "which answer is better"),
        ((GRADE, GRADE), "twice"),
        ((Question(name="a", kind="choice", options=(Option(name="x", worth=2), Option(name="y"))),), "worth 2"),
    ],
)
def test_questions_that_cannot_be_asked(labelling: Labelling, questions: Sequence[Question], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        labelling.queues.create(NewQueue(name="q", questions=questions), by="admin")


def test_items_that_do_not_fit(labelling: Labelling) -> None:
    make(labelling, BETTER, items=[])
    with pytest.raises(UsageError, match="two answers"):
        labelling.queues.add("q", rows(1), by="admin")
    with pytest.raises(UsageError, match="no column 'b'"):
        item_of_row({"a": 1}, "x/1", sources=[], answers=("a", "b"))


ANSWERS = st.dictionaries(
    st.sampled_from(["grade", "stars", "fix", "facts", "other"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 9),
        st.floats(),
        st.text(max_size=4),
        st.sampled_from(["good", "bad", "5"]),
        st.lists(st.sampled_from(["supported", "x"]), max_size=3),
        st.lists(st.dictionaries(st.sampled_from(["verdict", "source", "z"]), st.text(max_size=3)), max_size=2),
    ),
)


@pytest.fixture
def asked(labelling: Labelling, people: Mapping[str, str]) -> Callable[[dict[str, Any]], Item]:
    make(labelling, GRADE, STARS, FIX, FACTS, items=rows(1))
    return lambda answers: say(labelling, 1, people["ann"], **answers)


@settings(deadline=None, max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=ANSWERS)
def test_whatever_is_said_is_kept_whole_or_refused(
    asked: Callable[[dict[str, Any]], Item], answers: dict[str, Any]
) -> None:
    try:
        item = asked(answers)
    except UsageError:
        return
    [label] = item.labels.values()
    assert label.values["grade"] in ("good", "bad")
    assert label.values["stars"] in range(1, 6)
    assert {name for name in label.values if name.startswith("facts")} == {"facts.0", "facts.1"}


def test_messages_of_a_case_are_shown_by_who_said_them() -> None:
    said = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where is it?"})
    item = item_of_row({"messages": said, "output": "Here."}, "run/1", sources=[])
    assert list(item.content.asked) == [("system", "Be brief."), ("user", "Where is it?")]
