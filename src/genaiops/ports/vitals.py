"""How much of its machine an installation uses, read again and again."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class ProcessReading(msgspec.Struct, frozen=True):
    """`cpu_seconds` (user and system) since it began at `started`, in seconds since the epoch."""

    cpu_seconds: float
    resident_bytes: int
    threads: int
    started: float
    descriptors: int | None


class MachineReading(msgspec.Struct, frozen=True):
    """`cpu`: processor time of all cores by what it went to, in seconds since the machine began; empty where nothing
    says so. Bytes; None where nothing says so. The disk is that of the data directory."""

    cpu: Mapping[str, float]
    memory_total: float | None
    memory_available: float | None
    disk_total: int
    disk_free: int


class Reading(msgspec.Struct, frozen=True):
    """Of one moment. No processes where there is nothing to read them from."""

    at_us: int
    processes: Mapping[str, ProcessReading]
    machine: MachineReading


class Vitals(Protocol):
    """Of this machine alone. Safe to use from several threads."""

    def readings(self) -> Sequence[Reading]:
        """Of the last hour, oldest first, `STEP_US` apart; the last one is a few seconds old at most."""
        ...


STEP_US = 20_000_000
