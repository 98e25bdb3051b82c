"""Claims of an answer, what sources say of each, and how likely that is right.

_claims      each claim with its verdict, the passage that decides it, and its probability
_likelihood  what a claim's words, held against a passage, are worth as a probability
_corpus      many sources in pieces, and the pieces that are nearest to a claim
"""

from genaiops.checks.facts._claims import (
    METHOD,
    Checked,
    Citation,
    Claim,
    ClaimVerdict,
    Source,
    check_facts,
    confidence,
    tally,
)
from genaiops.checks.facts._corpus import MOST_CORPUS, Corpus, Passage, Vectors
from genaiops.checks.facts._likelihood import FEATURES, features, probability

__all__ = [
    "FEATURES",
    "METHOD",
    "MOST_CORPUS",
    "Checked",
    "Citation",
    "Claim",
    "ClaimVerdict",
    "Corpus",
    "Passage",
    "Source",
    "Vectors",
    "check_facts",
    "confidence",
    "features",
    "probability",
    "tally",
]
