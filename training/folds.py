"""Every training text scored by heads that never saw its corpus; by those scores the mixing and the threshold are
found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genaiops.checks.classifying import Metric, Threshold
from training import measures
from training.corpora import Corpus
from training.fitting import Example, Fitting, examples_of, mixed

Sets = Mapping[str, Sequence[Example]]
Scores = NDArray[np.float64]
Choose = Callable[[Mapping[str, Scores], Sets], Threshold]


class Trained:
    """The heads of all corpora, the mixing, the threshold, and `unseen`: each corpus's scores by heads that did not see
    it, nor any other of its fold."""

    def __init__(self, fitting: Fitting, sets: Sets, fold_of: Callable[[str], int], choose: Choose) -> None:
        self._fitting = fitting
        features: dict[str, NDArray[np.float64]] = {}
        for fold in sorted({fold_of(name) for name in sets}):
            inside = [name for name in sets if fold_of(name) == fold]
            heads = fitting.heads([one for name in sets if name not in inside for one in sets[name]])
            features |= {name: fitting.features(heads, sets[name]) for name in inside}
        names = [name for name in sets for _ in sets[name]]
        labels = np.array([one.label for name in sets for one in sets[name]])
        self.mixing = fitting.mixing(np.concatenate([features[name] for name in sets]), labels, names)
        self.unseen: dict[str, Scores] = {name: mixed(features[name], self.mixing) for name in sets}
        self.threshold = choose(self.unseen, sets)
        self.heads = fitting.heads([one for name in sets for one in sets[name]])

    def scores(self, examples: Sequence[Example]) -> Scores:
        return self._fitting.scores(self.heads, self.mixing, examples)


def one_way(fitting: Fitting, sets: Sets, train: Sequence[str], test: str, told: str) -> Metric:
    """Heads of some corpora tested on another one: the area under the curve of the mean of both, across sources."""
    heads = fitting.heads([one for name in train for one in sets[name]])
    features = fitting.features(heads, sets[test])
    result = measures.area(features[:, :2].mean(axis=1), [one.label for one in sets[test]])
    return Metric("auc", "across_sources", told, test, result)


def in_distribution(fitting: Fitting, sets: Sets, name: str) -> Metric:
    """Every fifth text of a corpus held back: what a figure looks like that says little."""
    kept = [one for place, one in enumerate(sets[name]) if place % 5]
    back = [one for place, one in enumerate(sets[name]) if not place % 5]
    features = fitting.features(fitting.heads(kept), back)
    result = measures.area(features[:, :2].mean(axis=1), [one.label for one in back])
    return Metric("auc", "in_distribution", f"four fifths of {name}", f"the other fifth of {name}", result)


def rates(name: str, trained_on: str, scores: Scores, labels: Iterable[int], at: float) -> list[Metric]:
    """Recall on the positive texts, false alarms on the others, and the area when there are both."""
    truth = np.array(list(labels))
    found: list[Metric] = []
    kinds: tuple[tuple[int, Literal["recall", "false_alarms"]], ...] = ((1, "recall"), (0, "false_alarms"))
    for label, measure in kinds:
        mine = scores[truth == label]
        if len(mine):
            result = measures.wilson(int((mine >= at).sum()), len(mine))
            found.append(Metric(measure, "across_sources", trained_on, name, result, at))
    if 0 < truth.sum() < len(truth):
        found.append(Metric("auc", "across_sources", trained_on, name, measures.area(scores, truth)))
    return found


def rates_of_evaluation(trained: Trained, evaluated: Iterable[Corpus]) -> list[Metric]:
    """Likewise on corpora that took no part, by the heads of all that did."""
    found: list[Metric] = []
    for corpus in evaluated:
        examples = examples_of(corpus, longest=10_000)
        labels = [one.label for one in examples]
        at = trained.threshold.value
        found += rates(corpus.name, "all training corpora", trained.scores(examples), labels, at)
    return found
