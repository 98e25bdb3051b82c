"""Messages that two parsers could read differently, in both directions: each is refused, and its connection closed.

Every request is followed by another one, which must never be answered.
"""

import asyncio

import pytest

from genaiops.http1 import Exchange, Pool, Timeouts
from genaiops.http1.errors import BadResponse, Truncated
from tests.http1.wire import Upstream, echo, serving, upstream

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"

REQUESTS: dict[str, tuple[int, bytes]] = {
    # two lengths
    "CL.TE": (400, POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE.CL": (400, POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
    "CL.CL different": (400, POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc"),
    "CL.CL equal": (400, POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab"),
    "CL.CL in two cases": (400, POST + b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nab"),
    "CL list": (400, POST + b"content-length: 2, 2\r\n\r\nab"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\na: b\r\n\r\n"),
    # transfer-encoding that one parser sees and another does not
    "TE.TE": (400, POST + b"transfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE identity": (400, POST + b"transfer-encoding: identity\r\n\r\n"),
    "TE gzip, chunked": (400, POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "TE chunked, identity": (400, POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "TE chunked, chunked": (400, POST + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "TE xchunked": (400, POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "TE quoted": (400, POST + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    "TE empty": (400, POST + b"transfer-encoding:\r\n\r\n0\r\n\r\n"),
    "TE with a vertical tab": (400, POST + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "TE with a space before the colon": (400, POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n"),
    "TE with a tab before the colon": (400, POST + b"transfer-encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    "TE folded": (400, POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    "TE after a folded line": (400, POST + b"a: b\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE behind a bare LF": (400, POST + b"a: b\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE behind a bare CR": (400, POST + b"a: b\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "TE in HTTP/1.0": (400, b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a leading space": (400, b"POST / HTTP/1.1\r\n host: x\r\ncontent-length: 0\r\n\r\n"),
    # content-length that is not a plain number
    "CL negative": (400, POST + b"content-length: -1\r\n\r\n"),
    "CL plus": (400, POST + b"content-length: +2\r\n\r\nab"),
    "CL hexadecimal": (400, POST + b"content-length: 0x2\r\n\r\nab"),
    "CL underscore": (400, POST + b"content-length: 1_0\r\n\r\n0123456789"),
    "CL point": (400, POST + b"content-length: 2.0\r\n\r\nab"),
    "CL exponent": (400, POST + b"content-length: 1e1\r\n\r\n0123456789"),
    "CL empty": (400, POST + b"content-length:\r\n\r\n"),
    "CL spaced": (400, POST + b"content-length: 1 0\r\n\r\n0123456789"),
    "CL of other digits": (400, POST + b"content-length: \xd9\xa2\r\n\r\nab"),
    "CL huge": (400, POST + b"content-length: 99999999999999999999\r\n\r\n"),
    "CL over 64 bits": (400, POST + b"content-length: 18446744073709551618\r\n\r\nab"),
    # lines and bytes
    "bare LF": (400, b"GET / HTTP/1.1\nhost: x\n\n"),
    "bare LF at the end": (400, b"GET / HTTP/1.1\r\nhost: x\r\n\n"),
    "bare CR at the end": (400, b"GET / HTTP/1.1\r\nhost: x\r\r\n\r\n"),
    "NUL in a value": (400, b"GET / HTTP/1.1\r\nhost: x\0y\r\n\r\n"),
    "NUL in a name": (400, b"GET / HTTP/1.1\r\nhost: x\r\na\0: b\r\n\r\n"),
    "DEL in a value": (400, b"GET / HTTP/1.1\r\nhost: x\x7f\r\n\r\n"),
    "a control in a value": (400, b"GET / HTTP/1.1\r\nhost: x\x01\r\n\r\n"),
    "no colon": (400, b"GET / HTTP/1.1\r\nhost: x\r\nnonsense\r\n\r\n"),
    "no name": (400, b"GET / HTTP/1.1\r\nhost: x\r\n: b\r\n\r\n"),
    "a name in quotes": (400, b'GET / HTTP/1.1\r\nhost: x\r\n"a": b\r\n\r\n'),
    "a name with a space": (400, b"GET / HTTP/1.1\r\nhost: x\r\na b: c\r\n\r\n"),
    # the request line
    "two spaces": (400, b"GET  / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a tab": (400, b"GET\t/ HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a space in the target": (400, b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a control in the target": (400, b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n"),
    "8 bits in the target": (400, b"GET /\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n"),
    "no target": (400, b"GET HTTP/1.1\r\nhost: x\r\n\r\n"),
    "no version": (400, b"GET /\r\nhost: x\r\n\r\n"),
    "an unknown method": (400, b"SMUG / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a lower-case method": (400, b"get / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a trailing space": (400, b"GET / HTTP/1.1 \r\nhost: x\r\n\r\n"),
    "another protocol": (400, b"GET / ICE/1.0\r\nhost: x\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "HTTP/0.9": (505, b"GET / HTTP/0.9\r\nhost: x\r\n\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\nhost: x\r\n\r\n"),
    "HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/1.10": (400, b"GET / HTTP/1.10\r\nhost: x\r\n\r\n"),
    "CONNECT": (501, b"CONNECT x:80 HTTP/1.1\r\nhost: x:80\r\n\r\n"),
    "another expectation": (417, b"GET / HTTP/1.1\r\nhost: x\r\nexpect: a-pony\r\n\r\n"),
    # chunks
    "chunk size 0x": (400, CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk size plus": (400, CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n"),
    "chunk size negative": (400, CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk size underscore": (400, CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n"),
    "chunk size spaced": (400, CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n"),
    "chunk size indented": (400, CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n"),
    "chunk size empty": (400, CHUNKED + b"\r\nhello\r\n0\r\n\r\n"),
    "chunk size huge": (400, CHUNKED + b"fffffffffffffffff\r\n"),
    "chunk size that wraps": (400, CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "chunk line with bare LF": (400, CHUNKED + b"5\nhello\r\n0\r\n\r\n"),
    "chunk line with bare CR": (400, CHUNKED + b"5\rhello\r\n0\r\n\r\n"),
    "chunk data with bare LF": (400, CHUNKED + b"5\r\nhello\n0\r\n\r\n"),
    "chunk longer than its size": (400, CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n"),
    "chunk extension with a bare LF": (400, CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "chunk extension with a bare CR": (400, CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "chunk extension without end": (400, CHUNKED + b"5;" + b"a" * 5000),
    "chunk extensions larger than the data": (400, CHUNKED + (b"1;" + b"a" * 2000 + b"\r\nx\r\n") * 20),
    "trailer without a colon": (400, CHUNKED + b"0\r\nnonsense\r\n\r\n"),
    "trailer folded": (400, CHUNKED + b"0\r\na: b\r\n c\r\n\r\n"),
    "trailer with a bare LF": (400, CHUNKED + b"0\r\na: b\nc: d\r\n\r\n"),
    "trailers without end": (400, CHUNKED + b"0\r\n" + b"a: b\r\n" * 5000),
}


@pytest.mark.parametrize(("status", "request_bytes"), REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("step", [0, 1], ids=["whole", "bytewise"])
async def test_refused_requests(status: int, request_bytes: bytes, step: int) -> None:
    answered: list[str] = []

    async def handler(exchange: Exchange) -> None:
        answered.append(exchange.path)
        await echo(exchange)

    async with serving(handler) as running:
        client = await running.client()
        stream = request_bytes + SMUGGLED
        if step and len(request_bytes) < 300:
            for at in range(len(stream)):
                client.writer.write(stream[at : at + 1])
                await asyncio.sleep(0)
        else:
            client.writer.write(stream)
        answer = await client.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert answer.body
        assert await client.rest() == b""
    assert "/smuggled" not in answered


TRAILERS_THAT_STAY_OUT = CHUNKED + b"5\r\nhello\r\n0\r\nhost: evil\r\ncontent-length: 7\r\n\r\n" + SMUGGLED


async def test_trailers_change_nothing() -> None:
    seen: list[Exchange] = []

    async def handler(exchange: Exchange) -> None:
        await exchange.body(100)
        seen.append(exchange)
        exchange.respond(200, [])

    async with serving(handler) as running:
        client = await running.client()
        await client.send(TRAILERS_THAT_STAY_OUT)
        assert (await client.answer()).status == 200
        assert (await client.answer()).status == 200
    assert [(exchange.path, exchange.header(b"host")) for exchange in seen] == [("/", b"x"), ("/smuggled", b"x")]


OK = b"HTTP/1.1 200 OK\r\n"

RESPONSES: dict[str, bytes] = {
    "CL.TE": OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "CL.CL different": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "CL.CL equal": OK + b"content-length: 2\r\nContent-Length: 2\r\n\r\nab",
    "CL list": OK + b"content-length: 2, 2\r\n\r\nab",
    "CL negative": OK + b"content-length: -1\r\n\r\n",
    "CL plus": OK + b"content-length: +2\r\n\r\nab",
    "CL hexadecimal": OK + b"content-length: 0x2\r\n\r\nab",
    "CL huge": OK + b"content-length: 99999999999999999999\r\n\r\n",
    "TE.TE": OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE gzip, chunked": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE identity": OK + b"transfer-encoding: identity\r\n\r\n",
    "TE with a space before the colon": OK + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "TE in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded": OK + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n\r\n\r\n",
    "NUL in a value": OK + b"a: b\0\r\ncontent-length: 0\r\n\r\n",
    "no colon": OK + b"nonsense\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "garbage": b"\x00\x01garbage that is not HTTP",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "101 without upgrade": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"content-length: 0\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 30 + OK + b"content-length: 0\r\n\r\n",
    "a head without end": OK + b"a: b\r\n" * 20_000,
    "too many headers": OK + b"a: b\r\n" * 300 + b"content-length: 0\r\n\r\n",
    "chunk size 0x": OK + b"transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "chunk size huge": OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "chunk without CR LF": OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n",
    "chunk extensions larger than the data": OK
    + b"transfer-encoding: chunked\r\n\r\n"
    + (b"1;" + b"a" * 2000 + b"\r\nx\r\n") * 20,
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
async def test_refused_responses(response: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        with pytest.raises(BadResponse) as caught:
            await (await pool.request(b"GET", b"/", [], timeouts=Timeouts())).read(1_000_000)
        assert caught.value.status == 502
        assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


@pytest.mark.parametrize(
    "response",
    [
        OK + b"content-length: 10\r\n\r\nhello",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\na\r\nhello",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        OK + b"content-le",
    ],
)
async def test_truncated_responses(response: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    async with upstream(script) as (_, origin):
        pool = Pool(origin)
        with pytest.raises(Truncated):
            await (await pool.request(b"GET", b"/", [], timeouts=Timeouts())).read(1000)
        assert pool.connections == 0
        await pool.aclose()


async def test_bytes_behind_a_response_are_not_the_next_response() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await scripted.request(reader)
            smuggled = OK + b"content-length: 5\r\n\r\nwrong" if number == 0 else b""
            writer.write(OK + b"content-length: 5\r\n\r\nright" + smuggled)

    async with upstream(script) as (scripted, origin):
        assert isinstance(scripted, Upstream)
        pool = Pool(origin)
        for _ in range(2):
            assert await (await pool.request(b"GET", b"/", [], timeouts=Timeouts())).read(100) == b"right"
        assert scripted.accepted == 2
        await pool.aclose()


async def test_bytes_on_an_idle_connection_end_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"content-length: 5\r\n\r\nright")
        await reader.readexactly(0)
        await asyncio.sleep(0.02)
        writer.write(OK + b"content-length: 5\r\n\r\nwrong")
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        assert await (await pool.request(b"GET", b"/", [], timeouts=Timeouts())).read(100) == b"right"
        await scripted.gone()
        assert pool.connections == 0
        assert await (await pool.request(b"GET", b"/", [], timeouts=Timeouts())).read(100) == b"right"
        await pool.aclose()
