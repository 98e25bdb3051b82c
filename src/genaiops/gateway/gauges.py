"""Figures of this worker that other processes read from the counters."""

from genaiops.gateway.settle import Tally
from genaiops.gateway.upstream import Fleet
from genaiops.ports.counters import Counters

_EVERY = 0.2


class Gauges:
    """Publishes what has changed, a few times a second.

    `degraded` (1 while counters that machines share are), `in_flight`, `refused`, `unknown_keys`, `untraced`,
    `unsettled`, `overrun`, `over_budget`, `unshadowed`; `breaker/<target>` (0 closed, 1 half-open, 2 open),
    `target_in_flight/<target>`, `resting/<target>` (1: its provider asked for a pause) and
    `credentials_resting/<target>`, both there from the first time on that there was something to say.
    """

    def __init__(self, counters: Counters, tally: Tally, fleet: Fleet) -> None:
        self._counters = counters
        self._tally = tally
        self._fleet = fleet
        self._published: dict[str, int] = {}
        self._next = 0.0

    def publish(self, now: float) -> None:
        """`now` in seconds of the monotonic clock."""
        if now < self._next:
            return
        self._next = now + _EVERY
        for name in Tally.__slots__:
            self._set(name, getattr(self._tally, name))
        self._set("degraded", int(self._counters.degraded() is not None))
        for upstream in self._fleet:
            name = upstream.target.id
            self._set(f"breaker/{name}", upstream.breaker.state(now))
            self._set(f"target_in_flight/{name}", upstream.in_flight)
            self._set_rare(f"resting/{name}", int(now < upstream.rest_until))
            self._set_rare(f"credentials_resting/{name}", upstream.resting(now))

    def _set_rare(self, name: str, value: int) -> None:
        """Room for gauges is bounded, so what was always 0 takes none."""
        if value or name in self._published:
            self._set(name, value)

    def _set(self, name: str, value: int) -> None:
        if self._published.get(name) != value:
            self._published[name] = value
            self._counters.set_gauge(name, value)
