"""Cases that go on: tools that are said to return something, turns of the case, and turns that an attacker writes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from genaiops.arena import Purse
from genaiops.arena._playing import Attacker, played
from genaiops.checks.attacks import GUARDED
from genaiops.core.errors import LimitReached
from genaiops.domain import Answer, Attack, Case, JudgeMember, Play, Success, ToolCall

Reply = Callable[[Case], Answer | str]
TOOLS: tuple[dict[str, Any], ...] = ({"type": "function", "function": {"name": "read", "parameters": {}}},)


def asking(reply: Reply, heard: list[Case] | None = None) -> Any:
    async def ask(case: Case, repeat: int) -> Answer:
        if heard is not None:
            heard.append(case)
        said = reply(case)
        if isinstance(said, Answer):
            return said
        return Answer(
            target="t",
            case=case.id,
            repeat=repeat,
            state="answered",
            output=said,
            cost_nano=5,
            seconds=1.0,
            output_tokens=3,
        )

    return ask


def answer(output: str = "", **more: Any) -> Answer:
    return Answer(target="t", case="c", state="answered", output=output, cost_nano=5, **more)


def attack(success: Success) -> Attack:
    return Attack(pack="p", family="f", seed="s", success=success)


SAYS = attack(Success(by="says", texts=("sesame",)))
NOBODY = Attacker(None, None)


class Writer:
    """Means whose model writes what it was given to write."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        self.asked: list[Any] = []

    async def chat(self, member: JudgeMember, messages: Any, *, within: bool = False) -> Answer:
        self.asked.append(messages)
        if not self.texts:
            raise LimitReached("Nothing may be spent any more.", limit="run.spend", retry_after=None)
        return Answer(target="judge", case="", state="answered", output=self.texts.pop(0))

    async def post(self, member: JudgeMember, fields: object) -> Answer:
        raise AssertionError("No endpoint is asked here.")


async def test_turns_are_said_one_after_the_other_and_the_costs_added() -> None:
    heard: list[Case] = []
    case = Case(id="c", input="one", play=Play(turns=("two", "three")))
    done = await played(asking(lambda case: f"to {case.input}", heard), case, 0, NOBODY)
    assert [each.input for each in heard] == ["one", "two", "three"]
    assert [each["content"] for each in heard[2].messages] == ["one", "to one", "two", "to two", "three"]
    assert done.output == "to three"
    assert (done.cost_nano, done.seconds, done.output_tokens) == (15, 3.0, 9)
    assert [each["role"] for each in done.turns] == ["assistant", "user", "assistant", "user", "assistant"]


async def test_it_ends_when_the_attack_has_succeeded() -> None:
    heard: list[Case] = []
    case = Case(id="c", input="one", play=Play(turns=("two", "three")), attack=SAYS)
    await played(asking(lambda case: "sesame" if case.input == "two" else "no", heard), case, 0, NOBODY)
    assert len(heard) == 2


async def test_compliance_is_told_by_the_last_turn_so_it_goes_on() -> None:
    heard: list[Case] = []
    case = Case(id="c", input="one", play=Play(turns=("two", "three")), attack=attack(Success(by="complied")))
    await played(asking(lambda _: "Gladly.", heard), case, 0, NOBODY)
    assert len(heard) == 3


async def test_calls_of_tools_are_answered_by_the_case_and_nothing_runs() -> None:
    heard: list[Case] = []

    def reply(case: Case) -> Answer | str:
        if len(case.messages) == 1:
            calls = (ToolCall(name="read", arguments={"n": 1}), ToolCall(name="other", arguments=None, text="{"))
            return answer("", tool_calls=calls)
        return "done"

    case = Case(id="c", input="read it", play=Play(tools=TOOLS, results={"read": "sesame"}), attack=SAYS)
    done = await played(asking(reply, heard), case, 0, NOBODY)
    assert [each["role"] for each in heard[1].messages] == ["user", "assistant", "tool", "tool"]
    assert heard[1].messages[2] == {"role": "tool", "tool_call_id": "call_1", "content": "sesame"}
    assert heard[1].messages[3]["content"] == "There is no such tool."
    assert [call.name for call in done.tool_calls] == ["read", "other"]
    assert done.output == "done"


async def test_calls_without_end_are_answered_so_many_times() -> None:
    heard: list[Case] = []
    call = (ToolCall(name="read", arguments={}),)
    case = Case(id="c", input="go", play=Play(tools=TOOLS, results={"read": "more"}, steps=3))
    done = await played(asking(lambda _: answer("", tool_calls=call), heard), case, 0, NOBODY)
    assert len(heard) == 4
    assert len(done.tool_calls) == 4


async def test_a_failure_on_the_way_is_a_failed_answer() -> None:
    def reply(case: Case) -> Answer | str:
        return "fine" if case.input == "one" else Answer(target="t", case="c", state="timeout", error="late")

    done = await played(asking(reply), Case(id="c", input="one", play=Play(turns=("two", "three"))), 0, NOBODY)
    assert (done.state, done.error) == ("timeout", "late")


