"""Bodies that would hold up everybody while they are written: they go to the spool in another thread, before their
record. What is small is written where it is (to hand it to a thread would take longer)."""

import asyncio
import functools
import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from genaiops.core.errors import StoreError
from genaiops.gateway.call import Call
from genaiops.ports.spool import Aside, SpoolWriter

LARGE = 1 << 20
"""Bytes; a write of so many takes some 0.3 ms, to hand one over to a thread and back 0.1 ms."""

Done = TypeVar("Done")


class Stored(msgspec.Struct, frozen=True):
    """What was made of a large answer beforehand: written (`aside`), or only its digest (hex). Neither: there was no
    room for it."""

    aside: Aside | None = None
    sha256: str | None = None


def is_large(call: Call) -> bool:
    """Whether its body is written in another thread. What is kept of it is not always what came."""
    return len(call.raw) > LARGE and call.key.capture != "off"


async def set_aside(spool: SpoolWriter, body: bytes | bytearray) -> Aside:
    """A request's body. StoreError. When the wait is cancelled, nothing of it stays."""
    writing = _elsewhere(functools.partial(spool.set_aside, body))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        writing.add_done_callback(_discard)
        raise


async def keep(spool: SpoolWriter, call: Call, output: bytes) -> Stored | None:
    """An answer that is there as a whole, ahead of its Settled record; None: it is small. Nobody's leaving stops this:
    the answer was made and is paid for."""
    if len(output) <= LARGE or not call.traced:
        return None
    work = _elsewhere(functools.partial(_keep, spool, output, whole=call.key.capture != "off"))
    while not work.done():
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            call.interrupted()
    return work.result()


def _keep(spool: SpoolWriter, output: bytes, *, whole: bool) -> Stored:
    if not whole:
        return Stored(sha256=hashlib.sha256(output).hexdigest())
    try:
        return Stored(spool.set_aside(output))
    except StoreError:
        return Stored()


def _elsewhere(work: Callable[[], Done]) -> asyncio.Future[Done]:
    return asyncio.get_running_loop().run_in_executor(None, work)


def _discard(writing: asyncio.Future[Aside]) -> None:
    if not writing.cancelled() and writing.exception() is None:
        writing.result().discard()
