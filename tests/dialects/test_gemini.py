"""Google's generateContent as chat and back: shapes from Google's API reference, and what must hold for all of them."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.dialects.gemini import (
    answer_from_chat,
    chat_request,
    decode_count,
    decode_embed,
    decode_generate,
    embeddings_answer,
    embeddings_request,
    error_body,
)
from genaiops.dialects.gemini.schema import json_schema

Json = dict[str, Any]
USER = {"role": "user", "parts": [{"text": "Hi"}]}
PNG = {"inlineData": {"mimeType": "image/png", "data": "AA-_"}}


def chat(body: Json, *, strict: bool = False, stream: bool = False) -> Json:
    return json.loads(chat_request(json.dumps(body).encode(), model="m", stream=stream, strict=strict))


def with_config(**config: Any) -> Json:
    return {"contents": [USER], "generationConfig": config}


def test_a_conversation_with_everything_in_it() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "What is this?"}, PNG]},
            {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True},
                    {"text": "Let me look."},
                    {"functionCall": {"name": "look", "args": {"at": 1}}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "look", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "look", "response": {"output": "a cat"}}},
                    {"functionResponse": {"name": "look", "response": {"found": [1]}}},
                    {"text": "And?"},
                ],
            },
        ],
    }
    signed = {"google": {"thought_signature": "c2ln"}}
    assert chat(body)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA+/"}},
            ],
        },
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_0",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at":1}'},
                    "extra_content": signed,
                },
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}},
            ],
            "reasoning_content": "Hm.",
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "a cat"},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"found":[1]}'},
        {"role": "user", "content": "And?"},
    ]
    strict = chat(body, strict=True)["messages"][2]
    assert "reasoning_content" not in strict
    assert "extra_content" not in strict["tool_calls"][0]


def test_parameters_and_both_spellings() -> None:
    made = chat(
        {
            "contents": {"parts": {"text": "Hi"}},
            "generation_config": {
                "temperature": 0.5,
                "top_p": 0.9,
                "topK": 40.0,
                "stop_sequences": ["END"],
                "seed": 7,
                "presencePenalty": 0.1,
                "candidateCount": 2,
                "maxOutputTokens": 9,
                "response_mime_type": "application/json",
                "response_schema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
                "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True},
            },
            "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        },
        stream=True,
    )
    assert made == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "temperature": 0.5,
        "top_p": 0.9,
        "presence_penalty": 0.1,
        "top_k": 40,
        "n": 2,
        "seed": 7,
        "stop": ["END"],
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "answer",
                "schema": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
            },
        },
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"contents": [USER], "tools": [{"googleSearch": {}}]}, "tools.0.googleSearch"),
        (with_config(responseModalities=["AUDIO"]), "generationConfig.responseModalities"),
        (with_config(speechConfig={}), "generationConfig.speechConfig"),
        (with_config(responseMimeType="text/x.enum"), "generationConfig.responseMimeType"),
        (
            {"contents": [USER], "safetySettings": [{"threshold": "BLOCK_LOW_AND_ABOVE"}]},
            "safetySettings.0.threshold",
        ),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "gs://b/f"}}]}]}, "contents.0.parts.0.fileData.fileUri"),
        ({"contents": [{"parts": [{"toolCall": {}}]}]}, "contents.0.parts.0.toolCall"),
        ({"contents": [{"parts": [{**PNG, "videoMetadata": {}}]}]}, "contents.0.parts.0.videoMetadata"),
    ],
)
def test_what_chat_cannot_say_is_named(body: Json, param: str) -> None:
    with pytest.raises(UsageError) as refused:
        chat(body)
    assert (refused.value.code, refused.value.param) == ("not_translatable", param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents.0.role"),
        ({"contents": [{"parts": [{}]}]}, "contents.0.parts.0"),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}, "contents.0.parts.0.functionResponse.name"),
        ({"contents": [USER], "generationConfig": {"topP": 1, "top_p": 1}}, "generationConfig.topP"),
    ],
)
def test_what_is_wrong_is_named(body: Json, param: str) -> None:
    with pytest.raises(UsageError) as refused:
        chat(body)
    assert (refused.value.code, refused.value.param) == ("invalid_value", param)


def test_what_the_gateway_reads_of_a_body() -> None:
    result = {"functionResponse": {"name": "f", "response": {}, "parts": [PNG]}}
    head = decode_generate(
        json.dumps(
            {
                "contents": [{"parts": [PNG, {"file_data": {"file_uri": "u"}}, result]}],
                "generation_config": {"max_output_tokens": 5, "candidateCount": 3, "thinking_config": {}},
                "labels": {"team": "a"},
            }
        ).encode()
    )
    assert (head.max_tokens, head.answers, head.dense, head.labels) == (5, 3, 3, {"team": "a"})
    assert decode_count(b'{"generateContentRequest":{"contents":[]}}').dense == 0
    assert decode_embed(b'{"requests":[{"content":{"parts":[{"text":"a"}]}}]}', batch=True).dense == 0
    with pytest.raises(UsageError, match=r"generationConfig\.maxOutputTokens"):
        decode_generate(b'{"contents":[],"generationConfig":{"maxOutputTokens":-1}}')
    with pytest.raises(UsageError, match="requests"):
        decode_embed(b'{"requests":[]}', batch=True)


def test_a_schema_of_googles() -> None:
    schema = {
        "type": "ARRAY",
        "minItems": "2",
        "items": {
            "type": "OBJECT",
            "properties": {"type": {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True}, "n": {}},
            "property_ordering": ["n", "type"],
            "required": ["n"],
        },
    }
    made = json_schema(schema, "s")
    assert made["minItems"] == 2
    assert list(made["items"]["properties"]) == ["n", "type"]
    assert made["items"]["properties"]["type"] == {"type": ["string", "null"], "enum": ["a", None]}
    deep: Json = {}
    for _ in range(100):
        deep = {"items": deep}
    with pytest.raises(UsageError, match="nested"):
        json_schema(deep, "s")


# -- answers

CALLS = [
    {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1.50}'}},
    {"id": "call_b", "type": "function", "function": {"name": "g", "arguments": ""}},
]
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def completion(message: Json, finish: str = "stop") -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "c1", "model": "real", "choices": [choice], "usage": USAGE}).encode()


def test_a_whole_answer() -> None:
    body = completion({"content": "Hi", "reasoning_content": "Hm.", "tool_calls": CALLS}, "tool_calls")
    made = answer_from_chat(body, "m", thoughts=True)
    assert b'"args":{"x": 1.50}' in made  # as the model wrote it
    assert json.loads(made) == {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "Hi"},
                        {"functionCall": {"id": "call_a", "name": "f", "args": {"x": 1.5}}},
                        {"functionCall": {"id": "call_b", "name": "g", "args": {}}},
                    ],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 12,
            "candidatesTokenCount": 5,
            "totalTokenCount": 19,
            "cachedContentTokenCount": 8,
            "thoughtsTokenCount": 2,
        },
        "modelVersion": "real",
        "responseId": "c1",
    }
    assert b"Hm." not in answer_from_chat(body, "m", thoughts=False)


@pytest.mark.parametrize(
    ("message", "finish", "said"),
    [
        ({"content": "x"}, "length", "MAX_TOKENS"),
        ({"content": ""}, "content_filter", "SAFETY"),
        ({"content": None, "refusal": "No."}, "stop", "SAFETY"),
    ],
)
def test_reasons_to_stop(message: Json, finish: str, said: str) -> None:
    made = json.loads(answer_from_chat(completion(message, finish), "m", thoughts=False))
    assert made["candidates"][0]["finishReason"] == said


def test_a_call_that_the_cap_cut_off_is_left_out() -> None:
    cut = [CALLS[0], {"id": "c", "type": "function", "function": {"name": "g", "arguments": '{"a'}}]
    made = json.loads(answer_from_chat(completion({"tool_calls": cut}, "length"), "m", thoughts=False))
    assert len(made["candidates"][0]["content"]["parts"]) == 1
    with pytest.raises(UpstreamError, match="no JSON object"):
        answer_from_chat(completion({"tool_calls": cut}, "tool_calls"), "m", thoughts=False)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'{"error":{"message":"no"}}', b'{"choices":[{}]}'])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        answer_from_chat(body, "m", thoughts=False)


def test_embeddings_both_ways() -> None:
    asked = {
        "requests": [
            {"model": "models/m", "content": {"parts": [{"text": "a"}, {"text": "b"}]}, "outputDimensionality": 3},
            {"model": "models/m", "content": {"parts": [{"text": "c"}]}, "outputDimensionality": 3},
        ]
    }
    made = json.loads(embeddings_request(json.dumps(asked).encode(), model="m"))
    assert made == {"model": "m", "input": ["a\nb", "c"], "encoding_format": "float", "dimensions": 3}
    asked["requests"][0]["outputDimensionality"] = 4
    with pytest.raises(UsageError, match="outputDimensionality"):
        embeddings_request(json.dumps(asked).encode(), model="m")
    body = b'{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":3}}'
    answer = json.loads(embeddings_answer(body, batch=True))
    assert answer["embeddings"] == [{"values": [1.0]}, {"values": [2.0]}]
    assert json.loads(embeddings_answer(body, batch=False))["embedding"] == {"values": [1.0]}


def test_an_error() -> None:
    told = json.loads(error_body(429, "Slow.", code="rate_limit", request_id="req_1", retry_after=1.5))["error"]
    assert (told["code"], told["status"], told["message"]) == (429, "RESOURCE_EXHAUSTED", "Slow.")
    kinds = {detail["@type"].rpartition(".")[2]: detail for detail in told["details"]}
    assert kinds["RetryInfo"]["retryDelay"] == "1.500s"
    assert kinds["ErrorInfo"]["reason"] == "RATE_LIMIT"
