"""What is particular to the streams of Responses, Messages, Cohere, Google, and of speech and pictures."""

import base64
import json
from typing import Any

import pytest

from genaiops.dialects.responses import ResponsesStream
from genaiops.guard.surfaces._encoded import Read, of_base64
from tests.guard.surfaces.channels import Hides, Same, Shouts, always
from tests.guard.surfaces.pieces import PNG, SEALED
from tests.guard.surfaces.streams import chunk, events, parsed, texts_of
from tests.guard.surfaces.test_streams import rewritten

HELD = always(lambda: Hides("secret word"))


def typed(*found: dict[str, Any]) -> bytes:
    lines = [b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in found]
    return b"".join(lines)


def numbered(*found: dict[str, Any]) -> bytes:
    return typed(*[{**one, "sequence_number": at} for at, one in enumerate(found)])


# -- Responses


def test_a_repeated_text_shows_what_has_become_of_it_everywhere() -> None:
    chat = [
        chunk({"reasoning_content": "the secret"}),
        chunk({"reasoning_content": " word"}),
        chunk({"content": "a secret w"}),
        chunk({"content": "ord"}),
        chunk({"refusal": "no secret word"}),
        chunk({}, finish="stop"),
    ]
    request = b'{"model":"m","input":"x","reasoning":{"summary":"auto"},"instructions":"keep the secret word"}'
    stream = ResponsesStream(request)
    data = stream.feed(events(chat)) + stream.end()
    out = rewritten("responses", data, HELD, 13)
    assert b"secret" not in out.replace(b"keep the [HIDDEN]", b"")
    texts = texts_of("responses", out)
    assert sorted(texts.values()) == ["a [HIDDEN]", "no [HIDDEN]", "the [HIDDEN]"]
    assert parsed(out)[-1]["response"]["instructions"] == "keep the [HIDDEN]"


def test_events_of_items_that_are_no_messages() -> None:
    item = {
        "id": "ci_1",
        "type": "code_interpreter_call",
        "code": "print('a secret word')",
        "container_id": "c_1",
        "outputs": [{"type": "logs", "logs": "a secret word"}],
        "status": "completed",
    }
    place = {"output_index": 0, "item_id": "ci_1"}
    annotation = {"type": "url_citation", "url": "https://a", "title": "secret word", "start_index": 0, "end_index": 1}
    stream = numbered(
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "code": "", "outputs": None}},
        {"type": "response.code_interpreter_call_code.delta", **place, "delta": "print('a secret"},
        {"type": "response.code_interpreter_call_code.delta", **place, "delta": " word')"},
        {"type": "response.code_interpreter_call_code.done", **place, "code": "print('a secret word')"},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.output_text.annotation.added",
            "output_index": 1,
            "item_id": "m",
            "content_index": 0,
            "annotation_index": 0,
            "annotation": annotation,
        },
        {
            "type": "response.image_generation_call.partial_image",
            "output_index": 2,
            "item_id": "i",
            "partial_image_b64": PNG,
            "partial_image_index": 0,
        },
        {"type": "response.audio.delta", "delta": PNG},
        {"type": "response.audio.transcript.delta", "delta": "a secret word"},
        {"type": "response.audio.transcript.done"},
        {"type": "error", "code": "server_error", "message": "about the secret word", "param": None},
    )
    assert rewritten("responses", stream, always(Same)) == stream
    found = parsed(rewritten("responses", stream, HELD))
    assert "secret" not in json.dumps(found)
    assert [one["sequence_number"] for one in found] == list(range(13))
    assert found[3]["type"].endswith("code.delta")
    assert found[3]["delta"] == "print('a [HIDDEN]')"
    assert found[4]["code"] == found[3]["delta"] == found[5]["item"]["code"]


# -- Messages


def test_blocks_of_all_kinds() -> None:
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "claude-sonnet-5",
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3},
        },
    }
    result = {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {"type": "web_search_result", "url": "https://a", "title": "secret word", "encrypted_content": SEALED}
        ],
    }
    citation = {"type": "web_search_result_location", "cited_text": "secret word", "title": "t", "url": "https://a"}

    def delta(index: int, **fields: Any) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": fields}

    stream = typed(
        start,
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        delta(0, type="thinking_delta", thinking="a secret"),
        delta(0, type="thinking_delta", thinking=" word"),
        delta(0, type="signature_delta", signature=SEALED),
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": result},
        {"type": "content_block_stop", "index": 1},
        {"type": "ping"},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "the sec"}},
        delta(2, type="text_delta", text="ret word"),
        delta(2, type="citations_delta", citation=citation),
        {"type": "content_block_stop", "index": 2},
        {"type": "content_block_start", "index": 3, "content_block": {"type": "text", "text": ""}},
        delta(3, type="text_delta", text="to be cut"),
        {"type": "error", "error": {"type": "overloaded_error", "message": "the secret word"}},
    )
    assert rewritten("messages", stream, always(Same), 9) == stream
    found = parsed(rewritten("messages", stream, HELD, 9))
    assert "secret" not in json.dumps(found)
    texts = texts_of("messages", rewritten("messages", stream, HELD))
    assert texts[0] == "a [HIDDEN]"
    assert texts[2] == "the [HIDDEN]"
    assert [one["type"] for one in found[-2:]] == ["content_block_delta", "error"]
    assert found[-2]["delta"] == {"type": "text_delta", "text": "to be cut"}


# -- Cohere


