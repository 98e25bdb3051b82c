"""Policies that ask classifiers, tried in threads: on cases and on recorded calls, streams among them."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from genaiops.domain import GuardAction, GuardEvent, GuardPolicy, GuardRule, GuardVersion, Verdict
from genaiops.guard import PolicyJudge
from tests.guard.scores import Scores

REQUEST = b'{"model":"m","messages":[{"role":"user","content":"good"}]}'
ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],"model":"m"}'
PIECE = b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
STREAM = PIECE % b"so " + PIECE % b"ba" + PIECE % b"d" + b"data: [DONE]\n\n"


class OneLoop(Scores):
    """Refuses to be asked on two loops, as connections do."""

    loop: asyncio.AbstractEventLoop | None = None

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        running = asyncio.get_running_loop()
        assert self.loop in (None, running)
        self.loop = running
        return await super().classify(texts, scope=scope)


@pytest.fixture
def judge() -> Iterator[PolicyJudge]:
    made = PolicyJudge(OneLoop(slow=0.01).find)
    yield made
    made.close()


def judged(answer: bytes, judge: PolicyJudge, action: GuardAction = "block") -> list[GuardEvent]:
    rule = GuardRule(id="tox", detector="toxicity", direction="out", action=action)
    version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(rule,)))
    return judge.judge((version,), "chat", "openai", REQUEST, answer)


def test_answers_are_judged_from_any_thread_on_one_loop(judge: PolicyJudge) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda answer: judged(answer, judge), [ANSWER % b"bad", ANSWER % b"good", STREAM] * 4))
    assert [[event.action for event in events] for events in found] == [["block"], [], ["block"]] * 4


def test_rules_that_look_later_are_asked_as_well(judge: PolicyJudge) -> None:
    [event] = judged(STREAM, judge, action="flag")
    assert (event.action, event.kinds, event.direction) == ("flag", {"toxicity": 1}, "out")
    assert judged(ANSWER % b"good", judge, action="flag") == []


def test_nobody_is_there() -> None:
    judge = PolicyJudge()
    assert [event.error for event in judged(ANSWER % b"bad", judge)] == ["no guard server"]
    assert judged(ANSWER % b"bad", judge, action="flag") == []
