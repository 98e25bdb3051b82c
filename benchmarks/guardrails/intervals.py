"""How sure a figure is that was measured on a sample."""

import random
from collections.abc import Sequence
from typing import Final

from genaiops.checks.proportion import wilson

_SAMPLES: Final = 2000


def rate(hits: int, of: int) -> str:
    """A share with Wilson's interval of 95 %, for people."""
    if not of:
        return "none"
    low, high = wilson(hits, of)
    return f"{hits / of:.1%} ({low:.1%} to {high:.1%}; {hits}/{of})"


def auc(low: Sequence[float], high: Sequence[float]) -> float:
    """The chance that one of `high` is above one of `low`, ties counting half (Mann and Whitney's U over its most)."""
    ranked = sorted([*((value, 0) for value in low), *((value, 1) for value in high)])
    total, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        total += (at + 1 + end) / 2 * sum(label for _, label in ranked[at:end])
        at = end
    return (total - len(high) * (len(high) + 1) / 2) / (len(low) * len(high))


def paired_auc(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Of (low, high) that belong together: AUC, and the bounds of 95 % by bootstrap over the pairs (seed 1)."""
    chance = random.Random(1)
    samples = sorted(
        auc([low for low, _ in sample], [high for _, high in sample])
        for sample in (chance.choices(pairs, k=len(pairs)) for _ in range(_SAMPLES))
    )
    whole = auc([low for low, _ in pairs], [high for _, high in pairs])
    return whole, samples[int(0.025 * _SAMPLES)], samples[int(0.975 * _SAMPLES)]
