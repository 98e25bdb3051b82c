"""Blobs that no content refers to any more, because retention has dropped it, and pictures that no run
shows any more, are removed.

Mark and sweep, a slice at a time. What was put within the last hour stays, whether or not anything refers to it yet: a
blob is put before the content that names it is committed, and putting it again makes it young. Blobs are removed while
nothing is folded, and only if nobody put them since. Ended anywhere, it has removed nothing that is needed, and the
next sweep does the rest.
"""

import logging
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from genaiops.core.clock import now_us
from genaiops.hub import Hub
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import Runs
from genaiops.ports.telemetry import Telemetry

_log = logging.getLogger("genaiops.control")

YOUNG_US = 3_600_000_000
SPANS, BLOBS = 2000, 200
"""A slice: spans that are looked at in one go, blobs that are removed in one go."""


class Folding(Protocol):
    """Who puts blobs, and can be held up (see `FoldLoop`)."""

    def caught_up(self, seconds: float = ...) -> AbstractContextManager[None]: ...


class Swept(msgspec.Struct, frozen=True):
    blobs: int = 0
    bytes: int = 0


def sweep(
    telemetry: Telemetry,
    blobs: Blobs,
    folding: Folding,
    held: Callable[[], AbstractSet[str]],
    *,
    at_us: int | None = None,
) -> Swept:
    """How much was removed. `held`: what others than content need, such as `needed` says. StoreError when it is
    not known what is needed: then nothing is."""
    before_us = (now_us() if at_us is None else at_us) - YOUNG_US
    unused = set(blobs.idle(before_us))
    if not unused:
        return Swept()
    place = 0
    while True:
        reached, needed = telemetry.blobs(after=place, limit=SPANS)
        unused -= needed
        if reached == place:
            break
        place = reached
    if unused:  # asked last: what was registered meanwhile is among it
        unused -= held()
    count = size = 0
    for some in _slices(sorted(unused)):
        with folding.caught_up(0.0):
            freed = [blobs.discard(digest, before_us) for digest in some]
        count += sum(one is not None for one in freed)
        size += sum(one or 0 for one in freed)
    if count:
        _log.info("%d blobs that nothing refers to were removed, %d bytes", count, size)
    return Swept(count, size)


def needed(hub: Hub, runs: Runs, blobs: Blobs) -> AbstractSet[str]:
    """What others than content need."""
    return {*hub.held(blobs), *hub.waiting(blobs), *runs.pictures()}


def _slices(digests: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(digests), BLOBS):
        yield digests[at : at + BLOBS]
