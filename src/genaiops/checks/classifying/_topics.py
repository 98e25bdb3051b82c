"""Whether a text is about a topic that somebody described: nearness of sentence embeddings."""

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying._card import Card
from genaiops.checks.classifying._heads import sigmoid


class Topic(Struct, frozen=True, forbid_unknown_fields=True):
    """`description` says in a sentence what belongs to it; `examples` are texts that do, the more the better."""

    name: str
    description: str
    examples: tuple[str, ...] = ()

    @property
    def texts(self) -> list[str]:
        return [self.description, *self.examples]


class TopicScore(Struct, frozen=True):
    """`score` is 0 to 1, `flagged` whether it reaches the threshold of the card; `start` and `end` are the characters
    of the nearest window."""

    name: str
    score: float
    flagged: bool
    start: int
    end: int


class Nearness(Struct, frozen=True, forbid_unknown_fields=True):
    """score = sigmoid(slope * nearness + intercept), nearness the mean of the two largest cosines between a window and
    the texts of a topic (Platt, 1999). `card` says on what it was fitted."""

    slope: float
    intercept: float
    card: Card

    def score(self, nearness: float) -> float:
        return round(sigmoid(self.slope * nearness + self.intercept), 4)


def nearness(windows: NDArray[np.float32], topic: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each window (n, 384) to the texts of a topic (m, 384), both of unit length: (n)."""
    cosines = np.sort(windows.astype(np.float64) @ topic.astype(np.float64).T, axis=1)
    return cosines[:, -2:].mean(axis=1)


def read_nearness(raw: bytes) -> Nearness:
    """Raises msgspec.ValidationError for what is none."""
    return msgspec.json.decode(raw, type=Nearness)
