"""The same bytes, split anywhere, mean to us what they mean to h11, or nothing.

We may refuse what h11 takes (we are stricter on purpose). Where we take what h11 refuses, the reason stands here:

- empty lines before a request line: RFC 9112, 2.2 asks servers to ignore them;
- a second request on an HTTP/1.0 connection with `keep-alive`: h11 does not know that old extension.
"""

import asyncio
from itertools import pairwise
from typing import NamedTuple

import h11
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genaiops.http1 import Exchange, Origin, Pool, Server, Timeouts
from genaiops.http1._upstream import UpstreamConnection
from genaiops.http1.errors import Http1Error
from tests.examples import examples
from tests.http1.wire import Wire

Fields = list[tuple[bytes, bytes]]


class Message(NamedTuple):
    start: tuple[bytes, ...]
    fields: Fields
    body: bytes


def requests_as_we_read_them(pieces: list[bytes]) -> list[Message]:
    """The requests whose body our server delivered whole."""
    read: list[Message] = []

    async def handler(exchange: Exchange) -> None:
        body = bytes(await exchange.body(1_000_000))
        read.append(Message((exchange.method.encode(), exchange.target), exchange.headers, body))
        exchange.respond(200, [])

    async def main() -> None:
        server = Server(handler)
        connection, wire = server.connect(), Wire()
        connection.connection_made(wire)
        for piece in pieces:
            while piece and not wire.closed:
                space = connection.get_buffer(-1)
                count = min(len(space), len(piece))
                space[:count] = piece[:count]
                del space
                connection.buffer_updated(count)
                piece = piece[count:]
                for _ in range(3):
                    await asyncio.sleep(0)
        for _ in range(3 * len(pieces)):
            await asyncio.sleep(0)
        connection.connection_lost(None)
        await server.drain(0)

    with asyncio.Runner() as runner:
        runner.run(main())
    return read


