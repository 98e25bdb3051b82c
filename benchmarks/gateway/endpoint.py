"""A gateway under measurement, as the measurements see it."""

from typing import Protocol

from benchmarks.gateway.load import Request
from benchmarks.gateway.traffic import Shape


class Endpoint(Protocol):
    """`name`, `version` and `setup` in words are for the results; `streams` is how many it is given at a time (0: it
    cannot stream), `rate` how many requests a second when latency is measured."""

    name: str
    version: str
    setup: str
    streams: int
    rate: int

    def pids(self) -> list[int]:
        """What answers: the processes on the gateway's core. None for the mock upstream itself."""
        ...

    def all_pids(self) -> list[int]:
        """Those, and what works on in the background."""
        ...

    def request(self, shape: Shape) -> Request: ...

    def note(self, calls: int) -> None:
        """So many calls were answered."""
        ...

    def settled(self) -> None:
        """Returns when the background work of the noted calls is done."""
        ...
