"""Policies that ask classifiers, tried in threads: on cases and on recorded calls."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from genaiops.app.asking_threads import FromThreads
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

    async def classify(self, texts: Sequence[str]) -> list[Mapping[str, Verdict]]:
        running = asyncio.get_running_loop()
        assert self.loop in (None, running)
        self.loop = running
        return await super().classify(texts)


def judged(answer: bytes, judge: PolicyJudge, action: GuardAction = "block") -> list[GuardEvent]:
    rule = GuardRule(id="tox", detector="toxicity", direction="out", action=action)
    version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(rule,)))
    return judge.judge(version, "chat", "openai", REQUEST, answer)


def test_cases_are_judged_from_any_thread_on_one_loop() -> None:
    scores = OneLoop(slow=0.01)
    judge = PolicyJudge(FromThreads(lambda: scores).find)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda answer: judged(answer, judge), [ANSWER % b"bad", ANSWER % b"good", STREAM] * 4))
    assert [[event.action for event in events] for events in found] == [["block"], [], ["block"]] * 4


def test_rules_that_look_later_are_asked_as_well() -> None:
    judge = PolicyJudge(FromThreads(OneLoop).find)
    [event] = judged(STREAM, PolicyJudge(FromThreads(Scores).find), action="flag")
    assert (event.action, event.kinds, event.direction) == ("flag", {"toxicity": 1}, "out")
    assert judged(ANSWER % b"good", judge, action="flag") == []


def test_nobody_is_there() -> None:
    judge = PolicyJudge(FromThreads(lambda: None).find)
    before = threading.active_count()
    assert [event.error for event in judged(ANSWER % b"bad", judge)] == ["no guard server"]
    assert judged(ANSWER % b"bad", judge, action="flag") == []
    assert threading.active_count() == before