def test_plans_and_citations() -> None:
    def plan(text: str) -> dict[str, Any]:
        return {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}

    def more(text: str) -> dict[str, Any]:
        calls = {"function": {"arguments": text}}
        return {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": calls}}}

    calls = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    cited = {
        "start": 0,
        "end": 4,
        "text": "secret word",
        "sources": [{"type": "document", "id": "d", "document": {"id": "d", "x": "secret word"}}],
    }
    stream = typed(
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant"}}},
        plan("a sec"),
        plan("ret word"),
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": calls}}},
        more('{"q":"the secret'),
        more(' word"}'),
        {"type": "tool-call-end", "index": 0},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {
            "type": "content-delta",
            "index": 0,
            "delta": {"message": {"content": {"text": "a secret word"}}},
            "logprobs": {"text": "a secret word", "token_ids": [1], "logprobs": [-0.1]},
        },
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": cited}}},
        {"type": "citation-end", "index": 0},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 1}}}},
    )
    assert rewritten("cohere", stream, always(Same)) == stream
    found = parsed(rewritten("cohere", stream, HELD, 21))
    assert "secret" not in json.dumps(found)
    plans = [one["delta"]["message"]["tool_plan"] for one in found if one["type"] == "tool-plan-delta"]
    assert "".join(plans) == "a [HIDDEN]"
    assert found.index(plan("a [HIDDEN]")) < next(
        at for at, one in enumerate(found) if one["type"] == "tool-call-start"
    )
    assert texts_of("cohere", rewritten("cohere", stream, HELD))["tool-call", 0] == '{"q":"the [HIDDEN]"}'


# -- Google


def part(*parts: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": index, **more}
    return {"candidates": [candidate], "modelVersion": "gemini-3-flash", "responseId": "r1"}


def test_texts_of_a_candidate_keep_their_order() -> None:
    called = {"functionCall": {"name": "f", "args": {"q": "a secret word"}}}
    stream = events(
        [
            part({"text": "think sec", "thought": True}),
            part({"text": "ret word", "thought": True}, {"text": "say sec"}),
            part({"text": "ret word"}, index=1),
            part({"text": "ret word"}),
            part(called),
            part({"text": "more"}),
            {"candidates": [{"finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 1}},
            part({"text": " at the end"}, index=1, finishReason="STOP"),
        ],
        done=False,
    )
    assert rewritten("gemini", stream, always(Same)) == stream
    found = parsed(rewritten("gemini", stream, HELD))
    candidates = [candidate for one in found for candidate in one["candidates"]]
    pieces = [(one["index"], each) for one in candidates for each in one.get("content", {}).get("parts", [])]
    said = [piece for piece in pieces if piece[1].get("text") != ""]
    assert said == [
        (0, {"text": "think [HIDDEN]", "thought": True}),
        (0, {"text": "say [HIDDEN]"}),
        (0, {"functionCall": {"name": "f", "args": {"q": "a [HIDDEN]"}}}),
        (0, {"text": "more"}),
        (1, {"text": "ret word at the end"}),
    ]
    assert found[-1]["candidates"][0]["finishReason"] == "STOP"


# -- beside chat


def token(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -1, "bytes": [1]}


def test_transcriptions() -> None:
    stream = typed(
        {"type": "transcript.text.delta", "delta": "a secret", "logprobs": [token("a secret")]},
        {"type": "transcript.text.delta", "delta": " word"},
        {"type": "transcript.text.segment", "id": "seg_1", "text": "a secret word", "speaker": "A"},
        {
            "type": "transcript.text.done",
            "text": "a secret word",
            "usage": {"type": "tokens", "input_tokens": 3},
            "logprobs": [token("a secret word")],
        },
    )
    assert rewritten("openai", stream, always(Same), operation="transcription") == stream
    out = rewritten("openai", stream, HELD, operation="transcription")
    found = parsed(out)
    assert b"secret" not in out
    assert "".join(one["delta"] for one in found if one["type"].endswith("delta")) == found[-1]["text"] == "a [HIDDEN]"
    assert found[-1]["logprobs"] == []


@pytest.mark.parametrize(
    ("operation", "event"),
    [
        ("speech", {"type": "speech.audio.delta", "audio": PNG}),
        ("speech", {"type": "speech.audio.done", "usage": {"input_tokens": 1, "total_tokens": 2}}),
        (
            "image_generation",
            {
                "type": "image_generation.partial_image",
                "b64_json": PNG,
                "partial_image_index": 0,
                "created_at": 1700000000,
                "size": "1024x1024",
                "output_format": "png",
            },
        ),
    ],
)
def test_sound_and_pictures_have_no_text(operation: str, event: dict[str, Any]) -> None:
    assert rewritten("openai", typed(event), always(Shouts), operation=operation) == typed(event)
    hidden = {**event, "said": "a secret word"}
    assert b"A SECRET WORD!" in rewritten("openai", typed(hidden), always(Shouts), operation=operation)


def test_a_text_in_place_of_media_is_a_text() -> None:
    text = "A letter to nobody, which is long enough to be taken for a picture."
    assert of_base64(base64.b64encode(text.encode()).decode()).text == text
    assert of_base64(base64.b64encode(text.encode() * 300).decode()).text == text * 300
    assert of_base64(text).text == text
    assert of_base64(PNG, "image/png") == Read(None, media="image/png")
    assert of_base64(PNG * 100, "image/png") == Read(None, media="image/png")
