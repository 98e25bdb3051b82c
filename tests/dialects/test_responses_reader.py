"""The provider's reader and the translation as one reader, held against OpenAI's real one."""

from itertools import pairwise
from typing import Any

from hypothesis import given

from genaiops.dialects.reader import TranslatedReader
from genaiops.dialects.responses import ResponsesStream
from genaiops.domain import Usage
from genaiops.ports.providers import StreamPiece, StreamReader
from genaiops.providers.openai import OpenAIStream
from tests.dialects.responses_shapes import CUTS, DONE, FINISHES, MESSAGES, event, events_of, request, stream_of

USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


def reader() -> TranslatedReader:
    return TranslatedReader(OpenAIStream(filter_usage=False), ResponsesStream(request(stream=True)))


@given(MESSAGES, FINISHES, CUTS)
def test_it_is_the_translation_of_what_was_read(message: Any, finish: str, cuts: list[int]) -> None:
    one: StreamReader = reader()
    data = stream_of(message, finish, USAGE)
    pieces: list[StreamPiece] = []
    for start, end in pairwise([0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]):
        piece = one.feed(data[start:end])
        if piece is not None:
            assert piece.data
            pieces.append(piece)
    out = b"".join(piece.data for piece in pieces)
    assert events_of(out)[-1]["response"]["usage"]["input_tokens"] == 3
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert any(piece.content for piece in pieces) == any(piece.content for piece in chat_pieces(data))
    assert (one.keep(), one.truncated) == (out, False)
    assert one.finish() == chat_finish(data)
    assert one.finish().usage == Usage(3, 0, 0, 2)


def chat_pieces(data: bytes) -> list[StreamPiece]:
    piece = OpenAIStream(filter_usage=False).feed(data)
    return [piece] if piece is not None else []


def chat_finish(data: bytes) -> Any:
    stream = OpenAIStream(filter_usage=False)
    stream.feed(data)
    return stream.finish()


def test_content_is_said_with_the_piece_that_shows_it() -> None:
    one = reader()
    one.feed(event({"role": "assistant"}))
    assert one.feed(event({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "1"}}]})) is None
    piece = one.feed(event({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}))
    assert piece is not None
    assert piece.content
    assert b"output_item.added" in piece.data
    assert one.feed(event(usage=USAGE)) is None


def test_content_that_was_not_shown_yet_counts_with_the_end() -> None:
    one = reader()
    one.feed(event({"role": "assistant"}))
    assert one.feed(event({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "1"}}]})) is None
    piece = one.feed(event({}, "tool_calls") + DONE)
    assert piece is not None
    assert (piece.content, piece.done) == (True, True)


def test_an_error_is_told_in_both_ways() -> None:
    one = reader()
    one.feed(event({"content": "x"}))
    piece = one.feed(b'data: {"error":{"message":"Overloaded"}}\n\n')
    assert piece is not None
    assert piece.error == "Overloaded"
    assert piece.data.count(b"event: response.failed") == piece.data.count(b"event: error") == 1
    assert one.fail("again", "x") == b""


def test_a_stream_that_breaks_or_stops_early() -> None:
    broken, stopped = reader(), reader()
    for one in (broken, stopped):
        one.feed(event({"content": "x"}) + event({}, "stop"))
    assert b"event: response.failed" in broken.fail("It went silent.", "upstream_idle")
    assert b"event: response.completed" in stopped.end().data
    assert b"response.completed" in stopped.keep()


def test_what_is_kept_is_bounded() -> None:
    one = reader()
    for _ in range(12):
        one.feed(event({"content": "x" * 200_000}))
    one.feed(event({}, "stop") + DONE)
    assert one.truncated
    assert len(one.keep()) < 2 << 20
