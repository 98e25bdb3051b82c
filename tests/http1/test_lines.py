"""Lines that are remembered, and the chunked coding."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.http1 import ServerLimits
from genaiops.http1._chunked import ChunkedDecoder, MalformedChunk
from genaiops.http1._fields import check_block, serialise
from genaiops.http1._heads import parse_request_head
from genaiops.http1._lines import _PLAIN_SECRET, MalformedLine, _judge, field_lines, request_lines
from genaiops.http1.errors import InvalidField

LIMITS = ServerLimits()


def test_credentials_are_not_kept() -> None:
    for name in (b"Authorization", b"Cookie", b"x-api-key", b"Proxy-Authorization"):
        line = name + b": a secret"
        assert field_lines[line] == (name.lower(), b"a secret")
        assert line not in field_lines
    assert field_lines[b"Accept: kept"] == (b"accept", b"kept")
    assert b"Accept: kept" in field_lines


def test_what_is_kept_is_bounded() -> None:
    for number in range(10_000):
        _ = field_lines[b"x-unique: %d" % number]
        _ = request_lines[b"GET /%d HTTP/1.1" % number]
        serialise([(b"x-unique", b"%d" % number)])
    _ = field_lines[b"x-long: " + b"v" * 10_000]
    assert len(field_lines) <= 2048
    assert len(request_lines) <= 2048
    assert not any(len(line) > 256 for line in field_lines)


def test_what_is_refused_is_refused_again() -> None:
    for _ in range(2):
        with pytest.raises(MalformedLine):
            _ = field_lines[b"bad name: x"]
        with pytest.raises(InvalidField):
            serialise([(b"bad name", b"x")])
        with pytest.raises(InvalidField):
            check_block(b"bad name: x\r\n")


def test_heads_do_not_share_their_lists() -> None:
    heads = [parse_request_head(b"GET / HTTP/1.1\r\nhost: x", LIMITS) for _ in range(2)]
    heads[0].headers.append((b"mine", b"1"))
    assert heads[1].headers == [(b"host", b"x")]


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=6),
    extension=st.sampled_from([b"", b";a=b", b';a="b c"']),
    trailers=st.sampled_from([b"", b"a: b\r\n", b"a: b\r\nc:\r\n"]),
    rest=st.binary(max_size=20),
    step=st.integers(1, 400),
)
def test_chunks_in_any_pieces(chunks: list[bytes], extension: bytes, trailers: bytes, rest: bytes, step: int) -> None:
    coded = (
        b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"
    )
    stream = coded + rest
    for _ in range(2):  # the second time, sizes are known
        decoder = ChunkedDecoder()
        out: list[bytes] = []
        behind = b""
        for start in range(0, len(stream), step):
            piece = stream[start : start + step]
            behind += piece if decoder.complete else decoder.feed(piece, out)
        assert decoder.complete
        assert b"".join(out) == b"".join(chunks)
        assert behind == rest


@given(
    pieces=st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=20).map(lambda chunk: b"%x\r\n%b\r\n" % (len(chunk), chunk)),
            st.sampled_from(
                [b"5\r\nhe", b"llo\r\n", b"1\r", b"\na\r\n", b"1;x=y\r\nb\r\n", b"0\r\n", b"\r\n", b"1\r\nbcd"]
            ),
        ),
        max_size=10,
    )
)
def test_a_chunk_taken_singly_is_what_it_is_among_others(pieces: list[bytes]) -> None:
    plain, quick = ChunkedDecoder(), ChunkedDecoder()
    for piece in pieces:
        expected: list[bytes] = []
        got: list[bytes] = []
        try:
            plain.feed(piece, expected)
        except MalformedChunk:
            assert not quick.single(piece)
            return
        payload = quick.single(piece)
        if payload:
            got.append(payload)
        else:
            quick.feed(piece, got)
        assert got == expected
        assert (quick.complete, quick.received) == (plain.complete, plain.received)
        if plain.complete:
            return


def test_one_whole_plain_chunk_can_be_taken_singly() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"5\r\nhello\r\n", [])
    assert decoder.single(b"5\r\nagain\r\n") == b"again"
    assert decoder.received == 10


@given(
    data=st.lists(
        st.sampled_from([b"5", b"0", b"a", b"\r\n", b"\n", b"\r", b";", b" ", b"hello", b"x: y", b":"]), max_size=14
    )
)
def test_what_we_take_as_chunks_h11_takes_too(data: list[bytes]) -> None:
    stream = b"".join(data)
    decoder = ChunkedDecoder()
    out: list[bytes] = []
    try:
        decoder.feed(stream, out)
    except MalformedChunk:
        return
    if not decoder.complete:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + stream)
    body = b""
    assert isinstance(peer.next_event(), h11.Request)
    while isinstance(event := peer.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert body == b"".join(out)


NAMES = st.sampled_from([b"Authorization", b"x-api-key", b"AUTHORIZATION"])
VALUES = st.text(st.characters(min_codepoint=0x1F, max_codepoint=0x7F), min_size=1) | st.from_regex(
    "Bearer [!-~]{1,40}"
)


@given(NAMES, VALUES)
def test_a_credential_that_no_parser_sees_is_one_that_none_refuses(name: bytes, text: str) -> None:
    line = b"%b: %b" % (name, text.encode())
    if _PLAIN_SECRET.fullmatch(line):
        _judge(b"GET / HTTP/1.1\r\n%b\r\n\r\n" % line)
        assert field_lines[line] == (name.lower(), text.encode())
