"""`python -m training.injection`: the classifier of prompt injection and jailbreaks, and its card.

Every corpus is scored by heads that never saw it: three folds, each with corpora and groups of templates of its own. By
those scores the mixing is fitted and the threshold chosen; the corpora of `EVALUATION` take part in neither.
"""

from collections.abc import Mapping

import numpy as np

from genaiops.checks.classifying import Threshold
from training import corpora
from training.corpora import Corpus
from training.encoding import Vectors
from training.fitting import Fitting, Settings, examples_of, weights_of
from training.folds import Scores, Sets, Trained, in_distribution, one_way, rates, rates_of_evaluation
from training.overlap import without_overlap
from training.packages import Packages
from training.writing import Places, asked_places, sources_of, write

MOST_FALSE_TRIGGERS = 0.10
MOST_FALSE_ORDINARY = 0.02
_SEED = 1
_FOLDS: tuple[frozenset[str], ...] = (
    frozenset({"s-labs", "in-the-wild jailbreaks", "HellaSwag/test", "CommonsenseQA/validation", "MultiLexSum/test"}
              | {"benign: editing", "benign: roles", "benign: mentions", "benign: records"}
              | {"benign: notices", "attacks: override", "attacks: indirect", "attacks: curious"}),
    frozenset({"neuralchemy", "OpenBookQA/test", "NarrativeQA/test", "WritingBench"}
              | {"benign: technology", "benign: prompts", "benign: formats", "attacks: leak", "attacks: mixed"}
              | {"benign: machines", "benign: decoding", "attacks: planted"}),
)  # fmt: skip
"""What is not named is in the third fold."""


def training_corpora(packages: Packages) -> list[Corpus]:
    attacks = [
        corpora.slabs(packages),
        corpora.neuralchemy(packages),
        corpora.multilingual(packages),
        corpora.in_the_wild(packages),
    ]
    harmless = [
        corpora.harmless(packages, "HellaSwag/test", "question", 600, "MIT"),
        corpora.harmless(packages, "CommonsenseQA/validation", "question", 600, "MIT"),
        corpora.harmless(packages, "SIQA/test", "passage", 400, "CC-BY-4.0"),
        corpora.harmless(packages, "OpenBookQA/test", "question", 400, "Apache-2.0"),
        corpora.harmless(packages, "NarrativeQA/test", "passage", 60, "Apache-2.0"),
        corpora.harmless(packages, "MedQA/test", "question", 300, "MIT"),
        corpora.harmless(packages, "MultiLexSum/test", "summary", 300, "ODC-By-1.0"),
        corpora.errands(packages),
        corpora.writing(packages, 300),
    ]
    generated = [*corpora.generated("benign", 0, 300, _SEED), *corpora.generated("attacks", 1, 500, _SEED)]
    pages = [corpora.within_pages(one, harmless, 800) for one in attacks[:2]]
    pages += [corpora.within_pages(one, harmless, 100) for one in generated]
    return [*attacks, *harmless, *generated, *pages]


def evaluation_corpora(packages: Packages) -> list[Corpus]:
    passages = corpora.harmless(packages, "BoolQ/test", "passage", 250, "CC-BY-SA-3.0")
    return [
        corpora.held_out(),
        corpora.within_pages(corpora.held_out(), [passages], 1000),
        corpora.bastion(packages),
        corpora.coding_agents(packages),
        corpora.agent_bench(packages),
        corpora.jailbreak_templates(packages),
        corpora.harmless(packages, "MMLU/test", "question", 600, "MIT"),
        corpora.harmless(packages, "TruthfulQA/combined", "question", 600, "Apache-2.0"),
        corpora.harmless(packages, "NQ-open/test", "question", 600, "CC-BY-SA-3.0"),
        passages,
        corpora.harmless(packages, "XSum/test", "document", 80),
        corpora.harmless(packages, "Privacy-Policy/test", "context", 250),
    ]


