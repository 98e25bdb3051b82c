"""`Idempotency-Key`: the same request, sent again, gets the same answer and is charged once.

Kept by each worker for itself, for `idempotency_window` seconds: with several workers a repetition on another
connection may reach another one, and is then a new call. Answers over `idempotency_answer` bytes, and the oldest ones
over `idempotency_bytes` together, are not kept: a repetition of those is refused, never charged again. An answer that
invites another try (408, 409, 429, 5xx) is given to those who wait for it, and not kept.
"""

import asyncio
import hashlib
import time

from genaiops.core.errors import Conflict, UsageError
from genaiops.gateway.settings import GatewaySettings
from genaiops.http1 import Exchange

REPLAYED = b"x-genaiops-idempotent-replay: true\r\n"
_RETRIED = frozenset({408, 409, 429})


class Kept:
    """An answer as it was sent."""

    __slots__ = ("body", "lines", "status")

    def __init__(self, status: int, lines: bytes, body: bytes) -> None:
        self.status = status
        self.lines = lines
        self.body = body

    def repeat(self, exchange: Exchange) -> None:
        """Answer with it once more, and say so."""
        exchange.respond(self.status, self.lines + REPLAYED, self.body)


class Entry:
    """One key in use. `done` without `answer`: it was not kept."""

    __slots__ = ("answer", "digest", "done", "name", "since", "waiters")

    def __init__(self, name: bytes, digest: bytes, since: float) -> None:
        self.name = name
        self.digest = digest
        self.since = since
        self.done = False
        self.answer: Kept | None = None
        self.waiters: list[asyncio.Future[Kept | None]] = []


class Idempotency:
    """The answers of the last `window` seconds, by API key and idempotency key."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._entries: dict[bytes, Entry] = {}
        self._answered: dict[bytes, Entry] = {}
        """Those whose answer is kept, the oldest answer first."""
        self._bytes = 0

    async def claim(self, key_id: str, path: str, value: bytes, body: bytes | bytearray) -> Entry | Kept:
        """An Entry: this call is the first, and must `settle` it. Kept: the answer to repeat.

        UsageError (422) when the key was used with another body, Conflict when the answer was too large to be kept.
        """
        if not 0 < len(value) <= 255:
            raise UsageError("The Idempotency-Key is not 1 to 255 characters.", param="Idempotency-Key")
        name = hashlib.sha256(b"%b\0%b" % (key_id.encode(), value)).digest()
        hashed = hashlib.sha256(path.encode() + b"\0")
        hashed.update(body)  # apart: a body may be large
        digest = hashed.digest()
        while True:
            self._expire()
            entry = self._entries.get(name)
            if entry is None:
                return self._begin(name, digest)
            if entry.digest != digest:
                raise KeyReused
            if entry.done:
                if entry.answer is not None:
                    return entry.answer
                raise Conflict(
                    "This request was answered before, and the answer was too large to be kept.",
                    remedy="Use a new Idempotency-Key to send it again.",
                    code="idempotent_answer_not_kept",
                )
            waiter: asyncio.Future[Kept | None] = asyncio.get_running_loop().create_future()
            entry.waiters.append(waiter)
            answer = await waiter
            if answer is not None:
                return answer

    def settle(self, entry: Entry, answer: Kept | None, *, too_large: bool = False) -> None:
        """The first call has ended with this answer; None: without one that could be repeated."""
        final = answer is not None and answer.status < 500 and answer.status not in _RETRIED
        entry.done = True
        if final or too_large:
            self._keep(entry, answer)
        elif self._entries.get(entry.name) is entry:
            del self._entries[entry.name]
        for waiter in entry.waiters:
            if not waiter.done():
                waiter.set_result(answer)
        entry.waiters.clear()

    def _begin(self, name: bytes, digest: bytes) -> Entry:
        if len(self._entries) >= self._settings.idempotency_entries:
            done = next((one for one in self._entries.values() if one.done), None)
            if done is not None:
                self._drop(self._entries.pop(done.name))
        entry = self._entries[name] = Entry(name, digest, time.monotonic())
        return entry

    def _keep(self, entry: Entry, answer: Kept | None) -> None:
        if answer is None or len(answer.body) > self._settings.idempotency_answer:
            return
        entry.answer = answer
        self._answered[entry.name] = entry
        self._bytes += len(answer.body)
        while self._bytes > self._settings.idempotency_bytes and self._answered:
            self._drop(next(iter(self._answered.values())))

    def _drop(self, entry: Entry) -> None:
        if entry.answer is not None:
            del self._answered[entry.name]
            self._bytes -= len(entry.answer.body)
            entry.answer = None

    def _expire(self) -> None:
        oldest = time.monotonic() - self._settings.idempotency_window
        while self._entries:
            entry = next(iter(self._entries.values()))
            if entry.since >= oldest or not entry.done:
                return
            self._drop(self._entries.pop(entry.name))


class KeyReused(UsageError):
    status = 422

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used with another request.",
            remedy="Use a new key for a new request.",
            code="idempotency_key_reused",
            param="Idempotency-Key",
        )
