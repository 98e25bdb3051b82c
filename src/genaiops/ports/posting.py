"""POSTs to endpoints that answer with one body."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Posted(msgspec.Struct, frozen=True):
    """`headers`: names in lower case, the first value of each; `trailers` likewise, of what stood behind the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    trailers: Mapping[str, str] = {}


class Post(Protocol):
    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> Posted:
        """GenaiopsError when there is no answer: TimedOut after `timeout` seconds, OutsideError for what is wrong with
        the connection or the answer."""
        ...
