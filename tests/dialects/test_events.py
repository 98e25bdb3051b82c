"""Server-sent events, however they are cut and whatever ends their lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.dialects.events import EVENT_LIMIT, EventReader

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from([b"", b"", b"data: a", b"data:b", b"data:", b": ping", b"event: x", b"id: 1", b"nothing"])
PIECES = st.lists(st.tuples(LINES, ENDS), max_size=20)


def plainly(lines: list[bytes]) -> list[bytes | None]:
    """Section 9.2.6, line by line; a comment as None."""
    found: list[bytes | None] = []
    data: list[bytes] = []
    for line in lines:
        if not line and data:
            found.append(b"\n".join(data))
            data = []
        elif line[:1] == b":":
            found.append(None)
        elif line[:5] == b"data:":
            data.append(line[6:] if line[5:6] == b" " else line[5:])
    return found


@given(PIECES, st.lists(st.integers(0, 200), max_size=30))
def test_events_are_those_of_the_standard_however_they_are_cut(
    pieces: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    lines = [line for line, _ in pieces]
    stream = b""
    for line, end in pieces:
        if not line and stream[-1:] == b"\r" and end == b"\n":
            end = b"\r\n"  # an LF after a CR would belong to that
        stream += line + end
    reader = EventReader()
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    found = [each for start, stop in itertools.pairwise(places) for each in reader.feed(stream[start:stop])]
    assert found == plainly(lines)
    assert reader.feed(b"") == []


def test_an_event_without_an_end() -> None:
    reader = EventReader()
    line = b"data: " + b"a" * (EVENT_LIMIT // 4) + b"\n"
    assert [reader.feed(line) for _ in range(3)] == [[]] * 3
    with pytest.raises(UpstreamError, match="larger than 4 MiB"):
        reader.feed(line)
