"""A place in line at a target that has as many calls as it may have: bounded, first come first served, and the keys
take turns, so that one with a hundred calls waiting does not keep the others out."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """Who waits, by key. A waiter is a future; it may stand in several queues, and the first that has a place for it
    sets its result."""

    __slots__ = ("_by_key", "_count", "_length")

    def __init__(self, length: int) -> None:
        self._length = length
        self._by_key: dict[str, deque[asyncio.Future[T]]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        return self._count >= self._length

    def join(self, key_id: str, waiter: asyncio.Future[T]) -> None:
        self._by_key.setdefault(key_id, deque()).append(waiter)
        self._count += 1

    def leave(self, key_id: str, waiter: asyncio.Future[T]) -> None:
        """Nothing when it is not there any more."""
        line = self._by_key.get(key_id)
        if line is not None and waiter in line:
            line.remove(waiter)
            self._count -= 1
            if not line:
                del self._by_key[key_id]

    def first(self) -> asyncio.Future[T]:
        """Take the first waiter of the key whose turn it is."""
        key_id = next(iter(self._by_key))
        line = self._by_key.pop(key_id)
        waiter = line.popleft()
        self._count -= 1
        if line:
            self._by_key[key_id] = line  # to the end
        return waiter
