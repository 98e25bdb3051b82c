"""Proxies in front whose word counts: who asked, by which scheme and for which host, as they saw it.

Only what the trusted ones nearest to us added is believed: whatever stands before that, the client may have written.
"""

from collections.abc import Callable, Coroutine, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeVar

from genaiops.http1 import Exchange

Network = IPv4Network | IPv6Network
Served = TypeVar("Served", bound=Coroutine[Any, Any, None] | None)

_MOST_KNOWN = 4096


class Proxies:
    """`networks`: of the proxies. Without any, nobody is believed."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def trusts(self, address: str) -> bool:
        known = self._known.get(address)
        if known is None:
            found = _address(address)
            known = found is not None and any(found in network for network in self._networks)
            if len(self._known) < _MOST_KNOWN:
                self._known[address] = known
        return known

    def client(self, exchange: Exchange) -> str:
        """The last address on the way that is no trusted proxy's."""
        client = exchange.neighbour
        for entry in reversed(_values(exchange, b"x-forwarded-for")):
            if not self.trusts(client):
                return client
            found = _address(_without_port(entry))
            if found is None:
                return client
            client = str(found)
        return client

    def scheme(self, exchange: Exchange) -> bytes:
        said = self._said(exchange, b"x-forwarded-proto")
        return b"https" if said is not None and said.lower() == "https" else b"http"

    def host(self, exchange: Exchange) -> bytes | None:
        """For which host the client asked."""
        said = self._said(exchange, b"x-forwarded-host")
        return exchange.header(b"host") if said is None else said.encode("latin-1")

    def _said(self, exchange: Exchange, name: bytes) -> str | None:
        """By the nearest proxy."""
        if not self.trusts(exchange.neighbour):
            return None
        values = _values(exchange, name)
        return values[-1] if values and values[-1] else None


def through(proxies: Proxies, handle: Callable[[Exchange], Served]) -> Callable[[Exchange], Served]:
    """The same handler, told who really asks."""

    def told(exchange: Exchange) -> Served:
        exchange.comes_from(proxies.client(exchange))
        return handle(exchange)

    return told


def _values(exchange: Exchange, name: bytes) -> list[str]:
    """Of all fields of that name, in the order in which proxies added them."""
    fields = [value.decode("latin-1") for key, value in exchange.headers if key == name]
    return [entry.strip() for field in fields for entry in field.split(",")]


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _address(text: str) -> Any:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
