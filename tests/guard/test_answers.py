"""Detectors of whole answers: refusals, and what the passages do not support."""

from typing import Any

import msgspec
import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule
from genaiops.guard import PolicyJudge
from tests.guard.answering import answered, delta, guard, text_of

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


RIGHT, WRONG = "The Aurora bridge was opened on 12 May 1931.", "It was painted blue in 1999."
TWO = [*ASKED, {"role": "tool", "tool_call_id": "c", "content": "The castle has a garden with old roses."}]


def test_a_warning_ends_an_answer() -> None:
    warn = rule("grounding", action="flag", options={"warn": True})
    said, found, action = answered(f"{RIGHT} {WRONG}", warn, asked=ASKED)
    assert said == (
        f"{RIGHT} {WRONG}\n\nCaution: 1 of 2 statements above are not supported by the sources that were given."
    )
    assert (found, action) == ({"r.unsupported": 1}, "flag")
    assert answered(RIGHT, warn, asked=ASKED)[0] == RIGHT
    own = rule("grounding", action="flag", options={"warn": True}, message="Ask a person.")
    assert answered(WRONG, own, asked=ASKED)[0] == f"{WRONG}\n\nAsk a person."
    shadow = rule("grounding", action="flag", options={"warn": True}, shadow=1.0)
    assert answered(WRONG, shadow, asked=ASKED)[0] == WRONG


def test_sources_stand_behind_sentences() -> None:
    cite = rule("grounding", action="flag", options={"cite": True})
    said = f"{RIGHT} The castle has old roses. {WRONG}"
    assert answered(said, cite, asked=TWO)[0] == (f"{RIGHT} [1] The castle has old roses. [2] {WRONG} [unsupported]")
    assert answered(WRONG, cite, asked=ASKED[:1])[0] == WRONG, "there are no sources"


def test_a_client_is_told_how_much_is_supported_and_how_often_that_is_wrong() -> None:
    one = guard(rule("grounding", action="flag", options={"tell": True}))
    one.ask(msgspec.json.encode({"model": "m", "messages": ASKED}), None)
    made = {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"{RIGHT} {WRONG}"}}]}
    ruling = one.answer(msgspec.json.encode(made), b"application/json")
    told = msgspec.json.decode(ruling.body)["genaiops"]["grounding"]
    assert (told["sentences"], told["unsupported"], told["claims"]) == (2, 1, [WRONG])
    assert any(one["measure"] == "false_alarms" and one["n"] > 100 for one in told["measured"])
    assert (ruling.support.sentences, ruling.support.unsupported) == (2, 1)
    assert msgspec.json.decode(ruling.kept) == made, "the record has the answer"


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_warning_ends_a_stream_that_nobody_held(size: int) -> None:
    warn = rule("grounding", action="flag", options={"warn": True}, message="Ask a person.")
    one = guard(warn)
    one.ask(msgspec.json.encode({"model": "m", "messages": ASKED}), None)
    stream = one.stream()
    text = f"{RIGHT} {WRONG}"
    out = [stream.feed(delta(text[at : at + size])) for at in range(0, len(text), size)]
    assert text_of(b"".join(out)) == text, "nothing of it waits"
    last = stream.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n') + stream.end()
    assert text_of(last) == "\n\nAsk a person."
    assert [event.kinds for event in one.events] == [{"unsupported": 1}]


@pytest.mark.parametrize("option", ["warn", "cite"])
def test_nobody_reads_what_is_added_to_an_answer_that_is_withheld(option: str) -> None:
    with pytest.raises(UsageError, match=option):
        PolicyJudge().check(GuardPolicy(rules=(rule("grounding", action="block", options={option: True}),)))


@pytest.mark.parametrize("tries", [-1, 4, True, "2"])
def test_how_often_a_model_is_asked_again_is_bounded(tries: Any) -> None:
    with pytest.raises(UsageError, match="reask"):
        PolicyJudge().check(GuardPolicy(rules=(rule("schema", options={"schema": {}, "reask": tries}),)))


@pytest.mark.parametrize("detector", ["refusal", "grounding"])
def test_what_judges_a_whole_answer_cannot_redact(detector: str) -> None:
    with pytest.raises(UsageError, match="cannot redact"):
        PolicyJudge().check(GuardPolicy(rules=(rule(detector, action="redact"),)))
