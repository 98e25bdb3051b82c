"""Fits both heads, then how they are mixed, on texts that neither head was fitted on.

scikit-learn is needed here and nowhere else: `pip install --group training`.
"""

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from genaiops.checks.classifying._heads import DenseHead, Layer, NgramHead, sigmoid
from genaiops.checks.classifying._ngrams import BUCKETS, weigh
from genaiops.checks.classifying._weights import Weights, combine, stored_idf
from genaiops.checks.readings import windows_read
from genaiops.checks.windows import Window
from training.corpora import Corpus
from training.encoding import Ngrams, Vectors

LEARNT_BYTES = 400

Matrix = Any
"""A sparse matrix of scipy."""


class Settings(Struct, frozen=True):
    """`ngrams_c` and `mixing_c` are scikit-learn's C of the logistic regressions, `alpha` the L2 penalty of the layers,
    `per_attack` how many windows of a long positive text are taken as positive."""

    ngrams_c: float = 10.0
    hidden: int = 64
    alpha: float = 0.01
    epochs: int = 15
    mixing_c: float = 1.0
    per_attack: int = 2


class Heads(Struct, frozen=True):
    ngrams: NgramHead
    dense: DenseHead


class Example(Struct, frozen=True):
    """A text in its windows: `pieces` as it is served and measured, `learnt` as the heads are fitted on it. The longer
    ones teach more: with the short ones in both places recall on held-out sentences was .37 and not .65."""

    pieces: tuple[str, ...]
    learnt: tuple[str, ...]
    label: int


class Fitting:
    """Keeps vectors and n-grams of every window, so that the folds share them."""

    def __init__(self, vectors: Vectors, settings: Settings) -> None:
        self._vectors = vectors
        self._ngrams = Ngrams()
        self._settings = settings

    def heads(self, examples: Sequence[Example]) -> Heads:
        """First by texts of one or two windows, whose label is that of each window; then also by those windows of
        longer positive texts that speak for the label most: a page that holds an attack is mostly no attack."""
        most = self._settings.per_attack
        short = [one for one in examples if not one.label or len(one.learnt) <= most]
        chosen = [(piece, one.label) for one in short for piece in one.learnt]
        heads = self._fit(chosen)
        long = [one for one in examples if one.label and len(one.learnt) > most]
        if not long:
            return heads
        for one in long:
            ngrams, dense = self.logits(heads, one.learnt)
            best = np.argsort(-(ngrams + dense), kind="stable")[:most]
            chosen += [(one.learnt[place], 1) for place in sorted(best)]
        return self._fit(chosen)

    def logits(self, heads: Heads, pieces: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of each window, by each head."""
        ngrams = np.array([heads.ngrams.logit(self._ngrams.of(piece)) for piece in pieces])
        return ngrams, heads.dense.logits(self._vectors.of(pieces))

    def features(self, heads: Heads, examples: Sequence[Example]) -> NDArray[np.float64]:
        return np.stack([combine(*self.logits(heads, one.pieces)) for one in examples])

    def mixing(self, features: NDArray[np.float64], labels: NDArray[np.int64], groups: Sequence[str]) -> NDArray[Any]:
        """A logistic regression in which each corpus weighs as the root of its size, both labels the same."""
        linear: Any = _sklearn("linear_model")
        sizes = {group: groups.count(group) for group in set(groups)}
        weights = np.array([1 / np.sqrt(sizes[group]) for group in groups])
        weights = _balanced(labels, weights)
        model = linear.LogisticRegression(C=self._settings.mixing_c, max_iter=1000).fit(
            features[:, :-1], labels, sample_weight=weights
        )
        return np.append(model.coef_[0], model.intercept_[0]).astype(np.float64)

    def scores(self, heads: Heads, mixing: NDArray[np.float64], examples: Sequence[Example]) -> NDArray[np.float64]:
        return mixed(self.features(heads, examples), mixing)

    def _fit(self, rows: Sequence[tuple[str, int]]) -> Heads:
        texts = [text for text, _ in rows]
        labels = np.array([label for _, label in rows])
        weights = _balanced(labels, np.ones(len(labels)))
        return Heads(self._fit_ngrams(texts, labels, weights), self._fit_dense(texts, labels, weights))

    def _fit_ngrams(self, texts: Sequence[str], labels: NDArray[Any], weights: NDArray[Any]) -> NgramHead:
        counted = [self._ngrams.of(text) for text in texts]
        seen = np.bincount(np.concatenate([one.buckets for one in counted]), minlength=2 * BUCKETS)
        idf = stored_idf(np.log((1 + len(texts)) / (1 + seen)) + 1)
        sparse: Any = importlib.import_module("scipy.sparse")
        matrix: Matrix = sparse.csr_matrix(
            (
                np.concatenate([weigh(one, idf) for one in counted]),
                np.concatenate([one.buckets for one in counted]),
                np.cumsum([0, *(len(one.buckets) for one in counted)]),
            ),
            shape=(len(texts), 2 * BUCKETS),
        )
        linear: Any = _sklearn("linear_model")
        model = linear.LogisticRegression(C=self._settings.ngrams_c, max_iter=300, tol=1e-3)
        model.fit(matrix, labels, sample_weight=weights)
        kept = model.coef_[0].astype(np.float16).astype(np.float32)  # as the file keeps them
        return NgramHead(idf, kept, float(model.intercept_[0]))

    def _fit_dense(self, texts: Sequence[str], labels: NDArray[Any], weights: NDArray[Any]) -> DenseHead:
        network: Any = _sklearn("neural_network")
        model = network.MLPClassifier(
            (self._settings.hidden,),
            alpha=self._settings.alpha,
            max_iter=self._settings.epochs,
            batch_size=256,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the number of epochs is a setting: that it did not converge is meant
            model.fit(self._vectors.of(texts), labels, sample_weight=weights)
        return DenseHead(
            tuple(
                Layer(kernel.astype(np.float16).astype(np.float32), bias.astype(np.float32))
                for kernel, bias in zip(model.coefs_, model.intercepts_, strict=True)
            )
        )


def examples_of(corpus: Corpus, longest: int = 16) -> list[Example]:
    """Of longer texts the first `longest` windows."""
    return [
        Example(
            tuple(_texts(windows_read(text))[:longest]),
            tuple(_texts(windows_read(text, LEARNT_BYTES))[:longest]),
            label,
        )
        for text, label in corpus.rows
    ]


def mixed(features: NDArray[np.float64], mixing: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([sigmoid(float(value)) for value in features @ mixing])


def weights_of(heads: Heads, mixing: NDArray[np.float64]) -> Weights:
    return Weights(heads.ngrams, heads.dense, mixing)


def _texts(pieces: Sequence[Window]) -> list[str]:
    return [piece.text for piece in pieces]


def _balanced(labels: NDArray[Any], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Both labels weigh the same in the sum, an example 1 in the mean."""
    weights = weights.copy()
    for label in (0, 1):
        weights[labels == label] /= weights[labels == label].sum()
    return weights * (len(weights) / weights.sum())


def _sklearn(module: str) -> Any:
    return importlib.import_module(f"sklearn.{module}")
