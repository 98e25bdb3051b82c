"""What goes out to Gemini and Vertex AI, held against the types and the requests of Google's own client."""

import base64
import json
import re
from typing import Any

import pytest

from genaiops.core.errors import ConfigError, UsageError
from genaiops.providers._google_request import UNSIGNED
from genaiops.providers.google import Gemini, Vertex
from tests.providers.calls import (
    PIXEL,
    WEATHER,
    answered,
    asked,
    call,
    noting,
    sent,
    target,
)
from tests.providers.google_fixtures import ANSWER, BASE, CALLS, GEMINI, GEMINI_3, STREAM


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body again, after Google's own types (which refuse unknown fields) have read every part of it."""
    from google.genai import types

    known = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"}
    assert set(body) <= known | {"cachedContent", "serviceTier"}
    for content in body["contents"]:
        types.Content.model_validate(content)
    if "systemInstruction" in body:
        types.Content.model_validate(body["systemInstruction"])
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    if "toolConfig" in body:
        types.ToolConfig.model_validate(body["toolConfig"])
    for setting in body.get("safetySettings", ()):
        types.SafetySetting.model_validate(setting)
    if "generationConfig" in body:
        types.GenerationConfig.model_validate(body["generationConfig"])
    return body


def camel(found: Any) -> Any:
    """Names as the API has them: Google's client sends some as Python has them, which its server takes as well."""
    if isinstance(found, list):
        return [camel(one) for one in found]
    if not isinstance(found, dict):
        return found
    return {re.sub("_([a-z])", lambda match: match[1].upper(), name): camel(value) for name, value in found.items()}


def test_fixtures_are_what_google_answers() -> None:
    from google.genai import types

    for answer in (ANSWER, CALLS, *STREAM):
        types.GenerateContentResponse.model_validate(answer)


def _call(name: str, arguments: str = '{"city":"Bonn"}') -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def image(url: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}


def theirs_asks() -> tuple[str, dict[str, str], dict[str, Any]]:
    """What Google's own client sends for the conversation of the test below."""
    from google.genai import Client, types

    with noting(ANSWER) as server:
        client = Client(api_key="secret", http_options=types.HttpOptions(base_url=server.url, api_version="v1beta"))
        client.models.generate_content(
            model="gemini-2.5-flash",
            contents=[
                types.Content(
                    role="user",
                    parts=[
                        types.Part(text="What is this?"),
                        types.Part(inline_data=types.Blob(data=base64.b64decode(PIXEL), mime_type="image/png")),
                        types.Part(file_data=types.FileData(file_uri="https://x.org/a.jpg", mime_type="image/jpeg")),
                    ],
                ),
                types.Content(role="model", parts=[types.Part(text="A dot.")]),
                types.Content(role="user", parts=[types.Part(text="And the weather?")]),
            ],
            config=types.GenerateContentConfig(
                system_instruction="Be brief.",
                temperature=0.5,
                top_p=0.25,
                max_output_tokens=99,
                stop_sequences=["END"],
                seed=7,
                candidate_count=2,
                presence_penalty=0.5,
                response_mime_type="application/json",
                response_json_schema={"type": "object"},
                thinking_config=types.ThinkingConfig(thinking_budget=8192, include_thoughts=True),
                tools=[
                    types.Tool(
                        function_declarations=[
                            types.FunctionDeclaration(
                                name="weather",
                                description="The weather of a city.",
                                parameters_json_schema=WEATHER["function"]["parameters"],
                            )
                        ]
                    )
                ],
                tool_config=types.ToolConfig(
                    function_calling_config=types.FunctionCallingConfig(
                        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
                    )
                ),
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            ),
        )
        return server.requests[0]


