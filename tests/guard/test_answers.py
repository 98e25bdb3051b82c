"""Detectors of whole answers: refusals, and what the passages do not support."""

from typing import Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule
from genaiops.guard import PolicyJudge
from tests.guard.answering import answered

PASSAGE = "The Aurora bridge was opened on 12 May 1931 by Mayor Ellen Sorensen."
CALL = {"id": "c", "type": "function", "function": {"name": "search", "arguments": "{}"}}
ASKED: list[dict[str, Any]] = [
    {"role": "user", "content": "When was it opened? I think in 1999."},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c", "content": PASSAGE},
]


def rule(detector: Any, **fields: Any) -> GuardRule:
    made: dict[str, Any] = {"id": "r", "detector": detector, "action": "block", "direction": "out", **fields}
    return GuardRule(**made)


def test_refusals() -> None:
    full, part = "I'm sorry, but I can't help with that.", "It is illegal to cut down a stop sign. Call the town."
    assert answered(full, rule("refusal"))[1:] == ({"r.full": 1}, "block")
    assert answered(part, rule("refusal"))[1:] == ({"r.partial": 1}, "block")
    assert answered(part, rule("refusal", threshold=1.0))[2] == "allow"
    assert answered(part, rule("refusal", kinds=("full",)))[2] == "allow"
    assert answered("It opens at ten.", rule("refusal"))[2] == "allow"


def test_an_answer_is_held_against_the_passages() -> None:
    wrong, right = "The bridge was opened in 1999 by a prince.", "The Aurora bridge was opened on 12 May 1931."
    assert answered(wrong, rule("grounding"), asked=ASKED)[1:] == ({"r.unsupported": 1}, "block")
    assert answered(right, rule("grounding"), asked=ASKED)[2] == "allow"
    assert answered(wrong, rule("grounding"), asked=ASKED[:1])[2] == "allow", "what users say is no passage"
    half = f"{right} {wrong}"
    assert answered(half, rule("grounding", threshold=0.6), asked=ASKED)[2] == "allow"
    assert answered(half, rule("grounding", threshold=0.5), asked=ASKED)[2] == "block"


@pytest.mark.parametrize(("mode", "action"), [("closed", "block"), ("open", "allow"), (None, "allow")])
def test_passages_that_are_too_long_follow_the_failure_mode(mode: Any, action: str) -> None:
    long = [*ASKED[:2], {**ASKED[2], "content": PASSAGE * 3000}]
    assert answered("It opened.", rule("grounding", on_error=mode), asked=long)[2] == action


@pytest.mark.parametrize("detector", ["refusal", "grounding"])
def test_what_judges_a_whole_answer_cannot_redact(detector: str) -> None:
    with pytest.raises(UsageError, match="cannot redact"):
        PolicyJudge().check(GuardPolicy(rules=(rule(detector, action="redact"),)))
