"""The writing half of a server's connection: back-pressure, and the ways to end."""

import asyncio
import math
import socket
import struct
import time
from collections.abc import Sequence
from email.utils import formatdate

from genaiops.http1._settings import ServerLimits
from genaiops.http1.errors import Disconnected

NEVER = math.inf
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Clock:
    """What connections share: the limits, and the loop's time at the last tick (near enough for seconds, and free)."""

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self.now = 0.0
        self.date = b""
        """The `date` field of now."""
        self._second: int = 0

    def tick(self, now: float) -> None:
        self.now = now
        second = int(time.time())
        if second != self._second:
            self._second = second
            self.date = b"date: %b\r\n" % formatdate(second, usegmt=True).encode("ascii")


class Outgoing(asyncio.BufferedProtocol):
    """Writes while it may. Ending takes until what was written is out, or the client stops taking it."""

    __slots__ = ("_ending", "_left", "_open", "_waiter", "_wire", "clock", "deadline", "lost", "write_paused")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._wire: asyncio.Transport | None = None
        self._open = False
        """Bytes may be written."""
        self._ending = False
        """No more requests are read: the connection is closing, or drains what its client still sends."""
        self._left = 0
        """Bytes that were unsent when the write deadline was set: fewer, later, is progress."""
        self._waiter: asyncio.Future[None] | None = None
        self.deadline = NEVER
        self.lost = False
        self.write_paused = False

    def write(self, data: bytes) -> None:
        """What is written to a connection that has ended, or is ending, is dropped."""
        if self._open and self._wire is not None:
            self._wire.write(data)

    def write_all(self, pieces: Sequence[bytes]) -> None:
        """Large pieces, without joining them."""
        if self._open and self._wire is not None:
            self._wire.writelines(pieces)

    async def writable(self) -> None:
        """Until the write buffer is under its mark. Raises Disconnected."""
        while self.write_paused and not self.lost:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.lost:
            raise Disconnected("The client went away.")

    def pause_writing(self) -> None:
        self.write_paused = True
        self._await_progress()

    def resume_writing(self) -> None:
        self.write_paused = False
        self._wake()

    def close(self) -> None:
        """Close when everything written is out."""
        if self._wire is None or self._wire.is_closing():
            return
        self._ending = True
        self._open = False
        self._await_progress()
        self._wire.close()

    def linger(self) -> None:
        """Close our half and drain theirs for a while: closing with unread bytes would reset the response away."""
        if self._wire is None or self._ending:
            return
        if not self._wire.can_write_eof():
            self.close()
            return
        self._ending = True
        self._open = False
        self._left = 0
        self.deadline = self.clock.now + self.clock.limits.linger
        self._wire.write_eof()
        self._wire.resume_reading()

    def abort(self, *, reset: bool = False) -> None:
        """End now; what is unsent is lost. `reset`: so that the client cannot take it for an orderly end."""
        if self._wire is None:
            return
        self._open = False
        if reset:
            sock: socket.socket = self._wire.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._wire.abort()

    def stalled(self) -> bool:
        """At the write deadline: whether the client took nothing (else the deadline is set anew)."""
        left = self._wire.get_write_buffer_size() if self._wire is not None else 0
        if not left or 0 < self._left <= left:
            return True
        self._await_progress()
        return False

    def _await_progress(self) -> None:
        self._left = self._wire.get_write_buffer_size() if self._wire is not None else 0
        self.deadline = self.clock.now + self.clock.limits.write_timeout

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
