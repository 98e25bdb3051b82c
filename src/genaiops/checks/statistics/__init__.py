"""Statistics of evaluations and experiments: differences, levels, agreement, sequential tests."""

from genaiops.checks.statistics.balance import always_valid_p, chi_square_p, evidence
from genaiops.checks.statistics.bounded import lower_mean, p_above, upper_mean
from genaiops.checks.statistics.jackknife import in_groups, jackknife
from genaiops.checks.statistics.level import Level, holm, level
from genaiops.checks.statistics.paired import Comparison, compare, mcnemar, score_bounds, tango
from genaiops.checks.statistics.repeats import pass_at
from genaiops.checks.statistics.sequential import Sequence, needed_units, sequence, smallest_seen, width
from genaiops.checks.statistics.shares import lower_share, upper_share

__all__ = [
    "Comparison",
    "Level",
    "Sequence",
    "always_valid_p",
    "chi_square_p",
    "compare",
    "evidence",
    "holm",
    "in_groups",
    "jackknife",
    "level",
    "lower_mean",
    "lower_share",
    "mcnemar",
    "needed_units",
    "p_above",
    "pass_at",
    "score_bounds",
    "sequence",
    "smallest_seen",
    "tango",
    "upper_mean",
    "upper_share",
    "width",
]
