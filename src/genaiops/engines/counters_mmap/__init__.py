"""Counters in one memory-mapped file that all processes of an installation share, under a lock held for
microseconds; and what this machine holds of counters that it shares with others (`_leases`, `_leased`)."""

from genaiops.engines.counters_mmap._alone import Alone, Owed
from genaiops.engines.counters_mmap._counters import MmapCounters, open_counters
from genaiops.engines.counters_mmap._leased import Got, Lender, Want
from genaiops.engines.counters_mmap._leases import Leases, Name, Row, Standing, boot_seconds
from genaiops.engines.counters_mmap._stock import RateGot, RateWant

__all__ = [
    "Alone",
    "Got",
    "Leases",
    "Lender",
    "MmapCounters",
    "Name",
    "Owed",
    "RateGot",
    "RateWant",
    "Row",
    "Standing",
    "Want",
    "boot_seconds",
    "open_counters",
]
