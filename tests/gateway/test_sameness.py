"""What must be equal in two questions that share an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.gateway.sameness import marks


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How do I reset my password?", "What is the way to reset my password?"),
        ("What are two reasons?", "Explain 2 reasons, please!"),
        ("Which ports does it open?", "which port is opened by it"),
        ("Pay 5,000 euros", "Pay 5000 euros"),
        ("Don\u2019t do it", "Do not do it"),
    ],
)
def test_the_frame_may_differ(one: str, two: str) -> None:
    assert marks(one) == marks(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Convert 10 miles to kilometers", "Convert 10 kilometers to miles"),
        ("Who can see it?", "Who can't see it?"),
        ("Is it on 3 March?", "Is it on 4 March?"),
        ("Turn it on", "Turn it off"),
        ("What is HTTP?", "What is HTTPS?"),
        ("What is C?", "What is C++?"),
        ("What is 5 + 3?", "What is 5 - 3?"),
        ("Translate \u201cgood day\u201d", "Translate \u201cgood night\u201d"),
        ("Move it from A to B", "Move it from B to A"),
        ("東京の天気", "大阪の天気"),
        ("Wo finde ich meine Rechnung?", "Where do I find my invoice?"),
    ],
)
def test_the_rest_may_not(one: str, two: str) -> None:
    assert marks(one) != marks(two)


@given(st.text(max_size=200))
def test_any_text_has_marks(text: str) -> None:
    assert marks(text) == marks(text + " ")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_are_told_apart(one: int, two: int) -> None:
    assert (marks(f"add {one}") == marks(f"add {two}")) == (one == two)
