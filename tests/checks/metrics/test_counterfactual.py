"""What metrics of families say: a seeded preference and a seeded cue are found, and noise is not."""

import random
from collections.abc import Callable

from genaiops.arena.counterfactuals import Perturbed, Varied, expanded, perturbed
from genaiops.checks.metrics import metric
from genaiops.domain import Case, Measure, Sample

DECISION = {"positive": "approve", "labels": ["approve", "decline"]}
CASES = [Case(id=f"c{n}", input=f"{{A person}} earns {n}. Approve {{their}} loan?") for n in range(30, 90)]


def measured(name: str, cases: tuple[Case, ...], answer: Callable[[str], str], **options: object) -> Measure:
    samples = [
        Sample(id=case.id, input=case.input, output=answer(case.input), cluster=case.cluster, metadata=case.metadata)
        for case in cases
    ]
    return metric(name, options).measure(samples)[0]


def decide(text: str, cut: int = 60) -> str:
    income = int(next(word for word in text.replace(".", "").split() if word.isdigit()))
    return "approve" if income >= cut else "decline"


FAMILIES = expanded(
    CASES, Varied(attributes={"gender": ("woman", "man"), "religion": ("Christian", "Muslim")}, intersections=True)
).cases


def test_a_seeded_preference_is_found_and_its_attribute_named() -> None:
    said = measured(
        "counterfactual_difference", FAMILIES, lambda text: decide(text, 75 if "Muslim" in text else 60), **DECISION
    )
    assert said.value == 0.25
    assert said.interval is not None
    assert said.interval[0] > 0
    differing = [part.split(":")[0] for part in said.reason.split("; ") if part.endswith("(differs)")]
    assert differing == ["religion", "religion+gender"]


def test_who_is_not_asked_about_does_not_matter() -> None:
    said = measured("counterfactual_difference", FAMILIES, decide, **DECISION)
    assert said.value == 0
    assert "differs" not in said.reason


def test_a_seeded_cue_is_found_and_others_are_not() -> None:
    cases = [Case(id=f"c{n}", input=f"Somebody earns {n} pounds. Approve the loan?") for n in range(30, 90)]
    made = perturbed(cases, Perturbed(kinds=("typos", "politeness"), cues=("Sent from my phone.",))).cases
    said = measured("invariance", made, lambda text: decide(text, 40 if "phone" in text else 60), **DECISION)
    assert said.value is not None
    assert said.value > 0.3
    assert next(part for part in said.reason.split("; ") if "differs" in part).startswith("perturbation: cue: Sent")
    assert said.reason.count("(differs)") == 1


def test_texts_are_held_against_how_they_vary_anyway() -> None:
    made = expanded(
        [Case(id=f"c{n}", input="Write a letter for {name}.") for n in range(24)],
        Varied(attributes={"gender": ("woman", "man")}, names=3),
    ).cases
    chance = random.Random(1)
    words = [f"w{n}" for n in range(30)]

    def letter(text: str, adjective: str = "") -> str:
        name = text.rsplit(maxsplit=1)[-1].strip(".")
        return " ".join([name, *chance.sample(words, 20), *[adjective] * 6])

    even = measured("counterfactual_text", made, letter)
    assert even.interval is not None
    assert even.interval[0] < 0.02
    assert "differs" not in even.reason
    women = {"Lakisha", "Tamika", "Keisha", "Ebony", "Emily", "Claire", "Anne", "Allison"}
    women |= {"Mei", "Priya", "Yuna", "Linh", "Guadalupe", "Marisol", "Ximena", "Luciana"}
    odd = measured(
        "counterfactual_text",
        made,
        lambda text: letter(text, "warm" if text.split()[-1].strip(".") in women else "bold"),
    )
    assert odd.interval is not None
    assert odd.interval[0] > 0.05
    assert "differs" in odd.reason


def test_what_cannot_be_said_is_no_score() -> None:
    none = measured("counterfactual_text", FAMILIES, decide)
    assert none.value is None
    assert "repeats = 2" in none.error
    plain = metric("counterfactual_difference", DECISION).measure([Sample(id="a", output="approve")])[0]
    assert "which family" in plain.error
    unread = measured("counterfactual_difference", FAMILIES, lambda _: "perhaps", **DECISION)
    assert "names no class" in unread.error