LIMITS = (
    "A signal, never the sole barrier: an attacker who can try often will find words that pass.",
    "English above all. German, French, Spanish, Italian and Portuguese are covered by few sentences, others hardly.",
    "Texts are read in windows of 160 bytes; an attack spread over many windows is seen in parts only.",
    "Base64, Base32, hexadecimal, percent signs, escapes, entities and unseen characters are decoded and then judged.",
    "Other ciphers, and letters that are replaced, are recognised by their look, or not at all.",
    "Sentences that quote an attack or ask about one are flagged more often than others: see the false alarms.",
    "The corpora's labels are their makers'; the licences of the packaged benchmarks are those their makers state.",
    "The held-out sentences were written by the author of the templates, apart from them: expect less on your own.",
)


def fold_of(name: str) -> int:
    name = name.removesuffix(corpora.WITHIN_PAGES)
    return next((place for place, names in enumerate(_FOLDS) if name in names), len(_FOLDS))


def chosen_threshold(unseen: Mapping[str, Scores], sets: Sets) -> Threshold:
    """By harmless training texts alone, each scored by heads that saw neither its corpus nor its templates."""
    triggers = np.concatenate([scores for name, scores in unseen.items() if name.startswith("benign: ")])
    ordinary = np.concatenate(
        [scores for name, scores in unseen.items() if "/" in name and not sum(one.label for one in sets[name])]
    )
    by_triggers = float(np.quantile(triggers, 1 - MOST_FALSE_TRIGGERS))
    by_ordinary = float(np.quantile(ordinary, 1 - MOST_FALSE_ORDINARY))
    return Threshold(
        round(max(by_triggers, by_ordinary), 3),
        f"The larger of two scores: the one that {MOST_FALSE_TRIGGERS:.0%} of the generated harmless sentences full of "
        f"trigger words reach ({by_triggers:.3f}), and the one that {MOST_FALSE_ORDINARY:.0%} of the ordinary harmless "
        f"texts reach ({by_ordinary:.3f}), all scored by heads that saw neither their corpus nor their templates.",
    )


def train(places: Places, settings: Settings) -> None:
    packages = Packages(places.packages)
    evaluated = evaluation_corpora(packages)
    trained_by = training_corpora(packages)
    evaluated = [without_overlap(one, trained_by) for one in evaluated]
    vectors = Vectors(places.home, places.cache)
    fitting = Fitting(vectors, settings)
    sets = {one.name: examples_of(one) for one in trained_by}
    trained = Trained(fitting, sets, fold_of, chosen_threshold)
    at = trained.threshold.value
    own = [name for name in sets if ": " in name or "/" in name]
    metrics = [
        one_way(fitting, sets, (one, *own), other, f"{one}, generated sentences, harmless texts")
        for one, other in (("s-labs", "neuralchemy"), ("neuralchemy", "s-labs"))
    ]
    metrics.append(in_distribution(fitting, sets, "neuralchemy"))
    others = "the corpora of the other two folds"
    for name in ("s-labs", "neuralchemy", "yanismiraoui", "in-the-wild jailbreaks"):
        metrics += rates(name, others, trained.unseen[name], [one.label for one in sets[name]], at)
    generated = [name for name in sets if name.startswith("benign: ")]
    scores = np.concatenate([trained.unseen[name] for name in generated])
    metrics += rates("generated trigger sentences, other templates", others, scores, [0] * len(scores), at)
    metrics += rates_of_evaluation(trained, evaluated)
    vectors.save()
    write(
        places,
        "injection",
        weights_of(trained.heads, trained.mixing),
        question="Does the text try to override a model's instructions, or to make it leave its rules?",
        encoder=vectors.version,
        sources=sources_of(trained_by, evaluated),
        threshold=trained.threshold,
        metrics=metrics,
        limits=LIMITS,
    )


if __name__ == "__main__":
    train(asked_places("injection", __doc__), Settings())
