"""What is answered: framing, HTTP/1.0, HEAD, streams, aborts, refused fields, failing handlers."""

import pytest

from genaiops.http1 import Exchange
from genaiops.http1.errors import InvalidField, ResponseMisuse
from tests.http1.wire import GET, echo, serving


async def test_head_has_the_length_and_no_body() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/stream":
            exchange.start(200, [])
            exchange.send(b"unseen")
            exchange.finish()
        else:
            exchange.respond(200, [], b"unseen")

    async with serving(handler) as running:
        client = await running.client()
        answer = await client.ask(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n", "HEAD")
        assert (answer.headers["content-length"], answer.body) == ("6", b"")
        assert (await client.ask(b"HEAD /stream HTTP/1.1\r\nhost: x\r\n\r\n", "HEAD")).body == b""
        assert (await client.ask(GET)).body == b"unseen"


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body(status: int) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ResponseMisuse):
            exchange.respond(status, [], b"body")
        exchange.respond(status, [])

    async with serving(handler) as running:
        client = await running.client()
        for _ in range(2):
            answer = await client.ask(GET)
            assert (answer.status, answer.body) == (status, b"")
            assert "content-length" not in answer.headers


async def test_http_1_0() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/stream":
            exchange.start(200, [])
            exchange.send(b"until ")
            exchange.send(b"close")
            exchange.finish()
        else:
            exchange.respond(200, [], b"whole")

    async with serving(handler) as running:
        client = await running.client()
        kept = await client.ask(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert (kept.body, kept.headers["connection"]) == (b"whole", "keep-alive")
        await client.send(b"GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        rest = await client.rest()
        assert rest.endswith(b"\r\n\r\nuntil close")
        assert b"connection: close" in rest
        assert b"transfer-encoding" not in rest
        client = await running.client()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.rest()).endswith(b"whole")


async def test_connection_close_is_honoured_both_ways() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.respond(200, [(b"connection", b"close")] if exchange.path == "/ours" else [], b"x")

    async with serving(handler) as running:
        for request in (
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            b"GET /ours HTTP/1.1\r\nhost: x\r\n\r\n",
        ):
            client = await running.client()
            await client.send(request)
            rest = await client.rest()
            assert rest.lower().count(b"connection: close") == 1


async def test_streams_are_chunked_or_counted() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, [(b"content-length", b"70003")] if exchange.path == "/counted" else [])
        for piece in (b"abc", b"", b"d" * 70_000):
            exchange.send(piece)
            await exchange.drain()
        exchange.finish()

    async with serving(handler) as running:
        client = await running.client()
        for path in (b"/counted", b"/chunked"):
            answer = await client.ask(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path)
            assert answer.body == b"abc" + b"d" * 70_000
            assert ("content-length" in answer.headers) == (path == b"/counted")


async def test_a_counted_response_must_be_as_long_as_it_says() -> None:
    raised: list[str] = []

    async def handler(exchange: Exchange) -> None:
        exchange.start(200, [(b"content-length", b"5")])
        exchange.send(b"abc")
        try:
            if exchange.path == "/long":
                exchange.send(b"def")
            exchange.finish()
        except ResponseMisuse as error:
            raised.append(str(error))

    async with serving(handler) as running:
        for path in (b"/short", b"/long"):
            client = await running.client()
            await client.send(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path)
            assert (await client.rest()).endswith(b"\r\n\r\nabc")
    assert ["shorter" in raised[0], "longer" in raised[1]] == [True, True]


async def test_abort_leaves_a_truncated_message() -> None:
    async def handler(exchange: Exchange) -> None:
        exchange.start(200, [])
        exchange.send(b"part")
        exchange.abort()

    async with serving(handler) as running:
        client = await running.client()
        await client.send(GET)
        rest = await client.rest()
        assert b"part" in rest
        assert not rest.endswith(b"0\r\n\r\n")
        old = await running.client()
        await old.send(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(ConnectionResetError):  # an orderly close would look like a whole response
            await old.rest()


@pytest.mark.parametrize(
    "field",
    [
        (b"a\r\nb", b"c"),
        (b"a", b"b\r\nc: d"),
        (b"a", b"b\nc"),
        (b"a", b"b\rc"),
        (b"a", b"b\0"),
        (b"a b", b"c"),
        (b"", b"c"),
    ],
)
async def test_fields_that_would_break_a_response_apart_are_refused(field: tuple[bytes, bytes]) -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(InvalidField):
            exchange.respond(200, [(b"x-fine", b"1"), field])
        with pytest.raises(InvalidField):
            exchange.start(200, [field])
        with pytest.raises(InvalidField):
            exchange.respond(200, [(b"transfer-encoding", b"chunked")])
        with pytest.raises(InvalidField):
            exchange.respond(20, [])
        exchange.respond(200, [], b"fine")

    async with serving(handler) as running:
        assert (await running.one(GET)).body == b"fine"


async def test_a_second_response_is_refused() -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(ResponseMisuse):
            exchange.send(b"early")
        with pytest.raises(ResponseMisuse):
            exchange.finish()
        exchange.respond(200, [], b"first")
        for again in (lambda: exchange.respond(200, []), lambda: exchange.start(200, []), exchange.finish):
            with pytest.raises(ResponseMisuse):
                again()

    async with serving(handler) as running:
        client = await running.client()
        assert (await client.ask(GET)).body == b"first"
        assert (await client.ask(GET)).body == b"first"


async def test_a_failing_handler_is_a_500_in_the_owners_format(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/begun":
            exchange.start(200, [])
            exchange.send(b"part")
        if exchange.path != "/silent":
            raise ValueError("a secret")

    def owners(status: int, code: str, message: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
        return [(b"content-type", b"application/json")], f'{{"{status}": "{code}"}}'.encode()

    async with serving(handler, error_body=owners) as running:
        client = await running.client()
        for path in (b"/", b"/silent"):
            answer = await client.ask(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path)
            assert (answer.status, answer.body) == (500, b'{"500": "internal_error"}')
            assert answer.headers["content-type"] == "application/json"
        await client.send(b"GET /begun HTTP/1.1\r\nhost: x\r\n\r\n")
        rest = await client.rest()
        assert b"part" in rest
        assert not rest.endswith(b"0\r\n\r\n")
        bad = await running.one(b"nonsense\r\n\r\n")
        assert (bad.status, bad.body) == (400, b'{"400": "bad_request"}')
    assert "ValueError: a secret" in caplog.text
    assert "without finishing its response" in caplog.text


async def test_a_failing_error_body_does_not_stop_the_answer() -> None:
    def broken(status: int, code: str, message: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
        raise RuntimeError("no format")

    async with serving(echo, error_body=broken) as running:
        answer = await running.one(b"nonsense\r\n\r\n")
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("text/plain")
