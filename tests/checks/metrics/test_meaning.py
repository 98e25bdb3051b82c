"""Metrics by small models: the formulas against what they say on paper, and the models themselves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from genaiops.app.local_models import InstalledModels
from genaiops.checks.metrics import metric
from genaiops.checks.metrics._metric import Asking
from genaiops.checks.metrics.meaning import greedy_match
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Answer, JudgeMember, Measure, Sample
from genaiops.engines.meteor15 import Meteor15
from genaiops.engines.sandbox import Processes
from genaiops.ports.metrics import Classified, Encoded, LocalModels


class Alone:
    """Means of this machine only."""

    scripts = None

    def __init__(self, local: LocalModels) -> None:
        self.local = local
        self.sandbox = Processes()
        self.meteor = Meteor15()

    async def chat(self, member: JudgeMember, messages: object, *, within: bool = False) -> Answer:
        raise AssertionError(f"{member} is not asked, nor told {messages}")

    async def post(self, member: JudgeMember, fields: object) -> Answer:
        raise AssertionError("No endpoint is asked here.")

    async def embed(self, member: JudgeMember, texts: object) -> Answer:
        raise AssertionError("Nothing is embedded here.")


async def measured(name: str, local: LocalModels, **fields: object) -> Measure:
    found = metric(name)
    assert isinstance(found, Asking)
    return await found.consult(Sample(**fields), Alone(local))  # pyright: ignore[reportArgumentType]


class Toy:
    """Vectors that can be reckoned by hand: one a word, the marks at both ends."""

    _OF = {"a": (1.0, 0.0, 0.0), "b": (0.0, 1.0, 0.0), "c": (0.6, 0.8, 0.0), "|": (0.0, 0.0, 1.0)}  # noqa: RUF012

    def check(self, weights: str) -> None: ...

    def vectors(self, weights: str, texts: Sequence[str]) -> Encoded:
        assert weights == "minilm-int8"
        return Encoded([self._OF[text] for text in texts], False)

    def token_vectors(self, weights: str, text: str) -> Encoded:
        assert weights == "minilm-int8"
        return Encoded([self._OF[word] for word in ("|", *text.split(), "|")], len(text) > 50)

    def classified(self, classifier: str, text: str) -> Classified:
        return Classified(0.9 if classifier in text else 0.1, 0, len(text))


async def test_similarity_is_the_cosine_to_the_nearest_reference() -> None:
    said = await measured("similarity", Toy(), output="a", expected=("b", "c"))
    assert said.value == pytest.approx(0.6)


async def test_bertscore_by_hand() -> None:
    said = await measured("bertscore", Toy(), output="a c", expected=("a b",))
    precision, recall = (1.0 + 0.8) / 2, (1.0 + 0.8) / 2
    assert said.value == pytest.approx(2 * precision * recall / (precision + recall))
    assert said.parts == pytest.approx({"precision": precision, "recall": recall})
    best = await measured("bertscore", Toy(), output="a", expected=("b", "a"))
    assert best.value == pytest.approx(1.0)
    none = await measured("bertscore", Toy(), output="", expected=("a",))
    assert (none.value, none.error) == (None, "The answer, or a reference, has no token.")


def test_the_marks_count_for_nothing_and_may_be_matched() -> None:
    mark, word = [0.0, 1.0], [0.6, 0.8]
    found = greedy_match([mark, word, mark], [mark, [1.0, 0.0], mark])
    assert found is not None
    assert found[:2] == pytest.approx((0.8, 0.6))


async def test_classifiers_give_their_score_as_it_is() -> None:
    said = await measured("toxicity", Toy(), output="toxicity")
    assert said.value == 0.9
    card = metric("toxicity").card
    assert card.better == "lower"
    assert card.threshold is not None
    assert "not trained on" in card.about


async def test_groundedness_names_what_is_not_supported() -> None:
    passages = ("Bern is the capital of Switzerland. It has 134,000 inhabitants.",)
    sample = Sample(output="Bern is the capital of Switzerland. It has 900,000 inhabitants.", context=passages)
    [said] = metric("groundedness").measure([sample])
    assert said.value == 0.5
    assert said.evidence == ("refuted: It has 900,000 inhabitants.",)
    [empty] = metric("groundedness").measure([Sample(output="Yes.", context=passages)])
    assert empty.value is None
    assert "false_alarms of right summaries" in metric("groundedness").card.about


def test_weights_that_are_missing_are_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(GenaiopsError, match="not in") as caught:
        InstalledModels(tmp_path).check("minilm-int8")
    assert caught.value.remedy is not None
    assert "genaiops model pull minilm-int8" in caught.value.remedy


@pytest.mark.needs_weights("minilm-int8")
async def test_the_models_that_ship(models_dir: Path) -> None:
    local = InstalledModels(models_dir.parent)
    text = "How do I reset my password?"
    mean = np.array(local.token_vectors("minilm-int8", text).vectors).mean(axis=0)
    [whole] = local.vectors("minilm-int8", [text]).vectors
    assert float(mean / np.linalg.norm(mean) @ np.array(whole)) == pytest.approx(1.0, abs=1e-5)
    near = await measured("bertscore", local, output=text, expected=("How can I reset my password?",))
    far = await measured("bertscore", local, output=text, expected=("The train was late again.",))
    assert near.value is not None
    assert far.value is not None
    assert near.value > far.value + 0.2
    same = await measured("bertscore", local, output=text, expected=(text,))
    assert same.value == pytest.approx(1.0, abs=1e-6)
    cut = await measured("similarity", local, output="word " * 400, expected=(text,))
    assert "first 256 tokens" in cut.reason
    rude = await measured("toxicity", local, output="You are a stupid idiot and nobody likes you.")
    kind = await measured("toxicity", local, output="Thank you, I will look into it.")
    assert rude.value is not None
    assert kind.value is not None
    assert rude.value > kind.value