def test_a_request_is_the_one_that_googles_own_client_sends() -> None:
    path, headers, theirs = theirs_asks()
    given = call(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
                        {"type": "image_url", "image_url": {"url": "https://x.org/a.jpg"}},
                    ],
                },
                {"role": "assistant", "content": "A dot."},
                {"role": "user", "content": "And the weather?"},
            ],
            "temperature": 0.5,
            "top_p": 0.25,
            "max_tokens": 99,
            "stop": "END",
            "seed": 7,
            "n": 2,
            "presence_penalty": 0.5,
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
            "reasoning_effort": "medium",
            "tools": [WEATHER],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        }
    )
    wire = Gemini().prepare(given, GEMINI, "secret")
    ours = checked(json.loads(wire.body))
    theirs["systemInstruction"].pop("role", None)  # their client marks system instructions as a user's
    theirs = camel(theirs)
    blob = theirs["contents"][0]["parts"][1]["inlineData"]
    blob["data"] = blob["data"].replace("-", "+").replace("_", "/")  # both alphabets of base64 are taken
    assert ours == theirs
    assert path == "/v1beta" + wire.path.decode()
    assert headers["x-goog-api-key"] == dict(wire.headers)[b"x-goog-api-key"].decode()
    assert b"authorization" not in dict(wire.headers)


def test_streams_and_vertex_have_paths_of_their_own() -> None:
    given = asked(stream=True)
    assert Gemini().prepare(given, GEMINI, None).path == b"/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    regional = target(
        "vertex", "gemini-2.5-flash", "https://europe-west4-aiplatform.googleapis.com/v1", settings={"project": "p"}
    )
    expected = "/projects/p/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"
    assert Vertex().prepare(asked(), regional, "token").path.decode() == expected
    everywhere = target("vertex", "endpoints/5", "https://aiplatform.googleapis.com/v1", settings={"project": "p"})
    assert (
        Vertex().prepare(asked(), everywhere, "t").path == b"/projects/p/locations/global/endpoints/5:generateContent"
    )
    whole = target("vertex", "gemini-2.5-pro", "https://h/v1/projects/q/locations/l")
    assert Vertex().prepare(asked(), whole, "t").path == b"/publishers/google/models/gemini-2.5-pro:generateContent"
    with pytest.raises(ConfigError, match="project"):
        Vertex().prepare(asked(), target("vertex", "g", "https://aiplatform.googleapis.com/v1"), "token")


def test_a_tool_round_trip_keeps_order_ids_and_signatures() -> None:
    said, _ = answered(Gemini(), asked(tools=[WEATHER]), CALLS)
    message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
    assert said.choices[0].finish_reason == "tool_calls"
    first, second = message["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {"city": "Köln"}
    assert first["id"].startswith("call_")
    assert second["id"] == "abc"
    history = [
        {"role": "user", "content": "weather?"},
        message,
        {"role": "tool", "tool_call_id": first["id"], "content": '{"degrees": 20}'},
        {"role": "tool", "tool_call_id": second["id"], "content": "rain"},
    ]
    body = checked(sent(Gemini(), call({"messages": history, "tools": [WEATHER]}), GEMINI_3))
    assert body["contents"][1:] == [
        {"role": "model", "parts": CALLS["candidates"][0]["content"]["parts"]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"degrees": 20}}},
                {"functionResponse": {"name": "weather", "response": {"output": "rain"}, "id": "abc"}},
            ],
        },
    ]


def test_the_signature_of_a_text_survives_as_well() -> None:
    said, _ = answered(Gemini(), asked(), ANSWER)
    message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
    body = sent(Gemini(), call({"messages": [message, {"role": "user", "content": "go on"}]}), GEMINI)
    assert body["contents"][0]["parts"] == [{"text": "It is warm.", "thoughtSignature": "c2ln"}]


