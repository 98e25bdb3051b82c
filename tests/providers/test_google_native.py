"""Calls in Google's own words at Google's targets: what goes out, and what is read of what comes back."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import CallBody, StreamReader
from genaiops.providers import load
from tests.providers.calls import events, target
from tests.providers.google_fixtures import ANSWER, CALLS, GEMINI, STREAM, WIRE

VERTEX = target("vertex", "text-embedding-005", "https://europe-west4-aiplatform.googleapis.com/v1")
ASK = b'{"contents":[{"parts":[{"text":"Hi"}]}]}'


def native(raw: bytes, *, operation: Any = "chat", stream: bool = False, cap: int | None = None) -> CallBody:
    return CallBody(operation, raw, "m", stream, True, cap, cap is not None, dialect="gemini")


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (ASK, {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 7}}),
        (
            b'{"contents":[],"generation_config":{"topK":1}}',
            {"contents": [], "generation_config": {"topK": 1, "maxOutputTokens": 7}},
        ),
        (b'{"contents":[],"generationConfig":null}', {"contents": [], "generationConfig": {"maxOutputTokens": 7}}),
    ],
)
def test_a_cap_goes_where_the_others_are(raw: bytes, out: dict[str, Any]) -> None:
    assert json.loads(load("google").prepare(native(raw, cap=7), GEMINI, "k").body) == out


def test_a_body_names_no_other_model() -> None:
    """The path says which one, and a key may be allowed that one only."""
    google = load("google")
    assert google.prepare(native(ASK), GEMINI, "k").body is not None
    body = b'{"model":"models/other","genaiops":{},"contents":[]}'
    assert google.prepare(native(body), GEMINI, "k").body == b'{"contents":[]}'
    batch = b'{"requests":[{"model":"models/other","content":{}},{"content":{}}]}'
    sent = json.loads(google.prepare(native(batch, operation="embeddings"), GEMINI, "k").body)
    assert [one["model"] for one in sent["requests"]] == ["models/gemini-2.5-flash"] * 2
    single = google.prepare(native(b'{"model":"models/other","content":{}}', operation="embeddings"), GEMINI, "k")
    assert (single.path, single.body) == (b"/models/gemini-2.5-flash:embedContent", b'{"content":{}}')
    counted = google.count(b'{"generateContentRequest":{"model":"models/other"}}', "gemini", GEMINI, "k")
    assert counted is not None
    assert json.loads(counted.body) == {"generateContentRequest": {"model": "models/gemini-2.5-flash"}}


def test_embeddings_of_vertex_are_translated_both_ways() -> None:
    vertex = load("vertex")
    to = target("vertex", "text-embedding-005", VERTEX.base_url or "", settings={"project": "p"})
    asked = native(
        b'{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY"}]}', operation="embeddings"
    )
    wire = vertex.prepare(asked, to, "token")
    assert json.loads(wire.body)["instances"] == [{"content": "a", "task_type": "RETRIEVAL_QUERY"}]
    answer = vertex.read(asked, b'{"predictions":[{"embeddings":{"values":[1,2],"statistics":{"token_count":3}}}]}')
    assert answer.usage == Usage(3)
    assert json.loads(answer.body or b"")["embeddings"] == [{"values": [1.0, 2.0]}]


def test_what_is_read_of_an_answer() -> None:
    google = load("google")
    found = google.read(native(ASK), json.dumps(ANSWER).encode())
    assert (found.usage, found.finish_reason, found.response_id, found.body) == (
        Usage(45, 60, 0, 7, 20),
        "stop",
        "r1",
        None,
    )
    assert google.read(native(ASK), json.dumps(CALLS).encode()).finish_reason == "tool_calls"
    untold = {"candidates": ANSWER["candidates"]}
    assert google.read(native(ASK), json.dumps(untold).encode()).text == "Let me think.It is warm."
    blocked = google.read(native(ASK), b'{"promptFeedback":{"blockReason":"SAFETY"}}')
    assert blocked.finish_reason == "content_filter"
    given_up = google.read(native(ASK), b'{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}')
    assert given_up.finish_reason == "error"
    for nothing in (b"{}", b'{"error":{"message":"no"}}', b"[]", b""):
        with pytest.raises(UpstreamError):
            google.read(native(ASK), nothing)


def reader() -> StreamReader:
    return load("google").stream(native(ASK, stream=True), filter_usage=False)


@given(st.lists(st.integers(0, len(WIRE)), max_size=15))
def test_a_stream_is_passed_on_as_it_is_however_it_is_cut(cuts: list[int]) -> None:
    stream = reader()
    marks = sorted({0, len(WIRE), *cuts})
    pieces = [piece for a, b in pairwise(marks) if (piece := stream.feed(WIRE[a:b])) is not None]
    out = b"".join(piece.data for piece in pieces)
    assert out == WIRE.removeprefix(b": keep-alive\r\n\r\n")  # which Google's own client would take for an event
    assert any(piece.content for piece in pieces)
    assert stream.keep() == out
    found = stream.finish()
    assert (found.usage, found.finish_reason, found.response_id) == (Usage(9, 0, 0, 4, 3), "tool_calls", "r2")
    assert "Hé €" in found.text


def test_a_stream_that_is_cut_off_is_not_whole_and_tells_no_usage() -> None:
    stream = reader()
    stream.feed(events(*STREAM[:2]))
    assert (stream.finish().finish_reason, stream.finish().usage) == (None, None)


@given(st.binary(max_size=200))
def test_garbage_is_an_upstream_error_or_nothing(data: bytes) -> None:
    stream = reader()
    try:
        piece = stream.feed(data)
    except UpstreamError:
        return
    assert piece is None or not piece.done
