"""Keeps one child running: starts it again, with back-off, when it ends by itself."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from genaiops.app.children import Child, Command, failure, output_of
from genaiops.app.logs import RotatingLog
from genaiops.core.clock import now_us
from genaiops.core.errors import OutsideError

State = Literal["starting", "ready", "waiting", "stopping", "stopped"]

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
HEALTHY_SECONDS = 60.0


class Backoff:
    """0.1 s, 0.2 s, ... to 30 s between starts; begins anew after a life of a minute."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY

    def after(self, lived_seconds: float) -> float:
        """How long to wait after a life of that length."""
        if lived_seconds >= HEALTHY_SECONDS:
            self._next = FIRST_DELAY
        delay = self._next
        self._next = min(delay * 2, LONGEST_DELAY)
        return delay


class Keeper:
    """One child to be kept running. `clean_up` runs after every end of it and before its next start. With `must_start`
    a first life that ends before the child serves is the only one: whoever waits for it decides what follows."""

    def __init__(
        self,
        name: str,
        command: Callable[[], Command],
        log: RotatingLog,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
        clean_up: Callable[[], Awaitable[None]] | None = None,
        must_start: bool = False,
    ) -> None:
        self.name = name
        self.state: State = "starting"
        self.since_us = now_us()
        self.restarts = 0
        self.last_end: str | None = None
        self._command = command
        self._log = log
        self._say = say
        self._changed = changed
        self._clean_up = clean_up
        self._must_start = must_start
        self._child: Child | None = None
        self._backoff = Backoff()
        self._stop = asyncio.Event()
        self._first_life = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(), name=f"keep {name}")

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.running else None

    async def first_ready(self) -> bool:
        """True once the child serves for the first time, False when its first life ended before."""
        return await asyncio.shield(self._first_life)

    def failure(self) -> OutsideError:
        """Why the child ended, by what it printed."""
        return failure(f"{self.name} did not start.", self._log)

    async def stop(self, grace: float) -> None:
        """End the child: SIGTERM, SIGKILL after `grace` seconds; it is not started again."""
        self._stop.set()
        if self._child is not None and self._child.running:
            self._enter("stopping")
            await self._child.stop(grace)
        await self._task
        self._enter("stopped")

    def kill(self) -> None:
        self._stop.set()
        if self._child is not None:
            self._child.kill()

    async def _keep(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            how = await self._live()
            if self._clean_up is not None:
                await self._clean_up()
            if self._stop.is_set() or (self._must_start and not await self.first_ready()):
                break
            delay = self._backoff.after(time.monotonic() - began)
            self.last_end = how
            self._say(f"{self.name} ended ({how}); it starts again in {delay:.1f} s. Its log: {self._log.path}")
            for line in output_of(self._log):
                self._say(f"    {line}")
            self._enter("waiting")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), delay)
            self.restarts += 1
        self._settle_first_life(ready=False)
        self._log.close()

    async def _live(self) -> str:
        """One life of the child; how it ended."""
        self._log.forget()
        self._enter("starting")
        child = self._child = await Child.start(self._command(), self._log.write)
        if self._stop.is_set():
            child.send(signal.SIGTERM)
        self._changed()
        waiting = asyncio.create_task(self._wait_ready(child))
        how = await child.ended()
        await waiting
        return how

    async def _wait_ready(self, child: Child) -> None:
        ready = await child.ready()
        if ready and self.state == "starting":
            self._enter("ready")
            if self.restarts:
                self._say(f"{self.name} is back (pid {child.pid}).")
        self._settle_first_life(ready=ready)

    def _settle_first_life(self, *, ready: bool) -> None:
        if not self._first_life.done():
            self._first_life.set_result(ready)

    def _enter(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.since_us = now_us()
            self._changed()
