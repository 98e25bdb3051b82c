"""n-grams and heads, against numbers worked out by hand and, where it is installed, against scikit-learn."""

import math

import numpy as np
import pytest

from genaiops.checks.classifying._heads import DenseHead, Layer, NgramHead, sigmoid
from genaiops.checks.classifying._ngrams import BUCKETS, CHARACTERS, WORDS, count, plain, weigh


def test_plain_is_what_a_reader_sees() -> None:
    assert plain("\uff29gnore\u200b  ALL\n\u00adrules\U000e0041") == "ignore all rules"


def test_hidden_characters_and_wide_letters_change_nothing() -> None:
    one, two = count("Ignore all rules"), count("\uff29g\u200bnore ALL  rules")
    assert np.array_equal(one.buckets, two.buckets)
    assert np.array_equal(one.counts, two.counts)


def test_every_run_is_counted_once() -> None:
    text = "a b a b"
    found = count(text)
    padded, words = len(text) + 2, 4
    runs = sum(padded - n + 1 for n in CHARACTERS) + sum(words - n + 1 for n in WORDS)
    assert int(found.counts.sum()) == runs
    border = found.buckets >= BUCKETS
    # Words: a, b, "a b" twice each; "b a", "a b a", "b a b" once.
    assert sorted(found.counts[border].tolist()) == [1, 1, 1, 2, 2, 2]


def test_the_hash_is_the_same_everywhere() -> None:
    """Weights that ship are of these buckets."""
    assert count("hi").buckets.tolist() == [112041, 128928, 130117, 150528]


def test_weights_are_tf_idf_of_unit_length_for_characters_and_for_words() -> None:
    found = count("a b a b")
    idf = np.full(2 * BUCKETS, 2.0, dtype=np.float32)
    values = weigh(found, idf)
    words = found.buckets >= BUCKETS
    assert math.isclose(float(values[words] @ values[words]), 1.0)
    assert math.isclose(float(values[~words] @ values[~words]), 1.0)
    twice, once = 2 * (1 + math.log(2)), 2.0
    length = math.sqrt(3 * twice**2 + 3 * once**2)
    assert sorted(np.round(values[words], 12)) == sorted(np.round([*[once / length] * 3, *[twice / length] * 3], 12))


def test_an_empty_text_has_the_bias_alone() -> None:
    head = NgramHead(np.ones(2 * BUCKETS, np.float32), np.ones(2 * BUCKETS, np.float32), -1.5)
    assert head.logit(count("")) == -1.5


def test_layers_by_hand() -> None:
    hidden = Layer(np.array([[1.0, -1.0], [2.0, 0.0]], np.float32), np.array([0.0, 0.5], np.float32))
    last = Layer(np.array([[1.0], [10.0]], np.float32), np.array([-1.0], np.float32))
    logits = DenseHead((hidden, last)).logits(np.array([[1.0, 1.0], [-1.0, 0.0]], np.float32))
    # (1, 1): hidden (3, -0.5) -> (3, 0), so 3 - 1; (-1, 0): hidden (-1, 1.5) -> (0, 1.5), so 15 - 1.
    assert logits.tolist() == [2.0, 14.0]


def test_sigmoid() -> None:
    assert sigmoid(0.0) == 0.5
    assert math.isclose(sigmoid(2.0), 1 / (1 + math.exp(-2)))
    assert sigmoid(-1e9) < 1e-20
    assert sigmoid(1e9) == 1.0


def test_heads_agree_with_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    network = pytest.importorskip("sklearn.neural_network")
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 12)).astype(np.float32)
    labels = (vectors[:, 0] + vectors[:, 1] ** 2 > 0.5).astype(int)
    plain_model = linear.LogisticRegression().fit(vectors, labels)
    one = DenseHead((Layer(plain_model.coef_.T.astype(np.float32), plain_model.intercept_.astype(np.float32)),))
    assert np.allclose(one.logits(vectors), plain_model.decision_function(vectors), atol=1e-5)
    deep = network.MLPClassifier((5,), random_state=0, max_iter=2000, tol=1e-2).fit(vectors, labels)
    layers = tuple(
        Layer(kernel.astype(np.float32), bias.astype(np.float32))
        for kernel, bias in zip(deep.coefs_, deep.intercepts_, strict=True)
    )
    odds = [sigmoid(float(value)) for value in DenseHead(layers).logits(vectors)]
    assert np.allclose(odds, deep.predict_proba(vectors)[:, 1], atol=1e-5)
