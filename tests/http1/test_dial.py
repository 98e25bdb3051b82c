"""Ways to an upstream: TLS, CONNECT proxies, unix sockets."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from genaiops.http1 import Origin, Pool, Timeouts
from genaiops.http1.errors import ConnectFailed, InvalidField
from tests.http1.wire import Upstream, upstream

T = Timeouts()
HELLO = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


class Certificate(NamedTuple):
    path: Path
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed certificate for 127.0.0.1 and `upstream.test`, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream.test")])
    today = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("upstream.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    path, key_path = folder / "cert.pem", folder / "key.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return Certificate(path, context)


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HELLO)


async def large(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length)
    writer.write(body)
    await writer.drain()
    await reader.read()


async def fetch(origin: Origin) -> bytes:
    pool = Pool(origin)
    try:
        bodies = [await (await pool.request(b"GET", b"/", [], timeouts=T)).read(100) for _ in range(2)]
        assert pool.connections == 1
        assert bodies[0] == bodies[1]
        return bodies[0]
    finally:
        await pool.aclose()


async def test_tls(certificate: Certificate) -> None:
    async with upstream(hello, ssl=certificate.context) as (scripted, origin):
        trusted = replace(origin, scheme="https", ca_file=str(certificate.path))
        assert await fetch(trusted) == b"hello"
        assert await fetch(replace(trusted, server_name="upstream.test")) == b"hello"
        assert await fetch(replace(origin, scheme="https", verify=False)) == b"hello"
        assert scripted.accepted == 3
        await scripted.gone()


async def test_tls_that_cannot_be_trusted(certificate: Certificate) -> None:
    async with upstream(hello, ssl=certificate.context) as (scripted, origin):
        untrusted = replace(origin, scheme="https")
        with pytest.raises(ConnectFailed, match="self-signed"):
            await fetch(untrusted)
        with pytest.raises(ConnectFailed, match="TLS"):
            await fetch(replace(untrusted, ca_file=str(certificate.path), server_name="other.test"))
        await scripted.gone()
    with pytest.raises(ConnectFailed, match="CA file"):
        Pool(replace(untrusted, ca_file="/nonexistent"))

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.read(1)
        writer.write(HELLO)
        await reader.read()

    async with upstream(no_tls) as (scripted, origin):
        with pytest.raises(ConnectFailed, match="TLS"):
            await fetch(replace(origin, scheme="https"))
        await scripted.gone()


async def test_large_bodies_over_tls(certificate: Certificate) -> None:
    body = bytes(range(256)) * 8000
    async with upstream(large, ssl=certificate.context, limit=4_000_000) as (scripted, origin):
        pool = Pool(replace(origin, scheme="https", ca_file=str(certificate.path)))
        reply = await pool.request(b"POST", b"/", [], body, timeouts=T)
        assert await reply.read(len(body)) == body
        await pool.aclose()
        await scripted.gone()


async def test_a_response_until_close_over_tls(certificate: Certificate) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil close")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with upstream(script, ssl=certificate.context) as (_, origin):
        pool = Pool(replace(origin, scheme="https", ca_file=str(certificate.path)))
        assert await (await pool.request(b"GET", b"/", [], timeouts=T)).read(100) == b"until close"
        assert pool.connections == 0
        await pool.aclose()


async def test_a_unix_socket(tmp_path: Path) -> None:
    scripted = Upstream(hello)
    path = str(tmp_path / "socket")
    server = await asyncio.start_unix_server(scripted.handle, path)
    assert await fetch(Origin(unix_path=path)) == b"hello"
    await scripted.gone()
    server.close()


# -- proxies


class Proxy:
    """A CONNECT proxy that answers as it is told and notes what it was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.url = ""

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        writer.write(self.answer)
        if not self.answer.startswith(b"HTTP/1.1 200"):
            await writer.drain()
            await reader.read()
            return
        host, _, port = head.split(b" ")[1].rpartition(b":")
        target = b"127.0.0.1" if host.endswith(b".test") else host
        onward_reader, onward_writer = await asyncio.open_connection(target.decode(), int(port))
        try:
            await asyncio.gather(self.pump(reader, onward_writer), self.pump(onward_reader, writer))
        finally:
            onward_writer.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()


@contextlib.asynccontextmanager
async def proxying(proxy: Proxy) -> AsyncGenerator[Upstream]:
    async with upstream(proxy.script) as (scripted, origin):
        proxy.url = f"http://user:p%40ss@{origin.host}:{origin.port}"
        yield scripted


async def test_a_proxy_with_and_without_tls(certificate: Certificate) -> None:
    proxy = Proxy()
    async with (
        upstream(hello) as (_, plain),
        upstream(hello, ssl=certificate.context) as (_, secure),
        proxying(proxy) as scripted,
    ):
        assert await fetch(replace(plain, proxy=proxy.url)) == b"hello"
        tls = Origin(scheme="https", host="upstream.test", port=secure.port, ca_file=str(certificate.path))
        assert await fetch(replace(tls, proxy=proxy.url)) == b"hello"
        with pytest.raises(ConnectFailed, match="self-signed"):
            await fetch(replace(tls, proxy=proxy.url, ca_file=None))
        await scripted.gone()
    assert proxy.asked[1] == (
        b"CONNECT upstream.test:%d HTTP/1.1\r\nhost: upstream.test:%d\r\n"
        b"proxy-authorization: Basic dXNlcjpwQHNz\r\n\r\n" % (secure.port, secure.port)
    )


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "403"),
        (b"garbage\r\n\r\n", "cannot be read"),
        (b"x" * 20_000, "cannot be read"),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "before it was used"),
    ],
)
async def test_proxies_that_do_not_let_us_through(answer: bytes, complaint: str) -> None:
    proxy = Proxy(answer)
    async with proxying(proxy) as scripted:
        pool = Pool(Origin(host="127.0.0.1", port=9, proxy=proxy.url))
        with pytest.raises(ConnectFailed, match=complaint) as caught:
            await pool.request(b"GET", b"/", [], timeouts=T)
        assert "p@ss" not in str(caught.value)
        assert "p%40ss" not in str(caught.value)
        assert pool.connections == 0
        await scripted.gone()


async def test_a_proxy_that_hangs_up() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with upstream(script) as (_, origin):
        pool = Pool(Origin(host="127.0.0.1", port=9, proxy=f"http://{origin.host}:{origin.port}"))
        with pytest.raises(ConnectFailed, match="proxy closed"):
            await pool.request(b"GET", b"/", [], timeouts=T)
        assert pool.connections == 0


# -- origins


@pytest.mark.parametrize(
    ("url", "authority", "port"),
    [
        ("http://a.test/v1", b"a.test", 80),
        ("https://a.test", b"a.test", 443),
        ("https://a.test:8443/x", b"a.test:8443", 8443),
        ("http://[::1]:8080", b"[::1]:8080", 8080),
        ("http://b\u00fccher.test", b"xn--bcher-kva.test", 80),
    ],
)
def test_origins_of_urls(url: str, authority: bytes, port: int) -> None:
    origin = Origin.parse(url)
    assert (origin.authority, origin.port) == (authority, port)


@pytest.mark.parametrize("url", ["ftp://a.test", "a.test", "http://", "http://a.test:port", "http://\u00fc..test"])
def test_urls_that_are_no_origins(url: str) -> None:
    with pytest.raises(InvalidField):
        Origin.parse(url)


def test_proxies_must_be_plain() -> None:
    with pytest.raises(InvalidField):
        Origin(proxy="https://a.test:3128")
