"""`python -m training.topics`: how nearness to a described topic becomes a score, and its card.

Nothing is learned but two numbers. Five topics are described in our own words; the texts are of packaged benchmarks
about them. Three topics fit the two numbers and choose the threshold, two others measure them.
"""

import importlib
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from genaiops.checks.classifying import Card, Metric, Nearness, Threshold, Topic, nearness
from genaiops.checks.windows import windows
from training import corpora, measures
from training.corpora import Corpus
from training.encoding import Vectors
from training.packages import Packages
from training.writing import Places, asked_places, made_with, source_of, told

MOST_FALSE = 0.05
EACH = 250
TOPICS = {
    "MedQA/test": Topic(
        "medicine",
        "Diseases, symptoms, diagnoses, treatment and drugs of a patient.",
        ("Which antibiotic is given for pneumonia?", "A woman comes to her doctor with chest pain."),
    ),
    "MultiLexSum/test": Topic(
        "law",
        "Lawsuits, courts, judges, settlements and civil rights.",
        ("The plaintiffs sued the state in a federal court.", "The judge approved the settlement."),
    ),
    "OpenBookQA/test": Topic(
        "elementary science",
        "Science for school: plants, animals, weather, energy, materials, planets.",
        ("Why does ice float on water?", "What does a plant need to grow?"),
    ),
    "Fiqa/test": Topic(
        "money",
        "Personal finance, investing, taxes, loans and banking.",
        ("Should I invest in bonds or pay back my loan?", "How are dividends taxed?"),
    ),
    "Privacy-Policy/test": Topic(
        "privacy policies",
        "Terms by which a service collects, uses and shares personal data.",
        ("We may share your information with our partners.", "You can ask us to delete your account data."),
    ),
}
_FIELDS = {
    "MedQA/test": "question",
    "MultiLexSum/test": "summary",
    "OpenBookQA/test": "question",
    "Fiqa/test": "question",
    "Privacy-Policy/test": "context",
}
FITTED = ("MedQA/test", "MultiLexSum/test", "OpenBookQA/test")
MEASURED = ("Fiqa/test", "Privacy-Policy/test")
OTHERS = (("HellaSwag/test", "question"), ("CommonsenseQA/validation", "question"), ("NQ-open/test", "question"))
LIMITS = (
    "English. Texts in other languages come near to topics that they are not about (seen with German).",
    "Two numbers, fitted on three topics: a topic that is described in few or odd words scores lower.",
    "Nearness is of meaning, not of permission: a text that says it is not about a topic is near it.",
    "Neighbouring topics (tax law, tax advice) are not told apart reliably; give examples of what belongs to each.",
)


def values(
    vectors: Vectors, texts: dict[str, list[str]], names: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Nearness of every text to each topic of `names`, and whether it belongs to it."""
    found: list[float] = []
    labels: list[int] = []
    for name in names:
        topic = vectors.of(TOPICS[name].texts)
        for other, those in texts.items():
            if other in TOPICS and other not in names:
                continue
            for text in those:
                found.append(float(nearness(vectors.of([one.text for one in windows(text)]), topic).max()))
                labels.append(int(other == name))
    return np.array(found), np.array(labels)


def train(places: Places) -> None:
    packages = Packages(places.packages)
    used: list[Corpus] = [corpora.harmless(packages, name, _FIELDS[name], EACH) for name in TOPICS]
    used += [corpora.harmless(packages, name, field, EACH) for name, field in OTHERS]
    texts = {one.name: [text for text, _ in one.rows] for one in used}
    vectors = Vectors(places.home, places.cache)
    near, labels = values(vectors, texts, FITTED)
    linear: Any = importlib.import_module("sklearn.linear_model")
    model = linear.LogisticRegression(C=1e6, class_weight="balanced").fit(near[:, None], labels)
    slope, intercept = round(float(model.coef_[0][0]), 4), round(float(model.intercept_[0]), 4)
    score = 1 / (1 + np.exp(-(slope * near + intercept)))
    at = round(float(np.quantile(score[labels == 0], 1 - MOST_FALSE)), 3)
    vectors.save()
    metrics: list[Metric] = []
    for name in MEASURED:
        near, labels = values(vectors, texts, (name,))
        scores = 1 / (1 + np.exp(-(slope * near + intercept)))
        fitted_on = ", ".join(FITTED)
        metrics.append(Metric("auc", "across_sources", fitted_on, name, measures.area(scores, labels)))
        recall = measures.wilson(int((scores[labels == 1] >= at).sum()), int((labels == 1).sum()))
        false = measures.wilson(int((scores[labels == 0] >= at).sum()), int((labels == 0).sum()))
        metrics.append(Metric("recall", "across_sources", fitted_on, name, recall, at))
        metrics.append(Metric("false_alarms", "across_sources", fitted_on, name, false, at))
    card = Card(
        name="topics",
        version=f"{slope}/{intercept}",
        date=datetime.now(UTC).date().isoformat(),
        question="Is the text about the topic that was described?",
        encoder=vectors.version,
        made_by="python -m training.topics",
        made_with=made_with(),
        sources=tuple(source_of(one, "evaluation" if one.name in MEASURED else "training") for one in used),
        threshold=Threshold(at, f"The score that {MOST_FALSE:.0%} of the fitting texts reach on topics not theirs."),
        metrics=tuple(metrics),
        limits=LIMITS,
    )
    raw = msgspec.json.encode(Nearness(slope, intercept, card))
    (places.target / "topics.json").write_bytes(msgspec.json.format(raw, indent=1) + b"\n")
    print(f"topics {card.version}, threshold {at}")
    for metric in metrics:
        print(told(metric))


if __name__ == "__main__":
    train(asked_places("topics", __doc__))
