"""What the guard server remembers of texts is what the encoder says of them, and no more than it may keep."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app.model_server._remembering import Remembering
from genaiops.engines.minilm import Encoder, Encoding
from genaiops.engines.weights import locate

TEXTS = ("one", "two", "three", "four", "")


class Watched(Encoder):
    """The encoder, and what it was asked."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Encoding:
        self.asked += texts
        return super().encode(texts)


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> Watched:
    return Watched(locate("minilm-int8", models_dir.parent).directory)


@pytest.mark.needs_weights("minilm-int8")
@given(
    requests=st.lists(
        st.tuples(st.lists(st.sampled_from(TEXTS), max_size=6), st.sampled_from(["", "a", "b"])), max_size=6
    ),
    most=st.integers(1, 6),
)
def test_it_answers_as_the_encoder_does(encoder: Watched, requests: list[tuple[list[str], str]], most: int) -> None:
    memory = Remembering(encoder, most)
    for texts, scope in requests:
        assert np.array_equal(memory.encode(texts, scope), Encoder.encode(encoder, texts).vectors)


@pytest.mark.needs_weights("minilm-int8")
def test_what_came_lately_is_not_encoded_again(encoder: Watched) -> None:
    memory = Remembering(encoder, 3)
    encoder.asked.clear()
    memory.encode(["one", "two", "one"], "a")
    memory.encode(["two", "three"], "a")
    assert encoder.asked == ["one", "two", "three"]
    memory.encode(["one", "four"], "a")  # "two" is the oldest now, and goes
    memory.encode(["three", "one", "two"], "a")
    assert encoder.asked == ["one", "two", "three", "four", "two"]


@pytest.mark.needs_weights("minilm-int8")
def test_nobody_is_served_from_what_others_asked(encoder: Watched) -> None:
    memory = Remembering(encoder)
    encoder.asked.clear()
    for scope in ("a", "b", "", ""):
        memory.encode(["one"], scope)
    assert encoder.asked == ["one"] * 4
    memory.encode(["one"], "a")
    assert encoder.asked == ["one"] * 4
