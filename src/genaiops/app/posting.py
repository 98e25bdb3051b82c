"""The port Post over our own HTTP pool: one pool an origin, kept alive."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from genaiops.core.errors import OutsideError, TimedOut, UsageError
from genaiops.http1 import Origin, Pool, Timeouts
from genaiops.http1.errors import ConnectTimeout, Http1Error, TotalTimeout
from genaiops.ports.posting import Posted

_LARGEST_ANSWER = 64 << 20


class HttpPost:
    """Made anywhere, used on one event loop; no redirect is followed."""

    def __init__(self, *, max_connections: int = 256) -> None:
        self._max = max_connections
        self._pools: dict[tuple[str, str], Pool] = {}

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> Posted:
        parts = urlsplit(url)
        pool = self._pool(parts.scheme, parts.netloc, url)
        path = (parts.path or "/").encode() + (b"?" + parts.query.encode() if parts.query else b"")
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        limits = Timeouts(connect=min(timeout, 10.0), first_byte=timeout, idle=timeout, total=timeout)
        try:
            reply = await pool.request(b"POST", path, fields, body, timeouts=limits)
            try:
                text = await reply.read(_LARGEST_ANSWER)
            except BaseException:
                reply.abort()
                raise
        except (TotalTimeout, ConnectTimeout, TimeoutError) as error:
            raise TimedOut(f"{parts.netloc} did not answer in {timeout:g} s.", remedy="Give it more time.") from error
        except (Http1Error, OSError) as error:
            raise OutsideError(
                f"{parts.netloc} gave no answer: {error}", remedy="See whether it runs there.", code="no_answer"
            ) from error
        return Posted(reply.status, _first(reply.headers), text, _first(reply.trailers))

    def _pool(self, scheme: str, netloc: str, url: str) -> Pool:
        found = self._pools.get((scheme, netloc))
        if found is None:
            try:
                origin = Origin.parse(f"{scheme}://{netloc}")
            except ValueError as error:
                raise UsageError(
                    f"{url[:200]!r} is no address.", remedy="Write it as https://host/path.", param="url"
                ) from error
            found = self._pools[scheme, netloc] = Pool(origin, max_connections=self._max)
        return found

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()


def _first(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found
