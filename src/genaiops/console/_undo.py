"""Taking back what was just done in the console, by whoever did it, while nothing else has changed it."""

import secrets
from collections.abc import Callable
from typing import TypeVar

import msgspec

from genaiops.core.errors import Conflict, NotFound
from genaiops.hub import Permission

T = TypeVar("T")
_MOST = 20


class Undo(msgspec.Struct, frozen=True):
    """`run` does it through the hub, with all its checks; `done` says afterwards what is so again."""

    permission: Permission
    run: Callable[[], object]
    done: str


class Undos:
    """Of one session: the latest ones, each good for once."""

    def __init__(self) -> None:
        self._by_token: dict[str, Undo] = {}

    def keep(self, undo: Undo) -> str:
        while len(self._by_token) >= _MOST:
            del self._by_token[next(iter(self._by_token))]
        token = secrets.token_urlsafe(12)
        self._by_token[token] = undo
        return token

    def take(self, token: str) -> Undo:
        undo = self._by_token.pop(token, None)
        if undo is None:
            raise NotFound("That can no longer be undone.", remedy="Look how it is now, and change it there.")
        return undo


def if_unchanged(read: Callable[[], T], written: T, restore: Callable[[], object]) -> Callable[[], object]:
    """`restore`, unless what was written is no longer what is there."""

    def run() -> object:
        if read() != written:
            raise Conflict(
                "It was changed again since, so nothing is undone.", remedy="Look how it is now.", code="changed_since"
            )
        return restore()

    return run
