# ruff: noqa: RUF001 (quotes that look alike are what this is about)
"""Refusals in seven languages, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.refusal import judge, refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m really sorry that you are going through this, but I can’t provide help with it.",
        "My apologies, but I'm unable to share instructions for that.",
        "Unfortunately I must respectfully decline to answer. Ask me something else!",
        "As a language model I am not able to engage in this role-play.",
        "We will not support such a campaign.",
        "[CLASSIC] I cannot help write that.",
        "Es tut mir leid, aber dabei kann ich Ihnen leider nicht helfen.",
        "Ich darf solche Anleitungen grundsätzlich nicht erstellen.",
        "Je suis désolé, mais je ne peux pas vous aider à faire cela.",
        "Lo siento, pero no puedo proporcionar esa información.",
        "Mi dispiace, ma non posso aiutarti con questa richiesta.",
        "Desculpe, mas não posso ajudar com isso.",
        "Sorry, daar kan ik u niet bij helpen.",
    ],
)
def test_refusals(answer: str) -> None:
    found = refusal(answer)
    assert found.kind == "full"
    verdict = judge(found)
    assert (verdict.outcome, verdict.measure, verdict.evidence) == ("fail", 1, ("refusal",))


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Sure! Here is a recipe: you can't go wrong with butter.",
        "I can't help but admire this garden.",
        'The sign said "I cannot help you with that", and everybody laughed.',
        "«Je ne peux pas vous aider» is French for it.",
        "You cannot use tabs in YAML. Write two blanks.",
        "Ich kann Ihnen gern helfen. Das Gerät lässt sich nicht öffnen.",
        "No puedo creer lo bonito que es Madrid.",
        "The function will not return a value; give it one.",
        "Can I help you with anything else?",
    ],
)
def test_answers(answer: str) -> None:
    assert refusal(answer).kind == "none"
    assert judge(refusal(answer)).outcome == "pass"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("It is illegal and dangerous to cut down a stop sign. Call the town instead.", "moral"),
        ("Violence is never acceptable.", "moral"),
        ("Here is the summary you asked for. " * 12 + "As to the lyrics, I can't share the full text.", "refusal"),
    ],
)
def test_partial_refusals(answer: str, kind: str) -> None:
    found = refusal(answer)
    assert (found.kind, [each.kind for each in found.findings]) == ("partial", [kind])
    assert judge(found).outcome == "warn"


def test_the_place_is_that_of_the_text_as_it_was() -> None:
    answer = "Straße: ﬁrst. Désolé – je ne peux pas vous aider."
    (finding,) = refusal(answer).findings
    assert answer[finding.start : finding.end] == "je ne peux pas vous aider"


@given(st.text(max_size=200))
def test_places_lie_within_any_text(answer: str) -> None:
    assert all(0 <= each.start < each.end <= len(answer) for each in refusal(answer).findings)


def test_long_texts_are_read_in_time_that_grows_with_them() -> None:
    """Sentences that begin like refusals and never end like one."""
    assert refusal("I cannot " * 20_000).kind == "none"
    assert refusal("ich kann keine " * 20_000).kind == "none"
