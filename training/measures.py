"""Rates and areas with their bounds of 95 %."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from genaiops.checks.classifying import Interval

_Z = 1.959964
_RESAMPLES = 1000


def wilson(hits: int, of: int) -> Interval:
    """A share and Wilson's interval (E. B. Wilson, 1927)."""
    if not of:
        return Interval(0.0, 0.0, 1.0, 0)
    share = hits / of
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    half = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Interval(round(share, 4), round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4), of)


def area(scores: Sequence[float] | NDArray[np.float64], labels: Sequence[int] | NDArray[np.int64]) -> Interval:
    """The area under the ROC curve (Mann and Whitney, 1947; ties count half), with percentiles of 1000 bootstrap
    samples within each label (Efron, 1979; seed 0)."""
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    positive, negative = values[truth == 1], np.sort(values[truth == 0])
    below = np.searchsorted(negative, positive, "left")
    wins = (below + (np.searchsorted(negative, positive, "right") - below) / 2) / len(negative)
    losses = _wins_against(np.sort(positive), np.asarray(values[truth == 0]))
    rng = np.random.default_rng(0)
    # The two-sample U statistic is linearised (Hoeffding): a resample costs a sum over each label, not over all pairs.
    mean = float(wins.mean())
    shifts = [
        float(rng.choice(wins, len(wins)).mean() + rng.choice(losses, len(losses)).mean()) - mean
        for _ in range(_RESAMPLES)
    ]
    low, high = np.percentile(shifts, (2.5, 97.5))
    return Interval(round(mean, 4), round(max(0.0, float(low)), 4), round(min(1.0, float(high)), 4), len(values))


def _wins_against(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each negative, the share of positives above it."""
    above = len(positive) - np.searchsorted(positive, negative, "right")
    ties = len(positive) - np.searchsorted(positive, negative, "left") - above
    return (above + ties / 2) / len(positive)
