"""Classifiers for who has no event loop that lasts: policies are tried in threads, and connections belong to a loop."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence

from genaiops.domain import Verdict
from genaiops.ports.classifiers import Classifiers

Find = Callable[[], Classifiers | None]


class FromThreads:
    """Asks on a loop of its own, in a thread that begins with the first question and ends with the process."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def find(self) -> Classifiers | None:
        """None: nobody is there."""
        return self if self._find() is not None else None

    async def classify(self, texts: Sequence[str]) -> list[Mapping[str, Verdict]]:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._classify(texts), self._running()))

    async def _classify(self, texts: Sequence[str]) -> list[Mapping[str, Verdict]]:
        classifiers = self._find()
        if classifiers is None:
            return [{}] * len(texts)
        return await classifiers.classify(texts)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="classifiers", daemon=True).start()
            return self._loop
