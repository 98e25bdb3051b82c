"""What a run is bounded by: its money, and how many calls are in flight."""

import asyncio
import time
from collections import deque

from genaiops.core.money import from_nano
from genaiops.domain import Answer


class Purse:
    """What a run may spend. Calls in flight count as the dearest that was seen, and until one price is known there is
    only one in flight. One that goes on after a restart knows what was spent, and no price."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._spent = 0
        self._dearest: int | None = None
        self._out = 0
        self._changed = asyncio.Event()
        self.unpriced = 0
        self.energy: int | None = None
        self.reason = ""

    @property
    def known(self) -> int | None:
        return None if self._dearest is None and not self._spent else self._spent

    def paid(self, answer: Answer) -> None:
        if answer.energy_nwh is not None:
            self.energy = (self.energy or 0) + answer.energy_nwh
        if answer.cost_nano is not None:
            self._spent += answer.cost_nano
            self._dearest = max(self._dearest or 0, answer.cost_nano)
        elif answer.state == "answered":
            self.unpriced += 1

    def had(self, spent: int | None, energy: int | None = None) -> None:
        """What the run had spent, and used, when it broke off, on judges too."""
        self._spent = max(self._spent, spent or 0)
        if energy is not None:
            self.energy = max(self.energy or 0, energy)

    def back(self) -> None:
        """A call that `may` let begin has ended."""
        self._out -= 1
        self.wake()

    def wake(self) -> None:
        """Look anew."""
        self._changed.set()

    def _fits(self, within: bool) -> bool:
        """Whether one more call fits by what is known now."""
        most = self._most or 0
        if self._dearest is None:
            return (within or not self._out) and (self._spent < most or not self._spent)
        return self._spent + (self._out + 1) * self._dearest <= most

    async def may(self, stop: asyncio.Event, *, within: bool = False) -> bool:
        """Whether one more call may begin; waits while that is not known. `within`: it is part of one that has begun,
        which ends only after it, so nothing is waited for: before a price is known it may begin, and afterwards when it
        fits beside all that are in flight."""
        if self._most is None:
            self._out += 1
            return True
        while not stop.is_set() and not self.reason:
            if self.unpriced:
                self.reason = "An answer has no known price, so that no limit on spending can be kept."
            elif self._fits(within):
                break
            elif within or not self._out:
                spent, most = from_nano(self._spent), from_nano(self._most)
                self.reason = (
                    f"At most {most} may be spent; {spent} are spent, and a further call could take it beyond."
                )
            if self.reason:
                break
            self._changed.clear()
            await self._changed.wait()
        if self.reason or stop.is_set():
            self.wake()  # whoever waits, too
            return False
        self._out += 1
        return True


class Crowd:
    """How many calls are in flight at once: half as many after a refusal, one more after as many answers as are in
    flight (additive increase, multiplicative decrease: Chiu and Jain 1989)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = most
        self._in = 0
        self._good = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._quiet_until = 0.0

    async def __aenter__(self) -> None:
        while self._in >= self.limit:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._in += 1

    async def __aexit__(self, *_: object) -> None:
        self._in -= 1
        self._let_in()

    def refused(self) -> None:
        """Refusals of one moment count once."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self.limit = max(1, self.limit // 2)
            self._quiet_until = now + 1.0
        self._good = 0

    def answered(self) -> None:
        self._good += 1
        if self.limit < self._most and self._good >= self.limit:
            self.limit += 1
            self._good = 0
            self._let_in()

    def free(self) -> None:
        """Let all who wait go on."""
        self.limit = self._most
        while self._waiting:
            self._wake()

    def _let_in(self) -> None:
        for _ in range(min(len(self._waiting), self.limit - self._in)):
            self._wake()

    def _wake(self) -> None:
        waiter = self._waiting.popleft()
        if not waiter.done():
            waiter.set_result(None)
