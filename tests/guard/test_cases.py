"""Cases: what a policy shall say, and whether it does."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.domain import GuardVersion, Operation
from genaiops.guard import CaseResult, read_cases, try_cases
from genaiops.ports.guard import Judged
from genaiops.ports.providers import Dialect
from tests.guard.judging import WordJudge, words

BLOCKS = GuardVersion(name="p", digest="sha256:1", policy=words("block", "bomb", "gift"))


def tried(*rows: Any) -> list[CaseResult]:
    return list(try_cases(WordJudge(), BLOCKS, read_cases(rows)))


def test_each_case_is_held_against_what_follows() -> None:
    def case(text: str, action: str, **more: Any) -> dict[str, Any]:
        return {"input": text, "expect": {"action": action, **more}, "note": text}

    results = tried(
        case("a bomb", "block"),
        case("a bomb", "flag"),
        case("a cake", "allow"),
        case("a cake", "block"),
        case("bomb bomb gift", "block", kinds=["bo*", "gift"]),
        case("a bomb", "block", kinds=["gift"]),
        case("a bomb", "block", rule="words"),
        case("a bomb", "block", rule="others"),
        case("a cake", "allow", rule="words"),
    )
    assert [result.passed for result in results] == [True, False, True, False, True, False, True, False, True]
    assert results[4].found == {"bomb": 2, "gift": 1}
    assert (results[1].action, results[1].rules, results[1].number) == ("block", ("words",), 2)


def test_a_case_may_have_an_answer_or_whole_bodies() -> None:
    expect = {"action": "block"}
    anthropic = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a gift"}]}]}
    results = tried(
        {"input": "hello", "output": "a bomb", "expect": expect},
        {"input": [{"role": "system", "content": "no bomb"}], "expect": expect},
        {"request": anthropic, "dialect": "messages", "output": {"content": []}, "expect": expect},
        {"request": {"input": ["a gift"]}, "operation": "embeddings", "expect": expect},
    )
    assert [result.passed for result in results] == [True] * 4


def test_what_cannot_be_judged_is_no_pass() -> None:
    class Unreading(WordJudge):
        def rule(
            self, policy: GuardVersion, operation: Operation, dialect: Dialect, request: bytes, answer: bytes | None
        ) -> Judged:
            raise UsageError("The body cannot be checked.")

    (result,) = try_cases(Unreading(), BLOCKS, read_cases([{"input": "x", "expect": {"action": "allow"}}]))
    assert not result.passed
    assert "cannot be checked" in (result.error or "")


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"expect": {"action": "block"}}, "neither input nor request"),
        ({"input": "a", "request": {}, "expect": {"action": "block"}}, "both input and request"),
        ({"input": "a"}, "expect"),
        ({"input": "a", "expect": {"action": "explode"}}, "explode"),
        ({"input": "a", "expect": {"action": "block", "kind": "x"}}, "kind"),
        ({"input": "a", "dialect": "messages", "expect": {"action": "block"}}, "says texts instead of bodies"),
        ("text", "Case 2"),
    ],
)
def test_a_case_that_is_none_is_named(row: Any, word: str) -> None:
    with pytest.raises(UsageError, match=word) as caught:
        read_cases([{"input": "a", "expect": {"action": "block"}}, row])
    assert caught.value.param == "cases[1]"


def test_other_fields_are_somebodys_own() -> None:
    row = json.loads('{"input": "a bomb", "expect": {"action": "block"}, "rule": "words", "trace_id": "00"}')
    assert tried(row)[0].passed
