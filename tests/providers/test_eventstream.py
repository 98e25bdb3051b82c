"""AWS's event streams: whole messages out of any cut, and nothing out of damaged bytes."""

import struct
from itertools import pairwise
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.providers._eventstream import MESSAGE_LIMIT, MessageSplitter
from tests.providers.eventstreams import event, exception, framed, text_header

STREAM = (
    event("messageStart", {"role": "assistant"})
    + event("contentBlockDelta", {"delta": {"text": "caf\u00e9"}, "contentBlockIndex": 0})
    + exception("throttlingException", "Slow down")
    + event("empty", b"")
)


def split(data: bytes, cuts: list[int]) -> list[tuple[dict[str, str], bytes]]:
    splitter = MessageSplitter()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    found = [each for start, end in pairwise(places) for each in splitter.feed(data[start:end])]
    assert splitter.rest == b""
    return [(each.headers, each.payload) for each in found]


def test_it_reads_what_awss_own_reader_reads() -> None:
    theirs = EventStreamBuffer()
    theirs.add_data(STREAM)
    assert split(STREAM, []) == [(each.headers, each.payload) for each in theirs]


@given(st.lists(st.integers(0, 2000), max_size=20))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    assert split(STREAM, cuts) == split(STREAM, [])


HEADER = st.tuples(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=9), st.text(max_size=9))


@given(st.dictionaries(HEADER.map(lambda pair: pair[0]), st.text(max_size=30), max_size=5), st.binary(max_size=200))
def test_any_text_headers_and_payload_come_back(headers: dict[str, str], payload: bytes) -> None:
    data = framed(b"".join(text_header(*pair) for pair in headers.items()), payload)
    assert split(data, [7]) == [(headers, payload)]


def test_headers_of_every_type_are_passed_over() -> None:
    values = [b"\x00", b"\x01", b"\x02\x05", b"\x03\x00\x05", b"\x04" + bytes(4), b"\x05" + bytes(8)]
    values += [b"\x06\x00\x03abc", b"\x08" + bytes(8), b"\x09" + bytes(16)]
    headers = b"".join(b"\x01" + bytes([97 + number]) + value for number, value in enumerate(values))
    data = framed(headers + text_header(":event-type", "x"), b"p")
    theirs = EventStreamBuffer()
    theirs.add_data(data)
    assert next(theirs).headers[":event-type"] == "x"
    assert split(data, []) == [({":event-type": "x"}, b"p")]


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255))
def test_no_flipped_bit_goes_unseen(place: int, mask: int) -> None:
    broken = bytearray(STREAM)
    broken[place] ^= mask
    splitter = MessageSplitter()
    with pytest.raises(UpstreamError) as raised:
        splitter.feed(bytes(broken))
    assert raised.value.code == "upstream_bad_stream"


@given(st.binary(max_size=100))
def test_garbage_is_refused_or_waited_for(data: bytes) -> None:
    splitter = MessageSplitter()
    try:
        assert splitter.feed(data) == []
    except UpstreamError:
        return
    assert len(splitter.rest) < 12


def prelude(total: int, headers: int) -> bytes:
    data = struct.pack(">II", total, headers)
    return data + struct.pack(">I", crc32(data))


@pytest.mark.parametrize(
    "data",
    [
        prelude(15, 0),
        prelude(20, 5),
        prelude(MESSAGE_LIMIT + 1, 0),
        prelude(1 << 20, 200_000),
        framed(b"\x05abc", b""),
        framed(b"\x01a\x07\x00\x09x", b""),
        framed(b"\x01a\x0a", b""),
        framed(b"\x01\xff\x00", b""),
        framed(b"\x01a\x05\x00", b""),
    ],
)
def test_impossible_lengths_and_headers_are_refused(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        MessageSplitter().feed(data)
