"""A Transport over http1: one pool of connections for one target."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from genaiops.core.errors import ConfigError
from genaiops.domain import Target
from genaiops.http1 import Origin, Pool, Reply, Timeouts, UpstreamConnection, Waiter, field_block
from genaiops.ports.providers import Wire


class HttpTransport:
    """Calls go to the target's `base_url` and nowhere else (`unix_path`: by that socket); no redirect is followed."""

    def __init__(self, target: Target, *, unix_path: str | None = None, max_connections: int = 4096) -> None:
        if target.base_url is None:
            raise ConfigError(f"The target {target.id!r} has no base_url.", remedy="Give the URL of its server.")
        parts = urlsplit(target.base_url)
        origin = Origin.parse(target.base_url, proxy=target.proxy, ca_file=target.ca_file)
        if unix_path is not None:
            origin = Origin(host=origin.host, port=origin.port, unix_path=unix_path)
        self._base = parts.path.rstrip("/").encode()
        self._headers: Sequence[tuple[bytes, bytes]] = ()
        self._lines = b""
        self._pool = Pool(origin, max_connections=max_connections)
        limits = target.timeouts
        self._timeouts = Timeouts(
            connect=limits.connect, first_byte=limits.first_token, idle=limits.idle, total=limits.total
        )

    async def send(self, wire: Wire, target: Target, extra: bytes) -> Reply:  # noqa: ARG002 - it serves one target
        return await self._pool.request(
            wire.method,
            self._base + wire.path,
            self._block(wire.headers),
            wire.pieces or wire.body,
            timeouts=self._timeouts,
            extra=extra,
        )

    def post(self, wire: Wire, target: Target, extra: bytes, waiter: Waiter) -> UpstreamConnection | None:  # noqa: ARG002
        return self._pool.post(
            wire.method,
            self._base + wire.path,
            self._block(wire.headers),
            wire.pieces or wire.body,
            timeouts=self._timeouts,
            waiter=waiter,
            extra=extra,
        )

    def _block(self, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """As lines. Most providers send the same headers with each call: the same object, to be known by that."""
        if headers is not self._headers:
            self._headers, self._lines = headers, field_block(headers)
        return self._lines

    @property
    def busy(self) -> int:
        """Connections that are not back in the pool."""
        return self._pool.busy

    async def aclose(self) -> None:
        await self._pool.aclose()
