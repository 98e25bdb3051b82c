"""Small classifiers of text: prompt injection and jailbreak, toxicity, language, topics.

A signal, never the sole barrier: what each is worth stands on its card (`Classifier.card`). numpy is imported here, so
this is for model servers and jobs; a gateway worker asks over HTTP (`genaiops.engines.classifier_http`).
"""

from genaiops.checks.classifying._card import Card, Interval, Metric, Source, Threshold, read_card
from genaiops.checks.classifying._classifier import Classifier, Encode, Score
from genaiops.checks.classifying._languages import Language, language_of, language_version
from genaiops.checks.classifying._topics import Nearness, Topic, TopicScore, nearness, read_nearness
from genaiops.checks.classifying._weights import Packaged, packaged, topic_nearness

__all__ = [
    "Card",
    "Classifier",
    "Encode",
    "Interval",
    "Language",
    "Metric",
    "Nearness",
    "Packaged",
    "Score",
    "Source",
    "Threshold",
    "Topic",
    "TopicScore",
    "language_of",
    "language_version",
    "nearness",
    "packaged",
    "read_card",
    "read_nearness",
    "topic_nearness",
]
