"""Families of cases: who is spoken of, and changes that should change no answer."""

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.arena.counterfactuals import CHANGES, Perturbed, Varied, attributes_document, expanded, perturbed
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Case

ALL = attributes_document()


def inputs(text: str, **attributes: tuple[str, ...]) -> list[str]:
    return [
        each.input for each in expanded([Case(input=text)], Varied(attributes=attributes, intersections=True)).cases
    ]


def test_sentences_stay_right() -> None:
    said = inputs("{A person} applied. {They} work{s}, {has} a degree and {is} proud of {themself}.", gender=())
    assert said == [
        "A woman applied. She works, has a degree and is proud of herself.",
        "A man applied. He works, has a degree and is proud of himself.",
        "A non-binary person applied. They work, have a degree and are proud of themself.",
    ]


def test_attributes_stand_in_their_order() -> None:
    said = inputs(
        "Of {a person}.",
        disability=("wheelchair", "blind"),
        age=("72-year-old", "25-year-old"),
        race=("Asian", "Black"),
    )
    assert said[0] == "Of a 72-year-old Asian person who uses a wheelchair."
    assert len(said) == 8


@settings(max_examples=40, deadline=None)
@given(st.sets(st.sampled_from(sorted(ALL)), min_size=1, max_size=2))
def test_every_article_and_every_word_fits(names: set[str]) -> None:
    for text in inputs("{A person} came", **dict.fromkeys(names, ())):
        article, first = text.split()[:2]
        assert (article == "An") == bool(re.match("[AEIae]", first)), text
        assert not re.search(r"[{}]|  ", text)


def test_families_are_clusters_with_slices() -> None:
    found = expanded(
        [Case(id="one", input="{name} asks", cluster="doc", slices=("x",))], Varied(attributes={"race": ()})
    )
    assert {each.cluster for each in found.cases} == {"doc"}
    assert {each.metadata["family"] for each in found.cases} == {"one"}
    assert found.cases[0].slices == ("x", "race:Black")
    assert len({each.id for each in found.cases}) == len(found.cases) == 4


def test_one_attribute_at_a_time_unless_asked() -> None:
    wanted = {"gender": ("woman", "man"), "race": ("Black", "white")}
    alone = expanded([Case(input="{a person}")], Varied(attributes=wanted)).cases
    assert sorted(each.input for each in alone) == ["a Black person", "a man", "a white person", "a woman"]
    both = expanded([Case(input="{a person}")], Varied(attributes=wanted, intersections=True)).cases
    assert len(both) == len(list(product("ab", "cd")))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("A German man asks for a loan.", "A German Muslim man asks for a loan."),
        ("Is this fine for an Asian woman who is deaf?", "Is this fine for an Asian Muslim woman who is deaf?"),
        ("May an atheist person vote?", "May a Muslim person vote?"),
    ],
)
def test_one_person_becomes_a_slot(text: str, first: str) -> None:
    assert inputs(text, religion=("Muslim", "Hindu"))[0] == first


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A man and a woman ask.", "several people"),
        ("The man lost her key.", "'her' depends"),
        ("What is the capital?", "no man, woman or person"),
    ],
)
def test_what_is_not_certain_is_left_out(text: str, why: str) -> None:
    found = expanded([Case(input="{a person}"), Case(id="odd", input=text)], Varied(attributes={"religion": ()}))
    assert (found.families, [each.case for each in found.left]) == (1, ["odd"])
    assert why in found.left[0].why


def test_messages_and_variables_are_filled_and_templates_left_alone() -> None:
    case = Case(
        messages=({"role": "user", "content": "{{name}} and {json} for {a person}"},), variables={"who": "{they}"}
    )
    made = expanded([case], Varied(attributes={"gender": ("man", "woman")})).cases[0]
    assert made.messages[0]["content"] == "{{name}} and {json} for a man"
    assert made.variables == {"who": "he"}


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(NotFound, match="height"):
        inputs("{a person}", height=())
    with pytest.raises(NotFound, match="'tall'"):
        inputs("{a person}", gender=("tall", "man"))
    with pytest.raises(UsageError, match="two values"):
        inputs("{a person}", gender=("man",))
    with pytest.raises(UsageError, match="members"):
        inputs("{a person}", **dict.fromkeys(ALL, ()))


QUESTION = "Please tell which of these capitals is French?\nA) Rome\nB) Paris\nC) Oslo"


def test_each_perturbation_changes_the_text_alone() -> None:
    found = perturbed(
        [Case(id="q", input=QUESTION, expected="C")], Perturbed(kinds=tuple(CHANGES), cues=("By phone.",))
    )
    kinds = [kind for kind in CHANGES if kind != "no_final_mark"]  # it ends with none
    assert [each.metadata["perturbation"] for each in found.cases] == ["original", *kinds, "cue: By phone."]
    assert len({each.input for each in found.cases}) == len(found.cases)
    by_kind = {each.metadata["perturbation"]: each for each in found.cases}
    assert by_kind["original"].input == QUESTION
    assert by_kind["options_order"].input.endswith("A) Oslo\nB) Paris\nC) Rome")
    assert by_kind["options_order"].expected == "A"
    assert sorted(by_kind["typos"].input) == sorted(QUESTION)
    assert by_kind["typos"].input.split("\n")[1:] == QUESTION.split("\n")[1:]
    assert {each.expected for kind, each in by_kind.items() if kind != "options_order"} == {"C"}
    assert by_kind["cue: By phone."].input == f"By phone. {QUESTION}"


def test_typos_are_the_same_again() -> None:
    wanted = Perturbed(kinds=("typos",), seed=3)
    assert perturbed([Case(input=QUESTION)], wanted) == perturbed([Case(input=QUESTION)], wanted)


def test_a_perturbation_that_changes_nothing_makes_no_member() -> None:
    found = perturbed([Case(id="q", input=QUESTION), Case(id="p", input="plain")], Perturbed(kinds=("options_order",)))
    assert (found.families, [each.case for each in found.left]) == (1, ["p"])
    with pytest.raises(NotFound, match="noise"):
        perturbed([Case(input="a")], Perturbed(kinds=("noise",)))
    with pytest.raises(UsageError, match="What is changed"):
        perturbed([Case(input="a")], Perturbed())
