"""A circuit breaker for one target.

closed --failures in a row, or too large a share of them--> open --cooldown--> half-open --one probe: ok--> closed
                                                              ^-------------------------probe fails--'
"""

import time

from genaiops.domain import BreakerPolicy

CLOSED, HALF_OPEN, OPEN = 0, 1, 2


class Breaker:
    """Times are seconds of a monotonic clock."""

    __slots__ = ("_failures", "_open_until", "_policy", "_probing", "_shares", "tripped")

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._failures = 0
        self._open_until = 0.0
        self._probing = False
        self._shares = Shares(policy.share, policy.window, policy.least) if policy.share is not None else None
        self.tripped = False
        """It is not closed."""

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

    def succeed(self, now: float | None = None) -> None:
        shares = self._shares
        if shares is not None:
            now = time.monotonic() if now is None else now
            if not shares.too_many:
                shares.count(now, failed=False)
            elif now < self._open_until:
                return  # it began before most others failed
            else:
                shares.clear()
        self._failures = 0
        self._probing = False
        self.tripped = False

    def fail(self, now: float) -> None:
        self._failures += 1
        self._probing = False
        shares = self._shares
        if shares is not None:
            shares.count(now, failed=True)
        if self._failures >= self._policy.failures or (shares is not None and shares.too_many):
            self.tripped = True
            self._open_until = now + self._policy.cooldown

    def revive(self) -> None:
        """A health probe says that the target is there: close, whatever calls said before. While it is closed that says
        nothing about calls."""
        if self.tripped:
            self.tripped = self._probing = False
            self._failures = 0
            if self._shares is not None:
                self._shares.clear()

    def forget(self, *, probe: bool) -> None:
        """A call ended that says nothing about the target (the client left, the request was at fault)."""
        if probe:
            self._probing = False


class Shares:
    """The share of failures within a sliding window, in two halves: what is older than `window` seconds is gone, what
    is older than half of that may be. `too_many` stays until it is cleared."""

    __slots__ = ("_half", "_least", "_now", "_share", "_since", "_then", "too_many")

    def __init__(self, share: float, window: float, least: int) -> None:
        self._share = share
        self._half = window / 2
        self._least = least
        self._since = 0.0
        self._now = [0, 0]
        self._then = [0, 0]
        self.too_many = False

    def count(self, now: float, *, failed: bool) -> None:
        age = now - self._since
        if age >= self._half:
            self._then = self._now if age < 2 * self._half else [0, 0]
            self._now = [0, 0]
            self._since = now
        self._now[failed] += 1
        failures = self._now[1] + self._then[1]
        calls = failures + self._now[0] + self._then[0]
        if failed and calls >= self._least and failures >= self._share * calls:
            self.too_many = True

    def clear(self) -> None:
        self._now, self._then = [0, 0], [0, 0]
        self.too_many = False
