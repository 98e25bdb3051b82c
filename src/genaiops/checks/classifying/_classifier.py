"""A text's score: the windows of it, the logits of both heads, one calibrated number."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying._heads import sigmoid
from genaiops.checks.classifying._ngrams import count
from genaiops.checks.classifying._weights import Packaged, Weights, combine
from genaiops.checks.windows import Window

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit vectors, (n, 384) float32, of the encoder that the card names."""


class Score(Struct, frozen=True):
    """`score` is 0 to 1, `flagged` whether it reaches the threshold of the card. `start` and `end` are the characters
    that speak for it most, as Python counts them."""

    score: float
    flagged: bool
    start: int
    end: int


class Classifier:
    """One of those that ship (`packaged`). Pure: vectors come from outside, so that several classifiers share them."""

    def __init__(self, packaged: Packaged) -> None:
        self.card = packaged.card
        self._weights = packaged.weights

    def score(self, pieces: Sequence[Window], vectors: NDArray[np.float32]) -> Score:
        """Of one text: `pieces` are its `windows`, `vectors` (len(pieces), 384) theirs."""
        ngrams = ngram_logits(self._weights, [piece.text for piece in pieces])
        dense = self._weights.dense.logits(vectors)
        value = sigmoid(float(combine(ngrams, dense) @ self._weights.mixing))
        place = pieces[int(np.argmax(ngrams + dense))]
        return Score(round(value, 4), value >= self.card.threshold.value, place.start, place.end)


def ngram_logits(weights: Weights, texts: Sequence[str]) -> NDArray[np.float64]:
    return np.array([weights.ngrams.logit(count(text)) for text in texts])
