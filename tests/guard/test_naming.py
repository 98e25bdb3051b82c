"""Names: taken out before a request goes on, put back into the answer, and what follows when nobody can look."""

import asyncio
import functools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import TooLarge, UsageError
from genaiops.domain import Finding, GuardEvent, GuardPolicy, GuardRule, GuardVersion
from genaiops.guard import PolicyJudge, RecordedCall, judge_later
from genaiops.guard._guard import CallGuard, Plan
from genaiops.ports.guard import Guarded, Ruling

PEOPLE = {"Ann Lee": "person", "Oslo": "location", "Acme": "organisation"}
RULE = GuardRule(id="people", detector="names", direction="in", action="redact", reversible=True, timeout_ms=5000)
MAIL = GuardRule(id="mail", detector="pii", direction="in", kinds=("email",), action="redact", reversible=True)


class Known:
    """Finds names of a list, wherever they stand."""

    name = "a list"

    def __init__(self, slow: float = 0.0, error: Exception | None = None, people: dict[str, str] = PEOPLE) -> None:
        self.slow, self.error, self.people = slow, error, people
        self.asked: list[str] = []

    async def find(self, text: str) -> list[Finding]:
        await asyncio.sleep(self.slow)
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        found: list[Finding] = []
        for word, kind in self.people.items():
            at = text.find(word)
            while at >= 0:
                found.append(Finding(at, at + len(word), kind, "pii"))
                at = text.find(word, at + 1)
        return sorted(found)


def ruled(
    *messages: dict[str, Any], rules: tuple[GuardRule, ...] = (RULE,), names: Known | None = None, **body: Any
) -> tuple[Ruling, CallGuard]:
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=rules))
    plan = Plan((version,), None, lambda _: names)
    guard = plan.guard(("p",), Guarded(b"", "chat", "openai", False))
    assert guard is not None
    raw = json.dumps({"model": "m", "messages": list(messages), **body}, ensure_ascii=False).encode()
    assert guard.ask(raw, None) is None, "it has to be waited for"
    return asyncio.run(guard.wait(raw, None)), guard


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def texts(ruling: Ruling) -> list[Any]:
    return [message["content"] for message in json.loads(ruling.body)["messages"]]


