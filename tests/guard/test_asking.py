"""Rules that ask a classifier: before a request goes on, and behind a call that has ended."""

import asyncio

import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import GuardEvent, GuardPolicy, GuardRule, GuardVersion
from genaiops.guard import PolicyJudge, RecordedCall, judge_later
from genaiops.guard._guard import Plan
from genaiops.ports.guard import Guarded, Ruling
from tests.guard.scores import Scores

REQUEST = b'{"model":"m","messages":[{"role":"system","content":"bad"},{"role":"user","content":"%b"}]}'
RULE = GuardRule(id="attack", detector="injection", direction="in", action="block", timeout_ms=50)


def ruled(text: str, rule: GuardRule = RULE, scores: Scores | None = None) -> tuple[Ruling, list[GuardEvent]]:
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=(rule,)))
    guard = Plan((version,), lambda _: scores).guard(("p",), Guarded(b"", "chat", "openai", False))
    assert guard is not None
    raw = REQUEST % text.encode()
    assert guard.ask(raw, None) is None, "it has to be waited for"
    return asyncio.run(guard.wait(raw, None)), guard.events


def test_an_attack_is_stopped_before_it_goes_on() -> None:
    scores = Scores()
    ruling, events = ruled("bad", scores=scores)
    assert (ruling.action, ruling.rule, ruling.body) == ("block", "attack", b"")
    assert [(event.kinds, event.score, event.provenance) for event in events] == [({"injection": 1}, 0.9, ("user",))]
    assert scores.seen == ["bad"], "instructions are no attack on themselves"


def test_what_is_none_goes_on() -> None:
    ruling, events = ruled("good", scores=Scores())
    assert ruling.body == REQUEST % b"good"
    assert events == []


def test_the_threshold_is_the_rules() -> None:
    mild = GuardRule(id="attack", detector="injection", direction="in", action="block", threshold=0.2)
    assert ruled("good", mild, Scores())[0].action == "block"


@pytest.mark.parametrize(
    ("text", "scores", "error"),
    [("good", None, "no guard server"), ("good", Scores(slow=1.0), "late"), ("odd", Scores(), "nonsense")],
)
def test_a_detector_that_cannot_say(text: str, scores: Scores | None, error: str) -> None:
    ruling, events = ruled(text, scores=scores)
    assert ruling.body, "a classifier's failure is open unless its rule says otherwise"
    assert [event.error for event in events] == [error]
    closed = GuardRule(
        id="attack",
        detector="injection",
        direction="in",
        action="flag",
        when="before",
        timeout_ms=50,
        on_error="closed",
    )
    ruling, events = ruled(text, closed, scores)
    assert (ruling.action, [event.error for event in events]) == ("block", [error])


@pytest.mark.parametrize(
    "rule",
    [
        GuardRule(id="r", detector="injection", direction="in", action="redact"),
        GuardRule(id="r", detector="toxicity", direction="out", action="redact"),
        GuardRule(id="r", detector="topics", direction="in", action="block"),
        GuardRule(id="r", detector="language", direction="in", action="redact", options={"allowed": ["en"]}),
    ],
)
def test_what_a_classifier_cannot_do_is_refused(rule: GuardRule) -> None:
    with pytest.raises(UsageError, match="'r'"):
        PolicyJudge().check(GuardPolicy(rules=(rule,)))


def test_calls_that_have_ended() -> None:
    answer = (
        b'{"choices":[{"index":0,"message":{"role":"assistant","content":"bad"},"finish_reason":"stop"}],"model":"m"}'
    )
    call = RecordedCall(operation="chat", dialect="openai", request=REQUEST % b"good", answer=answer)
    rule = GuardRule(id="attack", detector="injection", action="flag")
    [event] = asyncio.run(judge_later("p@sha256:p", rule, call, lambda _: Scores()))
    assert (event.direction, event.kinds, event.score) == ("out", {"injection": 1}, 0.9)
    piece = b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
    streamed = RecordedCall(
        operation="chat",
        dialect="openai",
        request=REQUEST % b"good",
        answer=piece % b"ba" + piece % b"d" + b"data: [DONE]\n\n",
    )
    [event] = asyncio.run(judge_later("p@sha256:p", rule, streamed, lambda _: Scores()))
    assert event.direction == "out"


async def test_texts_are_asked_about_in_the_scope_of_their_key() -> None:
    scores = Scores()
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=(RULE,)))
    guard = Plan((version,), lambda _: scores).guard(("p",), Guarded(b"", "chat", "openai", False, key_id="key_a"))
    assert guard is not None
    await guard.wait(REQUEST % b"good", None)
    call = RecordedCall(operation="chat", dialect="openai", request=REQUEST % b"good", answer=None, key_id="key_b")
    await judge_later("p@1", RULE, call, lambda _: scores)
    assert scores.scopes == {"key_a", "key_b"}
