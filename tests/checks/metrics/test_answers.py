"""Short answers: SQuAD's comparison, figures, refusals, languages."""

from decimal import Decimal
from math import isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.checks.metrics.answers import normalised, numbers
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample


def say(name: str, output: str, *expected: str, **options: Any) -> Measure:
    [said] = metric(name, options).measure([Sample(output=output, expected=expected)])
    return said


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The  Cat,\nsat on a mat!", "cat sat on mat"),
        ("another theory", "another theory"),
        ("(an) apple", "apple"),
        ("don't", "dont"),
        ("«Käse»", "«käse»"),  # only ASCII punctuation goes
        ("a", ""),
        ("The A-Team", "ateam"),
    ],
)
def test_texts_are_normalised_as_squad_has_it(text: str, form: str) -> None:
    assert normalised(text) == form


@pytest.mark.parametrize(
    ("output", "expected", "exact", "f1"),
    [
        ("The Denver Broncos", ("Denver Broncos",), 1, 1),
        ("Denver", ("Denver Broncos",), 0, 2 / 3),
        ("in Denver, in Colorado", ("Denver in Colorado",), 0, 2 * (3 / 4) * 1 / (3 / 4 + 1)),
        ("Carolina", ("Denver Broncos", "Carolina Panthers", "Panthers"), 0, 2 / 3),
        ("", ("",), 1, 1),
        ("something", ("",), 0, 0),
        ("", ("something",), 0, 0),
        ("the", ("an",), 1, 1),
    ],
)
def test_exact_match_and_f1(output: str, expected: tuple[str, ...], exact: float, f1: float) -> None:
    assert say("exact_match", output, *expected).value == exact
    said = say("token_f1", output, *expected)
    assert isclose(said.value or 0, f1, abs_tol=1e-12)


WORDS = st.lists(st.sampled_from(["red", "Green", "blue,", "the", "sky", "日本"]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_f1_is_symmetrical_and_turns_precision_into_recall(one: str, other: str) -> None:
    there, back = say("token_f1", one, other), say("token_f1", other, one)
    assert isclose(there.value or 0, back.value or 0)
    assert there.parts["precision"] == back.parts["recall"]
    assert 0 <= (there.value or 0) <= 1
    if say("exact_match", one, other).value:
        assert there.value == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is 1,234.50 in all", [1234.5]),
        ("from 3 to 4", [3, 4]),
        ("3-4, or -5", [3, 4, -5]),
        ("\u22127 degrees", [-7]),
        ("H2O and v1.2.3", []),
        ("2.5e3 or .5.", [2500, 0.5]),
        ("12,34", [12, 34]),
        ("1e999", []),
        ("50% of $20", [50, 20]),
        ("", []),
    ],
)
def test_numbers_of_a_text(text: str, found: list[float]) -> None:
    assert numbers(text) == [Decimal(repr(each)) for each in found]


def test_numbers_as_written_elsewhere() -> None:
    assert numbers("1.234,5 und 7", ",") == [Decimal("1234.5"), 7]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_numbers_are_read_as_they_are_written(figures: list[float]) -> None:
    assert numbers(" and ".join(map(repr, figures))) == [Decimal(repr(each)) for each in figures]


def test_a_number_within_a_tolerance() -> None:
    assert say("numeric", "So 10 + 32 is 42.", "42").value == 1
    assert say("numeric", "42 is 10 + 32", "42").value == 0
    assert say("numeric", "42 is 10 + 32", "42", take="first").value == 1
    assert say("numeric", "42 is 10 + 32", "42", take="only") == Measure(
        value=0.0, reason="There are 3 numbers in the answer."
    )
    assert say("numeric", "41.6", "42", absolute=0.4).value == 1
    assert say("numeric", "41.5", "42", absolute=0.4).value == 0
    assert say("numeric", "42.1", "42", absolute=0.1).value == 1  # not so in binary fractions
    assert say("numeric", "41.5", "7", "42", relative=0.02).value == 1
    assert say("numeric", "3,14", "3,1", absolute=0.1, decimal=",").value == 1
    assert say("numeric", "none", "42") == Measure(value=0.0, reason="There is no number in the answer.")
    assert "not one number" in say("numeric", "42", "a lot").error


@pytest.mark.parametrize(
    "options", [{"absolute": -1}, {"relative": float("nan")}, {"take": "best"}, {"decimal": "'"}, {"absolute": "1"}]
)
def test_tolerances_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="numeric"):
        metric("numeric", options)


def test_refusals() -> None:
    assert say("refusal", "I'm sorry, but I cannot help with that.").value == 1
    assert say("refusal", "Paris is the capital of France.").value == 0


def test_languages() -> None:
    german = "Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter."
    assert say("language", german, "de").value == 1
    assert say("language", german, code="fr").value == 0
    assert "too short" in say("language", "ja", "de").error