def requests_as_h11_reads_them(stream: bytes) -> list[Message]:
    read: list[Message] = []
    while True:
        while stream.startswith(b"\r\n"):  # the first of the differences above
            stream = stream[2:]
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)
        connection.receive_data(stream)
        message = next_request(connection)
        if message is None:
            return read
        read.append(message)
        connection.send(h11.Response(status_code=404, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            return read
        stream = connection.trailing_data[0]


def next_request(connection: h11.Connection) -> Message | None:
    head: h11.Request | None = None
    body = b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                fields = [(bytes(name), bytes(value)) for name, value in head.headers]
                return Message((bytes(head.method), bytes(head.target)), fields, body)
            else:
                return None
    except h11.RemoteProtocolError:
        return None


# -- streams that are nearly right

SPACE = st.sampled_from([b" ", b" ", b" ", b" ", b"  ", b"\t", b""])
END = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b"\0\r\n"])
NAMES = st.sampled_from(
    [
        b"Host",
        b"host",
        b"Content-Length",
        b"content-length",
        b"Transfer-Encoding",
        b"transfer-encoding",
        b"Connection",
        b"Expect",
        b"X-A",
        b"x-a",
        b"Upgrade",
        b"",
        b"a b",
        b"a\x00",
        b"x_y",
        b"!#$%&'*+-.^_`|~",
        b"\xe9",
        b"Trailer",
    ]
)
COLON = st.sampled_from([b": "] * 6 + [b":", b" : ", b"\t:", b":\t", b"", b"::"])
VALUES = st.sampled_from(
    [
        b"x",
        b"0",
        b"3",
        b"5",
        b"5",
        b"05",
        b"+5",
        b"-1",
        b"0x5",
        b"5, 5",
        b"5 ",
        b"",
        b"chunked",
        b"Chunked",
        b"chunked ",
        b"gzip, chunked",
        b"chunked, chunked",
        b"xchunked",
        b"\x0bchunked",
        b"identity",
        b"close",
        b"keep-alive",
        b"upgrade",
        b"100-continue",
        b"a\tb",
        b"\xc3\xa9",
        b"a\x00b",
        b"a\x7f",
        b" padded ",
        b"h2c",
        b"99999999999999999999",
    ]
) | st.binary(max_size=8)
START = st.tuples(
    st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"\r\nGET", b"get", b"CONNECT", b"G@T", b"", b"PRI"]),
    SPACE,
    st.sampled_from(
        [b"/", b"/a?b=c", b"*", b"http://h/p", b"/%20", b"/\x01", b"/\xe9", b"", b"a", b"/a b", b"//h", b"h:1"]
    ),
    SPACE,
    st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b""]),
    END,
).map(b"".join)
FIELD = st.tuples(NAMES, COLON, VALUES, END).map(b"".join)
SIZES = st.sampled_from(
    [b"5", b"05", b"1", b"0", b"0", b"00", b"5;a=b", b"5 ", b"0x5", b"+5", b"-5", b"", b"g", b"fffffffffffffffff"]
)
CHUNK = st.tuples(SIZES, END, st.sampled_from([b"hello", b"h", b"", b"hello!"]), END).map(b"".join)
BODY = st.one_of(
    st.just(b""),
    st.sampled_from(
        [b"hello", b"abc", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"GET /inner HTTP/1.1\r\nhost: y\r\n\r\n"]
    ),
    st.tuples(
        st.lists(CHUNK, max_size=3).map(b"".join), st.sampled_from([b"0\r\n\r\n", b"0\r\na: b\r\n\r\n", b"0\r\n"])
    ).map(b"".join),
    st.binary(max_size=12),
)
GOOD_FIELDS = st.sampled_from(
    [
        b"host: x\r\n",
        b"host: x\r\ncontent-length: 5\r\n",
        b"Host: x\r\nTransfer-Encoding: chunked\r\n",
        b"host: x\r\nconnection: close\r\n",
        b"host: x\r\nx-a: 1\r\nX-A: 2\r\n",
    ]
)
HEADERS = st.one_of(GOOD_FIELDS, st.tuples(GOOD_FIELDS, FIELD).map(b"".join), st.lists(FIELD, max_size=4).map(b"".join))
GOOD_START = st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /p HTTP/1.1\r\n", b"POST /p HTTP/1.0\r\n"])
REQUEST = st.tuples(GOOD_START | START, HEADERS, st.just(b"\r\n") | END, BODY).map(b"".join)
STREAM = st.lists(REQUEST, min_size=1, max_size=3).map(b"".join)
SPLITS = st.lists(st.integers(0, 400), max_size=12)
FUZZ = settings(max_examples=examples(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cut(stream: bytes, splits: list[int]) -> list[bytes]:
    points = sorted({0, len(stream), *(split for split in splits if split < len(stream))})
    return [stream[start:stop] for start, stop in pairwise(points)]


@FUZZ
@given(stream=STREAM, splits=SPLITS)
@example(stream=b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 3, splits=[1, 24, 25, 26, 27])
@example(
    stream=b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nhost: x\r\n\r\n", splits=[50]
)
def test_requests(stream: bytes, splits: list[int]) -> None:
    ours = requests_as_we_read_them(cut(stream, splits))
    assert ours == requests_as_we_read_them([stream])
    theirs = requests_as_h11_reads_them(stream)
    if b"HTTP/1.0" in stream:  # the second of the differences above
        ours = ours[: max(1, len(theirs))]
    assert len(ours) <= len(theirs), f"we took {ours[len(theirs)]}, h11 did not"
    for mine, its in zip(ours, theirs, strict=False):
        assert normal(mine) == normal(its)


def normal(message: Message) -> Message:
    """h11 rewrites the framing fields to one canonical form."""
    fields = [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in message.fields]
    return message._replace(fields=fields)


# -- responses


def response_as_we_read_it(pieces: list[bytes]) -> Message | None:
    async def main() -> Message | None:
        pool = Pool(Origin())
        connection, wire = UpstreamConnection(pool), Wire()
        connection.connection_made(wire)
        waiting = connection.send(b"GET / HTTP/1.1\r\n\r\n", None, bodiless=False, timeouts=Timeouts(), since=0.0)
        assert pool.loop is asyncio.get_running_loop()
        for piece in pieces:
            if not wire.closed and not connection.idle:
                connection.data_received(piece)
        if not wire.closed and not connection.idle:
            connection.eof_received()
        try:
            reply = await waiting
            return Message((b"%d" % reply.status,), reply.headers, await reply.read(1_000_000))
        except Http1Error:
            return None

    with asyncio.Runner() as runner:
        return runner.run(main())


def response_as_h11_reads_it(stream: bytes) -> Message | None:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=100_000)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(stream)
    ended = False
    head: h11.Response | None = None
    body = b""
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA and not ended:
                connection.receive_data(b"")
                ended = True
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                fields = [(bytes(name), bytes(value)) for name, value in head.headers]
                return Message((b"%d" % head.status_code,), fields, body)
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


STATUS = st.tuples(
    st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"http/1.1", b"ICY"]),
    SPACE,
    st.sampled_from([b"200", b"200", b"404", b"204", b"304", b"100", b"103", b"101", b"99", b"2000", b"2x0", b""]),
    st.sampled_from([b" OK", b" ", b"", b" Not \xe9", b" a\0"]),
    END,
).map(b"".join)
GOOD_STATUS = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"]
)
GOOD_RESPONSE_FIELDS = st.sampled_from(
    [
        b"",
        b"content-length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"connection: close\r\n",
        b"x-a: 1\r\nX-A: 2\r\n",
    ]
)
RESPONSE = st.tuples(
    GOOD_STATUS | STATUS,
    st.one_of(
        GOOD_RESPONSE_FIELDS,
        st.tuples(GOOD_RESPONSE_FIELDS, FIELD).map(b"".join),
        st.lists(FIELD, max_size=3).map(b"".join),
    ),
    st.just(b"\r\n") | END,
    BODY,
).map(b"".join)


@FUZZ
@given(stream=RESPONSE, splits=SPLITS)
@example(stream=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", splits=list(range(70)))
def test_responses(stream: bytes, splits: list[int]) -> None:
    ours = response_as_we_read_it(cut(stream, splits))
    assert ours == response_as_we_read_it([stream])
    if ours is not None:
        theirs = response_as_h11_reads_it(stream)
        assert theirs is not None, f"we took {ours}, h11 nothing"
        assert normal(ours) == normal(theirs)