def test_a_call_that_another_model_made_is_marked_as_such_only_where_it_must_be() -> None:
    history = [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "call_1", **_call("weather")}, {"id": "call_2", **_call("weather")}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ]
    given = call({"messages": history})
    parts = checked(sent(Gemini(), given, GEMINI_3))["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [UNSIGNED, None]
    assert base64.b64decode(UNSIGNED, altchars=b"-_")  # the field is bytes: it has to be decodable
    parts = sent(Gemini(), given, GEMINI)["contents"][1]["parts"]
    assert not any("thoughtSignature" in part for part in parts)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", {"mode": "NONE"}),
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
            },
            {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_what_the_model_must_do_with_its_tools(choice: Any, expected: dict[str, Any]) -> None:
    body = checked(sent(Gemini(), asked(tools=[WEATHER], tool_choice=choice), GEMINI))
    assert body["toolConfig"] == {"functionCallingConfig": expected}


def test_thoughts_are_asked_for_in_the_terms_of_the_model() -> None:
    def thinking(to: Any, **fields: Any) -> Any:
        return checked(sent(Gemini(), asked(**fields), to)).get("generationConfig", {}).get("thinkingConfig")

    assert thinking(GEMINI) is None
    assert thinking(GEMINI, reasoning_effort="none") == {"thinkingBudget": 0}
    assert thinking(GEMINI, reasoning_effort="high") == {"thinkingBudget": 24576, "includeThoughts": True}
    assert thinking(GEMINI_3, reasoning_effort="low") == {"thinkingLevel": "LOW", "includeThoughts": True}
    assert thinking(GEMINI_3, reasoning_effort="minimal")["thinkingLevel"] == "MINIMAL"
    larger = target("google", "gemini-3-pro-preview", BASE)
    assert thinking(larger, reasoning_effort="minimal")["thinkingLevel"] == "LOW"
    own = {"thinking_config": {"thinking_level": "high", "include_thoughts": False}}
    assert thinking(GEMINI_3, google=own) == {"thinkingLevel": "high", "includeThoughts": False}
    assert thinking(GEMINI_3, extra_body={"google": own}, reasoning_effort="low")["thinkingLevel"] == "high"


def test_googles_own_words_pass() -> None:
    own = {
        "cached_content": "cachedContents/1",
        "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    }
    body = checked(sent(Gemini(), asked(google=own, service_tier="flex"), GEMINI))
    assert body["cachedContent"] == "cachedContents/1"
    assert body["safetySettings"] == own["safety_settings"]
    assert body["serviceTier"] == "flex"
    with pytest.raises(UsageError, match="service_tier"):
        sent(Vertex(), asked(service_tier="flex"), target("vertex", "g", "https://h/v1/projects/p/x"))


def test_the_injected_cap_goes_out() -> None:
    given = call({"messages": [{"role": "user", "content": "x"}]}, cap=11)
    assert sent(Gemini(), given, GEMINI)["generationConfig"] == {"maxOutputTokens": 11}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"store": True}, "store"),
        ({"wonder": 1}, "wonder"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "perhaps", "tools": [WEATHER]}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}, "tools": [WEATHER]}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"reasoning_effort": "vast"}, "reasoning_effort"),
        ({"temperature": "hot"}, "temperature"),
        ({"google": {"tools": []}}, "google"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": "x", "mood": "gay"}]}, "messages[0]"),
        ({"messages": [{"role": "tool", "tool_call_id": "nobody", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", **_call("f", "[")}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        (image("https://[x/a.png"), "messages[0].content[0].image_url.url"),
        (image("file:///etc/passwd"), "messages[0].content[0].image_url.url"),
        (image("data:image/png;base64,??"), "messages[0].content[0].image_url.url"),
        (image("https://x.org/a"), "messages[0].content[0]"),
    ],
)  # fmt: skip
def test_what_google_cannot_take_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UsageError) as refused:
        sent(Gemini(), asked(**fields) if "messages" not in fields else call(fields), GEMINI)
    assert refused.value.param == param


def test_what_changes_nothing_is_left_behind() -> None:
    harmless: dict[str, Any] = {
        "user": "u", "metadata": {"a": "b"}, "store": False, "n": 1, "logit_bias": {}, "parallel_tool_calls": True,
        "service_tier": "auto", "prompt_cache_key": "k", "seed": None, "logprobs": False, "genaiops": {"session": "s"},
    }  # fmt: skip
    assert sent(Gemini(), asked(**harmless), GEMINI) == sent(Gemini(), asked(), GEMINI)


def test_media_of_all_kinds() -> None:
    content = [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": BASE + "/files/f1"}},
        {"type": "video_url", "video_url": {"url": "gs://b/v.mp4"}},
        {"type": "image_url", "image_url": {"url": "https://x.org/a", "format": "image/webp"}},
    ]
    body = checked(sent(Gemini(), call({"messages": [{"role": "user", "content": content}]}), GEMINI))
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        {"fileData": {"fileUri": BASE + "/files/f1"}},
        {"fileData": {"fileUri": "gs://b/v.mp4", "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": "https://x.org/a", "mimeType": "image/webp"}},
    ]


def test_plain_completions_are_refused() -> None:
    for provider in (Gemini(), Vertex()):
        with pytest.raises(UsageError, match="chat"):
            provider.prepare(call({"prompt": "x"}, operation="text_completion"), GEMINI, None)
