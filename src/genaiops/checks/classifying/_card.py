"""What stands beside a classifier's weights: what it was made from, how good it is, where it fails."""

from typing import Literal

import msgspec
from msgspec import Struct


class Interval(Struct, frozen=True, forbid_unknown_fields=True):
    """A measured share or area: `value` of `n` texts with its bounds of 95 %."""

    value: float
    low: float
    high: float
    n: int


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """One body of texts. `digest` is the sha256 of the package it came in, or of the file of ours."""

    name: str
    origin: str
    licence: str
    digest: str
    positive: int
    negative: int
    used_for: Literal["training", "evaluation"]


class Metric(Struct, frozen=True, forbid_unknown_fields=True):
    """`measure` of the texts of `tested_on`, by a classifier of `trained_on`. Recall and false alarms are at
    `threshold`; `auc`, the area under the ROC curve, has none.
    """

    measure: Literal["auc", "recall", "false_alarms"]
    kind: Literal["in_distribution", "across_sources"]
    trained_on: str
    tested_on: str
    result: Interval
    threshold: float | None = None


class Threshold(Struct, frozen=True, forbid_unknown_fields=True):
    """From which score on a text is flagged, and how that was chosen."""

    value: float
    chosen_by: str


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the digest of the weights. `encoder` is the model whose vectors they read."""

    name: str
    version: str
    date: str
    question: str
    encoder: str
    made_by: str
    made_with: dict[str, str]
    sources: tuple[Source, ...]
    threshold: Threshold
    metrics: tuple[Metric, ...]
    limits: tuple[str, ...]


def read_card(raw: bytes) -> Card:
    """Raises msgspec.ValidationError for what is no card."""
    return msgspec.json.decode(raw, type=Card)
