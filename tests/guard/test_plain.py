"""Usual bodies are ruled on as all others are, whichever way they are read."""

import functools
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.domain import GuardPolicy, GuardRule, GuardVersion
from genaiops.guard import WorkerGuards, _guard
from genaiops.guard._guard import Plan
from genaiops.ports.guard import Guarded, Ruling

RULES = (
    GuardRule(id="secrets", detector="secret", action="redact"),
    GuardRule(id="unseen", detector="control", action="redact", excepted=("encoded",)),
    GuardRule(id="people", detector="pii", action="flag", excepted=("url",)),
    GuardRule(id="fetching", detector="markup", direction="out", action="flag", kinds=("markdown_image",)),
    GuardRule(id="falcon", detector="words", action="block", options={"words": ["Falcon"]}),
)
PLANS = {
    "all": RULES,
    "leading": (*RULES, GuardRule(id="out", detector="markup", action="flag", options={"carries": True})),
    "unseen": RULES[1:2],
}
_KEY = "sk-proj-" + "".join(random.Random(7).choices("abcdefghijkmnopqrstuvwxyzABCDEFGH0123456789", k=48))
PIECES = st.sampled_from(
    ["Hello, ", "how is it? ", "Falcon", " ann.smith@example.org ", _KEY[:20], _KEY[20:], "\u200b", "card 4111 1111 ",
     "1111 1111", "Grüße ", "\n", "![x](http://h.example/p.png?q=secretword)", " secretword ", "<EMAIL_1>", "\u0430",
     "call 555 "]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=5).map("".join)
PARTS = st.lists(TEXTS.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=3)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "system", "assistant"]), "content": TEXTS | PARTS}),
    max_size=3,
)


@functools.cache
def plan_of(name: str) -> Plan:
    policy = GuardPolicy(rules=PLANS[name])
    return WorkerGuards().adopt((GuardVersion(name="p", digest="sha256:1", aliases=("current",), policy=policy),))


def ruled(plan: str, request: bytes, answer: bytes) -> tuple[Ruling | None, Ruling | None, list[Any]]:
    guard = plan_of(plan).guard(("p",), Guarded(b"", "chat", "openai", streamed=False))
    assert guard is not None
    came = guard.ask(request, None)
    went = guard.answer(answer, b"application/json")
    events = [(each.rule, each.direction, each.kinds, each.places, each.action) for each in guard.events]
    return came, went, events


@pytest.mark.parametrize("plan", PLANS)
@given(messages=MESSAGES, said=TEXTS)
def test_both_ways_say_the_same(plan: str, messages: list[Any], said: str) -> None:
    request = json.dumps({"model": "m", "messages": messages, "temperature": 0.7}).encode()
    answer = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}}]}).encode()
    short = ruled(plan, request, answer)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_guard, "usual_request", lambda *_: None)
        patched.setattr(_guard, "usual_answer", lambda *_: None)
        assert ruled(plan, request, answer) == short
