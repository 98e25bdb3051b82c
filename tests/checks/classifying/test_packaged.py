"""The weights that ship, and what their cards say of them."""

from importlib import resources

import msgspec
import numpy as np
import pytest

from genaiops.checks.classifying import Card, TopicScore, language_of, packaged, read_card, topic_nearness
from genaiops.checks.classifying._heads import DenseHead, Layer, NgramHead
from genaiops.checks.classifying._ngrams import BUCKETS
from genaiops.checks.classifying._topics import nearness
from genaiops.checks.classifying._weights import Weights, combine, dump, load, stored_idf
from genaiops.core.errors import StoreError

DATA = resources.files("genaiops.checks.classifying") / "data"
LARGEST = 3 << 20


def cards() -> list[Card]:
    return [packaged("injection").card, packaged("toxicity").card, topic_nearness().card]


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_card_says_where_it_comes_from_and_how_good_it_is(card: Card) -> None:
    assert 0 < card.threshold.value < 1
    assert len(card.threshold.chosen_by) > 20
    assert card.encoder.startswith("minilm-int8@")
    assert card.limits
    assert {source.used_for for source in card.sources} == {"training", "evaluation"}
    assert all(source.licence and source.digest.removeprefix("sha256:").isalnum() for source in card.sources)
    assert all(source.positive + source.negative for source in card.sources)
    assert any(metric.kind == "across_sources" for metric in card.metrics)
    for metric in card.metrics:
        assert 0 <= metric.result.low <= metric.result.value <= metric.result.high <= 1
        assert metric.result.n > 0
        assert (metric.threshold is None) == (metric.measure == "auc")


@pytest.mark.parametrize("name", ["injection", "toxicity"])
def test_weights_are_small_and_those_of_their_card(name: str) -> None:
    raw = (DATA / f"{name}.npz").read_bytes()
    assert len(raw) < LARGEST
    assert dump(load(raw)) == raw


def test_no_text_is_trained_and_tested_on_by_one_name() -> None:
    for card in cards():
        used = {source.name for source in card.sources if source.used_for == "training"}
        assert not used & {source.name for source in card.sources if source.used_for == "evaluation"}


def test_what_the_injection_card_has_to_show() -> None:
    """Recall on sentences from a source never trained on, and false alarms on those full of trigger words, at one
    threshold."""
    found = {
        m.measure: m.result.value for m in packaged("injection").card.metrics if m.tested_on == "held-out sentences"
    }
    assert found["recall"] >= 0.5
    assert found["false_alarms"] <= 0.15


def test_a_card_with_an_unknown_field_is_none() -> None:
    raw = msgspec.json.decode((DATA / "injection.json").read_bytes())
    with pytest.raises(msgspec.ValidationError, match="surprise"):
        read_card(msgspec.json.encode({**raw, "surprise": 1}))


def some_weights() -> Weights:
    rng = np.random.default_rng(1)
    ngrams = NgramHead(
        stored_idf(rng.uniform(1, 12, 2 * BUCKETS)),
        rng.normal(size=2 * BUCKETS).astype(np.float16).astype(np.float32),
        0.25,
    )
    kernel = rng.normal(size=(384, 1)).astype(np.float16).astype(np.float32)
    return Weights(
        ngrams, DenseHead((Layer(kernel, np.array([0.5], np.float32)),)), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    )


def test_what_is_loaded_is_what_was_dumped() -> None:
    weights = some_weights()
    raw = dump(weights)
    again = load(raw)
    assert np.array_equal(again.ngrams.idf, weights.ngrams.idf)
    assert np.array_equal(again.ngrams.weights, weights.ngrams.weights)
    assert np.array_equal(again.dense.layers[0].kernel, weights.dense.layers[0].kernel)
    assert np.array_equal(again.mixing, weights.mixing)
    assert again.ngrams.bias == 0.25
    assert dump(again) == raw


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_what_is_no_file_of_weights_is_refused(raw: bytes) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        load(raw)


def test_weights_of_another_shape_are_refused() -> None:
    small = NgramHead(np.ones(8, np.float32), np.ones(8, np.float32), 0.0)
    with pytest.raises(StoreError, match="shapes"):
        load(dump(Weights(small, some_weights().dense, np.ones(5))))


def test_windows_become_one_set_of_features() -> None:
    found = combine(np.array([1.0, -2.0, 0.0, 3.0]), np.array([5.0, 0.0, 2.0, -1.0]))
    assert found.tolist() == [3.0, 5.0, 3.0, 2.0, 1.0]


def test_nearness_is_the_mean_of_the_two_nearest() -> None:
    topic = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    assert nearness(np.array([[0.6, 0.8]], np.float32), topic).tolist() == pytest.approx([0.7])
    assert nearness(np.array([[0.6, 0.8]], np.float32), topic[:1]).tolist() == pytest.approx([0.6])


def score(name: str, flagged: bool) -> TopicScore:
    return TopicScore(name, 0.9 if flagged else 0.1, flagged, 0, 1)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The meeting was moved to Thursday because of the strike.", "en"),
        ("Die Besprechung wurde wegen des Streiks auf Donnerstag verlegt.", "de"),
        ("La réunion a été reportée à jeudi en raison de la grève.", "fr"),
        ("会议因罢工改到星期四举行请大家相互转告", "zh"),
        ("123 !?", None),
        ("", None),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    found = language_of(text)
    assert found.language == language
    assert 0 <= found.score <= 1