def test_names_go_and_come_back() -> None:
    names = Known()
    ruling, guard = ruled(user("Ask Ann Lee of Acme."), user("Is Ann Lee in Oslo?"), names=names)
    assert texts(ruling) == ["Ask <PERSON_1> of <ORGANISATION_1>.", "Is <PERSON_1> in <LOCATION_1>?"]
    assert len(names.asked) == 1, "all texts are one question"
    [event] = guard.events
    assert (event.action, event.kinds) == ("redact", {"person": 2, "organisation": 1, "location": 1})
    assert event.provenance == ("user",)
    said = {"role": "assistant", "content": "<PERSON_1> flew to <LOCATION_1>."}
    answer = json.dumps({"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}).encode()
    out = guard.answer(answer, b"application/json")
    assert out is not None
    assert b"Ann Lee flew to Oslo." in out.body
    assert out.kept is not None
    assert b"Ann" not in out.kept


@pytest.mark.parametrize("size", [1, 2, 5, 400])
def test_they_come_back_in_streams(size: int) -> None:
    _, guard = ruled(user("Is Ann Lee in Oslo?"), names=Known())
    stream = guard.stream()
    assert stream is not None
    said, got = "Yes: <PERSON_1> is in <LOCATION_1>, <b>", ""
    out = b""
    for at in range(0, len(said), size):
        piece = {"choices": [{"index": 0, "delta": {"content": said[at : at + size]}, "finish_reason": None}]}
        out += stream.feed(b"data: %b\n\n" % json.dumps(piece).encode())
    out += stream.end()
    for line in out.decode().splitlines():
        if line.startswith("data: {"):
            got += json.loads(line[6:])["choices"][0]["delta"].get("content", "")
    assert got == "Yes: Ann Lee is in Oslo, <b>"


def test_only_some_kinds() -> None:
    one = GuardRule(id="people", detector="names", direction="in", action="redact", kinds=("person",))
    ruling, guard = ruled(user("Is Ann Lee in Oslo?"), rules=(one,), names=Known())
    assert texts(ruling) == ["Is <PERSON_1> in Oslo?"]
    assert guard.events[0].kinds == {"person": 1}


@pytest.mark.parametrize(
    ("people", "left"),
    [
        ({"ann.lee": "person"}, "Mail <EMAIL_1> now"),  # within
        ({"ann.lee@acme.example": "person"}, "Mail <EMAIL_1> now"),
        ({"Mail ann.lee": "person"}, "<PERSON_1><EMAIL_1> now"),  # what is left of it goes, too
        ({"acme.example now": "organisation"}, "Mail <EMAIL_1><ORGANISATION_1>"),
        ({"Mail ann.lee@acme.example now": "person"}, "<PERSON_1><EMAIL_1><PERSON_2>"),
    ],
)
def test_what_a_pattern_takes_is_not_taken_twice(people: dict[str, str], left: str) -> None:
    said = "Mail ann.lee@acme.example now"
    ruling, guard = ruled(user(said), rules=(MAIL, RULE), names=Known(people=people))
    assert texts(ruling) == [left]
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": left}, "finish_reason": "stop"}]}
    out = guard.answer(json.dumps(answer).encode(), b"application/json")
    assert out is not None
    assert said.encode() in out.body, "nothing is lost on the way back"


def test_two_rules_that_find_the_same() -> None:
    other = GuardRule(id="places", detector="names", direction="in", action="redact")
    ruling, guard = ruled(user("Is Ann Lee in Oslo?"), rules=(RULE, other), names=Known())
    assert texts(ruling) == ["Is <PERSON_1> in <LOCATION_1>?"]
    assert [event.rule for event in guard.events] == ["people", "places"]


def test_invisible_characters_in_a_name_go_with_it() -> None:
    hidden = GuardRule(id="hidden", detector="control", direction="in", action="redact")
    ruling, _ = ruled(
        user("Is A\u200bnn in O\u200bslo?"), rules=(hidden, RULE), names=Known(people={"A\u200bnn": "person"})
    )
    assert texts(ruling) == ["Is <PERSON_1> in Oslo?"]


def test_definitions_of_tools_stay_unless_a_rule_names_them() -> None:
    tool = {"type": "function", "function": {"name": "look", "description": "Looks in Oslo", "parameters": {}}}
    ruling, _ = ruled(user("Is it in Oslo?"), names=Known(), tools=[tool], unheard="Oslo")
    assert texts(ruling) == ["Is it in <LOCATION_1>?"]
    assert json.loads(ruling.body)["tools"] == [tool]
    one = GuardRule(id="t", detector="names", direction="in", action="redact", provenance=("tool_definition",))
    ruling, _ = ruled(user("Is it in Oslo?"), rules=(one,), names=Known(), tools=[tool])
    assert b"Looks in <LOCATION_1>" in ruling.body
    assert texts(ruling) == ["Is it in Oslo?"]


def test_in_arguments_of_tools() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"who": "Ann Lee"}'}}
    ruling, _ = ruled({"role": "assistant", "content": None, "tool_calls": [call]}, names=Known())
    made = json.loads(ruling.body)["messages"][0]["tool_calls"][0]["function"]
    assert json.loads(made["arguments"]) == {"who": "<PERSON_1>"}


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (None, "no guard server"),
        (Known(slow=5.0), "late"),
        (Known(error=TooLarge("Names are looked for in at most 5 characters.")), "at most 5"),
    ],
)
@pytest.mark.parametrize(
    ("action", "on_error", "stopped"),
    [("redact", None, True), ("redact", "open", False), ("block", None, False), ("block", "closed", True)],
)
def test_who_cannot_look_follows_the_rule(
    names: Known | None, error: str, action: Any, on_error: Any, *, stopped: bool
) -> None:
    one = GuardRule(id="n", detector="names", direction="in", action=action, on_error=on_error, timeout_ms=20)
    ruling, guard = ruled(user("Is Ann Lee in Oslo?"), rules=(one,), names=names)
    [event] = guard.events
    assert error in str(event.error)
    assert ruling.stops is stopped
    assert stopped or texts(ruling) == ["Is Ann Lee in Oslo?"]


