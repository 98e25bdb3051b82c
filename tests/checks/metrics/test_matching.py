"""Right and wrong, by phrases and expressions."""

from time import process_time
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
    ("name", "output", "expected", "value"),
    [
        ("contains", "It is Paris.", ("Rome", "Paris"), 1),
        ("contains", "It is paris.", ("Paris",), 0),
        ("icontains", "It is PARIS.", ("paris",), 1),
        ("icontains", "STRASSE", ("Straße",), 1),
        ("contains_any", "It is Paris.", ("Rome", "Paris"), 1),
        ("icontains_any", "It is Oslo.", ("rome", "paris"), 0),
        ("contains_all", "Rome and Paris", ("Rome", "Paris"), 1),
        ("contains_all", "Rome and paris", ("Rome", "Paris"), 0),
        ("icontains_all", "rome and paris", ("Rome", "Paris"), 1),
        ("starts_with", "Yes, it is.", ("No", "Yes"), 1),
        ("starts_with", " Yes", ("Yes",), 0),
        ("ends_with", "It is so.", ("so.",), 1),
        ("ends_with", "It is so.", ("It",), 0),
        ("regex", "order 12345 is late", (r"\b\d{5}\b",), 1),
        ("regex", "order 1234 is late", (r"\b\d{5}\b",), 0),
        ("regex", "Käse", ("^K.se$",), 1),
        ("regex", "half \ud800 a character", ("character",), 1),
    ],
)
def test_phrases(name: str, output: str, expected: tuple[str, ...], value: float) -> None:
    assert say(name, output, *expected).value == value


def test_phrases_of_the_check_count_in_place_of_references() -> None:
    assert say("contains", "blue", values=["red", "blue"]).value == 1
    assert say("contains", "blue", "blue", values=["red"]).value == 0
    assert say("contains_all", "blue", values=["red", "blue"]) == Measure(
        value=0.0, reason="1 of 2 phrases are missing, the first 'red'.", parts={"found": 1.0, "of": 2.0}
    )
    assert say("starts_with", "BLUE", values=["blue"], ignore_case=True).value == 1
    assert say("regex", "Blue sky", pattern="blue", ignore_case=True).value == 1
    assert say("regex", "Blue sky", pattern="Blue", whole=True).value == 0
    assert say("regex", "Blue sky", pattern="Blue.*", whole=True).value == 1


@pytest.mark.parametrize("values", [[], ["a", ""]])
def test_an_empty_phrase_would_always_be_there(values: list[str]) -> None:
    with pytest.raises(UsageError, match="empty"):
        metric("contains", {"values": values})
    assert "empty" in say("contains", "text", "a", "").error


@pytest.mark.parametrize("pattern", [r"(?<=a)b", r"(a)\1", "(", "a{2000}", "\ud800"])
def test_expressions_that_are_none(pattern: str) -> None:
    with pytest.raises(UsageError, match="no regular expression of RE2") as caught:
        metric("regex", {"pattern": pattern})
    assert "look-around" in (caught.value.remedy or "")
    assert "no regular expression of RE2" in say("regex", "text", pattern).error


def test_an_expression_takes_linear_time() -> None:
    before = process_time()
    assert say("regex", "a" * 50_000 + "!", pattern="^(a+)+$").value == 0
    assert process_time() - before < 5  # a machine that goes back would need longer than there is


@given(st.text(max_size=40), st.text(min_size=1, max_size=10))
def test_containing_agrees_with_its_parts(text: str, phrase: str) -> None:
    assert say("contains", text + phrase, phrase).value == 1
    assert say("ends_with", text + phrase, phrase).value == 1
    assert say("starts_with", phrase + text, phrase).value == 1
    assert say("icontains", text + phrase.upper(), phrase.upper().casefold()).value == 1
    for name in ("contains", "icontains"):
        assert say(name, text, phrase).value == say(f"{name}_all", text, phrase).value
        assert say(name, text, phrase).value == say(f"{name}_any", text, phrase).value
