"""Counters in one memory-mapped file that all processes of an installation share, under a lock held for
microseconds."""

from genaiops.engines.counters_mmap._counters import MmapCounters, open_counters

__all__ = ["MmapCounters", "open_counters"]
