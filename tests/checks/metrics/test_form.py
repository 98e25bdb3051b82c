"""The form of an answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample


def say(name: str, output: str, *expected: str, **options: Any) -> Measure:
    [said] = metric(name, options).measure([Sample(output=output, expected=expected)])
    return said


@pytest.mark.parametrize(
    ("output", "strict", "around"),
    [
        ('{"a": 1}', 1, 1),
        (' [1, "x"]\n', 1, 1),
        ("12", 1, 1),
        ('```json\n{"a": 1}\n```', 0, 1),
        ('Here: {"a": 1}', 0, 1),
        ('{"a": 1,}', 0, 0),
        ("{'a': 1}", 0, 0),
        ('{"a": NaN}', 0, 0),
        ('{"a": "b', 0, 0),
        ("no", 0, 0),
        ("", 0, 0),
        ("[" * 100_000, 0, 0),
    ],
)
def test_json(output: str, strict: float, around: float) -> None:
    assert say("is_json", output).value == strict
    assert say("is_json", output, around=True).value == around


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_the_same_json(one: Any, other: Any) -> None:
    assert say("is_json", json.dumps(one)).value == 1
    assert say("json_equals", json.dumps(one, indent=1), json.dumps(one, sort_keys=True)).value == 1
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert say("json_equals", json.dumps(one), json.dumps(other)).value == float(same)


def test_values_of_json_and_not_of_python() -> None:
    assert say("json_equals", '{"b": 1.0, "a": [true]}', '{"a": [true], "b": 1}').value == 1
    assert say("json_equals", "[true]", "[1]").value == 0
    assert say("json_equals", "[1, 2]", "[2, 1]").value == 0
    assert "no JSON" in say("json_equals", "[1]", "[1,]").error
    deep = "[" * 700 + "]" * 700
    assert "nested too deeply" in say("json_equals", deep, deep).error
    assert "nested too deeply" in say("json_schema", deep, schema={"items": {"$ref": "#"}}).error


SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}


def test_json_of_a_schema() -> None:
    assert say("json_schema", '{"city": "Rome"}', schema=SCHEMA).value == 1
    assert say("json_schema", '{"city": "Rome"}', json.dumps(SCHEMA)).value == 1
    wrong = say("json_schema", '{"city": 7}', schema=SCHEMA)
    assert wrong.value == 0
    assert wrong.reason.startswith("At /city: ")
    assert say("json_schema", 'Sure: {"city": "Rome"}', schema=SCHEMA).value == 0
    assert say("json_schema", 'Sure: {"city": "Rome"}', schema=SCHEMA, around=True).value == 1
    assert "no JSON Schema" in say("json_schema", "{}", "{").error
    assert "no JSON Schema" in say("json_schema", "{}", '{"type": "thing"}').error
    with pytest.raises(UsageError, match="no JSON Schema"):
        metric("json_schema", {"schema": {"type": "thing"}})


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("<a><b x='1'/>text &amp; more</a>", 1),
        ("\n<?xml version='1.0'?><a/>\n", 1),
        ("<a><b></a>", 0),
        ("<a/><b/>", 0),
        ("text", 0),
        ("", 0),
        ("<a>&undefined;</a>", 0),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", 0),
        ("<a>\ud800</a>", 0),
    ],
)
def test_xml(output: str, value: float) -> None:
    assert say("is_xml", output).value == value


def test_how_long_it_is() -> None:
    assert say("word_count", " one two\nthree ").value == 3
    assert say("length", "Käse").value == 4
    assert metric("length").card.better == "neither"
    within = say("word_count", "one two three", least=1, most=2)
    assert within == Measure(value=0.0, reason="It has 3 words.", parts={"words": 3.0})
    assert say("word_count", "one two", most=2).value == 1
    assert say("length", "", least=1).value == 0
    assert metric("length", {"most": 9}).card.threshold == 1


@pytest.mark.parametrize("options", [{"least": -1}, {"least": 3, "most": 2}, {"most": "2"}])
def test_bounds_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="word_count"):
        metric("word_count", options)
