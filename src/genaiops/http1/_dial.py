"""Opening a connection to an origin: TCP or unix socket, through a CONNECT proxy, with TLS."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from genaiops.http1._heads import parse_response_head
from genaiops.http1._settings import Origin
from genaiops.http1.errors import BadResponse, ConnectFailed, ConnectTimeout

P = TypeVar("P", bound=asyncio.Protocol)

_HEAD_END = b"\r\n\r\n"
_MAX_TUNNEL_HEAD = 16_384


def tls_context(origin: Origin) -> ssl.SSLContext | None:
    """The TLS settings for an origin; None for plain HTTP. Raises ConnectFailed when the CA file cannot be used."""
    if origin.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=origin.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConnectFailed(
            f"The CA file {origin.ca_file!r} cannot be used: {error}.", remedy="Give a PEM file."
        ) from error
    if not origin.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


async def dial(origin: Origin, factory: Callable[[], P], context: ssl.SSLContext | None, timeout: float) -> P:
    """Connect within `timeout` seconds (0: no bound). Raises ConnectFailed, ConnectTimeout."""
    try:
        async with asyncio.timeout(timeout or None):
            return await _open(origin, factory, context)
    except TimeoutError:
        raise ConnectTimeout(
            f"No connection to {origin} within {timeout:g} s.", remedy="Check that it is up."
        ) from None
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", None) or error.reason or str(error)
        raise ConnectFailed(
            f"TLS with {origin} failed: {reason}.", remedy="Check its certificate and `ca_file`."
        ) from error
    except (OSError, UnicodeError) as error:  # a name that is no name fails to encode
        raise ConnectFailed(f"{origin} cannot be reached: {error}.", remedy="Check address and port.") from error


async def _open(origin: Origin, factory: Callable[[], P], context: ssl.SSLContext | None) -> P:
    loop = asyncio.get_running_loop()
    name = (origin.server_name or origin.host) if context is not None else None
    if origin.unix_path is not None:
        return (await loop.create_unix_connection(factory, origin.unix_path, ssl=context, server_hostname=name))[1]
    if origin.proxy is None:
        return (await loop.create_connection(factory, origin.host, origin.port, ssl=context, server_hostname=name))[1]
    tunnel = await _open_tunnel(origin, origin.proxy)
    transport: asyncio.BaseTransport | None = tunnel
    protocol = factory()
    if context is not None:
        try:
            transport = await loop.start_tls(tunnel, protocol, context, server_hostname=name)
        except BaseException:
            tunnel.abort()
            raise
        if transport is None:
            raise ConnectFailed(f"The proxy closed the tunnel to {origin}.", remedy="Check the proxy.")
    else:
        tunnel.set_protocol(protocol)
    protocol.connection_made(transport)
    return protocol


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self.answer.done():
            return
        if _HEAD_END in self._data or len(self._data) > _MAX_TUNNEL_HEAD:
            self.answer.set_result(self._data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.answer.done():
            self.answer.set_exception(ConnectFailed("The proxy closed the connection.", remedy="Check the proxy."))


async def _open_tunnel(origin: Origin, proxy: str) -> asyncio.Transport:
    parts = urlsplit(proxy)
    if not parts.hostname:
        raise ConnectFailed("The proxy's URL names no host.", remedy="Give http://host:port.")
    loop = asyncio.get_running_loop()
    transport, tunnel = await loop.create_connection(_Tunnel, parts.hostname, parts.port or 3128)
    try:
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        target = f"{host}:{origin.port}".encode("idna" if not host.isascii() else "ascii")
        request = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n" % (target, target)
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            request += b"proxy-authorization: Basic %b\r\n" % base64.b64encode(credentials)
        transport.write(request + b"\r\n")
        data = await tunnel.answer
        head_bytes, _, rest = data.partition(_HEAD_END)
        try:
            # A 2xx to CONNECT has no body, whatever its fields say.
            head = parse_response_head(head_bytes, bodiless=True, max_headers=100)
        except BadResponse as error:
            raise ConnectFailed(f"The proxy's answer cannot be read: {error}", remedy="Check the proxy.") from error
        if not 200 <= head.status < 300:
            raise ConnectFailed(
                f"The proxy refused {origin} with {head.status}.", remedy="Check its rules and password."
            )
        if rest:
            raise ConnectFailed("The proxy sent bytes into the tunnel before it was used.", remedy="Check the proxy.")
    except BaseException:
        transport.abort()
        raise
    return transport
