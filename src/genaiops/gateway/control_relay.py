"""Everything that is not a model call goes to the control process, over its unix socket."""

import logging
from collections.abc import Coroutine
from typing import Any, Protocol
from urllib.parse import urlsplit

from genaiops.core.ids import new_span_id
from genaiops.gateway.failure import Failure, error_json
from genaiops.gateway.forwarded import Proxies
from genaiops.gateway.settings import GatewaySettings
from genaiops.http1 import Exchange, Origin, Pool, Reply, Timeouts
from genaiops.http1.errors import Disconnected, UpstreamFault

_log = logging.getLogger("genaiops.gateway")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
        b"expect",
    }
)
_FORGEABLE = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-real-ip"}
)
_SMALL = 256 * 1024
_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="3"><title>genaiops</title>
<body style="font:16px system-ui;max-width:36em;margin:20vh auto;padding:0 1em"><h1>The console is starting</h1>
<p>Its process is not answering. Model calls are served all the same. This page tries again by itself;
<code>genaiops doctor</code> says what is wrong when it stays away.</p></body></html>
"""


class Relay(Protocol):
    """Takes what is not a model call (`ControlRelay` is one)."""

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]: ...

    async def aclose(self) -> None: ...


class ControlRelay:
    """Relays to the process that listens on `socket_path`.

    Only names in `settings.hosts` and loopback names are answered: a page of another site that has its name point here
    gets nothing.
    """

    def __init__(self, socket_path: str, settings: GatewaySettings) -> None:
        self._settings = settings
        self._hosts = frozenset(name.lower() for name in settings.hosts) | _LOOPBACK
        self._proxies = Proxies(settings.proxies)
        self._pool = Pool(Origin(host="control", unix_path=socket_path), max_connections=1000)
        self._timeouts = Timeouts(connect=2.0, first_byte=120.0, idle=0, total=0)

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def handle(self, exchange: Exchange) -> None:
        refusal = self._refusal(exchange)
        if refusal is not None:
            _answer(exchange, refusal)
            return
        body = await exchange.body(self._settings.relay_body_limit)
        reply: Reply | None = None
        try:
            reply = await self._pool.request(
                exchange.method.encode(), exchange.target, self._headers(exchange), body, timeouts=self._timeouts
            )
            exchange.on_disconnect(reply.abort)
            await self._pass_back(exchange, reply)
        except UpstreamFault as fault:
            if exchange.disconnected:
                return
            if exchange.started:
                exchange.abort()
                return
            _log.warning("the control process did not answer: %s", fault)
            _unavailable(exchange)
        except Disconnected:
            return
        finally:
            if reply is not None:
                reply.release()

    # -- what may come in

    def _refusal(self, exchange: Exchange) -> Failure | None:
        host = self._proxies.host(exchange)
        if host is None or _name(host) not in self._hosts:
            shown = (host or b"").decode("latin-1")[:100]
            return Failure(
                status=421,
                type="invalid_request_error",
                code="host_not_allowed",
                message=f"This server does not answer to the name {shown!r}. Add it to `listen.names` if it should.",
            )
        origin = exchange.header(b"origin")
        if origin is None or exchange.method in _SAFE:
            return None
        if _origin_name(origin) in self._hosts:
            return None
        return Failure(
            status=403,
            type="permission_error",
            code="origin_not_allowed",
            message="A page of another site may not change anything here.",
        )

    def _headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        named = _named_by_connection(exchange.headers)
        fields = [
            field
            for field in exchange.headers
            if field[0] not in _HOP | _FORGEABLE | named
            and field[0] not in (b"content-encoding", b"host")  # the body is decoded
        ]
        fields.append((b"host", self._proxies.host(exchange) or b""))
        fields.append((b"x-forwarded-for", exchange.peer.encode()))
        fields.append((b"x-forwarded-proto", self._proxies.scheme(exchange)))
        return fields

    # -- what goes back

    async def _pass_back(self, exchange: Exchange, reply: Reply) -> None:
        named = _named_by_connection(reply.headers)
        fields = [field for field in reply.headers if field[0] not in _HOP and field[0] not in named]
        length = reply.header(b"content-length")
        if exchange.method == "HEAD" and length is not None:
            exchange.respond(reply.status, [*fields, (b"content-length", length)])
            return
        if length is not None and int(length) <= _SMALL:
            exchange.respond(reply.status, fields, await reply.read(_SMALL))
            return
        if length is not None:
            fields.append((b"content-length", length))
        exchange.start(reply.status, fields)
        while (piece := await reply.chunk()) is not None:
            exchange.send(piece)
            await exchange.drain()
        exchange.finish()


def _name(host: bytes) -> str:
    """The name in a host header, without port and brackets, in lower case."""
    text = host.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def _origin_name(origin: bytes) -> str:
    try:
        return (urlsplit(origin.decode("latin-1")).hostname or "").lower()
    except ValueError:
        return ""


def _named_by_connection(headers: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
    return frozenset(
        name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")
    )


def _answer(exchange: Exchange, failure: Failure) -> None:
    request_id = "req_" + new_span_id().hex()
    fields = [(b"content-type", b"application/json"), (b"x-request-id", request_id.encode())]
    if failure.retry_after is not None:
        fields.append((b"retry-after", b"%d" % failure.retry_after))
    exchange.respond(failure.status, fields, error_json(failure, request_id))


def _unavailable(exchange: Exchange) -> None:
    if b"text/html" in (exchange.header(b"accept") or b"") and exchange.method in _SAFE:
        fields = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"retry-after", b"3"),
            (b"cache-control", b"no-store"),
        ]
        exchange.respond(503, fields, _PAGE)
        return
    failure = Failure(
        status=503,
        type="unavailable_error",
        code="control_unavailable",
        message="The control process is not answering. Model calls are served all the same. Try again in a moment.",
        retry_after=3,
    )
    _answer(exchange, failure)
