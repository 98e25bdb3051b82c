"""What Gemini and Vertex AI answer, whole and streamed, in OpenAI's words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.providers.google import Gemini
from tests.providers.calls import (
    PIXEL,
    answered,
    asked,
    call,
    chunks,
    events,
    joined,
    sent,
    streamed,
    without_moment,
)
from tests.providers.google_fixtures import ANSWER, GEMINI, STREAM, WIRE


def test_an_answer_in_openais_words() -> None:
    said, answer = answered(Gemini(), asked(), ANSWER)
    message = said.choices[0].message
    assert message.content == "It is warm."
    assert message.model_dump()["reasoning_content"] == "Let me think."
    assert (said.id, said.model, said.choices[0].finish_reason) == ("r1", "gemini-2.5-flash", "stop")
    assert answer.usage == Usage(input_uncached=45, cache_read=60, output_text=7, reasoning=20)
    assert said.usage is not None
    assert (said.usage.prompt_tokens, said.usage.completion_tokens, said.usage.total_tokens) == (105, 27, 132)
    assert said.usage.prompt_tokens_details is not None
    assert said.usage.prompt_tokens_details.cached_tokens == 60
    assert said.usage.completion_tokens_details is not None
    assert said.usage.completion_tokens_details.reasoning_tokens == 20


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter"), ("OTHER", "stop")],
)
def test_why_an_answer_ended(reason: str, finish: str) -> None:
    candidate = {"content": {"parts": [{"text": "x"}]}, "finishReason": reason}
    said, answer = answered(Gemini(), asked(), {"candidates": [candidate]})
    assert said.choices[0].finish_reason == answer.finish_reason == finish
    assert answer.usage is None
    assert answer.text == "x"


def test_a_blocked_prompt_is_filtered_content_and_says_why() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    said, answer = answered(Gemini(), asked(), blocked)
    assert said.choices[0].finish_reason == "content_filter"
    assert said.choices[0].message.model_dump()["extra_content"]["google"]["block_reason"] == "SAFETY"
    assert answer.usage == Usage(4)
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, events(blocked))
    assert joined(chunks(pieces))["finish"] == "content_filter"
    assert pieces[-1].done


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"candidates": []},
        {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},
        {"candidates": [{"content": {"parts": []}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "bad"}]},
        {"candidates": [{"content": {"parts": [{"text": 5}]}}]},
        [],
    ],
)
def test_a_200_that_is_no_answer_is_a_failure(answer: Any) -> None:
    with pytest.raises(UpstreamError):
        Gemini().read(asked(), json.dumps(answer).encode())


def test_log_probabilities() -> None:
    from google.genai import types

    logprobs = {
        "chosenCandidates": [{"token": "hé", "tokenId": 5, "logProbability": -0.5}],
        "topCandidates": [
            {"candidates": [{"token": "hé", "logProbability": -0.5}, {"token": "o", "logProbability": -2}]}
        ],
    }
    answer = {
        "candidates": [{"content": {"parts": [{"text": "hé"}]}, "finishReason": "STOP", "logprobsResult": logprobs}]
    }
    types.GenerateContentResponse.model_validate(answer)
    said, _ = answered(Gemini(), asked(logprobs=True, top_logprobs=2), answer)
    assert said.choices[0].logprobs is not None
    [token] = said.choices[0].logprobs.content or []
    assert (token.token, token.logprob, token.bytes, len(token.top_logprobs)) == ("hé", -0.5, list("hé".encode()), 2)


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    given = asked(stream=True, stream_options={"include_usage": True})
    whole = streamed(Gemini().stream(given, filter_usage=False), WIRE)
    stream = Gemini().stream(given, filter_usage=False)
    pieces = streamed(stream, WIRE, cuts)
    ours, theirs = without_moment(pieces), without_moment(whole)
    for one in (*ours, *theirs):
        for choice in one["choices"]:
            for tool in choice["delta"].get("tool_calls") or ():
                tool.pop("id")  # minted
    assert ours == theirs
    found = joined(chunks(pieces))
    assert (found["content"], found["reasoning_content"], found["finish"]) == ("Hé €", "Hm. ", "tool_calls")
    assert [json.loads(one["arguments"])["city"] for one in found["tool_calls"]] == ["Köln", "Bonn"]
    assert found["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "c2lnMQ=="}}
    last = chunks(pieces)[-1]
    assert not last.choices
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (9, 7)
    assert b"".join(piece.data for piece in pieces) == stream.keep()
    assert stream.keep().endswith(b"data: [DONE]\n\n")
    assert [piece.done for piece in pieces].count(True) == 1
    answer = stream.finish()
    assert answer.usage == Usage(input_uncached=9, output_text=4, reasoning=3)
    assert (answer.response_id, answer.response_model, answer.finish_reason) == ("r2", "gemini-3", "tool_calls")


def test_usage_comes_only_to_who_asked() -> None:
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, WIRE)
    assert b"prompt_tokens" not in b"".join(piece.data for piece in pieces)
    assert stream.finish().usage == Usage(input_uncached=9, output_text=4, reasoning=3)


def test_a_stream_of_several_candidates_ends_with_the_last() -> None:
    def one(index: int, reason: str | None = None) -> dict[str, Any]:
        candidate = {"index": index, "content": {"parts": [{"text": str(index)}]}}
        return {
            "candidates": [candidate | ({"finishReason": reason} if reason else {})],
            "usageMetadata": {"promptTokenCount": 1},
        }

    stream = Gemini().stream(asked(stream=True, n=2), filter_usage=False)
    pieces = streamed(stream, events(one(0), one(1), one(0, "STOP")))
    assert not any(piece.done for piece in pieces)
    pieces += streamed(stream, events(one(1, "MAX_TOKENS")))
    assert pieces[-1].done
    assert joined(chunks(pieces), 1) == {"content": "11", "reasoning_content": "", "tool_calls": [], "finish": "length"}


def test_the_end_of_a_stream_without_usage_is_said_when_the_upstream_is_done() -> None:
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    text = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "index": 0}]}
    streamed(stream, events(text))
    with pytest.raises(UpstreamError, match="before the answer"):
        stream.end()
    streamed(stream, events({"candidates": [{"finishReason": "STOP", "index": 0}]}))
    end = stream.end()
    assert end is not None
    assert end.done
    assert end.data == b"data: [DONE]\n\n"
    assert stream.finish().text == "x"


def test_the_usage_of_a_stream_that_was_cut_off_is_not_taken_for_whole() -> None:
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    streamed(stream, events(*STREAM[:2]))
    assert stream.finish().usage is None
    assert stream.finish().text == "Hm. Hé €"


def test_a_picture_is_content_and_goes_back() -> None:
    from google.genai import types

    parts: list[dict[str, Any]] = [
        {"text": "Here:"},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "c2ln"},
    ]
    candidate = {"content": {"parts": parts}, "finishReason": "STOP", "index": 0}
    answer = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1290}}
    types.GenerateContentResponse.model_validate(answer)
    said, _ = answered(Gemini(), asked(modalities=["text", "image"]), answer)
    message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
    assert message["images"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    body = sent(Gemini(), call({"messages": [message], "modalities": ["text", "image"]}), GEMINI)
    assert body["contents"][0]["parts"] == parts
    assert body["generationConfig"]["responseModalities"] == ["TEXT", "IMAGE"]
    pieces = streamed(Gemini().stream(asked(stream=True), filter_usage=False), events(answer))
    assert pieces[0].content
    deltas = [choice.delta.model_dump() for chunk in chunks(pieces) for choice in chunk.choices]
    assert [one["images"] for one in deltas if "images" in one] == [message["images"]]


def test_an_error_in_a_stream_is_one() -> None:
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    [piece] = streamed(stream, events({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}))
    assert piece.error == "overloaded"
    assert json.loads(piece.data.removeprefix(b"data: "))["error"]["message"] == "overloaded"
    stream = Gemini().stream(asked(stream=True), filter_usage=False)
    [piece] = streamed(stream, events({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}))
    assert piece.error is not None
    assert "MALFORMED_FUNCTION_CALL" in piece.error


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise_anything_else(data: bytes) -> None:
    for read in (
        lambda: Gemini().stream(asked(stream=True), filter_usage=False).feed(b"data: " + data + b"\n\n"),
        lambda: Gemini().read(asked(), data),
        lambda: Gemini().read(call({"input": "x"}, operation="embeddings"), data),
    ):
        try:
            read()
        except UpstreamError:
            pass
    Gemini().error(400, [], data)
