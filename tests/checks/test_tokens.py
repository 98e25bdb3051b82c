"""The estimate of tokens against a real tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.tokens import SAMPLE, Estimator

TEXTS = {
    "prose": "The committee will publish its findings on Thursday, after months of careful deliberation. Nobody "
    "expected that the recommendations would be unanimous; in fact, several members had "
    "threatened to resign in protest.",
    "code": "def fibonacci(n: int) -> int:\n    if n < 2:\n        return n\n"
    "    return fibonacci(n - 1) + fibonacci(n - 2)\n",
    "json": '{"order_id": 48213, "items": [{"sku": "AB-17", "qty": 3, "price": 12.50}], "status": "shipped"}',
    "german": "Die Geschwindigkeitsbegrenzung auf dieser Straße beträgt dreißig Kilometer in der Stunde.",
    "numbers": "In 2024 the company sold 1284503 units at 17.99 each, 12.5 % more than in 2023.",
}


def test_nothing_is_nothing_and_something_is_at_least_one() -> None:
    assert Estimator().estimate("") == 0
    assert Estimator().estimate(" ") == 1


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_never_shrinks_much_when_text_is_added(first: str, second: str) -> None:
    estimator = Estimator()
    assert estimator.estimate(first + " " + second) >= max(estimator.estimate(first), estimator.estimate(second)) - 3


@given(st.text(max_size=400))
def test_it_is_never_more_than_the_bytes_of_the_text(text: str) -> None:
    assert Estimator().estimate(text) <= max(1, len(text.encode()))


SMOLLM2 = {"prose": 36, "code": 41, "json": 51, "german": 34, "numbers": 42}
"""Tokens by SmolLM2's own tokenizer: what llama.cpp's `/tokenize` answered for the embedded weights, 2026-11-21."""


@pytest.mark.parametrize("kind", TEXTS)
def test_it_is_within_a_third_of_a_byte_pair_tokenizer(kind: str) -> None:
    assert Estimator().estimate(TEXTS[kind]) == pytest.approx(SMOLLM2[kind], rel=0.34)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_long_text_counts_as_its_beginning_does(kind: str) -> None:
    whole = (TEXTS[kind] * SAMPLE)[: 3 * SAMPLE]
    assert Estimator().estimate(whole) == Estimator().estimate(whole[:SAMPLE]) * 3
