"""Suites as TOML: what is written reads as what was meant, whatever stands in it; and cases out of pasted texts."""

import tomllib
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.arena import cases_of_text, proposal, read_suite, starting_suite, suite_manifest, written_suite
from genaiops.core.errors import UsageError
from genaiops.domain import SuiteTask

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=3), st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=2))
def test_it_reads_as_it_was_meant(metadata: dict[str, Any], cases: list[dict[str, Any]]) -> None:
    document = {"description": "x", "case": cases, "run": {"repeats": 2, "metadata": metadata}}
    expected = {name: each for name, each in document.items() if each}
    assert tomllib.loads(written_suite(document)) == expected


@pytest.mark.parametrize("task", get_args(SuiteTask))
def test_a_proposal_is_what_the_command_writes(task: SuiteTask) -> None:
    start = proposal(task)
    if not start.recorded:
        return
    target = {"name": "recorded", "recorded": True}
    document = {"task": task, "target": [target], "case": start.cases, "check": start.checks}
    ours, theirs = read_suite(written_suite(document)), read_suite(starting_suite(task))
    assert suite_manifest(ours.checked()) == suite_manifest(theirs.checked())


@pytest.mark.parametrize(
    "text",
    [
        '{"q": "2+2", "a": "4"}\n\n{"q": "3+3", "a": "6"}\n',
        '[{"q": "2+2", "a": "4"}, {"q": "3+3", "a": "6"}]',
        "\ufeffq,a\n2+2,4\n3+3,6\n",
    ],
)
def test_cases_of_a_pasted_text(text: str) -> None:
    found = cases_of_text(text, {"input": "q", "expected": "a"})
    assert found == [{"input": "2+2", "expected": "4"}, {"input": "3+3", "expected": "6"}]


@pytest.mark.parametrize(
    ("text", "said", "param"),
    [
        ("", "no case", None),
        ('{"q": 1}\n{', "cases.jsonl, line 2: this is no JSON", None),
        ("q,a\n1,2,3\n", "cases.csv, line 2: not as many columns", None),
        ("q,b\n1,2\n", "No case has a column 'a'. There are: q, b.", "expected"),
        ('{"q": "1", "a": "2", "shots": 3}', "cases.jsonl, line 1: shots", "cases"),
    ],
)
def test_what_is_wrong_with_a_pasted_text_is_said_with_its_line(text: str, said: str, param: str | None) -> None:
    with pytest.raises(UsageError) as told:
        cases_of_text(text, {"input": "q", "expected": "a"})
    assert said in str(told.value)
    assert told.value.param == param
