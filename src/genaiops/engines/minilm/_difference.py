"""How far one version's vectors are from another's, measured on a fixed set of texts."""

from pathlib import Path

import numpy as np

from genaiops.engines.minilm._encoder import Encoder

PROBES = (
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "How do I reset my password?",
    "I forgot my login credentials and cannot sign in.",
    "Please send me the invoice for March again.",
    "The quarterly revenue grew by 12.5 % year on year, to 3.4 million euros.",
    "Our refund policy allows returns within thirty days of delivery.",
    "def add(a, b):\n    return a + b",
    "SELECT name, total FROM orders WHERE total > 100 ORDER BY total DESC;",
    "The patient was given 5 mg of the medicine twice a day.",
    "The court held that the contract was void.",
    "A cat sat on the mat and watched the rain.",
    "Quantum computers use superposition and entanglement.",
    "Preheat the oven to 180 degrees and butter the tin.",
    "Wie wird das Wetter morgen in Zürich?",
    "Two people were injured when a train left the rails near the station.",
    "yes",
    "The meeting has been moved to Thursday at ten; the agenda stays, and the minutes of the last one are attached.",
    "Every document classified as confidential is reviewed once a year by its owner. " * 8,
)


def measure(version: Path, reference: Path) -> dict[str, float]:
    """Compare two installed versions.

    Answers `cosine_difference_max` and `cosine_difference_mean` over all pairs of the probes (the error of a
    similarity), the smallest and the mean cosine between the two vectors of the same text, and the number of probes.
    """
    ours = Encoder(version).encode(PROBES).vectors
    theirs = Encoder(reference).encode(PROBES).vectors
    pairs = np.triu_indices(len(PROBES), 1)
    difference = np.abs(ours @ ours.T - theirs @ theirs.T)[pairs]
    same = np.sum(ours * theirs, axis=1)
    return {
        "cosine_difference_max": round(float(difference.max()), 6),
        "cosine_difference_mean": round(float(difference.mean()), 6),
        "same_text_cosine_min": round(float(same.min()), 6),
        "same_text_cosine_mean": round(float(same.mean()), 6),
        "probes": float(len(PROBES)),
    }
