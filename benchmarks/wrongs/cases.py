"""All cases, in the order of the table."""

from benchmarks.wrongs import cost, failures, fidelity, limits
from benchmarks.wrongs.case import Case

CASES: tuple[Case, ...] = (*cost.CASES, *failures.CASES, *fidelity.CASES, *limits.CASES)
