"""Counters in one memory-mapped file that all processes of an installation share, under a lock held for
microseconds; and what this machine holds of counters that it shares with others (`_leases`, `_leased`)."""

from genaiops.engines.counters_mmap._counters import MmapCounters, open_counters
from genaiops.engines.counters_mmap._leased import Got, Lender, Want
from genaiops.engines.counters_mmap._leases import Leases, Name, Row, Standing

__all__ = ["Got", "Leases", "Lender", "MmapCounters", "Name", "Row", "Standing", "Want", "open_counters"]
