"""A circuit breaker for one target.

closed --failures in a row--> open --cooldown--> half-open --one probe: ok--> closed
                                ^-----------------------------probe fails--'
"""

from genaiops.domain import BreakerPolicy

CLOSED, HALF_OPEN, OPEN = 0, 1, 2


class Breaker:
    """Times are seconds of a monotonic clock."""

    __slots__ = ("_failures", "_open_until", "_policy", "_probing")

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._open_until = 0.0
        self._probing = False

    @property
    def tripped(self) -> bool:
        return self._failures >= self._policy.failures

    def state(self, now: float) -> int:
        """CLOSED, HALF_OPEN or OPEN."""
        if not self.tripped:
            return CLOSED
        return OPEN if now < self._open_until else HALF_OPEN

    def allows(self, now: float) -> bool:
        """Whether a call may go out now; in half-open only one at a time."""
        return not self.tripped or (now >= self._open_until and not self._probing)

    def wait(self, now: float) -> float:
        """Seconds until the next probe may go out; 0 when calls may."""
        return max(0.0, self._open_until - now) if self.tripped else 0.0

    def begin(self) -> bool:
        """A call goes out. Whether it is the probe."""
        if self.tripped:
            self._probing = True
            return True
        return False

    def succeed(self) -> None:
        self._failures = 0
        self._probing = False

    def fail(self, now: float) -> None:
        self._failures += 1
        self._probing = False
        if self.tripped:
            self._open_until = now + self._policy.cooldown

    def forget(self, *, probe: bool) -> None:
        """A call ended that says nothing about the target (the client left, the request was at fault)."""
        if probe:
            self._probing = False
