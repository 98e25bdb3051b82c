"""The client for programs on an event loop: each call runs in a thread, so that the loop goes on."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from genaiops.sdk._address import Address
from genaiops.sdk._client import Answer, Client, Query
from genaiops.sdk._events import Event

P = ParamSpec("P")
R = TypeVar("R")


class AsyncClient:
    """As `Client`, awaited. `timeout` is seconds of silence."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        home: str | Path | None = None,
        *,
        timeout: float = 30.0,
    ) -> None:
        self._client = Client(url, api_key, home, timeout=timeout)

    @property
    def address(self) -> Address:
        return self._client.address

    @property
    def url(self) -> str:
        return self._client.url

    async def get(self, path: str, query: Query | None = None) -> Any:
        return await _in_thread(self._client.get, path, query)

    async def post(self, path: str, body: Any = None, query: Query | None = None) -> Any:
        return await _in_thread(self._client.post, path, body, query)

    async def put(self, path: str, body: Any = None) -> Any:
        return await _in_thread(self._client.put, path, body)

    async def patch(self, path: str, body: Any = None) -> Any:
        return await _in_thread(self._client.patch, path, body)

    async def delete(self, path: str) -> Any:
        return await _in_thread(self._client.delete, path)

    async def request(self, method: str, path: str, body: Any = None, *, query: Query | None = None) -> Answer:
        return await _in_thread(self._client.request, method, path, body, query=query)

    async def pages(
        self, path: str, query: Query | None = None, *, most: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """The items of a list over all of its pages; at most `most` of them."""
        items = self._client.pages(path, query, most=most)
        while (item := await _in_thread(next, items, None)) is not None:
            yield item

    async def stream(
        self, method: str, path: str, body: Any = None, *, query: Query | None = None
    ) -> AsyncIterator[Event]:
        """The server-sent events of an answer. Close the iterator to end it early."""
        stream = await _in_thread(self._client.stream, method, path, body, query=query)
        try:
            events = iter(stream)
            while (event := await _in_thread(next, events, None)) is not None:
                yield event
        finally:
            stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open between calls."""


async def _in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    import asyncio  # whoever awaits has it already; others do not pay for it

    return await asyncio.to_thread(function, *args, **kwargs)