def test_in_shadow_nothing_goes() -> None:
    one = GuardRule(id="n", detector="names", direction="in", action="redact", shadow=1.0)
    ruling, guard = ruled(user("Is Ann Lee in Oslo?"), rules=(one,), names=Known())
    assert texts(ruling) == ["Is Ann Lee in Oslo?"]
    assert (guard.events[0].shadow, guard.events[0].kinds) == (True, {"person": 1, "location": 1})


@pytest.mark.parametrize("direction", ["out", "both"])
def test_answers_cannot_be_looked_at_before_they_go(direction: Any) -> None:
    one = GuardRule(id="n", detector="names", direction=direction, action="redact")
    with pytest.raises(UsageError, match="'n'"):
        PolicyJudge().check(GuardPolicy(rules=(one,)))


def test_calls_that_have_ended() -> None:
    answer = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Ann Lee"}}]}).encode()
    request = b'{"model":"m","messages":[{"role":"user","content":"Who is in Oslo?"}]}'
    call = RecordedCall(operation="chat", dialect="openai", request=request, answer=answer)
    one = GuardRule(id="n", detector="names", action="flag")

    def later(names: Known | None) -> list[GuardEvent]:
        return asyncio.run(judge_later("p@sha256:p", one, call, lambda _: None, lambda _: names))

    found = [(event.direction, event.action, event.kinds) for event in later(Known())]
    assert found == [("in", "flag", {"location": 1}), ("out", "flag", {"person": 1})]
    assert [event.error for event in later(None)] == ["no guard server"] * 2
    assert [event.error for event in later(Known(error=TooLarge("too long")))] == ["too long"] * 2


WORDS = st.sampled_from(
    ["Ann Lee", "Oslo", "ann.lee@acme.example", "and", "<PERSON_1>", "<EMAIL_1>", "\u200b", " ", "é", "\n"]
)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 25), st.sampled_from(["person", "location"])), max_size=6)


class Spans:
    """Says that names stand at these places, whatever stands there."""

    name = "spans"

    def __init__(self, spans: list[tuple[int, int, str]]) -> None:
        self.spans = spans

    async def find(self, text: str) -> list[Finding]:
        found: list[Finding] = []
        for start, size, kind in sorted(self.spans):
            if start + size <= len(text) and all(start >= each.end for each in found):
                found.append(Finding(start, start + size, kind, "pii"))
        return found


SPANNED: list[Spans] = [Spans([])]


@functools.cache
def spanning() -> Plan:
    version = GuardVersion(name="p", digest="sha256:p", aliases=("current",), policy=GuardPolicy(rules=(MAIL, RULE)))
    return Plan((version,), None, lambda _: SPANNED[0])


@given(words=st.lists(WORDS, min_size=1, max_size=8), spans=SPANS)
def test_whatever_is_taken_out_comes_back_as_it_was(words: list[str], spans: list[tuple[int, int, str]]) -> None:
    text = "".join(words)
    SPANNED[0] = Spans(spans)
    guard = spanning().guard(("p",), Guarded(b"", "chat", "openai", False))
    assert guard is not None
    raw = json.dumps({"model": "m", "messages": [user(text)]}).encode()
    ruling = asyncio.run(guard.wait(raw, None))
    sent = texts(ruling)[0]
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": sent}, "finish_reason": "stop"}]}
    out = guard.answer(json.dumps(answer).encode(), b"application/json")
    assert out is not None
    assert json.loads(out.body)["choices"][0]["message"]["content"] == text
    assert "ann.lee@acme.example" not in sent


def test_who_reviews_a_held_request_does_not_see_them() -> None:
    held = GuardRule(id="n", detector="names", direction="in", action="hold", kinds=("person",))
    noted = GuardRule(id="m", detector="names", direction="in", action="flag", when="before", kinds=("location",))
    ruling, _ = ruled(user("Is Ann Lee in Oslo?"), rules=(held, noted), names=Known())
    assert ruling.action == "hold"
    assert [part.text for part in ruling.parts] == ["Is [person] in Oslo?"]
    assert texts(ruling) == ["Is Ann Lee in Oslo?"]
