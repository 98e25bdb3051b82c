"""The worker's side: one process that signs, started with the first image and ended when none came for a while.

Signing is a native library that reads what a provider sent: a fault of it ends that process and no call but its own.
The event loop only passes bytes through pipes.
"""

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final

import msgspec

from genaiops.domain import ImageMark
from genaiops.engines.image_marking._messages import SIZES, Done, Order, framed, parted
from genaiops.ports.provenance import MadeBy, MarkedAnswer

_log = logging.getLogger("genaiops.provenance")

TIMEOUT_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 300.0
PAUSE_SECONDS: Final = 30.0
"""After a process ended before it had signed anything: its certificate is wrong, and the next would do no better."""


class ProcessMarker:
    """`files`: the certificates, their key and the root, as PEM. `timeout` of one answer, in seconds, with its wait for
    those before it."""

    def __init__(
        self,
        files: tuple[Path, ...],
        *,
        required: bool = False,
        timeout: float = TIMEOUT_SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._files = files
        self._required = required
        self._timeout = timeout
        self._idle = idle
        self._process: Process | None = None
        self._proven = False
        """The process has answered."""
        self._not_before = 0.0
        self._turn = asyncio.Lock()
        self._resting: asyncio.TimerHandle | None = None
        self._work: set[asyncio.Task[MarkedAnswer]] = set()

    @property
    def required(self) -> bool:
        return self._required

    async def mark(self, bodies: tuple[bytes, ...], made: MadeBy) -> MarkedAnswer:
        """What is begun is brought to its end, also when its client has gone: others wait for the same process."""
        work = asyncio.create_task(self._mark(bodies, made))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return await asyncio.shield(work)

    async def _mark(self, bodies: tuple[bytes, ...], made: MadeBy) -> MarkedAnswer:
        try:
            async with asyncio.timeout(self._timeout), self._turn:
                return await self._ask(bodies, made)
        except TimeoutError:
            reason = f"The image was not signed within {self._timeout:g} s."
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            reason = "The process that signs images ended, or could not be started."
            _log.error("%s %s", reason, error)
        return MarkedAnswer(bodies, (ImageMark("error", reason=reason),))

    async def _ask(self, bodies: tuple[bytes, ...], made: MadeBy) -> MarkedAnswer:
        if self._resting is not None:
            self._resting.cancel()
        process = self._process
        if process is None or process.returncode is not None:
            if asyncio.get_running_loop().time() < self._not_before:
                raise EOFError("it could not begin a moment ago")
            self._proven = False
            process = self._process = await self._start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.writelines(framed(Order(made, tuple(map(len, bodies))), bodies))
            await process.stdin.drain()
            head, rest = SIZES.unpack(await process.stdout.readexactly(SIZES.size))
            done = msgspec.msgpack.decode(await process.stdout.readexactly(head), type=Done)
            found = parted(await process.stdout.readexactly(rest), done.sizes)
        except BaseException as error:  # what it answers later would be taken for the answer to another
            if not self._proven and isinstance(error, OSError | EOFError):
                self._not_before = asyncio.get_running_loop().time() + PAUSE_SECONDS
            await self._end()
            raise
        self._proven = True
        self._resting = asyncio.get_running_loop().call_later(self._idle, self._rest)
        return MarkedAnswer(found, done.marks)

    async def _start(self) -> Process:
        command = (sys.executable, "-m", "genaiops.engines.image_marking", *map(str, self._files))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}  # no secrets
        return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=kept)

    def _rest(self) -> None:
        """Nobody asked for a while: the end of its input ends it. The next image starts another."""
        process = self._process
        if process is not None and process.stdin is not None and not self._turn.locked():
            self._process = None
            process.stdin.close()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())

    async def aclose(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        for work in self._work:
            work.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self._end()
