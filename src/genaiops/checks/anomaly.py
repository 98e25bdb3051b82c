"""How far a figure is from what it usually was, by statistics that a few odd days cannot move.

The score is the modified z-score of Iglewicz and Hoaglin ("How to Detect and Handle Outliers", ASQC 1993, section 3.3):
the distance from the median over 1.4826 times the median absolute deviation (MAD), which is the standard deviation
where the values are normal. They take more than 3.5 for an outlier. Where most values are the same the MAD is 0 and
everything else would be one, so the scale has floors: a tenth of the median, and what the caller says.
"""

from collections.abc import Sequence
from statistics import median

UNUSUAL = 3.5
"""The score from which on a value is an outlier."""

_NORMAL = 1.4826
_SHARE = 0.1


def usual_scale(history: Sequence[float], floor: float) -> tuple[float, float]:
    """The median of some values and their scale, in their unit; the scale is at least `floor` (above 0)."""
    middle = median(history)
    spread = median([abs(value - middle) for value in history])
    return middle, max(_NORMAL * spread, _SHARE * abs(middle), floor)