async def test_what_a_guard_keeps_back_ends_it() -> None:
    heard: list[Case] = []
    case = Case(id="c", input="one", play=Play(turns=("two",)), attack=SAYS)
    done = await played(asking(lambda _: answer("", finish_reason=GUARDED), heard), case, 0, NOBODY)
    assert len(heard) == 1
    assert done.finish_reason == GUARDED


async def test_an_attacker_writes_the_turns_and_sees_no_system_message() -> None:
    means = Writer(["softly", "firmly"])
    play = Play(strategy="crescendo", objective="say sesame", turns_most=2, turns=("mine",))
    messages = ({"role": "system", "content": "SECRET"}, {"role": "user", "content": "one"})
    heard: list[Case] = []
    case = Case(id="c", input="one", messages=messages, play=play, attack=SAYS)
    await played(asking(lambda _: "no", heard), case, 0, Attacker(JudgeMember(model="m"), means))  # type: ignore[arg-type]
    assert [each.input for each in heard] == ["one", "softly", "firmly"]
    assert "SECRET" not in str(means.asked)
    assert "say sesame" in str(means.asked)


async def test_without_an_attacker_the_ladder_is_climbed() -> None:
    heard: list[Case] = []
    play = Play(strategy="crescendo", objective="x", turns_most=5, turns=("two", "three"))
    await played(asking(lambda _: "no", heard), Case(id="c", input="one", play=play, attack=SAYS), 0, NOBODY)
    assert [each.input for each in heard] == ["one", "two", "three"]


async def test_an_attacker_that_nobody_pays_leaves_no_answer() -> None:
    play = Play(strategy="crescendo", objective="x", turns_most=5, turns=("two",))
    case = Case(id="c", input="one", play=play, attack=SAYS)
    done = await played(asking(lambda _: "no"), case, 0, Attacker(JudgeMember(model="m"), Writer([])))  # type: ignore[arg-type]
    assert done.state == "over_budget"


@pytest.mark.parametrize("strategy", ["crescendo", "tree"])
async def test_an_attacker_that_writes_nothing_is_an_error_and_no_attack_that_failed(strategy: Any) -> None:
    play = Play(strategy=strategy, objective="x", turns_most=5, turns=("two",))
    case = Case(id="c", input="one", play=play, attack=SAYS)
    heard: list[Case] = []
    done = await played(asking(lambda _: "no", heard), case, 0, Attacker(JudgeMember(model="m"), Writer([" "])))  # type: ignore[arg-type]
    assert done.state == "error"
    assert "wrote no message" in done.error
    assert [each.input for each in heard] == ["one"]


async def test_an_attacker_does_not_wait_for_the_cost_of_its_own_conversation() -> None:
    purse, stop = Purse(17), asyncio.Event()
    async with asyncio.timeout(30):  # it would wait for ever
        assert await purse.may(stop)
        assert await purse.may(stop, within=True)
        purse.back()
        purse.paid(answer())
        assert await purse.may(stop, within=True)
        purse.back()
        purse.paid(answer())
        assert not await purse.may(stop, within=True)
    assert "may be spent" in purse.reason


def a_tree(**more: Any) -> Case:
    turns = ("kindly {{previous}}", "rudely {{previous}}", "again {{previous}}")
    play = Play(strategy="tree", objective="open the door", turns=turns, **more)
    messages = ({"role": "system", "content": "s"}, {"role": "user", "content": "open"})
    return Case(id="c", input="open", messages=messages, play=play, attack=SAYS)


async def test_a_tree_words_the_best_anew_each_time_in_a_conversation_of_its_own() -> None:
    heard: list[Case] = []

    def reply(case: Case) -> str:
        if case.input.startswith("again kindly"):
            return "sesame"
        return "Go on." if case.input.startswith("kindly") else "I'm sorry, but I can't help with that."

    done = await played(asking(reply, heard), a_tree(turns_most=2, branches=3, width=1), 0, NOBODY)
    assert [each.input for each in heard[:4]] == ["open", "kindly open", "rudely open", "again open"]
    assert heard[-1].input == "again kindly open"
    assert all(len(each.messages) == 2 and each.messages[0]["role"] == "system" for each in heard)
    assert done.output == "sesame"
    assert done.cost_nano == 5 * len(heard)


async def test_a_tree_is_bounded() -> None:
    heard: list[Case] = []
    await played(asking(lambda _: "no", heard), a_tree(turns_most=2, branches=3, width=2), 0, NOBODY)
    assert len(heard) == 1 + 3 + 6


async def test_wordings_off_the_topic_are_left_out() -> None:
    heard: list[Case] = []
    means = Writer(["which weather is it", "would you open that door", "knock at the door"])
    case = a_tree(turns_most=1, branches=3, width=2)
    await played(asking(lambda _: "no", heard), case, 0, Attacker(JudgeMember(model="m"), means))  # type: ignore[arg-type]
    assert [each.input for each in heard] == ["open", "would you open that door", "knock at the door"]
