"""Documents that come back word for word: in requests, in answers, in streams cut anywhere."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.verbatim import Index
from genaiops.core.errors import NotFound, Unavailable, UsageError
from genaiops.domain import GuardPolicy, GuardRule, GuardVersion
from genaiops.guard import PolicyJudge, WorkerGuards
from genaiops.ports.guard import Blocked, Guarded
from tests.checks.test_verbatim import CLAUSE, OPENING
from tests.examples import examples

INDEX = Index.exact([("contracts/acme.txt", CLAUSE), ("novel.txt", OPENING)])
PINNED = "secrets@sha256:1"


def find(digest: str) -> Index:
    if digest != "sha256:1":
        raise NotFound(f"There is no index {digest}.")
    return INDEX


def rule(action: Any = "redact", **fields: Any) -> GuardRule:
    made: dict[str, Any] = {
        "id": "r",
        "detector": "verbatim",
        "action": action,
        "options": {"documents": [PINNED]},
        **fields,
    }
    return GuardRule(**made)


def guard(*rules: GuardRule) -> Any:
    version = GuardVersion(name="p", digest="sha256:9", aliases=("current",), policy=GuardPolicy(rules=rules))
    plan = WorkerGuards(documents=find).adopt((version,))
    return plan.guard(("p",), Guarded(b"\0" * 16, "chat", "openai", streamed=True))


def asked(*contents: str | list[str], rules: tuple[GuardRule, ...]) -> tuple[Any, list[dict[str, Any]], list[Any]]:
    """(ruling, messages that go on, events) of messages of a user; a list: the parts of one."""
    messages = [
        {
            "role": "user",
            "content": one if isinstance(one, str) else [{"type": "text", "text": each} for each in one],
        }
        for one in contents
    ]
    made = guard(*rules)
    body = json.dumps({"model": "m", "messages": messages}).encode()
    ruling = made.ask(body, None) or asyncio.run(made.wait(body, None))
    return ruling, json.loads(ruling.body)["messages"] if ruling.body else [], made.events


def streamed(text: str, cuts: list[int], *rules: GuardRule) -> tuple[str, list[Any]]:
    made = guard(*rules)
    stream = made.stream()
    bounds = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    deltas = [text[start:end] for start, end in pairwise(bounds)]
    events: list[dict[str, Any]] = [
        {"id": "1", "choices": [{"index": 0, "delta": {"content": each}}]} for each in deltas
    ]
    events.append({"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    out = b"".join(stream.feed(f"data: {json.dumps(each)}\n\n".encode()) for each in events)
    out += stream.feed(b"data: [DONE]\n\n") + stream.end()
    said = [json.loads(line[6:]) for line in out.decode().splitlines() if line.startswith("data: {")]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in said), made.events


def told(events: list[Any]) -> list[Any]:
    return [(each.action, each.kinds, each.score, each.provenance, each.places) for each in events]


def test_a_copy_in_a_request_is_cut_out_and_named_by_its_document() -> None:
    ruling, messages, (event,) = asked(f"Sum this up: {CLAUSE} Thanks!", rules=(rule(),))
    assert (ruling.action, event.kinds) == ("redact", {"contracts/acme.txt": 1})
    text = messages[0]["content"]
    assert text.startswith("Sum this up: ")
    assert "<DOCUMENT_1>" in text
    assert "drawing" not in text
    assert 25 < event.score <= 36
    assert event.places == ("messages[0].content",)


@pytest.mark.parametrize("text", [CLAUSE.upper(), CLAUSE.replace(" ", "\n"), CLAUSE.replace("a", "\u0430")])
def test_case_lines_and_look_alikes_do_not_hide_it(text: str) -> None:
    assert asked(text, rules=(rule("block"),))[0].action == "block"


def test_a_rule_may_say_which_documents() -> None:
    only = rule("block", kinds=("contracts/*",))
    assert asked(OPENING, rules=(only,))[0].action == "allow"
    assert asked(CLAUSE, rules=(only,))[0].action == "block"
    assert asked(CLAUSE, rules=(rule("block", excepted=("contracts/*",)),))[0].action == "allow"


def test_shorter_runs_than_the_rule_says_are_none() -> None:
    quoted = " ".join(CLAUSE.split()[:20])
    assert asked(quoted, rules=(rule("block"),))[0].action == "block"
    longer = rule("block", options={"documents": [PINNED], "words": 25})
    assert asked(quoted, rules=(longer,))[0].action == "allow"


def test_a_copy_that_is_spread_over_messages() -> None:
    words = CLAUSE.split()
    pieces = [" ".join(words[at : at + 7]) for at in range(0, len(words), 7)]
    ruling, messages, (event,) = asked(pieces, rules=(rule(),))
    assert (ruling.action, event.kinds) == ("redact", {"contracts/acme.txt": 1})
    left = " ".join(part["text"] for part in messages[0]["content"])
    assert left.count("<DOCUMENT_1>") == 1
    assert "drawing" not in left
    assert asked(pieces, rules=(rule("block"),))[0].action == "block"


def test_a_long_request_is_taken_in_steps_and_reads_the_same() -> None:
    filler = "".join(f"word{number} " for number in range(6000))
    _, messages, (event,) = asked(f"{filler}{CLAUSE} {filler}", rules=(rule(),))
    assert event.kinds == {"contracts/acme.txt": 1}
    assert len(messages[0]["content"]) < 2 * len(filler) + 100
    assert messages[0]["content"].count("<DOCUMENT_1>") == 1


@settings(max_examples=examples(60))
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 700), max_size=40))
def test_a_stream_reads_as_the_whole_answer_wherever_it_was_cut(chance: Any, cuts: list[int]) -> None:
    words = [word for word in f"{OPENING} ann@example.org {CLAUSE} Well.".split() if chance.random() > 0.04]
    text = " ".join(words)
    rules = (rule(), GuardRule(id="pii", detector="pii", action="redact"), rule("flag", id="seen"))
    whole = guard(*rules)
    body = {"id": "1", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    ruling = whole.answer(json.dumps(body).encode(), b"application/json")
    expected = json.loads(ruling.body)["choices"][0]["message"]["content"]
    said, events = streamed(text, cuts, *rules)
    assert said == expected
    assert [row[:3] for row in told(events)] == [row[:3] for row in told(whole.events)]


def test_a_stream_ends_before_the_copy_is_out() -> None:
    with pytest.raises(Blocked):
        streamed(f"Gladly: {CLAUSE}", list(range(0, 300, 4)), rule("block"))


def test_a_rule_that_flags_or_is_in_shadow_holds_nothing_back() -> None:
    for one in (rule("flag"), rule("redact", shadow=1.0)):
        made = guard(one)
        stream = made.stream()
        event = {"id": "1", "choices": [{"index": 0, "delta": {"content": CLAUSE[:60]}}]}
        assert CLAUSE[:60] in stream.feed(f"data: {json.dumps(event)}\n\n".encode()).decode()
    assert streamed(CLAUSE, [5], rule("flag"))[0] == CLAUSE
    assert streamed(CLAUSE, [5], rule("flag"))[1][0].kinds == {"contracts/acme.txt": 1}


def test_what_is_taken_out_comes_back_where_the_rule_is_reversible() -> None:
    made = guard(rule(direction="in", reversible=True))
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": CLAUSE}]}).encode()
    sent = json.loads(made.ask(body, None).body)["messages"][0]["content"]
    answer = {"id": "1", "choices": [{"index": 0, "message": {"role": "assistant", "content": sent}}]}
    back = made.answer(json.dumps(answer).encode(), b"application/json")
    assert json.loads(back.body)["choices"][0]["message"]["content"] == CLAUSE


def test_texts_that_stand_in_the_policy() -> None:
    _, _, (event,) = asked(CLAUSE, rules=(rule("flag", options={"texts": [OPENING, CLAUSE]}),))
    assert event.kinds == {"text 2": 1}


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"options": {}}, "names no documents"),
        ({"options": {"document": ["x"]}}, "has the option 'document'"),
        ({"options": {"documents": "secrets"}}, "'documents'.*list of texts"),
        ({"options": {"documents": ["secrets"]}}, "cannot be looked up here"),
        ({"options": {"documents": [PINNED], "words": 7}}, "whole number from 8"),
        ({"kinds": ("letters/*",)}, "looks for no document"),
    ],
)
def test_options_that_are_none_are_refused(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        PolicyJudge(documents=find).check(GuardPolicy(rules=(rule(**fields),)))


def test_calls_are_refused_where_the_index_is_lost() -> None:
    with pytest.raises(Unavailable, match="There is no index sha256:2"):
        guard(rule(options={"documents": ["secrets@sha256:2"]}))
