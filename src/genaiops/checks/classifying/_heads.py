"""From features to one number, the logit: what scikit-learn's LogisticRegression and MLPClassifier compute."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying._ngrams import Counts, weigh

Floats = NDArray[np.float32]


class NgramHead(Struct, frozen=True):
    """A logistic regression over hashed n-grams. `idf` and `weights` have one value for each bucket."""

    idf: Floats
    weights: Floats
    bias: float

    def logit(self, counted: Counts) -> float:
        return float(weigh(counted, self.idf) @ self.weights[counted.buckets]) + self.bias


class Layer(Struct, frozen=True):
    """`kernel` is (inputs, outputs), `bias` (outputs)."""

    kernel: Floats
    bias: Floats


class DenseHead(Struct, frozen=True):
    """Layers with max(0, x) between them; the last one has one output. One layer is a logistic regression."""

    layers: tuple[Layer, ...]

    def logits(self, vectors: Floats) -> NDArray[np.float64]:
        """(n, inputs) to (n)."""
        value: NDArray[Any] = vectors.astype(np.float64)
        for place, layer in enumerate(self.layers):
            value = (np.maximum(value, 0.0) if place else value) @ layer.kernel + layer.bias
        return value[:, 0].astype(np.float64)


def sigmoid(value: float) -> float:
    """1 / (1 + exp(-value)), without overflow."""
    bounded = min(max(value, -60.0), 60.0)
    return float(1.0 / (1.0 + np.exp(-bounded)))
