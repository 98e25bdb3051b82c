"""Who may run now, who waits, who is sent away."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator

from genaiops.core.errors import Unavailable

_LONGEST_WAIT_S = 60.0
_MEMORY = 0.2  # weight of the newest service time in the mean


class Busy(Unavailable):
    """The queue is full. `retry_after` is the estimated wait in whole seconds."""

    default_code = "model_busy"

    def __init__(self, model: str, waiting: int, retry_after: int) -> None:
        super().__init__(
            f"The model {model!r} is busy and {waiting} requests are waiting already.",
            remedy=f"Try again in {retry_after} s, or send fewer requests at once.",
        )
        self.retry_after = retry_after


class Admission:
    """One request runs, up to `waiting` wait in the order they came, the next one is refused at once."""

    def __init__(self, model: str, waiting: int) -> None:
        self._model = model
        self._most = waiting
        self._waiting = 0
        self._turn = asyncio.Semaphore(1)
        self._service_s = 1.0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for one's turn and hold it. Raises Busy. Who is cancelled while waiting leaves the queue."""
        if self._turn.locked() and self._waiting >= self._most:
            wait = self._service_s * (self._waiting + 1)
            raise Busy(self._model, self._waiting, max(1, math.ceil(min(wait, _LONGEST_WAIT_S))))
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._service_s += _MEMORY * (time.monotonic() - began - self._service_s)
            self._turn.release()
