"""Statistics of evaluations and experiments: differences, levels, agreement, sequential tests."""

from genaiops.checks.statistics.level import Level, holm, level, lower_share, upper_share
from genaiops.checks.statistics.paired import Comparison, compare, mcnemar, tango

__all__ = ["Comparison", "Level", "compare", "holm", "level", "lower_share", "mcnemar", "tango", "upper_share"]
